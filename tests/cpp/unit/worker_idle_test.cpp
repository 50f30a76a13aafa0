// Workers among each other: stealing, sleeping, waking, block_in_place, hooks. On virtual workers.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "rt/features.hpp"
#include "rt/task/blocking.hpp"
#include "rt/time/driver.hpp"
#include "sim_world.hpp"

namespace rt {
namespace {

using namespace sim_world;

constexpr Nanos ms = 1'000'000;

Task<void> work_for(Nanos span) { co_await work(span); }

Task<void> spawn_workers(int count, Nanos span) {
  for (int i = 0; i < count; ++i) static_cast<void>(spawn(work_for, span));
  co_await work(span);
}

TEST(Stealing, a_thief_takes_half_rounded_up_and_runs_one_of_them) {
  SimDrive drive(workers(2));
  drive.settle(enough_steps);
  start(drive, spawn_workers, 6, ms);
  std::set<std::size_t> seen;
  while (drive.now() == 0 && drive.step()) {
    seen.insert(drive.shared().remotes[0]->queue.len() + 10 * drive.shared().remotes[1]->queue.len());
  }
  // Five and none, then two and two: three have left, one of which runs.
  EXPECT_TRUE(seen.contains(22));
  EXPECT_TRUE(seen.contains(5) || seen.contains(50));
}

TEST(Stealing, all_workers_get_work_at_the_instant_it_appears) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    SimOptions options = workers(4);
    options.scheduler.seed = seed;
    SimDrive drive(std::move(options));
    drive.settle(enough_steps);
    const SimResult result = drive.run([] { static_cast<void>(spawn(spawn_workers, 7, ms)); }, enough_steps);
    ASSERT_EQ(result.end, SimResult::End::finished);
    ASSERT_EQ(result.now, 2 * ms) << "8 tasks of 1 ms on 4 workers, seed " << seed;
  }
}

TEST(Sleeping, a_fresh_workers_first_sleep_counts_as_a_wakeup_for_nothing) {
  if (!unstable_metrics) GTEST_SKIP() << "reads counts that this build leaves out";
  SimDrive drive(workers(1));
  drive.settle(enough_steps);
  const Sum sum(drive);
  EXPECT_EQ(sum.parks, 1U);
  EXPECT_EQ(sum.noops, 1U);
}

TEST(Sleeping, a_token_without_work_is_counted_and_the_worker_sleeps_again) {
  if (!unstable_metrics) GTEST_SKIP() << "reads counts that this build leaves out";
  SimDrive drive(workers(1));
  drive.settle(enough_steps);
  drive.shared().remotes[0]->wake.notify();
  drive.shared().remotes[0]->wake.notify();  // law S21: adds nothing
  drive.settle(enough_steps);
  const Sum sum(drive);
  EXPECT_EQ(sum.parks, 2U);
  EXPECT_EQ(sum.noops, 2U);
  EXPECT_EQ(drive.shared().idle.unparked(), 0U);
  EXPECT_EQ(drive.shared().idle.searching(), 0U);
}

TEST(Sleeping, one_outside_task_wakes_one_worker) {
  Log log;
  SimDrive drive(workers(4));
  drive.settle(enough_steps);
  start(drive, write, &log, 1);
  drive.settle(enough_steps);
  EXPECT_EQ(log, Log{1});
  // The searcher that found it sends one more out (the last one always does), and that one finds nothing.
  EXPECT_LE(Sum(drive).parks, 4U + 2U);
  EXPECT_EQ(drive.shared().idle_synced.sleepers.size(), 4U);
}

TEST(Sleeping, a_worker_that_wakes_late_moves_at_the_wakers_time_and_the_latency) {
  SimOptions options = workers(1);
  options.costs[static_cast<std::size_t>(Cost::wake_latency)] = 7;
  SimDrive drive(std::move(options));
  drive.settle(enough_steps);
  Nanos at = 0;
  const auto look = [](Nanos* now) -> Task<void> {
    *now = current()->worker->now();
    co_return;
  };
  start(drive, look, &at);
  drive.settle(enough_steps);
  EXPECT_EQ(at, 7U);
}

TEST(Timers, a_sleep_ends_on_the_first_tick_that_is_not_too_early) {
  SimDrive drive(workers(2));
  const auto rest = [](Nanos span) -> Task<void> { co_await sleep_for(span); };
  const SimResult result = drive.run([&] { static_cast<void>(spawn(rest, 5 * ms - 1)); }, enough_steps);
  EXPECT_EQ(result.end, SimResult::End::finished);
  EXPECT_EQ(result.now, 5 * ms);
}

TEST(Timers, an_earlier_timer_wakes_the_worker_that_waits_for_a_later_one) {
  SimDrive drive(workers(2));
  const auto rest = [](Nanos busy, Nanos span) -> Task<void> {
    co_await work(busy);
    co_await sleep_for(span);
  };
  start(drive, rest, Nanos{0}, 100 * ms);
  start(drive, rest, ms, ms);
  Nanos first_end = 0;
  while (drive.shared().alive_tasks() == 2 && drive.step()) first_end = drive.now();
  EXPECT_EQ(first_end, 2 * ms);
  EXPECT_EQ(drive.play(enough_steps).now, 100 * ms);
}

