// A compiled function of the user's, called by one task for each element of an array.
//
// Invariant: the function is called on workers, by several at once, without any lock of ours: int64 in, int64 out, and it must not
// throw. Where there is data, its address is the second argument; we neither read nor copy what is there. Read next: countdown.hpp.
#pragma once

#include <cstdint>
#include <vector>

#include "rt/workload/workload.hpp"

namespace rt::workload {

/// A function and its data, as the addresses that came in.
struct UserFunction {
  std::int64_t address;
  std::int64_t data;  // 0: the function takes none

  std::int64_t operator()(std::int64_t argument) const {
    const auto code = static_cast<std::uintptr_t>(address);
    if (data == 0) return reinterpret_cast<std::int64_t (*)(std::int64_t)>(code)(argument);
    void* const memory = reinterpret_cast<void*>(static_cast<std::uintptr_t>(data));
    return reinterpret_cast<std::int64_t (*)(std::int64_t, void*)>(code)(argument, memory);
  }
};

/// The integers of a workload "function": how many elements, the function's address, ns for each in a simulation (-1: none
/// given), the data's address (0: none).
struct FunctionCall {
  enum : std::size_t { elements, address, cost, data, count };
};

/// The sum of what the calls gave, modulo 2^64.
[[nodiscard]] std::int64_t wrapping_sum(const std::vector<std::int64_t>& results);

/// The sum of the results, modulo 2^64; the results themselves go to Workload::output, if there is one. Throws
/// std::invalid_argument in a simulation without a cost. Takes a checked workload.
[[nodiscard]] Task<std::int64_t> call_function(WorkloadPtr call);

/// Throws std::invalid_argument.
void check_function(const Workload& workload);

}  // namespace rt::workload
