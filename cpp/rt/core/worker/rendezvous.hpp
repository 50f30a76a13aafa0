// A dump, step by step: how a worker comes to stand still, and what the one that leads does meanwhile. DUMP.md.
//
// Between two barriers nobody polls, and nobody waits for a lane: a worker leaves its own before it arrives.
#pragma once

#include <algorithm>
#include <memory>
#include <new>
#include <stdexcept>
#include <utility>
#include <vector>

#include "rt/core/worker.hpp"
#include "rt/task/lane.hpp"

namespace rt {

/// Between two turns. An awake worker has seen the request in its upkeep; a resting one looks before it counts its waking.
template <Environment Env>
bool Worker<Env>::wants_to_attend() {
  if constexpr (!taskdump) return false;
  return is_traced_ || (is_resting_ && shared_.rendezvous.is_open());
}

/// Arrives, or looks whether the wait is over; leads the round if it falls to this worker; goes back to what it did before. While it
/// waits it looks after the timers, if nobody else does: one of them may be what ends the wait of whoever asked.
template <Environment Env>
Verdict Worker<Env>::attend(Seat<Env>& seat) {
  using enum Attendance::Part;
  const bool has_come = attending_.part != wait;
  if (has_come) {
    is_traced_ = true;
    record(EventKind::dump);
    leave_lane(seat);
    arrived_at_ = world_.now();
  }
  if (has_come || fires_timers_outside()) {
    if (is_resting_) take_needless_token();
    attending_ = shared_.rendezvous.arrive(index_, world_.now());
  } else {
    attending_ = shared_.rendezvous.look_again(attending_.round, world_.now());
  }
  if (attending_.part == wait) return Verdict::rendezvous(attend_until());
  if (attending_.part == lead) shared_.lead_dump();
  attending_ = {};
  is_traced_ = false;
  batch_.leave_out(arrived_at_, world_.now());
  if (is_resting_ && !has_reason_to_get_up()) return rest_again();
  return Verdict::again();
}

/// Until the limit, or until a timer is due; but a leader that is at work is waited for.
template <Environment Env>
Nanos Worker<Env>::attend_until() {
  const bool looks_after_timers = has_baton_ || !is_resting_;
  if (!looks_after_timers || !shared_.rendezvous.is_open()) return attending_.until;
  // One that is due already is about to be fired by whoever has the baton now.
  return std::min(attending_.until, std::max(shared_.timers().next_deadline(), world_.now() + tuning::wheel_tick_ns));
}

/// A timer is due while this worker waits: it steps out of the round, since what wakes goes to its own queue. True: it has done so.
template <Environment Env>
bool Worker<Env>::fires_timers_outside() {
  TimeDriver& timers = shared_.timers();
  const Nanos now = world_.now();
  if (!timers.is_due(now)) return false;
  const bool borrows_baton = !has_baton_;
  if (borrows_baton && (is_resting_ || !timers.try_take_baton())) return false;
  const bool is_outside = shared_.rendezvous.step_out(index_, attending_.round);
  if (is_outside) {
    in_driver_ = true;
    timers.advance(now);
    in_driver_ = false;
  }
  if (borrows_baton) timers.release_baton();
  return is_outside;
}

/// The request has woken all sleepers with a token, under the scheduler's lock. If a timer was faster, that token would wake this worker
/// once more, for nothing. Any other token has a reason that stays: has_reason_to_get_up().
template <Environment Env>
void Worker<Env>::take_needless_token() {
  if (shared_.idle.is_parked(shared_.mutex, shared_.idle_synced, index_)) static_cast<void>(remote_.wake.take_token());
}

/// What a resting worker may be woken for, besides a dump.
template <Environment Env>
bool Worker<Env>::has_reason_to_get_up() {
  if (shared_.is_closed() || has_tasks()) return true;
  if (has_baton_ && shared_.timers().next_deadline() < rest_until_) return true;  // an earlier timer than it sleeps to
  return !shared_.idle.is_parked(shared_.mutex, shared_.idle_synced, index_);
}

/// The sleep goes on; nothing is counted.
template <Environment Env>
Verdict Worker<Env>::rest_again() {
  if (has_baton_) rest_until_ = shared_.timers().begin_wait(index_);
  return Verdict::rest(rest_until_);
}

/// Called by a leader, while this worker stands still: its tasks, where they stand.
template <Environment Env>
void Worker<Env>::show_to(TraceBook& book) {
  using Place = TracePlace::Kind;
  struct HeldSlot {
    LifoSlot<Env, Header>& slot;
    Header* task;
    ~HeldSlot() { slot.put_back(task); }
  };
  {
    const HeldSlot held{lifo_, lifo_.hold()};
    if (held.task != nullptr) book.add_queued(*held.task, {Place::slot, index_});
  }
  struct Held {
    typename Shared<Env>::Queue* queue = nullptr;
    ~Held() {
      if (queue != nullptr) queue->put_back();
    }
  };
  std::vector<Header*> tasks;
  {
    Held held;
    if (remote_.queue.steal_all(tasks)) held.queue = &remote_.queue;  // false: a missing worker is stealing here
    for (Header* task : tasks) book.add_queued(*task, {Place::queue, index_});
  }
  for (Header* task = deferred_; task != nullptr; task = task->queue_next) book.add_queued(*task, {Place::deferred, index_});
}

// ---- the leader: a worker, or a requester at its limit ------------------------------------------------------------

template <Environment Env>
void Shared<Env>::lead_dump() {
  Attendance next;
  do {
    const auto requests = rendezvous.take_requests();
    std::shared_ptr<TraceBook> book;
    if (!requests.empty()) {
      try {
        book = std::make_shared<TraceBook>(dump_clock(), static_cast<const Home*>(this));
        write_dump(*book);
      } catch (const std::bad_alloc&) {  // the dump is cut short; everything has been put back
        if (book != nullptr) book->set_out_of_memory();
      }
    }
    for (const auto& request : requests) request->serve(book);
    next = rendezvous.finish();
    if (book != nullptr) requeue_woken(book->take_woken());
    for (const auto& request : requests) request->tell();
  } while (next.part == Attendance::Part::lead);
  follow(next);
}

template <Environment Env>
void Shared<Env>::write_dump(TraceBook& book) {
  for (std::uint32_t i = 0; i < options.workers; ++i) {
    const bool is_present = rendezvous.is_present(i);
    book.add_worker(i, remotes[i]->metrics, is_present, !is_present && rendezvous.has_left(i));
    if (is_present) remotes[i]->core->show_to(book);
  }
  // The other queues are read under their locks, so a missing worker takes nothing out of them meanwhile.
  for (std::uint32_t i = 0; i < options.workers; ++i) {
    for (Mailbox* box : {&remotes[i]->inbox, &remotes[i]->placed}) {
      const std::lock_guard lock(box->mutex);
      box->queue.for_each(box->synced, [&](Header& task) { book.add_queued(task, {TracePlace::Kind::inbox, i}); });
    }
  }
  inject.for_each([&](Header& task) { book.add_queued(task, {TracePlace::Kind::inject, 0}); });
  slots_->for_each_slot([&](Header& slot) { book.add_from_registry(slot); });
  book.set_complete(rendezvous.is_complete());
}

/// They come from outside, as the wakes did.
template <Environment Env>
void Shared<Env>::requeue_woken(Header* task) {
  while (task != nullptr) {
    Header& next = *std::exchange(task, task->queue_next);
    if (next.home != this) {
      next.home->schedule(next, Ready::woken);  // block_on: its own thread
      continue;
    }
    if (Env::simulated || options.histograms.latency)
      next.ready_since.store(now(), relaxed);  // relaxed: published with the queue
    push_remote(next);
    notify_parked();
  }
}

/// A worker that will not come again, while the others may be waiting for it.
template <Environment Env>
void Shared<Env>::leave_dumps(std::uint32_t worker) {
  if constexpr (taskdump) follow(rendezvous.leave(worker));
}

/// The last worker, for the last walk of a shutdown: a task whose frames are being read would be passed over.
template <Environment Env>
void Shared<Env>::hold_dumps() {
  if constexpr (taskdump) rendezvous.hold();
}
template <Environment Env>
void Shared<Env>::let_dumps_go_on() {
  if constexpr (taskdump) follow(rendezvous.finish());
}

/// What the one who asked has to do for a round.
template <Environment Env>
void Shared<Env>::follow(Attendance attendance) {
  if (attendance.part == Attendance::Part::lead) lead_dump();
  if (attendance.part != Attendance::Part::wait) return;
  // Only sleepers need a token: an awake worker looks in its upkeep, or on its way to sleep, when it is on the list (rest.hpp).
  const std::lock_guard lock(mutex);
  if (!rendezvous.is_open()) return;
  for (const std::uint32_t worker : idle_synced.sleepers) {
    if (!rendezvous.has_arrived(worker)) remotes[worker]->wake.notify();
  }
}

template <Environment Env>
void Shared<Env>::ask(std::shared_ptr<DumpRequest> request) {
  if constexpr (!taskdump) throw std::runtime_error("no dump can be made: the build has TASKDUMP=OFF");
  follow(rendezvous.ask(std::move(request)));
}

template <Environment Env>
void Shared<Env>::withdraw(const DumpRequest& request) {
  follow(rendezvous.withdraw(request));
}

/// Apart: within schedule() it would cost each wake the saving of its registers.
template <Environment Env>
[[gnu::noinline]] void Shared<Env>::recall(const Header& woken) {
  follow(rendezvous.recall(woken));
}

template <Environment Env>
void Shared<Env>::hurry(const DumpRequest& request) {
  follow(rendezvous.close_for(request));
}

}  // namespace rt
