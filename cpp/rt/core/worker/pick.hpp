// Which task runs next on this worker? BEHAVIOUR.md "next task".
#pragma once

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
  return take_inject_batch();
}

template <Environment Env>
Header* Worker<Env>::next_local() {
  world_.charge(Cost::pop, 1);
  if (lifo_ != nullptr) return std::exchange(lifo_, nullptr);
  Header* task = remote_.queue.pop();
  // The one after it is likely to be polled next, and may long have left the cache.
  if constexpr (!Env::simulated) prefetch_for_write(remote_.queue.next_hint(), 256);
  return task;
}

template <Environment Env>
Header* Worker<Env>::next_remote() {
  take_inbox();
  if (shared_.inject.is_empty()) return nullptr;
  world_.charge(Cost::inject, 1);
  return shared_.pop_inject();
}

/// The own queues are empty: take a share of inject, so that the others find something too.
template <Environment Env>
Header* Worker<Env>::take_inject_batch() {
  take_inbox();
  if (Header* task = remote_.queue.pop()) return task;  // from the inbox, or its overflow left something
  if (shared_.inject.is_empty()) return nullptr;        // one load, before any lock
  world_.charge(Cost::inject, 1);
  // Others can only take from our queue, so these slots stay free.
  const std::size_t room = std::min<std::size_t>(remote_.queue.remaining_slots(), tuning::max_inject_batch);
  Header* first = nullptr;
  std::uint32_t got = 0;
  {
    const std::lock_guard lock(shared_.mutex);
    const std::size_t share = shared_.inject.len() / shared_.options.workers + 1;
    // At least one: the first is run at once and needs no slot (Tokio #5908).
    const std::size_t n = std::max<std::size_t>(1, std::min(share, room));
    first = shared_.inject.pop_n(shared_.inject_synced, n, got);
  }
  if (got > 1) {
    world_.charge(Cost::move, got - 1);
    remote_.queue.push_back(first->queue_next, got - 1);
  }
  return first;
}

/// Tasks that were sent to this worker (spawn_on) become ordinary ones of its queue: they may be stolen from here on.
template <Environment Env>
void Worker<Env>::take_inbox() {
  if (remote_.inbox.is_empty()) return;
  Header* task = nullptr;
  {
    const std::lock_guard lock(remote_.inbox_mutex);
    std::uint32_t got = 0;
    task = remote_.inbox.pop_n(remote_.inbox_synced, remote_.inbox.len(), got);
  }
  while (task != nullptr) {
    Header* next = task->queue_next;
    push_back(*task);
    task = next;
  }
}

template <Environment Env>
bool Worker<Env>::has_tasks() const {
  return lifo_ != nullptr || !remote_.queue.is_empty() || !remote_.inbox.is_empty();
}

}  // namespace rt
