// Who calls a function at a point in time, outside every task? One thread, made when the first call is asked for.
//
// The timer wheel has ticks of a millisecond and wakes tasks; an open system's arrivals need to come within microseconds, from
// outside. So this thread sleeps until shortly before a call is due and spins the rest. Invariant: calls are made in the order of
// their times, and none after stop().
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "rt/drive/call_queue.hpp"
#include "rt/env/environment.hpp"

namespace rt {

class Alarm {
 public:
  Alarm() = default;
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;
  /// Not on the alarm's own thread. Waits for the call that is being made.
  ~Alarm();

  /// Any thread. `when`: steady clock. What is already due is called at once.
  void call_at(Nanos when, std::function<void()> call);
  /// Any thread. What has not been called yet will not be.
  void stop();

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable changed_;
  CallQueue calls_;  // under mutex_, as stopping_
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace rt
