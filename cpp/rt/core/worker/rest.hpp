// Lying down, sleeping with or without the timers, and getting up. BEHAVIOUR.md "Idle", "Parker and driver"; IDLE.md.
#pragma once

#include "rt/core/worker.hpp"

namespace rt {

/// Nothing was found. Deferred tasks only need a look at the driver; otherwise this worker joins the sleepers.
template <Environment Env>
Verdict Worker<Env>::lie_down(Seat<Env>& seat) {
  leave_lane(seat);
  if (deferred_ != nullptr) {
    poll_driver();
    batch_.start_processing(world_.now());
    return Verdict::again();
  }
  const Hooks& hooks = shared_.options.hooks;
  if (hooks.on_thread_park) hooks.on_thread_park(index_);
  if (has_tasks()) {  // the hook, or somebody through the inbox (Tokio #8222)
    if (hooks.on_thread_unpark) hooks.on_thread_unpark(index_);
    batch_.start_processing(world_.now());
    return Verdict::again();
  }
  world_.charge(Cost::park, 1);
  const bool must_look = shared_.idle.park(shared_.mutex, shared_.idle_synced, index_, is_searching_);
  is_searching_ = false;
  if (must_look) shared_.notify_if_work_pending();
  // A task sent here, or a dump asked for, before we were among the sleepers has woken nobody; the mutex in park() makes us
  // see it now.
  if (!remote_.inbox.queue.is_empty() || !remote_.placed.queue.is_empty() || (taskdump && shared_.rendezvous.is_open()))
    remote_.wake.notify();
  is_resting_ = true;
  return rest();
}

/// Before each real sleep, also a repeated one.
template <Environment Env>
Verdict Worker<Env>::rest() {
  batch_.about_to_park(world_.now());
  record(EventKind::park);
  batch_.submit(remote_.metrics);
  has_baton_ = shared_.timers().try_take_baton();
  rest_until_ = has_baton_ ? shared_.timers().begin_wait(index_) : no_deadline;
  return Verdict::rest(rest_until_);
}

/// After a sleep: true if there is a reason to be up, or to leave.
template <Environment Env>
bool Worker<Env>::may_get_up() {
  const bool held_baton = has_baton_;
  if (has_baton_) {
    shared_.timers().end_wait();
    in_driver_ = true;
    look_at_timers();
    in_driver_ = false;
    has_baton_ = false;
    shared_.timers().release_baton();
  }
  batch_.unparked(world_.now());
  publish_and_look_around();
  record(EventKind::unpark);
  if (is_shutdown_) {
    if (shared_.options.hooks.on_thread_unpark) shared_.options.hooks.on_thread_unpark(index_);  // park's partner
    return false;
  }
  if (has_tasks()) {
    // Woken by a peer: then it has counted us as searching. Woken by a timer: then we take ourselves off the list.
    is_searching_ = !shared_.idle.remove_sleeper(shared_.mutex, shared_.idle_synced, index_);
  } else if (shared_.idle.is_parked(shared_.mutex, shared_.idle_synced, index_)) {
    return false;  // for nothing (metric noop_count)
  } else {
    is_searching_ = true;
  }
  is_resting_ = false;
  const bool can_share = !is_searching_ && (lifo_.is_full() ? 1U : 0U) + remote_.queue.len() > 1;
  if (can_share || (held_baton && policy().driver_handoff)) shared_.tell_of_push(true);
  if (shared_.options.hooks.on_thread_unpark) shared_.options.hooks.on_thread_unpark(index_);
  batch_.start_processing(world_.now());
  return true;
}

/// A look at the timers without sleeping, if no other worker has them; then the deferred tasks become ready.
template <Environment Env>
void Worker<Env>::poll_driver() {
  in_driver_ = true;
  TimeDriver& timers = shared_.timers();
  if (timers.next_deadline_hint() != no_deadline && timers.try_take_baton()) {
    look_at_timers();
    timers.release_baton();
  }
  wake_deferred();
  in_driver_ = false;
  if (!is_searching_ && (lifo_.is_full() ? 1U : 0U) + remote_.queue.len() > 1) shared_.tell_of_push(true);
}

/// The holder of the baton.
template <Environment Env>
void Worker<Env>::look_at_timers() {
  world_.charge(Cost::timers, 1);
  const std::size_t due = shared_.timers().advance(world_.now());
  if (due > 0) record(EventKind::timers, 0, TimelineEvent::nobody, due);
}

/// Last deferred, first woken (law F4): so the first one deferred ends up in the LIFO slot. Nobody is told: every caller does that.
template <Environment Env>
void Worker<Env>::wake_deferred() {
  if (deferred_ == nullptr) return;
  if (shared_.is_central()) return wake_deferred_elsewhere();
  std::size_t n = 0;
  Header* last = nullptr;
  for (Header* task = deferred_; task != nullptr; task = task->queue_next, ++n) {
    shared_.note_ready(*task, Ready::woken);
    last = task;
  }
  put_chain(*std::exchange(deferred_, nullptr), *last, n);
}

template <Environment Env>
void Worker<Env>::wake_deferred_elsewhere() {
  while (Header* task = deferred_) {
    deferred_ = task->queue_next;
    shared_.schedule_here(*task, Ready::woken, this);
  }
}

}  // namespace rt
