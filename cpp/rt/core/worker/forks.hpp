// What a worker does for the branches that its tasks fork, and for those that it takes from others. task/branch.hpp.
#pragma once

#include "rt/core/worker.hpp"

namespace rt {

template <Environment Env>
void Worker<Env>::occupy_forks(Seat<Env>& seat) {
  seat.forks = &remote_.forks;
  seat.forks_until_look = forks_between_looks();
  seat.charges_forks = Env::simulated;
  stack_at_ = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
}

template <Environment Env>
void Worker<Env>::share_forks() {
  remote_.forks.share();
  shared_.tell_of_push(true);
}

/// Oldest first, as they would have been stolen.
template <Environment Env>
void Worker<Env>::release_forks() {
  remote_.forks.share();
  while (!remote_.forks.is_empty()) {
    if (Branch* branch = remote_.forks.steal()) ForkJoin::queue_task(*branch, shared_);
  }
}

/// A task that only forks does not end its poll: what a turn would do is looked after here, and it gives way to whatever is ready.
template <Environment Env>
bool Worker<Env>::keeps_on(Header& task) {
  batch_.submit(remote_.metrics);
  const bool is_called = shared_.is_closed() || (taskdump && shared_.rendezvous.is_open());
  if (is_called) until_upkeep_ = 1;  // in the next turn
  if (is_called || task.state.load().is_cancelled() || is_stack_used_up()) return false;
  const Nanos now = world_.now();
  const bool is_wanted = policy().coop_budget != 0 && (has_tasks() || deferred_ != nullptr || !shared_.inject.is_empty() ||
                                                       shared_.timers().next_deadline_hint() <= now);
  if (is_wanted) {
    shared_.count_forced_yield();
  } else {
    remote_.metrics.enter_poll(task.id, now);  // who looks around is not stuck: a watchdog counts from here
  }
  return !is_wanted;
}

/// Where a compiler makes no tail call of the way from one coroutine to the next (g++ below -O2, sanitizers), each way leaves
/// something on the stack until the poll ends. A simulation does not look: it has to be the same in every build.
template <Environment Env>
bool Worker<Env>::is_stack_used_up() const {
  const auto here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
  return !Env::simulated && here < stack_at_ && stack_at_ - here > tuning::fork_stack_bytes;
}

template <Environment Env>
std::uint32_t Worker<Env>::forks_between_looks() const {
  return policy().coop_budget != 0 ? policy().coop_budget : tuning::forks_between_looks;
}

template <Environment Env>
Header* Worker<Env>::steal_branch(Remote& victim, std::uint32_t& stolen) {
  if (policy().steal.kind == StealAmount::Kind::none) return nullptr;
  Branch* const branch = victim.forks.steal();
  if (branch == nullptr) return nullptr;
  stolen = 1;
  Header& task = ForkJoin::make_task(*branch, shared_);
  shared_.admit(task, current());
  batch_.inc_local_schedule_count();  // as if it had lain in the thief's queue (law A4)
  // From here on a shutdown may end it; what is left of it then is the reference that is polled.
  task.state.release_queued();
  return &task;
}

}  // namespace rt
