// The timers' baton under every schedule: a timer that becomes the first one is not slept over, whoever registers it, and whoever sleeps
// with the baton or without. What is due far from now never comes here, so a timer that nobody looks after shows as a deadlock.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <mutex>
#include <vector>

#include "holds.hpp"
#include "rt/time/watch.hpp"
#include "weaken.hpp"

namespace rt {
namespace {

constexpr Nanos soon = 10;
constexpr Nanos sooner = 5;
constexpr Nanos far = 1000;

struct Steps {
  bool tells = true;            // who registers a timer wakes the worker that sleeps too long
  bool under_the_lock = true;   // a worker says until when it sleeps in the section in which it reads that
  bool ends_wait_first = true;  // before it gives the baton back
};

/// Workers that only rest, as core/worker/rest.hpp does, with the timers of time/driver.cpp.
template <class Env>
struct World {
  explicit World(int to_fire) : left(to_fire) {}

  TimerWatch<Env> watch;
  ModelEnv::mutex mutex;
  std::vector<Nanos> timers;                // under the mutex
  ModelEnv::cell<std::uint32_t> holder{0};  // the holder's alone
  ModelEnv::atomic<int> left;               // that have to fire
  std::array<Parker<ModelEnv>, 2> parkers;
  Steps steps;

  Nanos first() const { return timers.empty() ? no_deadline : *std::min_element(timers.begin(), timers.end()); }
  void add(Nanos deadline) {
    const std::lock_guard lock(mutex);
    timers.push_back(deadline);
    const Nanos next = first();
    watch.set_next(next);
    const auto worker = watch.worker_to_wake(next);
    if (worker && steps.tells) parkers[*worker].notify();
  }
  Nanos begin_wait(std::uint32_t worker) {
    mutex.lock();
    const Nanos next = first();
    if (!steps.under_the_lock) {
      mutex.unlock();
      mutex.lock();
    }
    watch.begin_wait(worker, next);
    mutex.unlock();
    return next;
  }
  void end_wait() {
    const std::lock_guard lock(mutex);
    watch.end_wait();
  }
  void advance(Nanos now) {
    if (watch.next_hint() > now) return;
    const std::lock_guard lock(mutex);
    const auto fired = static_cast<int>(std::erase_if(timers, [now](Nanos deadline) { return deadline <= now; }));
    watch.set_next(first());
    if (fired != 0 && left.fetch_sub(fired, acq_rel) == fired) {
      for (auto& parker : parkers) parker.notify();
    }
  }
  void work(std::uint32_t worker) {
    Nanos now = 0;
    while (left.load(acquire) != 0) {
      const bool has_baton = watch.try_take_baton();
      const Nanos until = has_baton ? begin_wait(worker) : no_deadline;
      if (!parkers[worker].wait(until < far ? until : no_deadline)) now = until;
      if (!has_baton) continue;
      holder.set(worker);
      if (!steps.ends_wait_first) watch.release_baton();
      end_wait();
      advance(now);
      if (!steps.ends_wait_first) continue;
      holder.set(worker);
      watch.release_baton();
    }
  }
};

/// The first timer, or one before the first, comes while a worker is on its way to sleep.
template <class Env = ModelEnv>
ModelSetup registered_from_outside(std::vector<Nanos> before, Nanos deadline, Steps steps = {}) {
  return [=](Model& m) {
    auto w = std::make_shared<World<Env>>(1);
    w->steps = steps;
    for (const Nanos at : before) w->add(at);
    m.thread([w] { w->work(0); });
    m.thread([w, deadline] { w->add(deadline); });
  };
}

/// Two workers, of which one has the baton at a time.
template <class Env = ModelEnv>
ModelSetup two_workers(Steps steps = {}) {
  return [=](Model& m) {
    auto w = std::make_shared<World<Env>>(1);
    w->steps = steps;
    for (const std::uint32_t worker : {0U, 1U}) m.thread([w, worker] { w->work(worker); });
    m.thread([w] {
      w->add(far);
      w->add(soon);
    });
  };
}

/// A worker that has the timers gets up, as for a task, and registers one itself; the other may have taken the baton meanwhile.
template <class Env = ModelEnv>
ModelSetup registered_by_a_worker(Steps steps = {}) {
  return [=](Model& m) {
    auto w = std::make_shared<World<Env>>(2);
    w->steps = steps;
    w->add(soon);
    m.thread([w] { w->work(0); });
    m.thread([w] {
      w->add(sooner);
      w->work(1);
    });
  };
}

TEST(TimersModel, L5_the_first_timer_wakes_who_sleeps_with_the_baton) {
  expect_holds("the first timer", registered_from_outside({}, soon));
}
TEST(TimersModel, L5_an_earlier_timer_wakes_who_sleeps_with_the_baton) {
  expect_holds("an earlier timer", registered_from_outside({far}, soon));
}
TEST(TimersModel, L5_one_of_two_workers_has_the_baton) { expect_holds("two workers", two_workers()); }
TEST(TimersModel, L5_a_worker_registers_while_the_other_rests) { expect_holds("by a worker", registered_by_a_worker()); }

// ---- seeded faults: each must be found ----

TEST(TimersFaults, who_registers_an_earlier_timer_and_tells_nobody_is_found) {
  EXPECT_TRUE(is_found(registered_from_outside({far}, soon, {.tells = false}), "deadlock"));
}
TEST(TimersFaults, a_worker_that_reads_and_says_it_in_two_sections_sleeps_over_a_timer) {
  EXPECT_TRUE(is_found(registered_from_outside({}, soon, {.under_the_lock = false}), "deadlock"));
}
TEST(TimersFaults, a_baton_given_back_before_the_wait_has_ended_is_found) {
  EXPECT_TRUE(is_found(two_workers({.ends_wait_first = false}), "deadlock"));
}
TEST(TimersFaults, a_relaxed_baton_is_found) {
  EXPECT_TRUE(is_found(two_workers<WeakEnv<StoresRelaxed, bool>>(), "data race"));
  EXPECT_TRUE(is_found(two_workers<WeakEnv<ChangesRelaxed, bool>>(), "data race"));
}

}  // namespace
}  // namespace rt
