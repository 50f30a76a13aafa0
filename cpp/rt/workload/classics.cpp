#include "rt/workload/classics.hpp"

#include <memory>
#include <stdexcept>
#include <utility>

#include "rt/sync/oneshot.hpp"
#include "rt/task/spawn.hpp"
#include "rt/workload/child.hpp"
#include "rt/workload/countdown.hpp"
#include "rt/workload/workload.hpp"

namespace rt::workload {
namespace {

using Counted = Owner<Countdown>;

Task<void> empty_task(Ticket ticket) {
  ticket.add_credit();
  co_return;
}

Task<std::int64_t> one() { co_return 1; }

/// All of them in one go, from wherever this thread is; the last of `tickets` is kept until all have been spawned.
void spawn_empty_tasks(Ticket& tickets, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) static_cast<void>(spawn(empty_task, tickets.split()));
}

/// Issues a ticket for each of n tasks, and one for who spawns them.
Ticket issue_for(Counted& owner, std::int64_t n) { return owner.issue(static_cast<std::uint32_t>(n + 1)); }

Task<std::int64_t> spawn_here(std::int64_t n) {
  Counted owner(std::make_unique<Countdown>());
  {
    Ticket tickets = issue_for(owner, n);
    spawn_empty_tasks(tickets, n);
  }
  Drained drained(owner);
  co_return co_await drained;
}

Task<std::int64_t> count_the_ended(Counted owner) {
  Drained drained(owner);
  co_return co_await drained;
}

Task<std::int64_t> yield_often(std::int64_t yields) {
  for (std::int64_t i = 0; i < yields; ++i) {
    YieldNow pause;
    co_await pause;
  }
  co_return yields;
}

using Ping = OneshotReceiver<std::int64_t>;
using Pong = OneshotSender<std::int64_t>;

Task<void> answer_ping(Ping ping, Pong pong) {
  const std::int64_t message = co_await ping;
  pong.send(message + 1);
}

Task<void> play_pair(Ticket ticket, std::int64_t number) {
  if (ticket.is_abandoned()) co_return;
  auto [ping_sender, ping_receiver] = oneshot<std::int64_t>();
  auto [pong_sender, pong_receiver] = oneshot<std::int64_t>();
  static_cast<void>(spawn(answer_ping, std::move(ping_receiver), std::move(pong_sender)));
  ping_sender.send(number);
  const std::int64_t message = co_await pong_receiver;  // throws if the partner was dropped: no credit then
  if (message == number + 1) ticket.add_credit();
}

Task<void> chain_link(Ticket ticket, std::int64_t left) {
  ticket.add_credit();
  if (left > 1 && !ticket.is_abandoned()) static_cast<void>(spawn(chain_link, std::move(ticket), left - 1));
  co_return;
}

}  // namespace

JoinHandle<std::int64_t> spawn_many(std::int64_t n, Origin origin) {
  if (origin == Origin::worker) return spawn(spawn_here, n);
  Counted owner(std::make_unique<Countdown>());
  {
    Ticket tickets = issue_for(owner, n);
    if (current()->worker == nullptr) {
      spawn_empty_tasks(tickets, n);
    } else {
      // With its core handed on this thread is no worker, which is what the origin asks for.
      detail::require_home().block_in_place([&tickets, n] { spawn_empty_tasks(tickets, n); }, 0);
    }
  }
  return spawn(count_the_ended, std::move(owner));
}

Task<std::int64_t> yield_many(std::int64_t tasks, std::int64_t yields) {
  std::vector<Child<std::int64_t>> children;
  children.reserve(static_cast<std::size_t>(tasks));
  for (std::int64_t i = 0; i < tasks; ++i) children.emplace_back(spawn(yield_often, yields));
  std::int64_t sum = 0;
  for (auto& child : children) {
    const std::int64_t part = co_await std::move(child);
    sum += part;
  }
  co_return sum;
}

Task<std::int64_t> ping_pong(std::int64_t pairs) {
  Counted owner(std::make_unique<Countdown>());
  {
    Ticket tickets = issue_for(owner, pairs);
    for (std::int64_t i = 0; i < pairs; ++i) static_cast<void>(spawn(play_pair, tickets.split(), i));
  }
  Drained drained(owner);
  co_return co_await drained;
}

Task<std::int64_t> chained_spawn(std::int64_t n) {
  Counted owner(std::make_unique<Countdown>());
  {
    Ticket tickets = owner.issue(1);
    if (n > 0) static_cast<void>(spawn(chain_link, std::move(tickets), n));
  }
  Drained drained(owner);
  co_return co_await drained;
}

Task<std::int64_t> spawn_join(std::int64_t n) {
  std::int64_t sum = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    const std::int64_t part = co_await spawn(one);
    sum += part;
  }
  co_return sum;
}

OutsideRun::OutsideRun(Home& home, const Workload& workload) {
  check_workload(workload);
  if (workload.kind != "spawn_many" || static_cast<Origin>(workload.ints[1]) != Origin::remote) {
    throw std::invalid_argument("kind=\"" + workload.kind +
                                "\" cannot be run by a thread outside; only spawn_many with the "
                                "origin \"remote\" can: give others to run_workload()");
  }
  Context outside;
  outside.home = &home;
  const ContextScope scope(outside);
  const auto n = static_cast<std::size_t>(workload.ints[0]);
  open_.reserve(n);
  for (std::size_t i = 0; i < n; ++i) open_.push_back(spawn(one));
}

OutsideRun::~OutsideRun() {
  for (auto& handle : open_) handle.cancel();
}

bool OutsideRun::wait_until(Nanos deadline) {
  while (!open_.empty()) {
    if (!open_.back().wait_until(deadline)) return false;
    JoinHandle<std::int64_t> handle = std::move(open_.back());
    open_.pop_back();
    answer_ += handle.get();
  }
  return true;
}

std::int64_t run_outside(Home& home, const Workload& workload) {
  OutsideRun run(home, workload);
  static_cast<void>(run.wait_until(no_deadline));
  return run.answer();
}

}  // namespace rt::workload
