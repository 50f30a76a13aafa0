// One turn: a task, and those that follow it through the LIFO slot under the same budget. BEHAVIOUR.md "LIFO slot".
//
// After each poll the core may have left this seat (block_in_place): `this` then works on another thread, and nothing of
// it may be touched.
#pragma once

#include "rt/core/worker.hpp"
#include "rt/task/lane.hpp"

namespace rt {

template <Environment Env>
Verdict Worker<Env>::run(Header& task, Seat<Env>& seat) {
  if (is_searching_) leave_search();
  may_search_ = true;
  batch_.start_poll(turn_clock());
  lifo_polls_ = 0;
  seat.budget.left = turn_budget_;
  return poll_chain(&task, seat);
}

/// This task, and then what the LIFO slot has, until the turn ends or a poll stays open.
template <Environment Env>
Verdict Worker<Env>::poll_chain(Header* task, Seat<Env>& seat) {
  while (task != nullptr) {
    open_task_ = task;
    const Polled polled = poll_one(*task, seat);
    if (seat.core != this) return leave_turn_to_another(seat);
    if (Env::simulated && polled == Polled::working) return Verdict::busy(busy_until_);
    task = close_poll(seat);
  }
  end_turn(seat);
  return Verdict::again();
}

/// Simulation: the poll that stayed open.
template <Environment Env>
Verdict Worker<Env>::go_on_polling(Seat<Env>& seat) {
  Header& task = *open_task_;
  enter_lane_of(task, seat);
  const Polled polled = continue_poll(task);
  if (seat.core != this) return leave_turn_to_another(seat);
  if (polled == Polled::working) return Verdict::busy(busy_until_);
  return poll_chain(close_poll(seat), seat);
}

/// Ends the poll, and says which one follows it.
template <Environment Env>
Header* Worker<Env>::close_poll(Seat<Env>& seat) {
  open_task_ = nullptr;
  record_poll_end();
  remote_.metrics.leave_poll();
  return next_in_chain(seat);
}

/// The core went while the task blocked: this thread has ended the poll alone.
template <Environment Env>
Verdict Worker<Env>::leave_turn_to_another(Seat<Env>& seat) {
  seat.budget.left = Budget::unlimited;
  leave_lane(seat);
  return Verdict::gone();
}

template <Environment Env>
void Worker<Env>::cut_open_poll(Seat<Env>& seat) {
  if (open_task_ == nullptr) return;
  enter_lane_of(*open_task_, seat);
  record_poll_end();
  remote_.metrics.leave_poll();
  while (Branch* branch = remote_.forks.pop()) ForkJoin::forget(*branch);
  cut_poll(*std::exchange(open_task_, nullptr));
  lifo_enabled_ = policy().lifo_slot;
  end_turn(seat);
}

template <Environment Env>
Header* Worker<Env>::next_in_chain(Seat<Env>& seat) {
  // In the slot although it is off: a forked child (run_next()), which begins a turn of its own.
  Header* const next = lifo_enabled_ ? lifo_.take() : nullptr;
  if (next == nullptr) {
    lifo_enabled_ = policy().lifo_slot;
    return nullptr;
  }
  if (seat.budget.left == 0) {
    push_back(*next);
    return nullptr;
  }
  // Two tasks that wake each other would hold the worker for ever (Tokio #2349, #5686): after the cap the slot is off
  // until the turn ends, and what the last one schedules goes to the queue.
  if (++lifo_polls_ >= policy().lifo_polls) lifo_enabled_ = false;
  return next;
}

template <Environment Env>
void Worker<Env>::end_turn(Seat<Env>& seat) {
  // The last poll's end was timed a moment ago; in a simulation what follows it costs time too.
  if (batch_.needs_clock()) {
    batch_.end_poll(Env::simulated ? world_.now() : batch_.clock());
    follows_a_turn_ = !Env::simulated && seat.lane == nullptr;
  }
  seat.budget.left = Budget::unlimited;
}

template <Environment Env>
Polled Worker<Env>::poll_one(Header& task, Seat<Env>& seat) {
  // A step takes effect as it begins and is paid for as it goes, so this worker's clock may be behind the one that made the task ready.
  if constexpr (Env::simulated) world_.advance_to(task.ready_since.load(relaxed));  // relaxed: one thread plays all workers
  world_.charge(Cost::poll, 1);
  if constexpr (Env::simulated) world_.note_poll(task.id);
  if (task.lane != nullptr || seat.lane != nullptr) enter_lane_of(task, seat);
  // relaxed: a figure for a dump.
  task.last_worker.store(static_cast<std::uint16_t>(index_), relaxed);
  if (is_watched_) [[unlikely]]
    return poll_watched(task, seat);
  remote_.metrics.enter_poll(task.id, batch_.clock());
  record_poll_begin(task.id);
  return poll_counted(task, seat);
}

/// With whatever wants a clock: histograms, hooks, the watchdog.
template <Environment Env>
Polled Worker<Env>::poll_watched(Header& task, Seat<Env>& seat) {
  // The turn has just begun, or the poll before has just ended, and either was timed: no need to ask again but after a wait.
  const Nanos now = Env::simulated || seat.lane != nullptr ? poll_clock() : batch_.clock();
  if (batch_.needs_latency()) {
    const Nanos since = task.ready_since.exchange(0, relaxed);  // relaxed: came with the task through the queue
    if (since != 0) batch_.measure_latency(saturating_sub(now, since));
  }
  remote_.metrics.enter_poll(task.id, now);
  record_poll_begin(task.id);
  const Polled polled = has_poll_hook_ ? poll_with_hooks(task, seat) : poll_counted(task, seat);
  // The core may be gone: only the seat knows.
  if (seat.core == this && batch_.needs_clock()) batch_.end_task_poll(world_.quick_now());
  return polled;
}

template <Environment Env>
[[gnu::always_inline]] inline Polled Worker<Env>::poll_counted(Header& task, Seat<Env>& seat) {
  if (!begin_poll(task)) return Polled::done;
  batch_.start_task_poll(batch_.clock());
  return finish_poll(task, seat);
}

template <Environment Env>
Polled Worker<Env>::poll_with_hooks(Header& task, Seat<Env>& seat) {
  const Hooks& hooks = shared_.options.hooks;
  const TaskMeta meta = describe(task);  // the task may be gone afterwards
  if (hooks.on_before_task_poll) hooks.on_before_task_poll(meta);
  const Polled polled = poll_counted(task, seat);
  // `hooks` belongs to Shared, which outlives the poll even if this core is gone.
  if (hooks.on_after_task_poll) hooks.on_after_task_poll(meta);
  return polled;
}

/// Stays in a lane from poll to poll, lets others in after so many polls or so long, and measures the wait.
template <Environment Env>
void Worker<Env>::enter_lane_of(const Header& task, Seat<Env>& seat) {
  if (task.lane == seat.lane) {
    if constexpr (Env::simulated) {
      if (seat.lane != nullptr) seat.lane->go_on();
    }
    if (seat.lane == nullptr || ++seat.lane_polls < tuning::lane_batch_polls) return;
    wait_for_lane(seat, *seat.lane, [&] { seat.lane->pause(); });
    return;
  }
  leave_lane(seat);
  if (task.lane == nullptr) return;
  wait_for_lane(seat, *task.lane, [&] { task.lane->enter(); });
  seat.lane = task.lane;
}

template <Environment Env>
template <class Wait>
void Worker<Env>::wait_for_lane(Seat<Env>& seat, const Lane& lane, Wait&& wait) {
  const Nanos before = world_.now();
  remote_.metrics.begin_lane_wait(lane, before);
  wait();
  remote_.metrics.end_lane_wait();
  seat.lane_since = world_.now();
  seat.lane_polls = 0;
  batch_.add_lane_wait(seat.lane_since - before);
  record(EventKind::lane_wait, 0, TimelineEvent::nobody, seat.lane_since - before);
}

template <Environment Env>
void Worker<Env>::leave_lane(Seat<Env>& seat) {
  if (seat.lane == nullptr) return;
  Lane* lane = std::exchange(seat.lane, nullptr);
  lane->leave();
}

/// To the back of the own queue; what does not fit goes to inject.
template <Environment Env>
[[gnu::always_inline]] inline void Worker<Env>::push_back(Header& task) {
  world_.charge(Cost::push, 1);
  if (!remote_.queue.push_if_room(&task)) [[unlikely]]
    push_back_slowly(task);
}

/// The first n of a chain: as many at once as fit.
template <Environment Env>
void Worker<Env>::push_back(Header* chain, std::size_t n) {
  while (n > 0) {
    const std::size_t fitting = std::min(n, remote_.queue.remaining_slots());  // thieves only make more room
    world_.charge(Cost::push, std::max<std::size_t>(fitting, 1));
    if (fitting == 0) {
      push_back_slowly(*std::exchange(chain, chain->queue_next));
      --n;
    } else {
      chain = remote_.queue.push_back(chain, fitting);
      n -= fitting;
    }
  }
}

template <Environment Env>
void Worker<Env>::push_back_slowly(Header& task) {
  const std::uint64_t id = task.id;  // a task that overflows may be gone afterwards
  if (remote_.queue.push_back_or_overflow(&task, shared_) != Pushed::overflowed_batch) return;
  batch_.inc_overflow_count();
  record(EventKind::overflow, id);
}

}  // namespace rt
