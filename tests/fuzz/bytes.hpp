// How does a fuzzer's byte string become numbers, and how does a target say that a law is broken?
//
// Invariant: a byte string of any length is read to its end and then gives zeros, so each one is an input.
// Read next: program_input.hpp, dag_input.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace rt::fuzz {

class Bytes {
 public:
  explicit Bytes(std::span<const std::uint8_t> data) : data_(data) {}

  [[nodiscard]] std::uint8_t next() {
    if (data_.empty()) return 0;
    const std::uint8_t byte = data_.front();
    data_ = data_.subspan(1);
    return byte;
  }
  /// Below `n`, which is 1..256.
  [[nodiscard]] std::uint32_t below(std::uint32_t n) { return next() % n; }
  [[nodiscard]] bool flag() { return (next() & 1U) != 0; }
  /// A number whose size is as open as its value: 5 bits, moved up by 0, 6, .. 42.
  [[nodiscard]] std::uint64_t wide() {
    const std::uint8_t byte = next();
    return std::uint64_t{byte & 31U} << ((byte >> 5U) * 6U);
  }
  [[nodiscard]] bool is_empty() const { return data_.empty(); }
  [[nodiscard]] std::vector<std::uint8_t> rest() const { return {data_.begin(), data_.end()}; }

 private:
  std::span<const std::uint8_t> data_;
};

/// A law does not hold for these bytes. A fuzzer takes it for a crash, a unit test for a failure.
struct Violation : std::logic_error {
  using std::logic_error::logic_error;
};

inline void need(bool holds, const std::string& law) {
  if (!holds) throw Violation(law);
}

}  // namespace rt::fuzz
