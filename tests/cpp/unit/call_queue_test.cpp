// Calls at their times: in virtual time they come from this queue, on threads from the alarm that has one.
#include "rt/drive/call_queue.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <future>
#include <mutex>
#include <vector>

#include "rt/drive/alarm.hpp"
#include "rt/env/thread_env.hpp"

namespace rt {
namespace {

TEST(CallQueue, calls_come_by_their_times_and_those_of_one_time_in_the_order_they_were_asked_for) {
  CallQueue queue;
  std::vector<int> called;
  const std::vector<Nanos> times{30, 10, 20, 10, 30, 10};
  for (std::size_t i = 0; i < times.size(); ++i) {
    queue.push(times[i], [&called, i] { called.push_back(static_cast<int>(i)); });
  }
  std::vector<Nanos> due;
  while (!queue.empty()) {
    due.push_back(queue.next_time());
    queue.pop()();
  }
  EXPECT_EQ(due, (std::vector<Nanos>{10, 10, 10, 20, 30, 30}));
  EXPECT_EQ(called, (std::vector<int>{1, 3, 5, 2, 0, 4}));
}

TEST(Alarm, calls_in_the_order_of_the_times_never_early_and_a_call_may_ask_for_the_next) {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<int> called;
  std::atomic<bool> early{false};
  Alarm alarm;
  const Nanos start = steady_now();
  const auto note = [&](int number, Nanos due) {
    if (steady_now() < due) early = true;
    const std::lock_guard lock(mutex);
    called.push_back(number);
    changed.notify_one();
  };
  const Nanos first = start + 2'000'000;
  const Nanos second = start + 3'000'000;
  std::promise<void> all_are_asked_for;  // however slow this thread is
  alarm.call_at(0, [&] { all_are_asked_for.get_future().wait(); });
  alarm.call_at(second, [&] { note(2, second); });
  alarm.call_at(first, [&] {
    note(1, first);
    alarm.call_at(second + 1, [&] { note(3, second + 1); });
  });
  all_are_asked_for.set_value();
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return called.size() == 3; });
  EXPECT_EQ(called, (std::vector<int>{1, 2, 3}));
  EXPECT_FALSE(early);
}

TEST(Alarm, what_was_not_due_when_it_stopped_is_never_called) {
  std::atomic<int> calls{0};
  {
    Alarm alarm;
    alarm.call_at(steady_now() + 3'600'000'000'000, [&] { ++calls; });
    alarm.stop();
    alarm.call_at(0, [&] { ++calls; });
  }
  EXPECT_EQ(calls, 0);
}

}  // namespace
}  // namespace rt
