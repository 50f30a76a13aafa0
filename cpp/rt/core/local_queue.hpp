// Which queue does a worker have? The ring, unless the policy asks for something that it cannot do.
//
// One branch on each use, always decided the same way, instead of a second instantiation of the worker (decisions/006).
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "rt/core/deque.hpp"
#include "rt/core/locked_queue.hpp"
#include "rt/core/queue.hpp"
#include "rt/policy/policy.hpp"

namespace rt {

/// T has a member `T* queue_next`. Functions: as in Ring; push_if_room() may say false although there is room.
template <Environment Env, class T>
class LocalQueue {
 public:
  /// `alone`: there is no other worker.
  LocalQueue(const Policy& policy, bool alone) : LocalQueue(policy, alone, other_for(policy)) {}

  [[nodiscard]] bool is_alone() const { return ring_.is_alone(); }

  [[nodiscard]] bool push_if_room(T* task) { return other_ == nullptr && ring_.push_if_room(task); }

  template <class Overflow>
  [[nodiscard]] Pushed push_back_or_overflow(T* task, Overflow& overflow) {
    if (other_ == nullptr) return ring_.push_back_or_overflow(task, overflow);
    const Spill<T> spill = other_->push(task);
    if (spill.n == 0) return Pushed::stored;
    overflow.push_batch(spill.first, spill.last, spill.n);
    return Pushed::overflowed_batch;
  }

  T* push_back(T* chain, std::size_t n) {
    if (other_ == nullptr) return ring_.push_back(chain, n);
    for (; n != 0; --n) static_cast<void>(other_->push(std::exchange(chain, chain->queue_next)));  // fits: n <= remaining_slots()
    return chain;
  }

  [[nodiscard]] T* pop() {
    if (other_ == nullptr) [[likely]]
      return ring_.pop();
    return other_->pop();
  }

  [[nodiscard]] T* steal_into(LocalQueue& dst, std::uint32_t& stolen, const StealAmount& amount) {
    if (other_ == nullptr) return ring_.steal_into(dst.ring_, stolen, amount);
    return other_->steal_into(*dst.other_, stolen, amount);
  }

  [[nodiscard]] bool steal_all(std::vector<T*>& into) {
    return other_ == nullptr ? ring_.steal_all(into) : other_->steal_all(into);
  }
  void put_back() { other_ == nullptr ? ring_.put_back() : other_->put_back(); }
  [[nodiscard]] std::size_t len() const { return other_ == nullptr ? ring_.len() : other_->len(); }
  [[nodiscard]] bool is_empty() const { return other_ == nullptr ? ring_.is_empty() : other_->len() == 0; }
  [[nodiscard]] std::size_t remaining_slots() const {
    return other_ == nullptr ? ring_.remaining_slots() : other_->remaining_slots();
  }

 private:
  LocalQueue(const Policy& policy, bool alone, std::unique_ptr<AnyQueue<T>> other)
      : ring_(0, alone, other == nullptr ? policy.local_capacity : smallest), other_(std::move(other)) {}

  static std::unique_ptr<AnyQueue<T>> other_for(const Policy& policy) {
    const bool lifo = policy.local_order == LocalOrder::lifo;
    const bool steals_newest = policy.steal_end == QueueEnd::newest;
    if (steals_newest || (!lifo && (policy.overflow_all || policy.overflow_end == QueueEnd::newest))) {
      return std::make_unique<LockedQueue<Env, T>>(policy);
    }
    if (lifo) return std::make_unique<Deque<Env, T>>(policy.local_capacity);
    return nullptr;
  }

  static constexpr std::size_t smallest = 2;

  Ring<Env, T> ring_;
  const std::unique_ptr<AnyQueue<T>> other_;  // null: the ring it is
};

}  // namespace rt
