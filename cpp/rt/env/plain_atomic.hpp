// std::atomic's interface over a plain value, for worlds with one thread. The orders are accepted and mean nothing.
#pragma once

#include <atomic>

namespace rt {

template <class T>
class PlainAtomic {
 public:
  PlainAtomic() = default;
  constexpr PlainAtomic(T value) noexcept : value_(value) {}  // implicit, as std::atomic
  PlainAtomic(const PlainAtomic&) = delete;
  PlainAtomic& operator=(const PlainAtomic&) = delete;

  [[nodiscard]] T load(std::memory_order = std::memory_order::seq_cst) const noexcept { return value_; }
  void store(T value, std::memory_order = std::memory_order::seq_cst) noexcept { value_ = value; }
  T exchange(T value, std::memory_order = std::memory_order::seq_cst) noexcept {
    const T old = value_;
    value_ = value;
    return old;
  }
  bool compare_exchange_strong(T& expected, T desired, std::memory_order = std::memory_order::seq_cst,
                               std::memory_order = std::memory_order::seq_cst) noexcept {
    if (value_ == expected) {
      value_ = desired;
      return true;
    }
    expected = value_;
    return false;
  }
  bool compare_exchange_weak(T& expected, T desired, std::memory_order success = std::memory_order::seq_cst,
                             std::memory_order failure = std::memory_order::seq_cst) noexcept {
    return compare_exchange_strong(expected, desired, success, failure);
  }
  T fetch_add(T by, std::memory_order = std::memory_order::seq_cst) noexcept { return change(value_ + by); }
  T fetch_sub(T by, std::memory_order = std::memory_order::seq_cst) noexcept { return change(value_ - by); }
  T fetch_or(T bits, std::memory_order = std::memory_order::seq_cst) noexcept { return change(value_ | bits); }
  T fetch_and(T bits, std::memory_order = std::memory_order::seq_cst) noexcept { return change(value_ & bits); }
  T fetch_xor(T bits, std::memory_order = std::memory_order::seq_cst) noexcept { return change(value_ ^ bits); }

 private:
  template <class U>
  T change(U next) noexcept {
    const T old = value_;
    value_ = static_cast<T>(next);
    return old;
  }

  T value_{};
};

}  // namespace rt
