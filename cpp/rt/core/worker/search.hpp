// Nothing here: is there work elsewhere? One victim a step. BEHAVIOUR.md "Steal order".
#pragma once

#include "rt/core/worker.hpp"
#include "rt/policy/steal_amount.hpp"

namespace rt {

template <Environment Env>
Verdict Worker<Env>::start_search(Seat<Env>& seat) {
  batch_.end_processing(world_.now());
  // Without retry a worker searches once each time it has run out, and not again because it was woken.
  if (!policy().retry && !std::exchange(may_search_, false)) return look_at_inject(seat);
  if (!start_searching()) return lie_down(seat);
  leave_lane(seat);
  sweeps_left_ = policy().spin + policy().lifo_steal_after;
  victims_.begin(world_);
  search_open_ = true;
  return search(seat);
}

template <Environment Env>
Verdict Worker<Env>::search(Seat<Env>& seat) {
  const auto length = [this](std::uint32_t victim) {
    const Remote& remote = *shared_.remotes[victim];
    return static_cast<std::uint32_t>(remote.stealable() + (may_steal_slots() && remote.core->lifo_.is_full() ? 1 : 0));
  };
  if (const auto victim = victims_.next(world_, length)) {
    if (Header* task = steal_from(*victim)) {
      search_open_ = false;
      failed_passes_ = 0;
      victims_.hit(*victim);
      batch_.start_processing(world_.now());
      return run(*task, seat);
    }
    if (!victims_.is_over()) return Verdict::probe();
  }
  ++failed_passes_;
  if (sweeps_left_ != 0 && shared_.inject.is_empty()) {
    --sweeps_left_;
    Env::relax();
    victims_.begin(world_);
    return Verdict::probe();
  }
  search_open_ = false;
  return look_at_inject(seat);
}

/// The end of every search.
template <Environment Env>
Verdict Worker<Env>::look_at_inject(Seat<Env>& seat) {
  Header* const task = next_remote();
  if (task == nullptr) return lie_down(seat);
  failed_passes_ = 0;
  batch_.start_processing(world_.now());
  return run(*task, seat);
}

template <Environment Env>
Header* Worker<Env>::steal_from(std::uint32_t victim) {
  if (victim == index_) return nullptr;  // law S11; a user's function may say so
  Remote& remote = *shared_.remotes[victim];
  std::uint32_t stolen = 0;
  Header* task = nullptr;
  if (is_worth_stealing_from(remote)) {
    task = remote.placed.queue.is_empty() ? remote.queue.steal_into(remote_.queue, stolen, policy().steal)
                                          : steal_also_placed(remote, stolen);
    if (task == nullptr) task = steal_branch(remote, stolen);
    if (task == nullptr) task = steal_lifo_slot(remote, stolen);
  }
  world_.charge_steal(victim, stolen);
  record(task == nullptr ? EventKind::steal_try : EventKind::steal, task == nullptr ? 0 : task->id, victim, stolen);
  if (task == nullptr) return nullptr;
  batch_.inc_steal_count(stolen);
  batch_.inc_steal_operations();
  return task;
}

template <Environment Env>
bool Worker<Env>::is_worth_stealing_from(const Remote& victim) const {
  if (policy().steal_threshold == 1) return true;  // stealing itself finds out
  return victim.stealable() + victim.in_service() >= policy().steal_threshold;
}

/// Half of what a victim has is half of its queue and of what was placed on it and is not in its queue yet; the queue's are older.
template <Environment Env>
Header* Worker<Env>::steal_also_placed(Remote& victim, std::uint32_t& stolen) {
  const std::uint32_t wanted = tasks_to_steal(policy().steal, static_cast<std::uint32_t>(victim.ready_tasks()));
  if (wanted == 0) return nullptr;
  Header* first = victim.queue.steal_into(remote_.queue, stolen, {.kind = StealAmount::Kind::count, .count = wanted});
  if (stolen >= wanted) return first;
  const std::size_t room = remote_.queue.remaining_slots() + (first == nullptr ? 1 : 0);
  std::uint32_t got = 0;
  Header* placed = nullptr;
  {
    const std::lock_guard lock(victim.placed.mutex);
    placed = victim.placed.queue.pop_n(victim.placed.synced, std::min<std::size_t>(wanted - stolen, room), got);
  }
  stolen += got;
  if (first == nullptr && got > 0) {
    first = std::exchange(placed, placed->queue_next);
    --got;
  }
  if (got > 0) remote_.queue.push_back(placed, got);
  return first;
}

template <Environment Env>
Header* Worker<Env>::steal_lifo_slot(Remote& victim, std::uint32_t& stolen) {
  if (!may_steal_slots()) return nullptr;
  Header* const task = victim.core->lifo_.steal();
  if (task != nullptr) stolen = 1;
  return task;
}

/// Its owner is about to run it, from a warm cache: only who has looked everywhere so many times takes it (policy).
template <Environment Env>
bool Worker<Env>::may_steal_slots() const {
  return lifo_.is_shared() && failed_passes_ >= policy().lifo_steal_after;
}

/// Half of the workers may search at once (policy: max_searching): more would only meet each other.
template <Environment Env>
bool Worker<Env>::start_searching() {
  if (!is_searching_) is_searching_ = shared_.idle.try_start_searching();
  return is_searching_;
}

/// Before a poll. The last searcher to find work sends another one out: there may be more (IDLE.md).
template <Environment Env>
void Worker<Env>::leave_search() {
  if (!is_searching_) return;
  is_searching_ = false;
  if (shared_.idle.stop_searching() && policy().notify != WakeRule::never) shared_.notify_parked();
}

}  // namespace rt
