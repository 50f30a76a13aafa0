#include "rt/time/driver.hpp"

#include <array>

#include "rt/core/tuning.hpp"

namespace rt {

Sleep::~Sleep() {
  if (driver_ != nullptr) driver_->remove(*this);
}

bool Sleep::poll(Header& task) {
  if (!coop::proceed(task)) return false;
  if (is_over(task)) return true;
  coop::give_back();
  return false;
}

bool Sleep::is_over(Header& task) {
  const Nanos now = task.home->now();
  if (is_span_) {
    deadline_ = later_by(deadline_, now);
    is_span_ = false;
  }
  if (driver_ == nullptr) driver_ = &task.home->timers();
  {
    Waker before;  // dropped without the lock, see remove()
    const std::scoped_lock lock(driver_->mutex_);
    if (fired_) return true;
    if (!registered_ && deadline_ <= now) return true;
    // A leaf is polled by one task at a time, but that may be another task than before.
    if (waker_.task() != &task) before = std::exchange(waker_, Waker(task));
    if (!registered_) driver_->add(*this);
  }
  return false;
}

void Sleep::reset_until(Nanos deadline) {
  if (driver_ != nullptr) driver_->remove(*this);
  deadline_ = deadline;
  is_span_ = false;
  fired_ = false;
}

void TimeDriver::add(Sleep& sleep) {
  sleep.registered_ = true;
  sleep.deadline_tick = deadline_tick(sleep.deadline_);
  wheel_.insert(sleep);
  const Nanos next = next_locked();
  watch_.set_next(next);
  if (const auto worker = watch_.worker_to_wake(next)) unpark_(*worker);
}

void TimeDriver::remove(Sleep& sleep) {
  Waker waker;  // dropped without the lock: a last reference frees a task, whose destructors may do anything
  const std::scoped_lock lock(mutex_);
  wheel_.remove(sleep);
  sleep.registered_ = false;
  waker = std::move(sleep.waker_);
}

Nanos TimeDriver::next_locked() const {
  const auto tick = wheel_.next_expiration_tick();
  return tick ? *tick * tuning::wheel_tick_ns : no_deadline;
}

Nanos TimeDriver::begin_wait(std::uint32_t worker) {
  const std::scoped_lock lock(mutex_);
  const Nanos next = next_locked();
  watch_.begin_wait(worker, next);
  return next;
}

void TimeDriver::end_wait() {
  const std::scoped_lock lock(mutex_);
  watch_.end_wait();
}

std::size_t TimeDriver::advance(Nanos now) {
  if (!is_due(now)) return 0;
  // In batches, so that a burst of timers does not keep the lock from those who register (Tokio: 32).
  std::array<Waker, tuning::timer_batch> due;
  std::size_t woken = 0;
  for (bool more = true; more;) {
    std::size_t count = 0;
    {
      const std::scoped_lock lock(mutex_);
      while (count < due.size()) {
        TimerEntry* entry = wheel_.poll(clock_tick(now));
        if (entry == nullptr) break;
        auto& sleep = static_cast<Sleep&>(*entry);
        sleep.registered_ = false;
        sleep.fired_ = true;
        due[count++] = std::move(sleep.waker_);
      }
      more = count == due.size();
      watch_.set_next(next_locked());
    }
    for (std::size_t i = 0; i < count; ++i) std::move(due[i]).wake();
    woken += count;
  }
  return woken;
}

void TimeDriver::abandon() {
  const std::scoped_lock lock(mutex_);  // with add() in one order
  is_abandoned_.store(true, release);   // release: pairs with is_abandoned()
}

std::size_t TimeDriver::size() {
  const std::scoped_lock lock(mutex_);
  return wheel_.size();
}

Nanos TimeDriver::next_deadline() {
  const std::scoped_lock lock(mutex_);
  return next_locked();
}

}  // namespace rt
