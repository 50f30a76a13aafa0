// How does a new task start? It goes on the books, and then to its spawner's own queue, to another worker, or into inject; alone or in a
// batch. BEHAVIOUR.md "Spawn"; placements: policy/placement.hpp.
#pragma once

#include <algorithm>
#include <utility>

#include "rt/core/worker.hpp"
#include "rt/task/poll.hpp"

namespace rt {

/// `context`: of ours, or null.
template <Environment Env>
[[gnu::always_inline]] inline void Shared<Env>::admit(Header& task, Context* context) {
  Worker<Env>* here = own_worker(context);
  if (here != nullptr) {
    here->world().charge(Cost::spawn, 1);
    here->template record_short<EventKind::spawn>(task.id);
  } else {
    record(EventKind::spawn, task.id);
  }
  // relaxed, here and below: figures for a dump, published with the word or the queue
  task.born.store(here != nullptr ? here->last_clock() : birth_clock(), relaxed);
  if (TaskCounts* counts = context != nullptr ? context->counts : nullptr; counts != nullptr) {
    counts->spawned.store(counts->spawned.load(relaxed) + 1, relaxed);
  } else {
    outside_counts_.spawned.fetch_add(1, relaxed);
  }
  if (options.hooks.on_task_spawn) [[unlikely]]
    tell_hook(options.hooks.on_task_spawn, task);
  if (Env::simulated || options.histograms.latency)
    task.ready_since.store(ready_clock(), relaxed);  // relaxed: published with the queue
}

template <Environment Env>
void Shared<Env>::submit_new(Header& task, const Destination& to) {
  Context* context = own_context();
  Worker<Env>* here = own_worker(context);
  admit(task, context);
  if (is_closed()) [[unlikely]]
    return refuse_new(task);
  if (here != nullptr && starts_local_ && to.is_by_policy()) return here->schedule_local(task, false);
  if constexpr (Env::simulated) {
    if (drive->is_ahead()) return drive->later([this, &task, to] { start_elsewhere(task, to, nullptr); });
  }
  start_elsewhere(task, to, here);
}

template <Environment Env>
void Shared<Env>::refuse_new(Header& task) {
  shut_down_task(task);
  drop_reference(task);  // the queue's
}

/// A new task that does not just go to its spawner's own queue.
template <Environment Env>
void Shared<Env>::start_elsewhere(Header& task, const Destination& to, Worker<Env>* here) {
  if (to.child_first) return here->run_next(task);
  const Placement placement = to.placement ? *to.placement : options.policy.placement;
  if (to.worker != Destination::any_worker) {
    if (here == nullptr || here->index() != to.worker) return push_to_worker(task, to.worker, &Remote::inbox);
    return here->schedule_local(task, false);
  }
  if (placement.kind == Placement::Kind::local && here != nullptr) return here->schedule_local(task, false);
  if (placement.kind == Placement::Kind::random || placement.kind == Placement::Kind::jsq) {
    return push_to_worker(task, pick_worker(placement, here), &Remote::placed);
  }
  push_remote(task);  // whoever spawns holds the join reference, so the slot, and with it this scheduler, stays
  tell_of_push(here != nullptr);
}

template <Environment Env>
void Shared<Env>::submit_batch(Header& first, Header& last, std::size_t n) {
  Context* context = own_context();
  Worker<Env>* here = own_worker(context);
  for (Header* task = &first; task != nullptr; task = task->queue_next) admit(*task, context);
  if (!is_closed() && here != nullptr && starts_local_) return here->schedule_batch(first, last, n);
  if constexpr (Env::simulated) {
    if (drive->is_ahead()) return drive->later([this, &first, &last, n] { start_batch_elsewhere(first, last, n); });
  }
  start_batch_elsewhere(first, last, n);
}

/// Each placement of its own, or all into inject.
template <Environment Env>
void Shared<Env>::start_batch_elsewhere(Header& first, Header& last, std::size_t n) {
  if (is_central_ || starts_local_) return push_new_batch(first, last, n);
  for (Header* task = &first; task != nullptr;) {
    Header& next = *std::exchange(task, task->queue_next);
    next.state.add_ref();  // as in schedule_remote(): their handles may be gone
    start_elsewhere(next, {}, own_worker(own_context()));
    drop_reference(next);
  }
}

template <Environment Env>
void Shared<Env>::push_new_batch(Header& first, Header& last, std::size_t n) {
  first.state.add_ref();  // as in schedule_remote()
  const bool by_worker = own_worker(own_context()) != nullptr;
  const std::uint32_t from = producer();
  charge_push(from);
  const std::uint64_t id = first.id;
  if (inject.push_batch(&first, &last, n, from)) {
    record(EventKind::inject_push, id, n);
    metrics_.inc_remote_schedule_count(n);
    tell_of_pushes(n, by_worker);
  } else {
    for (Header* task = &first; task != nullptr;) refuse_new(*std::exchange(task, task->queue_next));
  }
  drop_reference(first);
}

}  // namespace rt
