// One poll of one task, from the queue's reference to what follows from its end.
//
// After Tokio 1.48's task/harness.rs. What is different: a poll may stay open in a simulation (Polled::working), and a
// cancelled Python coroutine is unwound rather than dropped. Order at the end: the future is destroyed, the outcome
// published, the joiner woken, the home told, the references dropped.
#pragma once

#include <cassert>

#include "rt/env/cpu.hpp"
#include "rt/task/context.hpp"
#include "rt/task/waker.hpp"

namespace rt {

enum class Polled : std::uint8_t {
  done,     // pending, ended, or nothing to do: the queue's reference has been dealt with
  working,  // simulation: call continue_poll() when the time has come
};

/// relaxed, all of these: written before the push, read after the pop, which order them; a dump may read what lags.
[[nodiscard]] inline bool has_given_way(const Header& task) { return task.gave_way.load(relaxed); }

/// Who took a task out of its queue.
[[nodiscard]] inline OnRun take_up(Header& task) {
  if (!has_given_way(task)) return task.state.start_running();
  task.gave_way.store(false, relaxed);
  return task.state.go_on();
}

/// What begin_poll() does instead of a poll; false.
bool end_unpolled(Header& task, OnRun instead);

/// Takes over the queue's reference, in a context with a home. False: there is nothing to poll, and what was to be done
/// (ending a cancelled task) has been done.
[[nodiscard]] inline bool begin_poll(Header& task) {
  const OnRun allowed = take_up(task);
  if (allowed != OnRun::run) [[unlikely]]
    return end_unpolled(task, allowed);
  // Both are looked at first, one after the other, and may long have left the cache.
  prefetch_for_write(task.leaf, 64);
  prefetch_for_write(task.resume_at, 64);
  return true;
}

/// What follows from a poll that is over. `here` is this thread's context.
void after_poll(Header& task, PollResult result, Context& here);

/// After begin_poll() said yes: the poll itself, and what follows from it. `here` is this thread's context, and no task runs in it.
inline Polled finish_poll(Header& task, Context& here) {
  // relaxed: only the poller writes, a dump reads a count that may lag.
  task.polls.store(task.polls.load(relaxed) + 1, relaxed);
  assert(here.task == nullptr);
  here.task = &task;  // what the code being polled may ask: which task am I?
  const PollResult result = task.vtable->poll(task);
  here.task = nullptr;
  if (task.working) return Polled::working;
  after_poll(task, result, here);
  return Polled::done;
}

/// Both, for those who count nothing (pool threads, block_on).
void run_task(Header& task);

/// Simulation: goes on with a poll that stopped in work(), or whose task was busy beyond its end (block_in_place).
Polled continue_poll(Header& task);

/// Simulation, a job of the blocking pool: runs it, but nobody learns of its end before publish_job(). False: as begin_poll().
[[nodiscard]] bool run_unpublished(Header& job);
void publish_job(Header& job);

/// Simulation that is given up: ends a task whose poll is still open, where it stands.
void cut_poll(Header& task);

/// Ends a task at once, if nobody is polling it (shutdown). Takes no reference over.
void shut_down_task(Header& task);

/// Shutdown: ends a task that was taken out of its queue, unless it has ended, and drops the queue's reference.
void end_queued_task(Header& task);

/// A closed queue refuses a task that is not new: a walk of the shutdown ends it. Drops the queue's reference.
void leave_to_shutdown(Header& task);

/// A cancelled task whose last branch has ended: it ends too. The caller has a reference.
void end_settled_task(Header& task);

}  // namespace rt
