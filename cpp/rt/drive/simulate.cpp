#include "rt/drive/simulate.hpp"

#include <algorithm>
#include <map>
#include <stdexcept>

namespace rt {

namespace {

const SimOptions& checked_all(const SimOptions& options) {
  check_sim_options(options);
  return options;
}

std::unique_ptr<Pace> pace_of(const SimOptions& options, std::uint32_t worker) {
  const double speed = options.speeds.empty() ? 1 : options.speeds[worker];
  std::vector<Pace::Disturbance> disturbances;
  for (const Fault& fault : options.faults) {
    if (fault.worker != worker || fault.kind == Fault::Kind::late_wake) continue;
    disturbances.push_back({fault.at, fault.length, fault.kind == Fault::Kind::stall ? 0 : fault.factor});
  }
  if (speed == 1 && disturbances.empty()) return nullptr;
  return std::make_unique<Pace>(speed, disturbances);
}

}  // namespace

SimDrive::SimDrive(SimOptions options)
    : options_(std::move(options)),
      owner_(new Shared<SimEnv>(checked_all(options_).scheduler, 0, ids_)),
      shared_(*owner_),
      calendar_(options_.scheduler.workers),
      pool_(options_.max_blocking_threads,
            {[this] { return now(); }, [this](Nanos when, std::function<void()> call) { call_at(when, std::move(call)); },
             [this](const std::function<void()>& call) { outside(call); }}) {
  common_.seed = options_.scheduler.seed;
  common_.chooser = Chooser(options_.scheduler.seed, options_.schedule, options_.choices, options_.record_decisions);
  common_.costs = options_.costs;
  common_.workers = options_.scheduler.workers;
  common_.topology = options_.topology;
  common_.inject_locks.resize(options_.scheduler.workers);  // as many as there can be shards
  shared_.drive = this;
  shared_.outside_clock = [this] { return now(); };
  shared_.outside_dice = [this](std::uint32_t n) { return common_.chooser.choose(n, Decision::outside); };
  if (!options_.topology.empty()) shared_.peers_by_distance = [this](std::uint32_t thief) { return peers_by_distance(thief); };
  for (std::uint32_t i = 0; i < options_.scheduler.workers; ++i) add_player(i);
}

SimDrive::~SimDrive() { stop(); }

void SimDrive::add_player(std::uint32_t index) {
  Player& player = players_.emplace_back(shared_, index, common_, pace_of(options_, index));
  for (const Fault& fault : options_.faults) {
    if (fault.kind == Fault::Kind::late_wake && fault.worker == index) player.late_wakes.push_back(fault);
  }
  std::ranges::stable_sort(player.late_wakes, std::ranges::greater(), &Fault::at);  // the next one at the back
  shared_.remotes[index]->wake.bind(this, index);
  player.core.sit_down(player.seat);
  player.at = player.core.world().next_moving(0);
  enter_in_calendar(player);
}

/// In groups of equal distance, the nearest first; within a group by index.
std::vector<std::vector<std::uint32_t>> SimDrive::peers_by_distance(std::uint32_t thief) const {
  const Nanos* const row = &options_.topology[std::size_t{thief} * options_.scheduler.workers];
  std::map<Nanos, std::vector<std::uint32_t>> groups;
  for (std::uint32_t peer = 0; peer < options_.scheduler.workers; ++peer) {
    if (peer != thief) groups[row[peer]].push_back(peer);
  }
  std::vector<std::vector<std::uint32_t>> ordered;
  for (auto& [distance, peers] : groups) ordered.push_back(std::move(peers));
  return ordered;
}

SimResult SimDrive::run(const std::function<void()>& start, std::uint64_t max_steps, Nanos until) {
  outside(start);
  const SimResult ended = play(max_steps, until);
  stop();
  return ended;
}

SimResult SimDrive::play(std::uint64_t max_steps, Nanos until) {
  using enum SimResult::End;
  const std::uint64_t limit = steps_ > ~std::uint64_t{0} - max_steps ? ~std::uint64_t{0} : steps_ + max_steps;
  for (;;) {
    // Spawns by others than workers are on other books, so a zero of ours is only a reason to look at all of them.
    if (alive_ <= 0) alive_ = static_cast<std::int64_t>(shared_.alive_tasks());
    if (alive_ == 0 && pool_.unfinished() == 0) return result(finished);
    if (steps_ == limit) return result(step_limit);
    if (until != no_deadline && next_time() != no_deadline && next_time() > until) {
      now_ = std::max(now_, until);
      return result(time_limit);
    }
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

namespace {
thread_local bool foreign_wake = false;
}

bool SimDrive::had_foreign_wake() { return std::exchange(foreign_wake, false); }

bool SimDrive::takes_foreign_wake(Header& task, Ready how) {
  if (std::this_thread::get_id() == player_thread_) return false;
  const std::lock_guard lock(foreign_mutex_);
  foreign_.emplace_back(&task, how);
  has_foreign_.store(true, release);  // pairs with the acquire in step(); the mutex orders the rest
  foreign_wake = true;
  return true;
}

void SimDrive::take_foreign_wakes() {
  std::vector<std::pair<Header*, Ready>> woken;
  {
    const std::lock_guard lock(foreign_mutex_);
    woken.swap(foreign_);
    has_foreign_.store(false, relaxed);  // relaxed: under the mutex
  }
  outside([&] {
    for (const auto& [task, how] : woken) shared_.schedule(*task, how);
  });
}

bool SimDrive::step() {
  if (has_foreign_.load(acquire)) take_foreign_wakes();  // see takes_foreign_wake()
  const auto [at, ties] = calendar_.earliest();
  if (!outside_calls_.empty() && outside_calls_.next_time() <= at && !stopping_) {
    make_outside_call();
    return true;
  }
  if (at == Calendar::never) return false;
  move(calendar_.tied(common_.chooser.choose(ties, Decision::driver)));
  return true;
}

Nanos SimDrive::next_time() const {
  const Nanos at = calendar_.earliest().at;
  return outside_calls_.empty() ? at : std::min(at, outside_calls_.next_time());
}

void SimDrive::move(std::uint32_t index) {
  Player& player = players_[index];
  SimEnv::World& world = player.core.world();
  auto& remote = *shared_.remotes[index];
  world.begin_step(player.at);
  const Nanos began = world.now();
  now_ = common_.horizon = std::max(now_, began);
  // As on threads: a sleeper takes its token as it wakes up, also if a timer was faster; one that is on its way stays.
  if (player.is_resting && remote.wake.has_token() && player.token_at <= began) {
    static_cast<void>(remote.wake.take_token());
  }
  player.is_resting = false;
  player.is_waiting = false;
  const bool was_working = std::exchange(player.is_working, false);

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
  if (apart_here_ != nullptr) {
    seat_stand_in(player);
    verdict = Verdict::again();
  }
  moving_ = nullptr;
  alive_ += books() - before;
  last_step_ended_ = world.now();
  if (was_working || world.notes().task != 0) last_poll_ended_ = std::max(last_poll_ended_, last_step_ended_);
  ++steps_;
  common_.trace.add(steps_, index, static_cast<std::uint64_t>(verdict.kind));
  note_step(player, verdict, was_working, began);
  follow(player, verdict);
  release_waiting();
}

void SimDrive::note_step(Player& player, Verdict verdict, bool was_working, Nanos began) {
  using enum SimStep::Action;
  const StepNotes& notes = player.core.world().notes();
  SimStep::Action action = turn;
  if (notes.task != 0) {
    action = poll;
  } else if (was_working) {
    action = work;
  } else {
    switch (verdict.kind) {
      case Verdict::Kind::probe: action = look; break;
      case Verdict::Kind::rest: action = rest; break;
      case Verdict::Kind::rendezvous: action = stand; break;
      case Verdict::Kind::gone: action = leave; break;
      case Verdict::Kind::again:
      case Verdict::Kind::busy: break;
    }
  }
  last_step_ = {began, action, player.core.index(), notes.task, notes.victim, notes.stolen};
}

void SimDrive::call_at(Nanos when, std::function<void()> call) { outside_calls_.push(std::max(when, now()), std::move(call)); }

void SimDrive::make_outside_call() {
  now_ = std::max(now_, outside_calls_.next_time());
  const auto call = outside_calls_.pop();
  common_.horizon = now_;
  ++steps_;
  common_.trace.add(steps_, now_);
  last_step_ = {.now = now_};
  outside(call);
}

void SimDrive::follow(Player& player, Verdict verdict) {
  SimEnv::World& world = player.core.world();
  const Nanos clock = world.now();
  auto& wake = shared_.remotes[player.core.index()]->wake;
  switch (verdict.kind) {
    case Verdict::Kind::again:
    case Verdict::Kind::probe: player.at = clock; break;
    case Verdict::Kind::busy:
      player.is_working = true;
      player.at = world.after(verdict.until - clock);
      break;
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
  if (player.at != Calendar::never) player.at = world.next_moving(player.at);
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
    SimEnv::World& world = player.core.world();
    player.at = world.next_moving(std::max(world.now(), last_step_ended_));
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
  const auto request = std::make_shared<Request>(later_by(limit, now()));
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
  SimEnv::World& world = player.core.world();
  if (player.is_resting && moving_ != nullptr) moving_->core.world().charge(Cost::unpark, 1);
  player.token_at = now() + world.price(Cost::wake_latency, 1) + delay_of_wake(player);
  if (!player.is_resting) return;  // it meets the token when it wants to sleep
  player.at = std::min(player.at, world.next_moving(std::max(world.now(), player.token_at)));
  enter_in_calendar(player);
}

/// Each late_wake is for one unpark.
Nanos SimDrive::delay_of_wake(Player& player) {
  if (player.late_wakes.empty() || player.late_wakes.back().at > now()) return 0;
  const Nanos delay = player.late_wakes.back().length;
  player.late_wakes.pop_back();
  return delay;
}

Nanos SimDrive::now() const {
  if (apart_here_ != nullptr) return apart_here_->until;
  return moving_ != nullptr ? moving_->core.now() : now_;
}

void SimDrive::run_blocking(Header& job, Nanos cost) { pool_.submit(job, cost); }

void SimDrive::stop() {
  if (std::exchange(stopping_, true)) return;
  for (Player& player : players_) {
    const ContextScope scope(player.seat);
    moving_ = &player;
    player.core.cut_open_poll(player.seat);
    moving_ = nullptr;
  }
  cut_apart();
  shared_.close();
  pool_.close();
  while (step()) {
  }
}

SimResult SimDrive::result(SimResult::End end) {
  SimResult result;
  result.end = end;
  result.steps = steps_;
  result.now = std::max(now_, end == SimResult::End::finished ? last_poll_ended_ : last_step_ended_);
  if (end == SimResult::End::time_limit) result.now = now_;
  result.decisions = common_.chooser.decisions();
  result.trace_hash = common_.trace.hash();
  result.deviations = common_.chooser.taken();
  for (Player& player : players_) result.spent.push_back(player.core.world().book().at(result.now));
  return result;
}

}  // namespace rt
