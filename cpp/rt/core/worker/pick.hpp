// Which task runs next on this worker? BEHAVIOUR.md "next task".
#pragma once

#include <algorithm>

#include "rt/core/worker.hpp"

namespace rt {

template <Environment Env>
Header* Worker<Env>::pick() {
  if (tick_ % global_interval_ == 0) {
    retune();
    if (Header* task = next_remote()) return task;
    return next_local();
  }
  if (Header* task = next_local()) return task;
  return next_from_elsewhere();
}

template <Environment Env>
Header* Worker<Env>::next_local() {
  world_.charge(Cost::pop, 1);
  if (Header* task = lifo_.take()) return task;
  return remote_.queue.pop();
}

/// Inject first: one task, or as many as the policy takes at a time even while busy.
template <Environment Env>
Header* Worker<Env>::next_remote() {
  follows_a_turn_ = false;
  take_mail();
  if (shared_.inject.is_empty()) return nullptr;  // one load, before any lock
  if (policy().inject_batch > 1) return take_inject_batch();
  charge_inject();
  Header* const task = shared_.inject.pop(index_);
  if (task != nullptr) record_short<EventKind::inject_pop>(task->id, 1);
  return task;
}

/// The own queues are empty.
template <Environment Env>
Header* Worker<Env>::next_from_elsewhere() {
  follows_a_turn_ = false;
  take_mail();
  if (Header* task = remote_.queue.pop()) return task;  // from the mail, or its overflow left something
  if (shared_.inject.is_empty()) return nullptr;
  return take_inject_batch();
}

/// A share of inject, so that the others find something too. At least one: the first is run at once and needs no slot (Tokio #5908).
template <Environment Env>
Header* Worker<Env>::take_inject_batch() {
  charge_inject();
  // Others can only take from our queue, so these slots stay free.
  const std::size_t room = remote_.queue.remaining_slots();
  const auto most = [&](std::size_t len) {
    if (policy().inject_batch != 0) return std::clamp<std::size_t>(policy().inject_batch, 1, room + 1);
    return std::max<std::size_t>(1, std::min({len / shared_.options.workers + 1, room, std::size_t{tuning::max_inject_batch}}));
  };
  std::uint32_t got = 0;
  Header* const first = shared_.inject.pop_n(index_, most, got);
  if (got > 0) record(EventKind::inject_pop, first->id, TimelineEvent::nobody, got);
  if (got > 1) {
    world_.charge(Cost::move, got - 1);
    remote_.queue.push_back(first->queue_next, got - 1);
    // Who looked while they were in no queue saw nothing, and may sleep by now. A searcher tells when it stops.
    if (!is_searching_) shared_.tell_of_push(true);
  }
  return first;
}

/// One visit to the shard that the next pop will find something in.
template <Environment Env>
void Worker<Env>::charge_inject() {
  if constexpr (Env::simulated) world_.charge_inject(shared_.inject.filled_shard(index_));
}

/// Tasks that were sent to this worker become ordinary ones of its queue: they may be stolen from here on.
template <Environment Env>
void Worker<Env>::take_mail() {
  if (!remote_.inbox.queue.is_empty()) {
    settle_record();  // what was sent meanwhile begins later than the last poll ended
    for (Header* task = take_all_from(remote_.inbox, remote_.inbox.queue.len()); task != nullptr;) {
      push_back(*std::exchange(task, task->queue_next));
    }
  }
  // Placed tasks are to stay here, so none may overflow: those without a slot wait on.
  if (!remote_.placed.queue.is_empty()) {
    settle_record();
    for (Header* task = take_all_from(remote_.placed, remote_.queue.remaining_slots()); task != nullptr;) {
      push_back(*std::exchange(task, task->queue_next));
    }
  }
}

template <Environment Env>
Header* Worker<Env>::take_all_from(Mailbox& box, std::size_t most) {
  const std::lock_guard lock(box.mutex);
  std::uint32_t got = 0;
  return box.queue.pop_n(box.synced, most, got);
}

template <Environment Env>
bool Worker<Env>::has_tasks() const {
  return lifo_.is_full() || !remote_.queue.is_empty() || !remote_.inbox.queue.is_empty() || !remote_.placed.queue.is_empty();
}

}  // namespace rt