TEST(SpawnOn, a_task_begins_on_the_worker_it_was_sent_to) {
  for (std::uint32_t target = 0; target < 4; ++target) {
    SimDrive drive(workers(4));
    drive.settle(enough_steps);
    std::uint32_t index = 99;
    const auto look = [](std::uint32_t* worker) -> Task<void> {
      *worker = current()->worker->index();
      co_return;
    };
    drive.outside([&] { const auto handle = spawn_with({.to = {.worker = target}}, {}, look, &index); });
    EXPECT_EQ(drive.play(enough_steps).end, SimResult::End::finished);
    EXPECT_EQ(index, target);
  }
}

TEST(BlockInPlace, deferred_tasks_and_the_slots_task_are_in_the_queue_while_it_blocks) {
  SimDrive drive(workers(1, true));
  std::size_t deferred = 9;
  std::size_t queued = 9;
  Log log;
  const auto root = [](SimDrive* world, Log* polls, std::size_t* left, std::size_t* ready) -> Task<void> {
    static_cast<void>(spawn(write_yield_write, polls, 1));
    co_await yield_now();
    static_cast<void>(spawn(write, polls, 2));
    block_in_place([=] {
      *left = world->worker(0).deferred();
      *ready = world->shared().remotes[0]->queue.len();
    });
  };
  // The child yields again while the root is up: it stands in the deferred list when the root blocks.
  drive.run([&] { static_cast<void>(spawn(root, &drive, &log, &deferred, &queued)); }, enough_steps);
  EXPECT_EQ(deferred, 0U);
  EXPECT_EQ(queued, 2U);
}

TEST(BlockInPlace, the_cost_passes_on_its_worker_only_and_the_budget_comes_back) {
  SimDrive drive(workers(2));
  std::uint32_t inside = 0;
  std::uint32_t after = 0;
  const auto root = [](std::uint32_t* left_inside, std::uint32_t* left_after) -> Task<void> {
    co_await consume_budget();
    block_in_place([=] { *left_inside = current()->budget.left; }, 5 * ms);
    *left_after = current()->budget.left;
  };
  const SimResult result = drive.run([&] { static_cast<void>(spawn(root, &inside, &after)); }, enough_steps);
  EXPECT_EQ(result.now, 5 * ms);
  EXPECT_EQ(inside, Budget::unlimited);
  EXPECT_EQ(after, 127U);
}

TEST(BlockInPlace, an_exception_passes_and_the_worker_goes_on) {
  SimDrive drive(workers(1));
  bool caught = false;
  const auto root = [](bool* seen) -> Task<void> {
    try {
      block_in_place([] { throw std::runtime_error("inside"); });
    } catch (const std::runtime_error&) {
      *seen = true;
    }
    co_await yield_now();
  };
  EXPECT_EQ(drive.run([&] { static_cast<void>(spawn(root, &caught)); }, enough_steps).end, SimResult::End::finished);
  EXPECT_TRUE(caught);
}

TEST(SpawnBlocking, the_job_runs_at_once_and_is_on_no_book) {
  SimDrive drive(workers(1));
  int answer = 0;
  const auto root = [](int* out) -> Task<void> { *out = co_await spawn_blocking([] { return 42; }); };
  EXPECT_EQ(drive.run([&] { static_cast<void>(spawn(root, &answer)); }, enough_steps).end, SimResult::End::finished);
  EXPECT_EQ(answer, 42);
  EXPECT_EQ(Sum(drive).spawned, 1U);
}

TEST(Hooks, tell_of_spawn_poll_end_in_this_order_and_once_a_task) {
  std::vector<std::string> said;
  SimOptions options = workers(1);
  Hooks& hooks = options.scheduler.hooks;
  const auto say = [&](const char* what) {
    return [&said, what](const TaskMeta& task) { said.push_back(what + std::to_string(task.id)); };
  };
  hooks.on_task_spawn = say("spawn ");
  hooks.on_before_task_poll = say("before ");
  hooks.on_after_task_poll = say("after ");
  hooks.on_task_terminate = say("terminate ");
  SimDrive drive(std::move(options));
  const auto root = []() -> Task<void> {
    static_cast<void>(spawn(work_for, 0));
    co_await yield_now();
  };
  drive.run([&] { const auto handle = spawn(root); }, enough_steps);
  EXPECT_EQ(said, (std::vector<std::string>{"spawn 1", "before 1", "spawn 2", "after 1", "before 2", "terminate 2", "after 2",
                                            "before 1", "terminate 1", "after 1"}));
}

TEST(Hooks, park_and_unpark_come_in_pairs_with_the_workers_index) {
  std::vector<int> depth(3, 0);
  int calls = 0;
  SimOptions options = workers(3);
  options.scheduler.hooks.on_thread_park = [&](std::uint32_t worker) { EXPECT_EQ(depth.at(worker)++, 0); };
  options.scheduler.hooks.on_thread_unpark = [&](std::uint32_t worker) {
    EXPECT_EQ(--depth.at(worker), 0);
    ++calls;
  };
  SimDrive drive(std::move(options));
  drive.settle(enough_steps);
  drive.run([] { static_cast<void>(spawn(spawn_workers, 5, ms)); }, enough_steps);
  EXPECT_EQ(depth, (std::vector<int>{0, 0, 0}));
  EXPECT_GE(calls, 3);
}

}  // namespace
}  // namespace rt
