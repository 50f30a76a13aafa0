// The bodies of Shared<Env>: included by instantiate.cpp only.
#pragma once

#include "rt/core/shared.hpp"
#include "rt/core/worker.hpp"
#include "rt/policy/search_limit.hpp"
#include "rt/task/poll.hpp"

namespace rt {

template <Environment Env>
Shared<Env>::Shared(const SchedulerOptions& given, Nanos now, IdSource& ids)
    : options(given),
      inject(given.policy.inject == InjectKind::sharded ? given.workers : 1),
      idle(given.workers, most_searching(given.policy, given.workers)),
      rendezvous(given.workers),
      ids_(ids),
      slots_(SlotRegistry::create()),
      timers_(now, [this](std::uint32_t worker) { remotes[worker]->wake.notify(); }),
      is_central_(given.policy.placement.kind == Placement::Kind::central),
      starts_local_(given.policy.placement.kind == Placement::Kind::local) {
  remotes.reserve(options.workers);
  for (std::uint32_t i = 0; i < options.workers; ++i) remotes.push_back(std::make_unique<Remote>(options));
  idle_synced.sleepers.reserve(options.workers);
  if (timeline && options.timeline) static_cast<void>(start_timeline(options.timeline_capacity));
}

template <Environment Env>
void Shared<Env>::schedule(Header& task, Ready how) {
  if constexpr (Env::simulated) {
    if (drive->takes_foreign_wake(task, how)) return;
    if (drive->is_ahead()) return drive->later([this, &task, how] { schedule(task, how); });
  }
  schedule_here(task, how, own_worker(own_context()));
}

template <Environment Env>
Nanos Shared<Env>::ready_clock() {
  if (const Worker<Env>* here = own_worker(own_context())) return here->quick_now();
  return outside_clock();
}

template <Environment Env>
[[gnu::always_inline]] inline void Shared<Env>::note_ready(Header& task, Ready how) {
  if (Env::simulated || options.histograms.latency)
    task.ready_since.store(ready_clock(), relaxed);  // relaxed: published with the queue
  // A task that asked for a dump did so in a poll that has ended before it could be woken, or ends here: so we see the round.
  if (taskdump && rendezvous.is_open()) recall(task);
  record(EventKind::wake, task.id, how == Ready::yielded ? 1 : 0);
}

template <Environment Env>
inline void Shared<Env>::schedule_here(Header& task, Ready how, Worker<Env>* here) {
  note_ready(task, how);
  if (here != nullptr && !is_central_) return here->schedule_local(task, how == Ready::yielded);
  schedule_remote(task);
}

template <Environment Env>
void Shared<Env>::schedule_remote(Header& task) {
  // Once it is pushed the task may run, end, and its runtime too. Our own reference keeps its slot, and that keeps us.
  task.state.add_ref();
  push_remote(task);
  tell_of_push(own_worker(own_context()) != nullptr);
  drop_reference(task);
}

template <Environment Env>
std::uint64_t Shared<Env>::next_id() {
  Context* context = own_context();
  if (context == nullptr) return ids_.one();
  if (context->ids != nullptr) return ids_.take(*context->ids);
  OutsideStock* stock = slots_->stock_here();
  return stock != nullptr ? ids_.take(stock->ids()) : ids_.one();
}

template <Environment Env>
void Shared<Env>::submit_blocking(Header& job, Nanos cost) {
  job.born.store(now(), relaxed);  // relaxed: as above
  drive->run_blocking(job, cost);
}

template <Environment Env>
void Shared<Env>::ended(Header& task, Context* here) {
  if (task.kind == Kind::blocking) return;  // pool jobs are on no book here (BEHAVIOUR, "Where we do better", 8)
  if (options.hooks.on_task_terminate) [[unlikely]]
    tell_hook(options.hooks.on_task_terminate, task);
  if (TaskCounts* counts = here != nullptr && here->home == this ? here->counts : nullptr; counts != nullptr) {
    // release: pairs with the acquire in alive_tasks(); who counts this end also counts the spawn before it.
    counts->ended.store(counts->ended.load(relaxed) + 1, release);
  } else {
    outside_counts_.ended.fetch_add(1, release);  // release: as above
  }
}

template <Environment Env>
Nanos Shared<Env>::now() {
  Context* context = own_context();
  if (context != nullptr && context->worker != nullptr) return context->worker->now();
  return outside_clock();
}

template <Environment Env>
void Shared<Env>::block_in_place(const std::function<void()>& blocking, Nanos cost) {
  Context* context = own_context();
  if (context == nullptr || context->worker == nullptr) {
    blocking();  // no core here: nobody waits for this thread
    drive->prolong(cost);
    return;
  }
  drive->block_in_place(blocking, cost);
}

template <Environment Env>
HandedOver Shared<Env>::hand_over() {
  Context* context = own_context();
  if (context == nullptr || context->worker == nullptr) return {};
  return drive->hand_over();
}

template <Environment Env>
void Shared<Env>::take_back(const HandedOver& given) {
  if (given.worker != nullptr) drive->take_back(given);
}

template <Environment Env>
bool Shared<Env>::push_if_open(Header& task) {
  const std::uint32_t from = producer();
  charge_push(from);
  const std::uint64_t id = task.id;
  if (!inject.push(&task, from)) return false;
  record(EventKind::inject_push, id, 1);
  metrics_.inc_remote_schedule_count();
  return true;
}

template <Environment Env>
void Shared<Env>::push_remote(Header& task) {
  if (push_if_open(task)) return;
  // A new task ends here, on its spawner's thread; one that was woken is met by a worker's walk, in the lane it needs.
  if (task.polls.load(relaxed) == 0) shut_down_task(task);  // relaxed: came with the task
  leave_to_shutdown(task);
}

/// Refused, what overflows is left to the walks of the shutdown, which this worker has still before it: to end it here would call
/// destructors inside whatever wake or spawn overflows, and under the locks that its caller holds (Tokio #3869).
template <Environment Env>
void Shared<Env>::push(Header* task) {
  if (!push_if_open(*task)) leave_to_shutdown(*task);
}

template <Environment Env>
void Shared<Env>::push_batch(Header* first, Header* last, std::size_t n) {
  const std::uint32_t from = producer();
  charge_push(from);
  const std::uint64_t id = first->id;
  const bool accepted = inject.push_batch(first, last, n, from);
  if (accepted) record(EventKind::inject_push, id, n);
  while (!accepted && first != nullptr) {
    Header& task = *first;
    first = &task == last ? nullptr : task.queue_next;
    leave_to_shutdown(task);
  }
}

template <Environment Env>
void Shared<Env>::wake(std::optional<std::uint32_t> worker) {
  if (worker) remotes[*worker]->wake.notify();
}

template <Environment Env>
void Shared<Env>::tell_of_push(bool by_worker) {
  switch (options.policy.notify) {
    case WakeRule::baton: notify_parked(); break;
    case WakeRule::per_task: wake(idle.sleeper_to_notify(mutex, idle_synced)); break;
    case WakeRule::all:
      while (const auto worker = idle.sleeper_to_notify(mutex, idle_synced)) wake(worker);
      break;
    case WakeRule::never:
      if (!by_worker) wake(idle.worker_if_all_sleep(mutex, idle_synced));
      break;
  }
}

/// By a baton one wakes the next, and "all" has woken everybody.
template <Environment Env>
void Shared<Env>::tell_of_pushes(std::size_t n, bool by_worker) {
  const bool one_each = options.policy.notify == WakeRule::per_task;
  for (std::size_t i = one_each ? std::min<std::size_t>(n, options.workers) : 1; i > 0; --i) tell_of_push(by_worker);
}

template <Environment Env>
void Shared<Env>::notify_parked() {
  wake(idle.worker_to_notify(mutex, idle_synced));
}

template <Environment Env>
bool Shared<Env>::forks_child_first() const {
  return options.policy.fork == ForkOrder::work_first && own_worker(own_context()) != nullptr;
}

template <Environment Env>
std::uint32_t Shared<Env>::choose(Worker<Env>* here, std::uint32_t n) {
  return here != nullptr ? here->choose(n) : outside_dice(n);
}

template <Environment Env>
std::uint32_t Shared<Env>::pick_worker(const Placement& placement, Worker<Env>* here) {
  std::uint32_t best = choose(here, options.workers);
  // jsq: of equals the first drawn. Drawn with replacement, as in the supermarket model (Mitzenmacher 2001).
  for (std::uint32_t i = 1; placement.kind == Placement::Kind::jsq && i < placement.choices; ++i) {
    const std::uint32_t other = choose(here, options.workers);
    if (remotes[other]->load() < remotes[best]->load()) best = other;
  }
  return best;
}

/// Which shard of inject a push goes to: a thread's own, so that what one pushes keeps its order.
template <Environment Env>
std::uint32_t Shared<Env>::producer() {
  if (options.policy.inject == InjectKind::single) return 0;
  if (const Worker<Env>* here = own_worker(own_context())) return here->index();
  if constexpr (Env::simulated) {
    return next_producer_++;
  } else {
    static std::atomic<std::uint32_t> threads{0};
    thread_local const std::uint32_t number = threads.fetch_add(1, relaxed);  // relaxed: any number will do
    return number;
  }
}

/// A worker's own visit to the lock; who is no worker pays on nobody's clock.
template <Environment Env>
void Shared<Env>::charge_push(std::uint32_t from) {
  if constexpr (Env::simulated) {
    if (Worker<Env>* here = own_worker(own_context())) here->world().charge_inject(inject.shard_of(from));
  }
}

template <Environment Env>
std::shared_ptr<Timeline> Shared<Env>::start_timeline(std::size_t capacity) {
  // In a simulation one lane for all, so that the records stand in the order in which things happened.
  if constexpr (Env::simulated) {
    return timelines.turn_on(1, capacity * options.workers, Timeline::Times::nanoseconds, Timeline::Lanes::common);
  }
  return timelines.turn_on(options.workers + 1, capacity, Timeline::Times::cheapest, Timeline::Lanes::of_workers);
}

template <Environment Env>
void Shared<Env>::record_now(EventKind kind, std::uint64_t task, std::uint64_t count) {
  if (Worker<Env>* here = own_worker(own_context())) {
    if (kind == EventKind::wake) return here->template record_short<EventKind::wake>(task, static_cast<std::uint32_t>(count));
    return here->record(kind, task, TimelineEvent::nobody, count);
  }
  const auto ticks = [this](bool by_counter) { return by_counter ? read_counter_in_order() : outside_clock(); };
  if (const auto current = timelines.current()) current->add_outside(kind, task, static_cast<std::uint32_t>(count), ticks);
}

template <Environment Env>
void Shared<Env>::notify_all() {
  for (auto& remote : remotes) remote->wake.notify();
}

template <Environment Env>
void Shared<Env>::push_to_worker(Header& task, std::uint32_t worker, Mailbox Remote::* box) {
  Remote& remote = *remotes[worker];
  Mailbox& mailbox = remote.*box;
  bool accepted = false;
  {
    const std::lock_guard lock(mailbox.mutex);
    accepted = mailbox.queue.push(mailbox.synced, &task);
  }
  if (!accepted) {
    shut_down_task(task);
    drop_reference(task);
    return;
  }
  metrics_.inc_remote_schedule_count();
  // Not among the sleepers: it is awake, or on its way down and looks at its inbox once more (worker/rest.hpp).
  if (idle.claim_sleeper(mutex, idle_synced, worker)) remote.wake.notify();
}

template <Environment Env>
void Shared<Env>::notify_if_work_pending() {
  bool is_pending = !inject.is_empty();
  for (std::uint32_t i = 0; i < options.workers && !is_pending; ++i) is_pending = has_stealable(*remotes[i]);
  if (is_pending) tell_of_push(false);
}

template <Environment Env>
bool Shared<Env>::has_stealable(const Remote& remote) const {
  const Policy& policy = options.policy;
  // Whom this wakes must be able to take it, or workers would wake each other for nothing without end. A user's function has the
  // last word on that, and has said no.
  if (policy.steal.kind == StealAmount::Kind::none || !policy.retry || policy.victims == VictimOrder::function) return false;
  if (policy.steal_threshold > 1) return remote.stealable() + remote.in_service() >= policy.steal_threshold;
  if (!remote.queue.is_empty() || !remote.placed.queue.is_empty() || remote.forks.len() != 0) return true;
  return policy.lifo_steal_after != 0 && remote.core->has_stealable_slot();
}

template <Environment Env>
bool Shared<Env>::close() {
  if (!inject.close()) return false;
  // seq_cst: read without a lock by those who spawn and by upkeep; whoever misses it is refused by a queue, or is met by the last
  // worker's walk (SHUTDOWN.md).
  closed_.store(true, seq_cst);
  notify_all();
  return true;
}

template <Environment Env>
std::uint64_t Shared<Env>::spawned_tasks() const {
  std::uint64_t sum = outside_counts_.spawned.load(relaxed);  // relaxed: a figure
  for (const auto& remote : remotes) sum += remote->counts.spawned.load(relaxed);
  return sum;
}

template <Environment Env>
std::uint64_t Shared<Env>::alive_tasks() const {
  // Ends first: an end that is counted here has its spawn counted below, so the difference is never negative.
  std::uint64_t ended = outside_counts_.ended.load(acquire);  // acquire: pairs with the release in ended()
  for (const auto& remote : remotes) ended += remote->counts.ended.load(acquire);
  return saturating_sub(spawned_tasks(), ended);
}

}  // namespace rt
