#include "rt/drive/alarm.hpp"

#include <chrono>

#include "rt/env/cpu.hpp"
#include "rt/env/thread_env.hpp"

namespace rt {
namespace {

/// How long before a call the thread stops sleeping: wake-ups here take 4 to 44 us.  [ns]
constexpr Nanos spin_span = 60'000;

}  // namespace

void Alarm::call_at(Nanos when, std::function<void()> call) {
  const std::lock_guard lock(mutex_);
  if (stopping_) return;
  calls_.push(when, std::move(call));
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  changed_.notify_one();
}

void Alarm::stop() {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  changed_.notify_one();
}

Alarm::~Alarm() {
  stop();
  if (thread_.joinable()) thread_.join();
}

void Alarm::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (calls_.empty()) {
      changed_.wait(lock);
      continue;
    }
    const Nanos when = calls_.next_time();
    const Nanos now = steady_now();
    if (when > now + spin_span) {
      changed_.wait_for(lock, std::chrono::nanoseconds(when - now - spin_span));
      continue;
    }
    if (when > now) {  // an earlier one that comes meanwhile is seen at the next look
      lock.unlock();
      cpu_relax();
      lock.lock();
      continue;
    }
    const auto call = calls_.pop();
    lock.unlock();
    call();
    lock.lock();
  }
}

}  // namespace rt
