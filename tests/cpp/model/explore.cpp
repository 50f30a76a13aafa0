// The explorer: one host thread plays the model's threads, and a path of numbered decisions makes each run repeatable.
#include "rt/drive/explore.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "fibre.hpp"

namespace rt {

class Explorer final : public ModelHost {
 public:
  Explorer(const ExploreOptions& options, const ModelSetup& setup) : options_(options), setup_(setup) {}

  Exploration explore_all() {
    const auto start = std::chrono::steady_clock::now();
    do {
      run_once();
    } while (result_.failure.empty() && next_path() && result_.schedules < options_.max_schedules);
    result_.complete = result_.failure.empty() && path_.empty();
    return finish(start);
  }

  Exploration replay_one(const std::string& schedule) {
    const auto start = std::chrono::steady_clock::now();
    for (const char digit : schedule) path_.push_back({value_of(digit), 0});
    run_once();
    return finish(start);
  }

  // ---- ModelHost ----

  ModelView& view() override { return players_[running_].view; }
  [[nodiscard]] bool is_weak() const override { return options_.weak_memory && phase_ == Phase::threads; }

  void step() override {
    if (phase_ != Phase::threads) return;
    count_step();
    Player& self = players_[running_];
    // A thread got control just now, at this very point: to take it away again is the schedule that gave it to another.
    if (std::exchange(self.just_started, false) || preemptions_left_ == 0) return;
    candidates(running_);
    if (found_ == 0) return;
    const std::uint32_t choice = pick(found_ + 1);
    if (choice == 0) return;
    --preemptions_left_;
    go_to(list_[choice - 1]);
  }

  std::uint32_t pick(std::uint32_t n) override {
    n = std::min(n, most_options);
    if (n <= 1 || phase_ != Phase::threads) return 0;
    if (position_ == path_.size()) path_.push_back({0, n});
    Decision& decision = path_[position_++];
    if (decision.options == 0) decision.options = n;  // of a replay
    if (decision.options != n || decision.chosen >= n) fail("this schedule does not belong to this program and these options");
    return decision.chosen;
  }

  bool block(const void* place, bool may_time_out) override {
    Player& self = players_[running_];
    self.waits_at = place;
    self.may_time_out = may_time_out;
    self.timed_out = false;
    self.state = State::blocked;
    give_up_control();
    return !self.timed_out;
  }

  void unblock(const void* place, bool all) override {
    for (std::uint32_t i = 1; i <= threads_; ++i) {
      if (players_[i].state != State::blocked || players_[i].waits_at != place) continue;
      players_[i].state = State::ready;
      if (!all) return;
    }
  }

  void relax() override {
    if (phase_ != Phase::threads) return;
    count_step();
    players_[running_].yielded = true;
    players_[running_].view.arrived = ModelHistory::executed;
    give_up_control();
  }

  void fail(const std::string& what) override {
    if (phase_ == Phase::setup) {
      std::fprintf(stderr, "in the set-up of a model: %s\n", what.c_str());
      std::abort();
    }
    result_.failure = what;
    result_.schedule = schedule();
    Fibre::switch_between(players_[running_].fibre, outside_);
  }

 private:
  enum class Phase : std::uint8_t { setup, threads, after };
  enum class State : std::uint8_t { ready, blocked, done };
  struct Decision {
    std::uint32_t chosen;
    std::uint32_t options;
  };
  struct Player {
    Fibre fibre;
    ModelView view;
    State state = State::done;
    const void* waits_at = nullptr;
    bool may_time_out = false;
    bool timed_out = false;
    bool yielded = false;       // until another thread has moved
    bool just_started = false;  // before its first operation
  };

  static constexpr std::uint32_t most_options = 36;  // one digit each

  static std::uint32_t value_of(char digit) { return static_cast<std::uint32_t>(digit <= '9' ? digit - '0' : digit - 'a' + 10); }

  [[nodiscard]] std::string schedule() const {
    std::string digits;
    for (std::size_t i = 0; i < position_; ++i) {
      const std::uint32_t chosen = path_[i].chosen;
      digits += static_cast<char>(chosen < 10 ? '0' + chosen : 'a' + (chosen - 10));
    }
    digits.erase(digits.find_last_not_of('0') + 1);  // where a schedule ends, everything is 0
    return digits.empty() ? "0" : digits;
  }

  /// The next path in depth-first order; false when there is none.
  bool next_path() {
    while (!path_.empty() && path_.back().chosen + 1 >= path_.back().options) path_.pop_back();
    if (path_.empty()) return false;
    ++path_.back().chosen;
    return true;
  }

  void run_once() {
    Model model;
    begin();
    setup_(model);
    start_threads(model);
    if (threads_ > 0) {
      phase_ = Phase::threads;
      candidates(0);
      running_ = list_[pick(found_)];
      Fibre::switch_between(outside_, players_[running_].fibre);
    }
    if (result_.failure.empty()) look_afterwards(model);
    ModelHost::current = nullptr;
    ++result_.schedules;
    result_.depth = std::max(result_.depth, static_cast<std::uint32_t>(position_));
    if (result_.failure.empty()) return;
    for (Player& player : players_) player.fibre.abandon();
  }

