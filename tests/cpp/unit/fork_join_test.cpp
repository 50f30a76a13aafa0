// Structured fork and join: results, exceptions, waits; in virtual time where an order matters, else on threads.
// How it ends before its time: fork_join_end_test.cpp.
#include "rt/task/fork_join.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "rt/runtime.hpp"
#include "rt/sync/event.hpp"
#include "rt/task/blocking.hpp"
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

Task<std::int64_t> fib_root(std::int64_t n, Nanos cost) {
  auto whole = fib(n, cost);
  co_return co_await std::move(whole);
}

Task<void> fib_into(std::int64_t* result, std::int64_t n, Nanos cost) {
  auto whole = fib(n, cost);
  *result = co_await std::move(whole);
}

// ---- results ----

TEST(ForkJoin, a_recursion_gives_its_sum_on_threads) {
  for (const std::uint32_t workers : {1U, 2U, 4U}) {
    Runtime runtime({.workers = workers});
    EXPECT_EQ(runtime.spawn(fib_root, 22, Nanos{0}).get(), 17711) << workers << " workers";
  }
}

TEST(ForkJoin, branches_that_nobody_takes_are_no_tasks) {
  SimDrive drive(workers(1));
  std::int64_t result = 0;
  drive.run([&] { start(drive, fib_into, &result, 15, Nanos{0}); }, enough_steps);
  EXPECT_EQ(result, 610);
  EXPECT_EQ(Sum(drive).spawned, 1U);
}

TEST(ForkJoin, each_branch_that_is_stolen_is_a_task_of_its_own) {
  if (!unstable_metrics) GTEST_SKIP() << "reads counts that this build leaves out";
  SimDrive drive(workers(4));
  std::int64_t result = 0;
  drive.run([&] { start(drive, fib_into, &result, 12, Nanos{1000}); }, enough_steps);
  const Sum sum(drive);
  EXPECT_EQ(result, 144);
  EXPECT_GT(sum.steals, 3U);
  EXPECT_EQ(sum.spawned, 1 + sum.steals);
  EXPECT_GT(sum.local_schedules, sum.steals) << "each is scheduled by its thief, and some parent is woken (law A4)";
}

TEST(ForkJoin, four_workers_share_a_tree_that_one_forks) {
  SimDrive one(workers(1)), four(workers(4));
  std::int64_t result = 0;
  const SimResult alone = one.run([&] { start(one, fib_into, &result, 12, Nanos{1000}); }, enough_steps);
  const SimResult shared = four.run([&] { start(four, fib_into, &result, 12, Nanos{1000}); }, enough_steps);
  EXPECT_LT(shared.now * 3, alone.now) << "465 branches of 1 us, 12 deep";
}

Coro<std::int64_t> give(std::int64_t n) { co_return n; }
Coro<void> add_to(std::int64_t* sum, std::int64_t n) {
  *sum += n;
  co_return;
}
Task<void> fork_mixed(std::vector<std::int64_t>* seen) {
  std::int64_t sum = 0;
  auto all = fork_join(give(3), add_to(&sum, 4), give(5));
  const auto [three, nothing, five] = co_await all;
  static_cast<void>(nothing);
  *seen = {three, sum, five};
}
Task<void> fork_none(bool* went_on) {
  Branches<std::int64_t> none(0);
  co_await none;
  *went_on = true;
}
Task<std::int64_t> fork_wide(std::int64_t width) {
  Branches<std::int64_t> children(static_cast<std::size_t>(width));
  for (std::int64_t i = 0; i < width; ++i) children.add(give(i));
  co_await children;
  std::int64_t sum = 0;
  for (std::uint32_t i = 0; i < children.size(); ++i) sum += children.take(i);
  co_return sum;
}

Task<void> fork_too_many() {
  Branches<std::int64_t> two(2);
  for (std::int64_t i = 0; i < 3; ++i) two.add(give(i));
  co_await two;
}

TEST(ForkJoin, results_stand_in_the_order_of_the_children) {
  SimDrive drive(workers(2));
  std::vector<std::int64_t> seen;
  drive.run([&] { start(drive, fork_mixed, &seen); }, enough_steps);
  EXPECT_EQ(seen, (std::vector<std::int64_t>{3, 4, 5}));
}

TEST(ForkJoin, no_children_are_over_at_once) {
  SimDrive drive(workers(1));
  bool went_on = false;
  drive.run([&] { start(drive, fork_none, &went_on); }, enough_steps);
  EXPECT_TRUE(went_on);
}

TEST(ForkJoin, more_children_than_the_stack_holds) {
  Runtime runtime({.workers = 2});
  constexpr std::int64_t width = 3 * tuning::fork_stack_capacity;
  EXPECT_EQ(runtime.spawn(fork_wide, width).get(), width * (width - 1) / 2);
}

/// One at every depth; the outer forks' are below those of the inner ones.
Coro<std::int64_t> fork_deep(std::int64_t depth) {
  if (depth == 0) co_return 0;
  auto both = fork_join(fork_deep(depth - 1), give(1));
  const auto [below, here] = co_await both;
  co_return below + here;
}
Task<std::int64_t> deep_root(std::int64_t depth) {
  auto whole = fork_deep(depth);
  co_return co_await std::move(whole);
}

