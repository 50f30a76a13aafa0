// The tick: what one turn of a worker does, in order. See worker.hpp.
#pragma once

#include "rt/core/worker.hpp"

namespace rt {

template <Environment Env>
Worker<Env>::Worker(Shared<Env>& shared, std::uint32_t index, World world)
    : shared_(shared),
      remote_(*shared.remotes[index]),
      index_(index),
      global_interval_(shared.options.policy.global_interval != 0 ? shared.options.policy.global_interval
                                                                  : tuning::initial_global_interval),
      until_upkeep_(shared.options.policy.event_interval),
      lifo_(shared.options.policy.lifo_steal_after != 0),
      lifo_enabled_(shared.options.policy.lifo_slot),
      has_poll_hook_(shared.options.hooks.has_poll_hook()),
      turn_budget_(shared.options.policy.coop_budget != 0 ? shared.options.policy.coop_budget : Budget::unlimited),
      batch_(shared.options.histograms, shared.options.watch_polls),
      is_watched_(has_poll_hook_ || batch_.needs_clock()),
      victims_(shared.options.policy, index, shared.options.workers),
      world_(std::move(world)),
      slots_(shared.slots()) {
  remote_.core = this;
  if (shared.options.policy.victims == VictimOrder::nearest) victims_.set_groups(shared.peers_by_distance(index));
  if constexpr (Env::simulated) batch_.also_keep(world_.book());
  if constexpr (timeline) follow_timeline();
}

template <Environment Env>
Worker<Env>::~Worker() = default;

template <Environment Env>
void Worker<Env>::sit_down(Seat<Env>& seat) {
  occupy(seat);
  lifo_enabled_ = policy().lifo_slot;  // it may have been handed over in a turn that had it off
  follows_a_turn_ = false;
  batch_.start_processing(world_.now());
}

/// From here on the code that this seat polls finds this worker.
template <Environment Env>
void Worker<Env>::occupy(Seat<Env>& seat) {
  seat.home = &shared_;
  seat.worker = this;
  seat.slots = &slots_;
  seat.counts = &remote_.counts;
  seat.ids = &ids_;
  occupy_forks(seat);
  seat.core = this;
}

template <Environment Env>
void Worker<Env>::vacate(Seat<Env>& seat) {
  seat.worker = nullptr;
  seat.slots = nullptr;
  seat.counts = nullptr;
  seat.ids = nullptr;
  seat.forks = nullptr;
  seat.core = nullptr;
}

template <Environment Env>
Verdict Worker<Env>::tick(Seat<Env>& seat) {
  if constexpr (Env::simulated) {
    if (open_task_ != nullptr) return go_on_polling(seat);
  }
  if (search_open_) return search(seat);
  if (is_resting_ || is_traced_) {
    if (wants_to_attend()) return attend(seat);
    if (!may_get_up()) return is_shutdown_ ? leave(seat) : rest();
  }

  ++tick_;
  if (--until_upkeep_ == 0) upkeep(seat);
  if (is_shutdown_) return leave(seat);

  if (Header* task = pick()) return run(*task, seat);
  return start_search(seat);
}

}  // namespace rt
