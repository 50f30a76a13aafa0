// Where do ready tasks wait under a policy that no lock-free queue can serve? In a queue under a lock, which can do everything.
//
// Stealing the newest tasks, or sending the newest half or all of them away, means taking from the end where the owner works; a
// ring whose thieves own the other end cannot give that (decisions/006). Invariant: len_ is the number of tasks, as of the lock.
#pragma once

#include <atomic>
#include <cassert>
#include <cstdint>
#include <deque>
#include <mutex>
#include <vector>

#include "rt/core/any_queue.hpp"
#include "rt/env/environment.hpp"
#include "rt/policy/steal_amount.hpp"

namespace rt {
using enum std::memory_order;

template <Environment Env, class T>
class LockedQueue final : public AnyQueue<T> {
 public:
  explicit LockedQueue(const Policy& policy)
      : capacity_(policy.local_order == LocalOrder::lifo ? unbounded : policy.local_capacity),
        pops_newest_(policy.local_order == LocalOrder::lifo),
        steals_newest_(policy.steal_end == QueueEnd::newest),
        overflows_all_(policy.overflow_all),
        overflows_newest_(policy.overflow_end == QueueEnd::newest) {}

  [[nodiscard]] Spill<T> push(T* task) override {
    const std::lock_guard lock(mutex_);
    if (tasks_.size() < capacity_) {
      tasks_.push_back(task);
      publish_len();
      return {};
    }
    return overflow(task);
  }

  [[nodiscard]] T* pop() override {
    const std::lock_guard lock(mutex_);
    T* const task = take(pops_newest_);
    publish_len();
    return task;
  }

  /// Two owners may steal from each other at once, so never are both locks held.
  [[nodiscard]] T* steal_into(AnyQueue<T>& other, std::uint32_t& stolen, const StealAmount& amount) override {
    auto& dst = static_cast<LockedQueue&>(other);
    assert(&dst != this);
    stolen = 0;
    std::vector<T*> taken;
    {
      const std::lock_guard lock(mutex_);
      const auto n = std::min<std::size_t>(tasks_to_steal(amount, static_cast<std::uint32_t>(tasks_.size())), capacity_);
      for (std::size_t i = 0; i < n; ++i) taken.push_back(take(steals_newest_));
      publish_len();
    }
    if (taken.empty()) return nullptr;
    if (steals_newest_) std::reverse(taken.begin(), taken.end());
    stolen = static_cast<std::uint32_t>(taken.size());
    T* const last = taken.back();
    taken.pop_back();
    const std::lock_guard lock(dst.mutex_);
    dst.tasks_.insert(dst.tasks_.end(), taken.begin(), taken.end());
    dst.publish_len();
    return last;
  }

  [[nodiscard]] bool steal_all(std::vector<T*>& into) override {
    const std::lock_guard lock(mutex_);
    into.insert(into.end(), tasks_.begin(), tasks_.end());
    held_.swap(tasks_);
    publish_len();
    return true;
  }

  void put_back() override {
    const std::lock_guard lock(mutex_);
    assert(tasks_.empty());  // the owner has not moved
    held_.swap(tasks_);
    publish_len();
  }

  [[nodiscard]] std::size_t len() const override { return len_.load(seq_cst); }  // seq_cst: see Ring::is_empty()

  /// Stolen tasks may have brought it above its capacity: the next push sends some away.
  [[nodiscard]] std::size_t remaining_slots() const override { return capacity_ - std::min(capacity_, len()); }

 private:
  static constexpr std::size_t unbounded = std::size_t{1} << 31U;

  T* take(bool newest) {
    if (tasks_.empty()) return nullptr;
    T* const task = newest ? tasks_.back() : tasks_.front();
    newest ? tasks_.pop_back() : tasks_.pop_front();
    return task;
  }

  /// Half of them, or all, and the new task: the oldest in front. The newest half is what Tokio sends away since 1.52 (#8029), so
  /// that work just taken from inject does not bounce back.
  Spill<T> overflow(T* task) {
    const std::size_t n = overflows_all_ ? tasks_.size() : tasks_.size() / 2;
    Spill<T> spill;
    const auto append = [&spill](T* one) {
      one->queue_next = nullptr;
      (spill.last == nullptr ? spill.first : spill.last->queue_next) = one;
      spill.last = one;
      ++spill.n;
    };
    const auto begin = overflows_newest_ ? tasks_.end() - static_cast<std::ptrdiff_t>(n) : tasks_.begin();
    for (auto one = begin; one != begin + static_cast<std::ptrdiff_t>(n); ++one) append(*one);
    tasks_.erase(begin, begin + static_cast<std::ptrdiff_t>(n));
    append(task);
    publish_len();
    return spill;
  }

  /// seq_cst: the pusher's half of the store-load pair with the idle word; see Ring::is_empty().
  void publish_len() { len_.store(tasks_.size(), seq_cst); }

  const std::size_t capacity_;
  const bool pops_newest_;
  const bool steals_newest_;
  const bool overflows_all_;
  const bool overflows_newest_;
  typename Env::mutex mutex_;
  std::deque<T*> tasks_;  // under mutex_, the oldest in front
  std::deque<T*> held_;   // between steal_all() and put_back()
  typename Env::template atomic<std::size_t> len_{0};
};

}  // namespace rt