TEST(ForkJoin, a_recursion_deeper_than_the_stack_begins_no_branch_of_another_fork) {
  constexpr std::int64_t depth = 3 * tuning::fork_stack_capacity;
  for (const std::uint32_t workers : {1U, 3U}) {
    Runtime runtime({.workers = workers});
    EXPECT_EQ(runtime.spawn(deep_root, depth).get(), depth) << workers << " workers";
  }
}

TEST(ForkJoin, no_more_children_than_there_is_room_for) {
  Runtime runtime({.workers = 1});
  EXPECT_THROW(runtime.spawn(fork_too_many).get(), std::length_error);
}

template <class F>
concept Awaitable = requires(AwaitingPromise& promise, F fork) { promise.await_transform(std::forward<F>(fork)); };
static_assert(Awaitable<Forked<int>&> && !Awaitable<Forked<int>>, "a fork has to stay where it is");

TEST(ForkJoin, a_block_on_that_has_no_worker_forks_tasks) {
  Runtime runtime({.workers = 2});
  EXPECT_EQ(runtime.block_on(fib_root, 10, Nanos{0}), 55);
}

// ---- exceptions ----

Coro<std::int64_t> fail(const char* why, std::int64_t* ended) {
  co_await yield_now();
  ++*ended;
  throw std::runtime_error(why);
}
Coro<std::int64_t> end_late(std::int64_t* ended) {
  for (int i = 0; i < 5; ++i) co_await yield_now();
  ++*ended;
  co_return 1;
}
Task<void> fork_failing(std::string* caught, std::int64_t* ended) {
  auto all = fork_join(end_late(ended), fail("second", ended), fail("third", ended));
  try {
    const auto results = co_await all;
    static_cast<void>(results);
  } catch (const std::runtime_error& error) {
    *caught = error.what() + std::string(" of ") + std::to_string(*ended);
  }
}

TEST(ForkJoin, the_first_exception_comes_when_all_children_have_ended) {
  SimDrive drive(workers(2));
  std::string caught;
  std::int64_t ended = 0;
  drive.run([&] { start(drive, fork_failing, &caught, &ended); }, enough_steps);
  EXPECT_EQ(caught, "second of 3");
}

// ---- waits ----

Coro<void> wait_for(Event event) { co_await event.wait(); }
Coro<void> set(Event event) {
  event.set();
  co_return;
}
Task<void> fork_waiting(bool* went_on) {
  Event event;
  auto both = fork_join(wait_for(event), set(event));
  static_cast<void>(co_await both);
  *went_on = true;
}
Coro<void> block_until(std::atomic<bool>* flag) {
  block_in_place([flag] {
    while (!flag->load()) std::this_thread::yield();
  });
  co_return;
}
Coro<void> raise(std::atomic<bool>* flag) {
  flag->store(true);
  co_return;
}
Task<void> fork_blocking(std::atomic<bool>* flag) {
  auto both = fork_join(block_until(flag), raise(flag));
  static_cast<void>(co_await both);
}

TEST(ForkJoin, a_branch_that_waits_lets_its_siblings_run) {
  SimDrive drive(workers(1));
  bool went_on = false;
  drive.run([&] { start(drive, fork_waiting, &went_on); }, enough_steps);
  EXPECT_TRUE(went_on);
}

TEST(ForkJoin, a_branch_that_blocks_in_place_lets_its_siblings_run) {
  Runtime runtime({.workers = 1});
  std::atomic<bool> flag{false};
  runtime.spawn(fork_blocking, &flag).get();
  EXPECT_TRUE(flag.load());
}

Task<void> note_time(SimDrive* drive, Nanos* at) {
  *at = drive->now();
  co_return;
}

TEST(ForkJoin, a_task_that_only_forks_gives_way_to_others) {
  SimDrive drive(workers(1));
  std::int64_t result = 0;
  Nanos other_ran = 0;
  const SimResult played = drive.run(
      [&] {
        start(drive, fib_into, &result, 18, Nanos{1000});
        start(drive, note_time, &drive, &other_ran);
      },
      enough_steps);
  EXPECT_EQ(result, 2584);
  EXPECT_LT(other_ran, played.now / 10);
  EXPECT_EQ(Sum(drive).spawned, 2U) << "what it had not begun went with it";
}

TEST(ForkJoin, a_task_that_only_forks_is_not_taken_for_one_that_is_stuck) {
  SimDrive drive(workers(1));
  std::int64_t result = 0;
  constexpr Nanos until = 5'000'000;
  drive.run([&] { start(drive, fib_into, &result, 18, Nanos{1000}); }, enough_steps, until);
  EXPECT_EQ(result, 0) << "it is in its only poll";
  EXPECT_GT(drive.shared().remotes[0]->metrics.in_poll_since.load(relaxed) + 500'000, until);
}

}  // namespace
}  // namespace rt
