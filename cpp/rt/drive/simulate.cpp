#include "rt/drive/simulate.hpp"

#include <algorithm>
#include <stdexcept>

#include "rt/task/lane.hpp"
#include "rt/task/poll.hpp"

namespace rt {

SimDrive::SimDrive(SimOptions options)
    : options_(std::move(options)),
      chooser_(options_.scheduler.seed, options_.schedule),
      owner_(new Shared<SimEnv>(checked(options_.scheduler, true), 0, ids_)),
      shared_(*owner_),
      calendar_(options_.scheduler.workers) {
  shared_.drive = this;
  shared_.outside_clock = [this] { return now(); };
  shared_.outside_dice = [this](std::uint32_t n) { return chooser_.choose(n); };
  for (std::uint32_t i = 0; i < options_.scheduler.workers; ++i) {
    Player& player = players_.emplace_back(shared_, i, SimEnv::World(&chooser_, &options_.costs, &trace_));
    shared_.remotes[i]->wake.bind(this, i);
    player.core.sit_down(player.seat);
    calendar_.set(i, 0);
  }
}

SimDrive::~SimDrive() { stop(); }

SimResult SimDrive::run(const std::function<void()>& start, std::uint64_t max_steps) {
  outside(start);
  const SimResult ended = play(max_steps);
  stop();
  return ended;
}

SimResult SimDrive::play(std::uint64_t max_steps) {
  using enum SimResult::End;
  const std::uint64_t limit = steps_ > ~std::uint64_t{0} - max_steps ? ~std::uint64_t{0} : steps_ + max_steps;
  for (;;) {
    // Spawns by others than workers are on other books, so a zero of ours is only a reason to look at all of them.
    if (alive_ <= 0) alive_ = static_cast<std::int64_t>(shared_.alive_tasks());
    if (alive_ == 0) return result(finished);
    if (steps_ == limit) return result(step_limit);
    if (!step()) return result(shared_.alive_tasks() == 0 ? finished : deadlock);
  }
}

SimResult SimDrive::settle(std::uint64_t max_steps) {
  using enum SimResult::End;
  for (std::uint64_t i = 0; i < max_steps; ++i) {
    if (!step()) return result(shared_.alive_tasks() == 0 ? finished : deadlock);
  }
  return result(step_limit);
}

bool SimDrive::step() {
  const auto [at, ties] = calendar_.earliest();
  if (!outside_calls_.empty() && outside_calls_.top().when <= at && !stopping_) {
    make_outside_call();
    return true;
  }
  if (at == Calendar::never) return false;
  move(calendar_.tied(chooser_.choose(ties)));
  return true;
}

void SimDrive::move(std::uint32_t index) {
  Player& player = players_[index];
  SimEnv::World& world = player.core.world();
  auto& remote = *shared_.remotes[index];
  world.advance_to(player.at);
  now_ = std::max(now_, world.now());
  // As on threads: a sleeper takes its token as it wakes up, also if a timer was faster; one that is on its way stays.
  if (player.is_resting && remote.wake.has_token() && player.token_at <= world.now()) {
    static_cast<void>(remote.wake.take_token());
  }
  player.is_resting = false;
  player.is_waiting = false;

  const auto books = [&] {
    // relaxed: one thread plays all workers.
    return static_cast<std::int64_t>(remote.counts.spawned.load(relaxed) - remote.counts.ended.load(relaxed));
  };
  const std::int64_t before = books();
  moving_ = &player;
  Verdict verdict;
  {
    const ContextScope scope(player.seat);
    verdict = player.core.tick(player.seat);
    if (stopping_ && verdict.kind == Verdict::Kind::busy) {
      player.core.cut_open_poll(player.seat);
      verdict = Verdict::again();
    }
  }
  moving_ = nullptr;
  alive_ += books() - before;
  last_step_ended_ = world.now();
  ++steps_;
  trace_.add(steps_, index, static_cast<std::uint64_t>(verdict.kind));
  follow(player, verdict);
  release_waiting();
}

void SimDrive::call_at(Nanos when, std::function<void()> call) {
  outside_calls_.push({std::max(when, now()), outside_number_++, std::move(call)});
}

void SimDrive::make_outside_call() {
  now_ = std::max(now_, outside_calls_.top().when);
  const auto call = std::move(const_cast<OutsideCall&>(outside_calls_.top()).call);  // popped at once
  outside_calls_.pop();
  ++steps_;
  trace_.add(steps_, now_);
  outside(call);
}

void SimDrive::follow(Player& player, Verdict verdict) {
  const Nanos clock = player.core.world().now();
  auto& wake = shared_.remotes[player.core.index()]->wake;
  switch (verdict.kind) {
    case Verdict::Kind::again:
    case Verdict::Kind::probe: player.at = clock; break;
    case Verdict::Kind::busy: player.at = std::max(clock, verdict.until); break;
    case Verdict::Kind::rest:
      player.is_resting = true;
      player.at = verdict.until == no_deadline ? Calendar::never : std::max(clock, verdict.until);
      if (wake.has_token()) player.at = std::min(player.at, std::max(clock, player.token_at));
      break;
    case Verdict::Kind::rendezvous:
      player.is_waiting = true;
      player.at = verdict.until == no_deadline ? Calendar::never : std::max(clock, verdict.until);
      break;
    case Verdict::Kind::gone:
      player.is_gone = true;
      player.at = Calendar::never;
      break;
  }
  enter_in_calendar(player);
}

void SimDrive::enter_in_calendar(Player& player) {
  // Asleep until a timer: not in the way of those who can move now, even when these may move in any order.
  const std::uint32_t index = player.core.index();
  const bool is_asleep = player.is_waiting || (player.is_resting && !shared_.remotes[index]->wake.has_token());
  calendar_.set(index, options_.interleave && !player.is_gone && !is_asleep ? 0 : player.at);
}

/// The workers that stood still for a dump go on when its leader has ended it.
void SimDrive::release_waiting() {
  if (std::exchange(round_, shared_.rendezvous.round()) == shared_.rendezvous.round()) return;
  for (Player& player : players_) {
    if (!std::exchange(player.is_waiting, false)) continue;
    player.at = std::max(player.core.world().now(), last_step_ended_);
    enter_in_calendar(player);
  }
}

DumpResult SimDrive::dump(Nanos limit) {
  class Request final : public DumpRequest {
   public:
    using DumpRequest::DumpRequest;
    void tell() override {}
  };
  if (moving_ != nullptr) throw std::logic_error("dump() within a step of the simulation; co_await dump_here() instead");
  const auto request = std::make_shared<Request>(now() > no_deadline - limit ? no_deadline : now() + limit);
  shared_.ask(request);
  while (!request->is_served()) {
    if (step()) continue;
    shared_.hurry(*request);  // nobody can come any more
    release_waiting();
  }
  release_waiting();
  return request->result();
}

void SimDrive::on_wake(std::uint32_t index) {
  Player& player = players_[index];
  if (player.is_resting && moving_ != nullptr) moving_->core.world().charge(Cost::unpark, 1);
  player.token_at = now() + cost(Cost::wake_latency);
  if (!player.is_resting) return;  // it meets the token when it wants to sleep
  player.at = std::min(player.at, std::max(player.core.world().now(), player.token_at));
  enter_in_calendar(player);
}

Nanos SimDrive::now() const { return moving_ != nullptr ? moving_->core.now() : now_; }

void SimDrive::run_blocking(Header& job, Nanos) {
  outside([&] {
    if (job.lane != nullptr) job.lane->enter();
    Lane* const lane = job.lane;  // the job may be gone afterwards
    if (shared_.is_closed()) {
      shut_down_task(job);
      drop_reference(job);
    } else {
      run_task(job);
    }
    if (lane != nullptr) lane->leave();
  });
}

/// The function runs at once and takes `cost`: its worker stands still for as long, the others do not.
void SimDrive::block_in_place(const std::function<void()>& blocking, Nanos cost) {
  auto& seat = static_cast<Seat<SimEnv>&>(*current());
  Worker<SimEnv>* const core = seat.core;
  Header* const task = seat.task;
  const Budget budget = seat.budget;
  core->before_hand_over(seat);
  seat.budget.left = Budget::unlimited;
  const auto take_back = [&] {
    core->world().advance_to(core->now() > no_deadline - cost ? no_deadline : core->now() + cost);
    core->take_back(seat, task);
    seat.budget = budget;
  };
  try {
    blocking();
  } catch (...) {  // rethrown
    take_back();
    throw;
  }
  take_back();
}

void SimDrive::stop() {
  if (std::exchange(stopping_, true)) return;
  for (Player& player : players_) {
    const ContextScope scope(player.seat);
    moving_ = &player;
    player.core.cut_open_poll(player.seat);
    moving_ = nullptr;
  }
  shared_.close();
  while (step()) {
  }
}

SimResult SimDrive::result(SimResult::End end) const {
  return {end, steps_, std::max(now_, last_step_ended_), chooser_.decisions(), trace_.hash()};
}

}  // namespace rt
