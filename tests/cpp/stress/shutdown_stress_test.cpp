// Runtimes that begin and end while everything happens: nothing leaks, nothing hangs, nothing is used after its end.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "rt/runtime.hpp"
#include "rt/sync/event.hpp"
#include "rt/time/driver.hpp"

namespace rt {
namespace {

std::atomic<std::int64_t> alive{0};

struct Counted {
  Counted() { alive.fetch_add(1); }
  Counted(const Counted&) { alive.fetch_add(1); }
  Counted& operator=(const Counted&) = delete;
  ~Counted() { alive.fetch_sub(1); }
};

Task<void> busy_tree(int depth) {
  const Counted counted;
  if (depth > 0) {
    auto one = spawn(busy_tree, depth - 1);
    auto two = spawn(busy_tree, depth - 1);
    co_await yield_now();
    co_await std::move(one);
    co_await std::move(two);
  }
  co_await sleep_for(1'000'000);
}

Task<void> yield_for_ever() {
  const Counted counted;
  for (;;) co_await yield_now();
}

TEST(ShutdownStress, a_thousand_runtimes_end_with_work_in_flight_and_destroy_it_all) {
  for (int i = 0; i < 1000; ++i) {
    RuntimeOptions options;
    options.workers = 1 + static_cast<std::uint32_t>(i % 3);
    Runtime runtime(std::move(options));
    static_cast<void>(runtime.spawn(busy_tree, 3));
    static_cast<void>(runtime.spawn(yield_for_ever));
    if (i % 4 == 0) static_cast<void>(runtime.spawn_blocking([counted = Counted()] { std::this_thread::yield(); }));
    if (i % 3 == 0) std::this_thread::yield();
  }
  EXPECT_EQ(alive.load(), 0);
}

TEST(ShutdownStress, spawns_from_outside_while_it_ends_are_run_or_cancelled) {
  for (int round = 0; round < 100; ++round) {
    std::atomic<std::uint64_t> ended{0};
    RuntimeOptions options;
    options.workers = 2;
    options.scheduler.hooks.on_task_terminate = [&ended](const TaskMeta& task) { ended.fetch_add(task.id != 0 ? 1 : 0); };
    Runtime runtime(std::move(options));
    std::atomic<bool> stop{false};
    std::uint64_t spawned = 0;
    std::thread spawner([&] {
      while (!stop.load()) {
        static_cast<void>(runtime.spawn([counted = Counted()] { std::this_thread::yield(); }));
        ++spawned;
      }
      static_cast<void>(runtime.spawn([] {}));
      ++spawned;
    });
    std::this_thread::yield();
    runtime.shutdown(true);
    stop.store(true);
    spawner.join();
    ASSERT_EQ(runtime.drive().shared().alive_tasks(), 0U);
    ASSERT_EQ(runtime.drive().shared().spawned_tasks(), spawned);
    ASSERT_EQ(ended.load(), spawned);
  }
  EXPECT_EQ(alive.load(), 0);
}

TEST(ShutdownStress, events_that_come_while_it_ends_find_no_freed_task) {
  for (int round = 0; round < 200; ++round) {
    Event event;
    std::atomic<bool> go{false};
    std::thread setter;
    {
      RuntimeOptions options;
      options.workers = 2;
      Runtime runtime(std::move(options));
      for (int i = 0; i < 10; ++i) {
        static_cast<void>(runtime.spawn(
            [](Event of) -> Task<void> {
              const Counted counted;
              co_await of.wait();
            },
            event));
      }
      setter = std::thread([&] {
        while (!go.load()) std::this_thread::yield();
        event.set();
      });
      go.store(true);
    }
    setter.join();
  }
  EXPECT_EQ(alive.load(), 0);
}

TEST(ShutdownStress, handles_and_wakers_outlive_their_runtime) {
  std::vector<JoinRef> handles;
  std::vector<Waker> wakers;
  for (int round = 0; round < 50; ++round) {
    RuntimeOptions options;
    options.workers = 2;
    Runtime runtime(std::move(options));
    for (int i = 0; i < 20; ++i) {
      auto handle = runtime.spawn(
          [](int number) -> Task<int> {
            co_await sleep_for(static_cast<Nanos>(number) * 300'000);
            co_return number;
          },
          i);
      JoinRef ref = std::move(handle).into_ref();
      wakers.emplace_back(*ref.task());
      handles.push_back(std::move(ref));
    }
  }
  for (auto& waker : wakers) std::move(waker).wake();
  for (auto& handle : handles) {
    ASSERT_TRUE(handle.done());
    const Outcome outcome = handle.task()->outcome;
    EXPECT_TRUE(outcome == Outcome::value || outcome == Outcome::cancelled);
  }
}

/// One waits, in a plain poll or in block_in_place, for the drop of the other: so each worker has to be able to end any task.
void wait_for_drop(bool in_place) {
  struct World {
    std::atomic<int> begun{0};
    std::atomic<bool> dropped{false};
  } world;
  struct TellsOfItsEnd {
    explicit TellsOfItsEnd(World* of) : of_(of) {}
    TellsOfItsEnd(const TellsOfItsEnd&) = delete;
    TellsOfItsEnd& operator=(const TellsOfItsEnd&) = delete;
    ~TellsOfItsEnd() { of_->dropped.store(true); }

   private:
    World* of_;
  };
  RuntimeOptions options;
  options.workers = 2;
  Runtime runtime(std::move(options));
  static_cast<void>(runtime.spawn(
      [](World* w) -> Task<void> {
        const TellsOfItsEnd at_end(w);
        w->begun.fetch_add(1);
        Event never;
        co_await never.wait();
      },
      &world));
  static_cast<void>(runtime.spawn(
      [](World* w, bool hands_over) {
        const auto wait = [w] {
          w->begun.fetch_add(1);
          while (!w->dropped.load()) std::this_thread::yield();
        };
        hands_over ? block_in_place(wait) : wait();
      },
      &world, in_place));
  while (world.begun.load() < 2) std::this_thread::yield();
  EXPECT_TRUE(runtime.shutdown(true, steady_now() + 20'000'000'000)) << (in_place ? "in place" : "in a poll");
  world.dropped.store(true);
}

TEST(ShutdownStress, L6_a_task_that_waits_for_the_drop_of_another_lets_the_runtime_end) {  // Tokio #2789, #3228
  for (int round = 0; round < 30 && !testing::Test::HasFailure(); ++round) wait_for_drop(round % 2 == 0);
}

TEST(ShutdownStress, a_cancelled_tasks_destructor_may_block_spawn_and_wake) {
  struct Awkward {
    explicit Awkward(Event of) : event(std::move(of)) {}
    Awkward(const Awkward&) = delete;
    Awkward& operator=(const Awkward&) = delete;
    ~Awkward() {
      event.set();
      static_cast<void>(spawn([] {}));
      std::this_thread::yield();
    }
    Event event;
  };
  for (int round = 0; round < 100; ++round) {
    Event event;
    RuntimeOptions options;
    options.workers = 2;
    Runtime runtime(std::move(options));
    for (int i = 0; i < 10; ++i) {
      static_cast<void>(runtime.spawn(
          [](Event of) -> Task<void> {
            const Counted counted;
            const Awkward awkward(of);
            Event never;
            co_await never.wait();
          },
          event));
      static_cast<void>(runtime.spawn(
          [](Event of) -> Task<void> {
            const Counted counted;
            co_await of.wait();
          },
          event));
    }
    if (round % 2 == 0) std::this_thread::yield();
  }
  EXPECT_EQ(alive.load(), 0);
}

}  // namespace
}  // namespace rt
