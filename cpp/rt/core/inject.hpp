// Where do tasks wait that no worker's own queue takes: those from outside, and what overflows?
//
// An intrusive FIFO under the scheduler's mutex, with its length in an atomic beside it, so that the frequent question "is
// there anything?" takes no lock. Once closed it accepts nothing; what it holds can still be popped (shutdown drains it).
// Invariant, under the lock: len() is the length of the chain. After Tokio 1.48's runtime/scheduler/inject.rs.
// Read next: idle.hpp, whose sleepers live under the same mutex.
#pragma once

#include <atomic>
#include <cassert>
#include <cstddef>
#include <cstdint>

#include "rt/env/environment.hpp"

namespace rt {
using enum std::memory_order;

/// T has a member `T* queue_next`. Functions that take a Synced want its mutex held.
template <Environment Env, class T>
class Inject {
 public:
  /// The part that the mutex guards. It stands in one struct with the other things under that mutex.
  struct Synced {
    T* head = nullptr;
    T* tail = nullptr;
    bool closed = false;
  };

  Inject() = default;
  Inject(const Inject&) = delete;
  Inject& operator=(const Inject&) = delete;

  /// Any thread, locked. False: closed, and the task is still the caller's.
  [[nodiscard]] bool push(Synced& synced, T* task) {
    task->queue_next = nullptr;
    return push_batch(synced, task, task, 1);
  }

  /// Any thread, locked. A chain of n >= 1 tasks, all or none.
  [[nodiscard]] bool push_batch(Synced& synced, T* first, T* last, std::size_t n) {
    if (synced.closed) return false;
    last->queue_next = nullptr;
    if (synced.tail == nullptr) {
      synced.head = first;
    } else {
      synced.tail->queue_next = first;
    }
    synced.tail = last;
    set_len(locked_len() + n);
    return true;
  }

  /// Any thread, locked. The oldest task, or nullptr.
  [[nodiscard]] T* pop(Synced& synced) {
    std::uint32_t got = 0;
    return pop_n(synced, 1, got);
  }

  /// Any thread, locked. Up to n of the oldest, as a chain that ends with nullptr; `got` says how many.
  [[nodiscard]] T* pop_n(Synced& synced, std::size_t n, std::uint32_t& got) {
    got = 0;
    if (n == 0 || synced.head == nullptr) return nullptr;
    T* const first = synced.head;
    T* last = first;
    for (got = 1; got < n; ++got) {
      T* const next = last->queue_next;
      if (next == nullptr) break;
      last = next;
    }
    synced.head = last->queue_next;
    if (synced.head == nullptr) synced.tail = nullptr;
    last->queue_next = nullptr;
    assert(locked_len() >= got);
    set_len(locked_len() - got);
    return first;
  }

  /// Any thread, locked. Every task from the oldest on; `visit` leaves the chain as it is.
  template <class Visit>
  void for_each(const Synced& synced, Visit&& visit) const {
    for (T* task = synced.head; task != nullptr; task = task->queue_next) visit(*task);
  }

  /// Any thread, locked. True the first time.
  [[nodiscard]] bool close(Synced& synced) {
    const bool first_time = !synced.closed;
    synced.closed = true;
    return first_time;
  }

  /// Any thread, locked.
  [[nodiscard]] bool is_closed(const Synced& synced) const { return synced.closed; }

  /// Any thread, no lock; out of date as soon as it is read.
  [[nodiscard]] std::size_t len() const {
    // seq_cst: partner of set_len(): "I stop searching, then look" against "I push, then look who searches" (law S20).
    return len_.load(seq_cst);
  }

  /// Any thread, no lock.
  [[nodiscard]] bool is_empty() const { return len() == 0; }

 private:
  /// relaxed: written under the lock that the caller holds.
  [[nodiscard]] std::size_t locked_len() const { return len_.load(relaxed); }

  void set_len(std::size_t len) {
    // seq_cst: the pusher's half of the store-load pair with the idle word; see Ring::is_empty().
    len_.store(len, seq_cst);
  }

  typename Env::template atomic<std::size_t> len_{0};
};

}  // namespace rt