  void begin() {
    phase_ = Phase::setup;
    running_ = 0;
    position_ = 0;
    steps_ = 0;
    preemptions_left_ = options_.preemptions;
    players_[0].view = ModelView{};
    ModelHost::current = this;
  }

  void start_threads(Model& model) {
    threads_ = static_cast<std::uint32_t>(model.threads_.size());
    if (threads_ >= model_threads) fail("too many threads");
    for (std::uint32_t i = 1; i <= threads_; ++i) {
      Player& player = players_[i];
      player.view = {i, players_[0].view.clock, 0};
      player.state = State::ready;
      player.yielded = false;
      player.just_started = true;
      player.fibre.prepare([this, body = &model.threads_[i - 1]] {
        guarded(*body);
        end_thread();
      });
    }
  }

  void guarded(const std::function<void()>& body) {
    try {
      body();
    } catch (const std::exception& error) {
      fail(std::string("exception: ") + error.what());
    } catch (...) {
      fail("exception of an unknown type");
    }
  }

  void end_thread() {
    players_[running_].state = State::done;
    for (std::uint32_t i = 1; i <= threads_; ++i) {
      if (players_[i].state != State::done) return give_up_control();
    }
    Fibre::switch_between(players_[running_].fibre, outside_);
  }

  void look_afterwards(Model& model) {
    phase_ = Phase::after;
    for (std::uint32_t i = 1; i <= threads_; ++i) players_[0].view.clock.join(players_[i].view.clock);
    running_ = 0;
    players_[0].fibre.prepare([this, &model] {
      for (const auto& check : model.after_) guarded(check);
      Fibre::switch_between(players_[0].fibre, outside_);
    });
    Fibre::switch_between(outside_, players_[0].fibre);
  }

  void count_step() {
    if (++steps_ > options_.max_steps) fail("no progress: more than " + std::to_string(options_.max_steps) + " steps in one run");
    for (std::uint32_t i = 1; i <= threads_; ++i) {
      if (i != running_) players_[i].yielded = false;
    }
  }

  /// Fills list_ with those who can go on, without `except`.
  void candidates(std::uint32_t except) {
    found_ = 0;
    for (std::uint32_t i = 1; i <= threads_; ++i) {
      const Player& player = players_[i];
      const bool able = player.state == State::ready ? !player.yielded : player.state == State::blocked && player.may_time_out;
      if (i != except && able) list_[found_++] = i;
    }
  }

  /// The running thread cannot go on; whoever does costs no pre-emption.
  void give_up_control() {
    candidates(0);
    if (found_ == 0) {
      for (std::uint32_t i = 1; i <= threads_; ++i) players_[i].yielded = false;
      candidates(0);
    }
    if (found_ == 0) return fail_deadlocked();
    go_to(list_[pick(found_)]);
  }

  void go_to(std::uint32_t next) {
    Player& to = players_[next];
    if (to.state == State::blocked) {
      to.timed_out = true;
      to.state = State::ready;
    }
    const std::uint32_t from = std::exchange(running_, next);
    if (from != next) Fibre::switch_between(players_[from].fibre, to.fibre);
  }

  void fail_deadlocked() {
    std::string waiting;
    for (std::uint32_t i = 1; i <= threads_; ++i) {
      if (players_[i].state == State::blocked) waiting += (waiting.empty() ? "" : ", ") + std::to_string(i);
    }
    fail("deadlock: every thread that has not ended waits: " + waiting);
  }

  Exploration finish(std::chrono::steady_clock::time_point start) {
    result_.ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
    if (result_.failed() && options_.print) {
      std::fprintf(stderr, "replay with schedule=%s  (%s; schedule %llu)\n", result_.schedule.c_str(), result_.failure.c_str(),
                   static_cast<unsigned long long>(result_.schedules));
    }
    return result_;
  }

  const ExploreOptions options_;
  const ModelSetup& setup_;
  Exploration result_;

  std::vector<Decision> path_;
  std::size_t position_ = 0;
  std::uint32_t preemptions_left_ = 0;
  std::uint32_t steps_ = 0;

  Phase phase_ = Phase::setup;
  std::uint32_t threads_ = 0;
  std::uint32_t running_ = 0;
  std::array<Player, model_threads> players_;
  Fibre outside_;
  std::array<std::uint32_t, model_threads> list_{};
  std::uint32_t found_ = 0;
};

Exploration explore(const ExploreOptions& options, const ModelSetup& setup) { return Explorer(options, setup).explore_all(); }

Exploration replay(const std::string& schedule, const ExploreOptions& options, const ModelSetup& setup) {
  return Explorer(options, setup).replay_one(schedule);
}

void model_fail(const char* what, const char* file, int line) {
  const std::string place = std::string(file) + ":" + std::to_string(line) + ": " + what;
  if (ModelHost::current != nullptr) ModelHost::current->fail(place);
  std::fprintf(stderr, "%s\n", place.c_str());
  std::abort();
}

}  // namespace rt

#if defined(__GLIBC__) && !defined(NDEBUG)
// An assert that fails within a run is a finding with a schedule, not the end of the process.
// NOLINTNEXTLINE(bugprone-reserved-identifier)
extern "C" void __assert_fail(const char* expression, const char* file, unsigned int line, const char*) noexcept {
  rt::model_fail(expression, file, static_cast<int>(line));
  std::abort();
}
#endif
