// What happens in virtual time while a task blocks in place? Its worker goes on on a thread of the pool.
//
// The task's code runs at once, up to its next wait; what it makes ready since then, and the end of its poll, come when its thread is done
// (cpp/decisions/007). Invariant: whoever runs ahead of the world's clock (is_ahead) makes nobody ready before its own time.
// Read next: simulate.hpp (Apart), task/blocking.hpp (what a task awaits).
#include <algorithm>
#include <stdexcept>
#include <string>

#include "rt/drive/simulate.hpp"
#include "rt/task/lane.hpp"
#include "rt/task/poll.hpp"

namespace rt {

/// The function runs at once; `cost` later its thread is done with it. If that is before a thread of the pool can have woken up,
/// the worker is taken back. Otherwise it goes on on that one, and the task ends its poll alone.
void SimDrive::block_in_place(const std::function<void()>& blocking, Nanos cost) {
  if (!pool_.lend_thread()) {
    throw std::runtime_error("block_in_place: all " + std::to_string(options_.max_blocking_threads) +
                             " threads of the pool are taken, nobody could run this worker meanwhile; raise max_blocking_threads "
                             "or use spawn_blocking");
  }
  auto& seat = static_cast<Seat<SimEnv>&>(*current());
  Worker<SimEnv>& core = *seat.core;
  const HandedOver given{&core, seat.task, seat.budget};
  core.before_hand_over(seat);
  seat.budget.left = Budget::unlimited;
  owed_ = 0;
  try {
    blocking();
  } catch (...) {  // rethrown
    step_aside(core, given, later_by(cost, owed_));
    throw;
  }
  step_aside(core, given, later_by(cost, owed_));
}

void SimDrive::step_aside(Worker<SimEnv>& core, const HandedOver& given, Nanos cost) {
  const Nanos began = core.now();
  const Nanos latency = cost == 0 ? 0 : core.world().price(Cost::wake_latency, 1);
  if (cost <= latency) {
    auto& seat = static_cast<Seat<SimEnv>&>(*current());
    core.world().advance_to(later_by(cost, began));
    core.take_back(seat, given.task);
    seat.budget = given.budget;
    pool_.return_thread();
    return;
  }
  stand_in_at_ = began + latency;
  given.task->working = true;
  apart_here_ = &apart_.emplace_back(Apart{given.task, later_by(cost, began)});
}

/// A thread of the pool sits down at the worker that a task has left.
void SimDrive::seat_stand_in(Player& player) {
  call_at(apart_here_->until, [this, apart = std::prev(apart_.end())] { go_on_apart(apart); });
  apart_here_ = nullptr;
  player.core.world().advance_to(stand_in_at_);
  player.core.sit_down(player.seat);
}

void SimDrive::prolong(Nanos span) {
  if (apart_here_ == nullptr) {
    owed_ = later_by(span, owed_);
    return;
  }
  apart_here_->task->working = true;
  apart_here_->until = later_by(span, apart_here_->until);
}

void SimDrive::go_on_apart(std::list<Apart>::iterator apart) {
  Header& task = *apart->task;
  apart->until = now_;
  apart_here_ = &*apart;
  Polled polled;
  {
    const InLane lane(task.lane);
    polled = continue_poll(task);
  }
  apart_here_ = nullptr;
  last_step_ended_ = last_poll_ended_ = std::max(last_poll_ended_, now_);
  if (polled == Polled::working) return call_at(apart->until, [this, apart] { go_on_apart(apart); });
  apart_.erase(apart);
  pool_.return_thread();
}

/// What a poll makes ready while it is ahead of the world's clock.
void SimDrive::later(std::function<void()> effect) {
  effects_.push(now(), std::move(effect));
  call_at(now(), [this] { make_effects(now_); });
}

void SimDrive::make_effects(Nanos up_to) {
  while (!effects_.empty() && effects_.next_time() <= up_to) effects_.pop()();
}

/// The simulation is given up: what was made ready is ready now, and whose time is not over ends here.
void SimDrive::cut_apart() {
  outside([this] {
    make_effects(no_deadline);
    for (const Apart& apart : std::exchange(apart_, {})) {
      const InLane lane(apart.task->lane);
      cut_poll(*apart.task);
    }
  });
}

}  // namespace rt
