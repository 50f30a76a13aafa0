// What must a local queue be able to do, beside the ring? The face of the queues that a policy may ask for instead of it.
//
// They are reached through virtual functions: the ring, which everybody uses by default, is not (local_queue.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "rt/policy/policy.hpp"

namespace rt {

/// A chain that did not fit, linked by queue_next.
template <class T>
struct Spill {
  T* first = nullptr;
  T* last = nullptr;
  std::size_t n = 0;
};

template <class T>
class AnyQueue {
 public:
  AnyQueue() = default;
  AnyQueue(const AnyQueue&) = delete;
  AnyQueue& operator=(const AnyQueue&) = delete;
  virtual ~AnyQueue() = default;

  /// Owner. What overflows, if anything: with the task itself, in the order of the queue.
  [[nodiscard]] virtual Spill<T> push(T* task) = 0;
  /// Owner. The task to run next, or nullptr.
  [[nodiscard]] virtual T* pop() = 0;
  /// Owner of `dst`, which is another queue of the same class. As Ring::steal_into().
  [[nodiscard]] virtual T* steal_into(AnyQueue& dst, std::uint32_t& stolen, const StealAmount& amount) = 0;
  /// Who stands in for the owner, as Ring::steal_all() and put_back().
  [[nodiscard]] virtual bool steal_all(std::vector<T*>& into) = 0;
  virtual void put_back() = 0;
  /// Any thread.
  [[nodiscard]] virtual std::size_t len() const = 0;
  /// Owner. How many tasks can be pushed before one overflows.
  [[nodiscard]] virtual std::size_t remaining_slots() const = 0;
};

}  // namespace rt
