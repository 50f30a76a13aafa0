// The sync primitives under real threads: those that block, and those that turn tasks. Meant for ThreadSanitizer too.
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "rt/sync/barrier.hpp"
#include "rt/sync/channel.hpp"
#include "rt/sync/event.hpp"
#include "rt/sync/lock.hpp"
#include "rt/sync/oneshot.hpp"
#include "sync_home.hpp"

namespace rt {
namespace {

using testing_home::QueueHome;
using Box = std::unique_ptr<int>;

constexpr Nanos millisecond = 1'000'000;

/// Turns the home on several threads until all its tasks have ended.
void run_on_threads(QueueHome& home, int threads) {
  std::vector<std::thread> turners;
  for (int i = 0; i < threads; ++i) {
    turners.emplace_back([&home] {
      while (home.alive() > 0) {
        if (!home.turn()) std::this_thread::yield();
      }
    });
  }
  for (auto& turner : turners) turner.join();
}

TEST(Blocking, AnEventEndsTheWaitOfAThread) {
  Event event;
  std::thread setter([event]() mutable { event.set(); });
  EXPECT_TRUE(event.wait_blocking());
  setter.join();
}

TEST(Blocking, ATimeOutTakesNothing) {
  Event event;
  EXPECT_FALSE(event.wait_blocking(0));
  EXPECT_FALSE(event.wait_blocking(millisecond));
  auto [tx, rx] = channel<Box>(1);
  EXPECT_FALSE(rx.recv_blocking(millisecond));
  EXPECT_TRUE(tx.send_blocking(std::make_unique<int>(1)));
  Box kept = std::make_unique<int>(2);
  EXPECT_FALSE(tx.send_blocking(std::move(kept), millisecond));
  ASSERT_NE(kept, nullptr);
  EXPECT_EQ(*kept, 2);
  EXPECT_EQ(**rx.recv_blocking(0), 1);
  EXPECT_TRUE(tx.send_blocking(std::move(kept), 0));
  tx.close();
  EXPECT_EQ(**rx.recv_blocking(), 2);
  EXPECT_THROW((void)rx.recv_blocking(), ChannelClosed);
  EXPECT_THROW(tx.send_blocking(std::make_unique<int>(3)), ChannelClosed);
}

TEST(Blocking, GivesUpWhenToldAndLeavesTheQueueWhenThatThrows) {
  Event event;
  int asked = 0;
  EXPECT_FALSE(event.wait_blocking(no_deadline, [&asked] { return ++asked == 3; }));
  EXPECT_EQ(asked, 3);
  EXPECT_THROW(event.wait_blocking(no_deadline, []() -> bool { throw std::runtime_error("interrupted"); }), std::runtime_error);
  event.set();  // would touch the stack of the wait above if it were still queued
}

TEST(Blocking, AOneshotAnswersAThread) {
  auto [tx, rx] = oneshot<Box>();
  std::thread sender([end = std::move(tx)]() mutable { end.send(std::make_unique<int>(6)); });
  EXPECT_EQ(**rx.recv_blocking(), 6);
  sender.join();
  auto [gone, lonely] = oneshot<Box>();
  std::thread dropper([end = std::move(gone)] {});
  EXPECT_THROW((void)lonely.recv_blocking(), ChannelClosed);
  dropper.join();
}

TEST(Blocking, ValuesArriveOnceEachWhateverTimesOutMeanwhile) {
  constexpr int per_sender = 2000;
  auto [tx, rx] = channel<Box>(3);
  std::atomic<long> sum{0};
  std::atomic<int> count{0};
  std::vector<std::thread> threads;
  for (int s = 0; s < 2; ++s) {
    threads.emplace_back([out = tx] {
      for (int i = 1; i <= per_sender; ++i) {
        Box value = std::make_unique<int>(i);
        while (!out.send_blocking(std::move(value), 1000)) {
        }
      }
    });
  }
  {
    const auto last = std::move(tx);
  }
  for (int r = 0; r < 2; ++r) {
    threads.emplace_back([&sum, &count, in = rx] {
      try {
        for (;;) {
          if (auto value = in.recv_blocking(1000)) {
            sum += **value;
            ++count;
          }
        }
      } catch (const ChannelClosed&) {
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(count, 2 * per_sender);
  EXPECT_EQ(sum, long{per_sender} * (per_sender + 1));
}

Task<void> count_under(Lock lock, long* counter, int times) {
  for (int i = 0; i < times; ++i) {
    co_await lock.acquire();
    const Permit held(lock);
    ++*counter;  // plain: ThreadSanitizer tells if the lock lets two in
    if (i % 8 == 0) co_await yield_now();
  }
}

TEST(Tasks, ALockLetsOneInEvenIfHoldersAndWaitersAreCancelled) {
  QueueHome home;
  Lock lock;
  long counter = 0;
  std::vector<JoinHandle<void>> tasks;
  for (int i = 0; i < 24; ++i) tasks.push_back(home.spawn(count_under, lock, &counter, 300));
  std::thread canceller([&tasks] {
    for (std::size_t i = 0; i < tasks.size(); i += 3) {
      tasks[i].cancel();
      std::this_thread::yield();
    }
  });
  run_on_threads(home, 3);
  canceller.join();
  EXPECT_FALSE(lock.is_locked());
  EXPECT_EQ(lock.waiting(), 0U);
  EXPECT_GE(counter, 16 * 300);
}

Task<void> send_many(Sender<Box> tx, int count) {
  for (int i = 1; i <= count; ++i) co_await tx.send(std::make_unique<int>(i));
}

Task<void> sum_up(Receiver<Box> rx, std::atomic<long>* sum) {
  while (auto value = co_await rx.next()) *sum += **value;
}

TEST(Tasks, ManySendersAndReceiversLoseNothingWhenReceiversAreCancelled) {
  QueueHome home;
  std::atomic<long> sum{0};
  std::vector<JoinHandle<void>> receivers;
  {
    auto [tx, rx] = channel<Box>(4);
    for (int i = 0; i < 6; ++i) home.spawn(send_many, tx, 500);
    for (int i = 0; i < 6; ++i) receivers.push_back(home.spawn(sum_up, rx, &sum));
  }
  // A receiver that is cancelled waits at next(): it holds no value, so the others must see them all.
  std::thread canceller([&receivers] {
    for (std::size_t i = 0; i < 4; ++i) {
      std::this_thread::yield();
      receivers[i].cancel();
    }
  });
  run_on_threads(home, 3);
  canceller.join();
  EXPECT_EQ(sum, 6L * 500 * 501 / 2);
}

Task<void> meet(Barrier barrier, int rounds, std::atomic<long>* places) {
  for (int i = 0; i < rounds; ++i) *places += static_cast<long>(co_await barrier.wait());
}

TEST(Tasks, ABarrierNumbersEachRoundCompletely) {
  QueueHome home;
  std::atomic<long> places{0};
  const Barrier barrier(4);
  for (int i = 0; i < 4; ++i) home.spawn(meet, barrier, 200, &places);
  run_on_threads(home, 3);
  EXPECT_EQ(places, 200L * (0 + 1 + 2 + 3));
}

}  // namespace
}  // namespace rt
