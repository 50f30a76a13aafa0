// A task became ready on this worker: where does it go, and who is told? BEHAVIOUR.md "LIFO slot", "Defer list".
#pragma once

#include "rt/core/worker.hpp"

namespace rt {

template <Environment Env>
void Worker<Env>::schedule_local(Header& task, bool is_yield) {
  // What the driver wakes comes in batches: there one notification follows after them.
  if (put(task, is_yield) && !in_driver_ && !remote_.queue.is_alone()) shared_.tell_of_push(true);
}

/// True: others should know of it.
template <Environment Env>
[[gnu::always_inline]] inline bool Worker<Env>::put(Header& task, bool is_yield) {
  batch_.inc_local_schedule_count();
  if (is_yield || !lifo_enabled_) {
    push_back(task);
    return true;
  }
  // One task in the slot tells nobody, by design: this worker runs it next.
  Header* const displaced = lifo_.put(&task);
  if (displaced == nullptr) return lifo_.is_shared();
  push_back(*displaced);
  return true;
}

/// As put() one after the other, the last one into the slot; but thieves see the others at once: one publication, where each would have
/// its own.
template <Environment Env>
bool Worker<Env>::put_chain(Header& first, Header& last, std::size_t n) {
  batch_.inc_local_schedule_count(n);
  if (!lifo_enabled_) {
    push_back(&first, n);
    return true;
  }
  Header* const displaced = lifo_.put(&last);
  if (displaced != nullptr) push_back(*displaced);
  push_back(&first, n - 1);
  return n > 1 || displaced != nullptr || lifo_.is_shared();
}

template <Environment Env>
void Worker<Env>::schedule_batch(Header& first, Header& last, std::size_t n) {
  if (put_chain(first, last, n) && !in_driver_ && !remote_.queue.is_alone()) shared_.tell_of_pushes(n, true);
}

template <Environment Env>
void Worker<Env>::run_next(Header& task) {
  batch_.inc_local_schedule_count();
  if (Header* displaced = lifo_.put(&task)) push_back(*displaced);
}

/// Flattened: a call of the vector's own function would be a twentieth of a yield.
template <Environment Env>
void Worker<Env>::defer(Header& task) {
  task.queue_next = std::exchange(deferred_, &task);
}

/// The calling seat keeps its thread and blocks; whoever takes this core finds nothing that only that thread knew.
template <Environment Env>
void Worker<Env>::before_hand_over(Seat<Env>& seat) {
  in_driver_ = true;  // one notification below
  wake_deferred();    // 1.48 does not (Tokio #7877): a task that yielded would wait for the blocked thread
  if (!remote_.forks.is_empty()) release_forks();
  in_driver_ = false;
  if (Header* task = lifo_.take()) push_back(*task);
  if (remote_.queue.len() > 0) shared_.tell_of_push(true);
  record(EventKind::block_begin, open_task_->id);
  open_task_ = nullptr;
  remote_.metrics.leave_poll();
  vacate(seat);
}

template <Environment Env>
void Worker<Env>::take_back(Seat<Env>& seat, Header* task) {
  occupy(seat);
  open_task_ = task;
  record(EventKind::block_end, task->id);
  remote_.metrics.enter_poll(task->id, batch_.clock());
}

}  // namespace rt
