// Every so many turns: timers, deferred tasks, figures, and is the runtime closed? And the way out. SHUTDOWN.md.
#pragma once

#include "rt/core/worker.hpp"

namespace rt {

template <Environment Env>
void Worker<Env>::upkeep(Seat<Env>& seat) {
  until_upkeep_ = policy().event_interval;
  follows_a_turn_ = false;
  batch_.end_processing(world_.now());
  if constexpr (!Env::simulated) {
    if (shared_.is_paused()) rest_while_paused(seat);
  }
  poll_driver();
  publish_and_look_around();
  batch_.start_processing(world_.now());
}

/// Home::pause_workers(). Pauses are rare and last some milliseconds; whoever else wants this worker meanwhile waits for a nap's length.
template <Environment Env>
void Worker<Env>::rest_while_paused(Seat<Env>& seat) {
  leave_lane(seat);
  while (!shared_.is_closed() && !(taskdump && shared_.rendezvous.is_open())) {
    if (!shared_.wait_while_paused(world_.now() + tuning::pause_nap_ns)) return;
  }
}

template <Environment Env>
void Worker<Env>::publish_and_look_around() {
  batch_.submit(remote_.metrics);
  if constexpr (timeline) {
    settle_record();
    if (shared_.timelines.epoch() != timeline_epoch_) follow_timeline();
  }
  if (shared_.is_closed()) is_shutdown_ = true;
  if (taskdump && shared_.rendezvous.is_open()) is_traced_ = true;  // at the top of the next tick
}

/// Tokio's self-tuning: as many turns between two looks at inject as take about 200 us.
template <Environment Env>
void Worker<Env>::retune() {
  if (policy().global_interval == 0) global_interval_ = batch_.retuned(global_interval_);
}

/// Steps 3 to 6 of the shutdown.
template <Environment Env>
Verdict Worker<Env>::leave(Seat<Env>& seat) {
  batch_.end_processing(world_.now());
  leave_search();
  leave_lane(seat);
  shared_.leave_dumps(index_);
  const std::uint32_t workers = shared_.options.workers;
  cancel_owned(seat, index_, workers);
  // Then all shares: another worker may stand in a poll until a task of its own share is dropped (Tokio #2789).
  if (workers > 1) cancel_owned(seat, 0, 1);
  let_go_of_own(seat);
  // seq_cst: the last one must see everything the others left in their queues.
  const bool was_last = shared_.cores_gone.fetch_add(1, seq_cst) + 1 == workers;
  if (was_last) {
    clear_queues(seat);
    shared_.timers().abandon();
    shared_.hold_dumps();
    // Once more, now that nobody else polls: a task that was spawned behind a walk, polled once and went idle; or that a dump held.
    cancel_owned(seat, 0, 1);
    shared_.let_dumps_go_on();
    clear_queues(seat);
  }
  leave_lane(seat);
  batch_.submit(remote_.metrics);
  vacate(seat);
  slots_.give_back_all();
  if (was_last) shared_.drive->on_stopped();
  return Verdict::gone();
}

template <Environment Env>
void Worker<Env>::cancel_owned(Seat<Env>& seat, std::size_t part, std::size_t parts) {
  shared_.slots().for_each_slot(
      [&](Header& task) {
        if (!task.state.try_ref()) return;  // a free slot
        // A block_on's own future has another home: its thread drives it, and ends it. Woken, it learns that it has the timers now.
        const bool is_job = task.kind == Kind::blocking;
        if (!is_job && task.home != &shared_ && shared_.timers().is_abandoned()) static_cast<void>(wake(task));
        if (!is_job && task.home == &shared_ && !task.state.load().is_complete()) {
          enter_lane_of(task, seat);
          shut_down_task(task);
        }
        drop_reference(task);
      },
      part, parts);
}

/// What only this worker can reach: its slot, and the tasks it has deferred.
template <Environment Env>
void Worker<Env>::let_go_of_own(Seat<Env>& seat) {
  while (Header* task = deferred_) {
    deferred_ = task->queue_next;
    drop_queued(task, seat);
  }
  drop_queued(lifo_.take(), seat);
}

/// Tasks still queued have been cancelled; what is left of them is the queue's reference.
template <Environment Env>
void Worker<Env>::clear_queues(Seat<Env>& seat) {
  let_go_of_own(seat);
  for (auto& remote : shared_.remotes) {
    while (Header* task = remote->queue.pop()) drop_queued(task, seat);
    for (Mailbox* box : {&remote->inbox, &remote->placed}) {
      Header* sent = nullptr;
      {
        const std::lock_guard lock(box->mutex);
        static_cast<void>(box->queue.close(box->synced));
        std::uint32_t got = 0;
        sent = box->queue.pop_n(box->synced, box->queue.len(), got);
      }
      while (sent != nullptr) drop_queued(std::exchange(sent, sent->queue_next), seat);
    }
  }
  while (Header* task = shared_.inject.pop(index_)) drop_queued(task, seat);
}

template <Environment Env>
void Worker<Env>::drop_queued(Header* task, Seat<Env>& seat) {
  if (task == nullptr) return;
  if (!task->state.load().is_complete()) enter_lane_of(*task, seat);
  end_queued_task(*task);
}

}  // namespace rt
