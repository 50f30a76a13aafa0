// Which worker sleeps only until the next timer?
//
// One baton: the worker that holds it may sleep no longer than until the next timer is due, all others sleep without limit.
// Invariant, under the timers' lock: while a worker sleeps with the baton, no timer is due before the point it sleeps to; whoever
// registers an earlier one wakes it. Explored in tests/cpp/model/timers_test.cpp.
// Read next: driver.hpp (the timers), core/worker/rest.hpp (who takes the baton).
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <utility>

#include "rt/env/environment.hpp"

namespace rt {
using enum std::memory_order;

template <Environment Env>
class TimerWatch {
 public:
  /// A worker, before it sleeps or looks at the timers. False if another worker has the baton.
  [[nodiscard]] bool try_take_baton() {
    // acq_rel: what the holder before did happens before what we do; success alone matters.
    return !baton_taken_.exchange(true, acq_rel);
  }
  /// The holder, after end_wait().
  void release_baton() {
    // release: pairs with the exchange above.
    baton_taken_.store(false, release);
  }

  /// The holder, locked, before it sleeps: until `next`, when the next timer is due.
  void begin_wait(std::uint32_t worker, Nanos next) {
    waiting_worker_ = worker;
    waiting_until_ = next;
  }
  /// The holder, locked, after it slept.
  void end_wait() {
    waiting_worker_.reset();
    waiting_until_ = no_deadline;
  }
  /// Whoever has registered a timer, locked; `next` is due first now. The worker that sleeps too long, if there is one.
  [[nodiscard]] std::optional<std::uint32_t> worker_to_wake(Nanos next) {
    if (!waiting_worker_ || next >= waiting_until_) return std::nullopt;
    waiting_until_ = next;  // so that it is woken once
    return waiting_worker_;
  }

  /// Whoever has changed the timers, locked.
  void set_next(Nanos next) { next_hint_.store(next, relaxed); }  // relaxed: a hint; the lock decides
  /// When the next timer was due a moment ago, without the lock. Who has ended a wait sees what was registered before.
  [[nodiscard]] Nanos next_hint() const { return next_hint_.load(relaxed); }  // relaxed: as above

 private:
  std::optional<std::uint32_t> waiting_worker_;
  Nanos waiting_until_ = no_deadline;
  typename Env::template atomic<bool> baton_taken_{false};
  typename Env::template atomic<Nanos> next_hint_{no_deadline};
};

}  // namespace rt
