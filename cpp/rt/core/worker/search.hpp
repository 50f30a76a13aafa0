// Nothing here: is there work elsewhere? One victim a step. BEHAVIOUR.md "Steal order".
#pragma once

#include "rt/core/worker.hpp"

namespace rt {

template <Environment Env>
Verdict Worker<Env>::start_search(Seat<Env>& seat) {
  batch_.end_processing(world_.now());
  if (!start_searching()) return lie_down(seat);
  leave_lane(seat);
  search_start_ = world_.choose(shared_.options.workers);
  searched_ = 0;
  search_open_ = true;
  return search(seat);
}

template <Environment Env>
Verdict Worker<Env>::search(Seat<Env>& seat) {
  const std::uint32_t workers = shared_.options.workers;
  while (searched_ < workers) {
    const std::uint32_t victim = (search_start_ + searched_++) % workers;
    if (victim == index_) continue;  // law S11: we know that we have nothing
    if (Header* task = steal_from(victim)) {
      search_open_ = false;
      batch_.start_processing(world_.now());
      return run(*task, seat);
    }
    if (searched_ < workers) return Verdict::probe();
  }
  search_open_ = false;
  if (Header* task = next_remote()) {
    batch_.start_processing(world_.now());
    return run(*task, seat);
  }
  return lie_down(seat);
}

template <Environment Env>
Header* Worker<Env>::steal_from(std::uint32_t victim) {
  std::uint32_t stolen = 0;
  Header* task = shared_.remotes[victim]->queue.steal_into(remote_.queue, stolen);
  if (task == nullptr) {
    world_.charge(Cost::steal_miss, 1);
    return nullptr;
  }
  world_.charge(Cost::steal_hit, 1);
  world_.charge(Cost::move, stolen);
  batch_.inc_steal_count(stolen);
  batch_.inc_steal_operations();
  return task;
}

/// Half of the workers may search at once: more would only meet each other.
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
  if (shared_.idle.stop_searching()) shared_.notify_parked();
}

}  // namespace rt
