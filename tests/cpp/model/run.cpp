#include "run.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <utility>

namespace rt {

const ModelRun::Record& ModelRun::play(Chooser& chooser, bool recorded) {
  chooser_ = &chooser;
  is_recorded_ = recorded;
  Model model;
  begin();
  setup_(model);
  start_threads(model);
  if (threads_ > 0) {
    phase_ = Phase::threads;
    find_able(0);
    running_ = able_[found_ > 1 ? ask(Question::Is::next, found_, false) : 0];
    if (record_.failure.empty()) Fibre::switch_between(outside_, players_[running_].fibre);
  }
  if (record_.failure.empty()) look_afterwards(model);
  ModelHost::current = nullptr;
  record_.line.erase(record_.line.find_last_not_of('0') + 1);
  if (record_.line.empty()) record_.line = "0";
  if (!record_.failure.empty()) {
    for (Player& player : players_) player.fibre.abandon();
  }
  return record_;
}

void ModelRun::begin() {
  phase_ = Phase::setup;
  running_ = 0;
  steps_ = 0;
  record_ = {};
  players_[0].view = ModelView{};
  players_[0].operations = players_[0].asked = 0;
  chooser_->begin();
  ModelHost::current = this;
}

void ModelRun::start_threads(Model& model) {
  threads_ = static_cast<std::uint32_t>(model.threads_.size());
  if (threads_ >= model_threads) fail("too many threads");
  for (std::uint32_t i = 1; i <= threads_; ++i) {
    Player& player = players_[i];
    player.view = {i, players_[0].view.clock, 0};
    player.state = State::ready;
    player.operations = player.asked = 0;
    player.yielded = false;
    player.just_started = true;
    player.fibre.prepare([this, body = &model.threads_[i - 1]] {
      guarded(*body);
      end_thread();
    });
  }
}

void ModelRun::look_afterwards(Model& model) {
  phase_ = Phase::after;
  for (std::uint32_t i = 1; i <= threads_; ++i) players_[0].view.clock.join(players_[i].view.clock);
  running_ = 0;
  players_[0].fibre.prepare([this, &model] {
    for (const auto& check : model.after_) guarded(check);
    Fibre::switch_between(players_[0].fibre, outside_);
  });
  Fibre::switch_between(outside_, players_[0].fibre);
}

void ModelRun::guarded(const std::function<void()>& body) {
  try {
    body();
  } catch (const std::exception& error) {
    fail(std::string("exception: ") + error.what());
  } catch (...) {
    fail("exception of an unknown type");
  }
}

void ModelRun::end_thread() {
  players_[running_].state = State::done;
  for (std::uint32_t i = 1; i <= threads_; ++i) {
    if (players_[i].state != State::done) return give_up_control(false);
  }
  Fibre::switch_between(players_[running_].fibre, outside_);
}

// ---- ModelHost

void ModelRun::step() {
  if (phase_ != Phase::threads) return;
  count_step();
  // A thread got control just now, at this very point: to take it away again is the schedule that gave it to another.
  if (std::exchange(players_[running_].just_started, false)) return;
  if (!is_recorded_ && !chooser_->may_preempt()) return;
  find_able(running_);
  if (found_ == 1) return;
  const std::uint32_t choice = ask(Question::Is::go_on, found_, false);
  if (choice != 0) go_to(able_[choice]);
}

std::uint32_t ModelRun::pick(std::uint32_t n) {
  n = std::min(n, ModelChoices::most);
  if (n <= 1 || phase_ != Phase::threads) return 0;
  return ask(Question::Is::value, n, false);
}

bool ModelRun::block(const void* place, bool may_time_out) {
  Player& self = players_[running_];
  self.waits_at = place;
  self.may_time_out = may_time_out;
  self.timed_out = false;
  self.state = State::blocked;
  give_up_control(false);
  return !self.timed_out;
}

void ModelRun::unblock(const void* place, bool all) {
  for (std::uint32_t i = 1; i <= threads_; ++i) {
    if (players_[i].state != State::blocked || players_[i].waits_at != place) continue;
    players_[i].state = State::ready;
    if (!all) return;
  }
}

void ModelRun::relax() {
  if (phase_ != Phase::threads) return;
  count_step();
  players_[running_].yielded = true;
  players_[running_].view.arrived = ModelHistory::executed;
  give_up_control(true);
}

void ModelRun::fail(const std::string& what) {
  if (phase_ == Phase::setup) {
    std::fprintf(stderr, "in the set-up of a model: %s\n", what.c_str());
    std::abort();
  }
  record_.failure = what;
  Fibre::switch_between(players_[running_].fibre, outside_);
}

// ---- who goes on

void ModelRun::count_step() {
  if (++steps_ > options_.max_steps) fail("no progress: more than " + std::to_string(options_.max_steps) + " steps in one run");
  ++players_[running_].operations;
  players_[running_].asked = 0;
  for (std::uint32_t i = 1; i <= threads_; ++i) {
    if (i != running_) players_[i].yielded = false;
  }
}

/// Those who can go on; `first`, if not 0, before all others.
void ModelRun::find_able(std::uint32_t first) {
  found_ = 0;
  time_outs_ = 0;
  if (first != 0) able_[found_++] = first;
  for (std::uint32_t i = 1; i <= threads_; ++i) {
    const Player& player = players_[i];
    const bool times_out = player.state == State::blocked && player.may_time_out;
    if (i == first || (!times_out && (player.state != State::ready || player.yielded))) continue;
    if (times_out) time_outs_ |= 1U << found_;
    able_[found_++] = i;
  }
}

std::uint32_t ModelRun::ask(Question::Is is, std::uint32_t options, bool yields) {
  Player& self = players_[running_];
  const std::uint32_t nth = is == Question::Is::go_on ? 0 : self.asked++;
  const Question question{is, running_, self.operations, nth, options, able_.data(), time_outs_, yields};
  const std::uint32_t choice = chooser_->choose(question);
  ++record_.questions;
  if (choice >= options) {
    const char* const foreign = "this schedule does not belong to this program and these options";
    if (running_ != 0) fail(foreign);
    record_.failure = foreign;  // no thread has begun
    return 0;
  }
  if (!is_recorded_) return choice;
  record_.line += Line::digit(choice);
  if (choice == 0) return 0;
  record_.deviations.push_back({is, running_, self.operations, nth, is == Question::Is::value ? choice : able_[choice]});
  if (is == Question::Is::go_on) ++record_.preemptions;
  return choice;
}

/// The running thread cannot go on; whoever does costs no pre-emption.
void ModelRun::give_up_control(bool yields) {
  find_able(0);
  if (found_ == 0) {
    for (std::uint32_t i = 1; i <= threads_; ++i) players_[i].yielded = false;
    find_able(0);
  }
  if (found_ == 0) return fail_deadlocked();
  go_to(able_[found_ > 1 ? ask(Question::Is::next, found_, yields) : 0]);
}

void ModelRun::go_to(std::uint32_t next) {
  Player& to = players_[next];
  if (to.state == State::blocked) {
    to.timed_out = true;
    to.state = State::ready;
  }
  const std::uint32_t from = std::exchange(running_, next);
  if (from != next) Fibre::switch_between(players_[from].fibre, to.fibre);
}

void ModelRun::fail_deadlocked() {
  std::string waiting;
  for (std::uint32_t i = 1; i <= threads_; ++i) {
    if (players_[i].state == State::blocked) waiting += (waiting.empty() ? "" : ", ") + std::to_string(i);
  }
  fail("deadlock: every thread that has not ended waits: " + waiting);
}

}  // namespace rt
