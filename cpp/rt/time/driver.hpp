// Who looks after the timers?
//
// One wheel a scheduler, under one lock, and one baton, whose holder alone sleeps no longer than until the next timer is due.
// Invariant, under the lock: a registered Sleep is in the wheel, and fires once. BEHAVIOUR.md "Parker and driver".
// Read next: watch.hpp (the baton), wheel.hpp (which timers are due), core/worker/rest.hpp (who takes the baton).
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>

#include "rt/env/thread_env.hpp"
#include "rt/task/leaf.hpp"
#include "rt/time/watch.hpp"
#include "rt/time/wheel.hpp"

namespace rt {

/// A wait until a point in time of its home's clock. Rounded up to the wheel's tick (1 ms).
class Sleep final : public Leaf, private TimerEntry {
 public:
  /// For `span` from the first poll on, or until `deadline`.
  static Sleep for_span(Nanos span) { return Sleep(span, true); }
  static Sleep until(Nanos deadline) { return Sleep(deadline, false); }
  Sleep(Sleep&&) = delete;
  ~Sleep() override;

  [[nodiscard]] bool poll(Header& task) override;
  [[nodiscard]] const char* what() const override { return "sleep"; }

  /// As poll(), but takes nothing from the budget: for a deadline that stands beside another wait.
  [[nodiscard]] bool is_over(Header& task);

  /// Not while a task waits in it: a new deadline for the next poll.
  void reset_until(Nanos deadline);
  /// On the clock of the home it is polled in; valid after the first poll.
  [[nodiscard]] Nanos deadline() const { return deadline_; }

 private:
  friend class TimeDriver;
  Sleep(Nanos time, bool is_span) : deadline_(time), is_span_(is_span) {}

  Nanos deadline_;
  bool is_span_;
  bool registered_ = false;  // under the driver's lock, as the next two
  bool fired_ = false;
  Waker waker_;
  TimeDriver* driver_ = nullptr;  // set at the first registration
};

[[nodiscard]] inline Sleep sleep_for(Nanos span) { return Sleep::for_span(span); }
[[nodiscard]] inline Sleep sleep_until(Nanos deadline) { return Sleep::until(deadline); }

class TimeDriver {
 public:
  TimeDriver(Nanos now, std::function<void(std::uint32_t)> unpark) : wheel_(clock_tick(now)), unpark_(std::move(unpark)) {}

  /// A worker, before it sleeps or polls. False if another worker has the baton.
  [[nodiscard]] bool try_take_baton() { return watch_.try_take_baton(); }
  /// The holder.
  void release_baton() { watch_.release_baton(); }

  /// The holder, before it sleeps: until when it may. Earlier timers registered from now on wake `worker`.
  [[nodiscard]] Nanos begin_wait(std::uint32_t worker);
  /// The holder, after it slept.
  void end_wait();
  /// The holder. Wakes all that is due; how many that was.
  std::size_t advance(Nanos now);

  /// True if advance(now) would do anything. A hint, without the lock.
  [[nodiscard]] bool is_due(Nanos now) const { return watch_.next_hint() <= now; }

  /// no_deadline: there was no timer a moment ago. Without the lock, for those who would only look.
  [[nodiscard]] Nanos next_deadline_hint() const { return watch_.next_hint(); }

  /// The last worker, when it leaves: from now on whoever sleeps looks after the timers itself (block_on). A sleeper that is registered
  /// before this call is for the caller to wake, one that comes later sees is_abandoned().
  void abandon();
  [[nodiscard]] bool is_abandoned() const { return is_abandoned_.load(acquire); }  // acquire: pairs with abandon()

  [[nodiscard]] std::size_t size();

  /// The earliest point at which advance() has something to do, or no_deadline.
  [[nodiscard]] Nanos next_deadline();

 private:
  friend class Sleep;
  void add(Sleep& sleep);
  void remove(Sleep& sleep);
  [[nodiscard]] Nanos next_locked() const;

  std::mutex mutex_;
  Wheel wheel_;
  TimerWatch<ThreadEnv> watch_;  // but for the baton and the hint under the lock
  std::function<void(std::uint32_t)> unpark_;
  std::atomic<bool> is_abandoned_{false};
};

}  // namespace rt
