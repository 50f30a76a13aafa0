// Structured fork and join that does not come to its end: a parent that is dropped, cancelled, interrupted, given up; what a dump shows.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "rt/drive/block_on.hpp"
#include "rt/observe/taskdump.hpp"
#include "rt/runtime.hpp"
#include "rt/task/fork_join.hpp"
#include "sim_world.hpp"

namespace rt {
namespace {

using namespace sim_world;

Coro<std::int64_t> fib(std::int64_t n, Nanos cost) {
  if (cost != 0) co_await work(cost);
  if (n < 2) co_return n;
  auto both = fork_join(fib(n - 1, cost), fib(n - 2, cost));
  const auto [more, less] = co_await both;
  co_return more + less;
}

Task<void> fib_into(std::int64_t* result, std::int64_t n, Nanos cost) {
  auto whole = fib(n, cost);
  *result = co_await std::move(whole);
}

// ---- drops ----

Coro<void> live_and_wait(std::int64_t* alive, std::vector<int>* order, int number, bool at_once) {
  struct Says {
    std::int64_t* alive;
    std::vector<int>* order;
    int number;
    ~Says() {
      --*alive;
      order->push_back(number);
    }
  };
  ++*alive;
  const Says says{alive, order, number};
  if (!at_once) co_await yield_now();
  co_await Never();
}
Task<void> fork_for_ever(std::int64_t* alive, std::vector<int>* order) {
  const struct Says {
    std::vector<int>* order;
    ~Says() { order->push_back(0); }
  } says{order};
  auto both = fork_join(live_and_wait(alive, order, 1, true), live_and_wait(alive, order, 2, false),
                        live_and_wait(alive, order, 3, true));
  static_cast<void>(co_await both);
}

TEST(ForkJoinEnd, a_parent_that_is_dropped_goes_after_its_children) {
  for (const std::uint32_t count : {1U, 3U}) {
    SimDrive drive(workers(count));
    std::int64_t alive = 0;
    std::vector<int> order;
    drive.outside([&] { static_cast<void>(spawn(fork_for_ever, &alive, &order)); });
    static_cast<void>(drive.settle(enough_steps));
    EXPECT_EQ(alive, 3);
    drive.stop();
    EXPECT_EQ(alive, 0);
    ASSERT_EQ(order.size(), 4U);
    EXPECT_EQ(order.back(), 0) << count << " workers";
  }
}

TEST(ForkJoinEnd, a_simulation_that_is_given_up_cuts_its_forks_off) {
  for (const Nanos until : {0U, 500U, 1500U, 20'500U, 60'500U}) {
    SimDrive drive(workers(3));
    std::int64_t result = 0;
    drive.run([&] { start(drive, fib_into, &result, 10, Nanos{1000}); }, enough_steps, until);
    EXPECT_EQ(result, 0);
    EXPECT_EQ(drive.shared().alive_tasks(), 0U) << until;
  }
}

struct Held {
  std::atomic<int> begun{0};
  std::atomic<bool> open{false};
  std::atomic<bool> parent_gone{false};
  std::atomic<bool> saw_parent_gone{false};
};
Coro<void> hold_worker(Held* held) {
  ++held->begun;
  while (!held->open.load()) std::this_thread::yield();
  held->saw_parent_gone.store(held->parent_gone.load());
  co_return;
}
Coro<void> wait_until_taken(Held* held) {
  while (held->begun.load() == 0) std::this_thread::yield();
  co_await Never();
}
Task<void> fork_held(Held* held) {
  const struct Says {
    Held* held;
    ~Says() { held->parent_gone.store(true); }
  } says{held};
  auto both = fork_join(wait_until_taken(held), hold_worker(held));
  static_cast<void>(co_await both);
}

TEST(ForkJoinEnd, a_cancelled_parent_stays_until_the_branch_that_is_being_polled_has_ended) {
  Held held;
  Runtime runtime({.workers = 2});
  auto handle = runtime.spawn(fork_held, &held);
  while (held.begun.load() == 0) std::this_thread::yield();
  EXPECT_TRUE(handle.cancel());
  runtime.spawn([] {}).get();  // behind the cancelled one, on the only worker that is free
  EXPECT_FALSE(held.parent_gone.load());
  held.open.store(true);
  EXPECT_THROW(handle.get(), Cancelled);
  EXPECT_TRUE(held.parent_gone.load());
  EXPECT_FALSE(held.saw_parent_gone.load());
}

TEST(ForkJoinEnd, an_interrupted_block_on_waits_for_the_branch_that_is_being_polled) {
  for (int round = 0; round < 20; ++round) {
    Held held;
    Runtime runtime({.workers = 1});
    Context context;
    context.home = &runtime.drive().shared();
    const ContextScope scope(context);
    Header& task = *fork_held(&held).release();
    {
      ThreadHome home(*context.home);
      prepare_header(task, home, {}, {});
      task.state.init_new();
      const JoinHandle<void> handle(task);
      home.drive(task, [&held] {
        held.open.store(held.begun.load() != 0);
        return held.open.load();
      });
    }
    EXPECT_TRUE(held.parent_gone.load());
    EXPECT_FALSE(held.saw_parent_gone.load());
  }
}

Task<std::int64_t> fork_without_end(std::atomic<bool>* begun) {
  begun->store(true);
  auto whole = fib(90, 0);
  co_return co_await std::move(whole);
}

TEST(ForkJoinEnd, a_cancel_comes_to_a_recursion_that_never_waits) {
  std::atomic<bool> begun{false};
  Runtime runtime({.workers = 2});
  auto handle = runtime.spawn(fork_without_end, &begun);
  while (!begun.load()) std::this_thread::yield();
  handle.cancel();
  EXPECT_THROW(handle.get(), Cancelled);
}

TEST(ForkJoinEnd, a_cancel_comes_to_a_recursion_at_its_next_look_around) {
  SimDrive drive(workers(1));
  std::int64_t result = 0;
  JoinHandle<void> handle;
  const SimResult played = drive.run(
      [&] {
        drive.outside([&] { handle = rt::spawn(fib_into, &result, std::int64_t{18}, Nanos{1000}); });
        drive.shared().call_at(1'000'000, [&] { handle.cancel(); });
      },
      enough_steps);
  EXPECT_EQ(result, 0);
  EXPECT_LT(played.now, 2'000'000) << "8 ms of work, and a look around after 128 forks";
}

TEST(ForkJoinEnd, a_shutdown_comes_to_a_recursion_that_never_waits) {
  for (const std::uint32_t workers : {1U, 2U, 4U}) {
    std::atomic<bool> begun{false};
    Runtime runtime({.workers = workers});
    auto handle = runtime.spawn(fork_without_end, &begun);
    while (!begun.load()) std::this_thread::yield();
    runtime.shutdown(true);
    EXPECT_THROW(handle.get(), Cancelled);
  }
}

// ---- dumps ----

bool mentions(const TraceEntry& task, const std::string& function) {
  return std::any_of(task.frames.begin(), task.frames.end(),
                     [&](const Frame& frame) { return frame.function.find(function) != std::string::npos; });
}

TEST(ForkJoinEnd, a_dump_shows_the_frames_through_a_fork_and_each_branch_that_is_a_task) {
  if (!taskdump) GTEST_SKIP() << "built with TASKDUMP=OFF";
  SimDrive drive(workers(1));
  std::int64_t alive = 0;
  std::vector<int> order;
  drive.outside([&] { static_cast<void>(spawn(fork_for_ever, &alive, &order)); });
  static_cast<void>(drive.settle(enough_steps));
  const DumpResult dump = drive.dump();
  ASSERT_EQ(dump.tasks.size(), 3U) << "the first branch is a part of its parent";
  EXPECT_EQ(
      std::count_if(dump.tasks.begin(), dump.tasks.end(), [](const TraceEntry& task) { return mentions(task, "fork_for_ever"); }),
      1);
  for (const TraceEntry& task : dump.tasks) {
    EXPECT_TRUE(mentions(task, "live_and_wait"));
    EXPECT_EQ(task.waits_for, "never");
  }
  drive.stop();
}

}  // namespace
}  // namespace rt
