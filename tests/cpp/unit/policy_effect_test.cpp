// Does each field of the policy change the decision that it names? Small virtual worlds in which the other choice would show.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "rt/drive/simulate.hpp"
#include "rt/task/fork.hpp"
#include "rt/task/spawn.hpp"
#include "rt/time/driver.hpp"
#include "unit/sim_world.hpp"

namespace rt {
namespace {

using namespace sim_world;  // the helpers of this folder
using Kind = StealAmount::Kind;
using PK = Placement::Kind;

SimOptions with(std::uint32_t count, const Policy& policy) {
  SimOptions options = workers(count);
  options.scheduler.policy = policy;
  return options;
}

/// Where each task ran, and when it began.
struct Ran {
  std::uint32_t worker;
  Nanos at;
};
using Runs = std::map<int, Ran>;

Task<void> busy(Runs* runs, int number, Nanos span) {
  (*runs)[number] = {current()->worker->index(), current()->worker->now()};
  Work work(span);
  co_await work;
}

Task<void> spawn_busy(Runs* runs, int n, Nanos span, Nanos own) {
  for (int i = 0; i < n; ++i) static_cast<void>(spawn(busy, runs, i, span));
  Work work(own);
  co_await work;
}

struct Outcome {
  Runs runs;
  std::uint64_t steals = 0, steal_operations = 0, local = 0, remote = 0, parks = 0, overflows = 0;
  Nanos end = 0;
};

Outcome burst_on_one(std::uint32_t count, const Policy& policy, int n, Nanos own = 1'000'000) {
  Outcome outcome;
  SimDrive drive(with(count, policy));
  const SimResult result =
      drive.run([&] { static_cast<void>(spawn(spawn_busy, &outcome.runs, n, Nanos{100}, own)); }, enough_steps);
  EXPECT_EQ(result.end, SimResult::End::finished);
  const Sum sum(drive);
  outcome.steals = sum.steals;
  outcome.steal_operations = sum.steal_operations;
  outcome.local = sum.local_schedules;
  outcome.remote = sum.remote_schedules;
  outcome.parks = sum.parks;
  outcome.overflows = sum.overflows;
  outcome.end = result.now;
  return outcome;
}

TEST(PolicyEffect, steal_one_takes_one_a_steal_and_half_takes_several) {
  if (!unstable_metrics) GTEST_SKIP() << "reads counts that this build leaves out";
  const Outcome one = burst_on_one(2, {.lifo_slot = false, .steal = {.kind = Kind::one}}, 32);
  EXPECT_EQ(one.steals, 32U);
  EXPECT_EQ(one.steal_operations, 32U);
  const Outcome half = burst_on_one(2, {.lifo_slot = false}, 32);
  EXPECT_EQ(half.steals, 32U);
  EXPECT_EQ(half.steal_operations, 6U);  // 16, 8, 4, 2, 1, 1
  const Outcome all = burst_on_one(2, {.lifo_slot = false, .steal = {.kind = Kind::all}}, 32);
  EXPECT_EQ(all.steal_operations, 1U);
  const Outcome quarter = burst_on_one(2, {.lifo_slot = false, .steal = {.kind = Kind::fraction, .fraction = 0.25}}, 32);
  EXPECT_GT(quarter.steal_operations, half.steal_operations);
  EXPECT_LT(quarter.steal_operations, one.steal_operations);
}

TEST(PolicyEffect, without_stealing_everything_runs_where_it_was_spawned) {
  const Outcome outcome = burst_on_one(4, {.steal = {.kind = Kind::none}}, 32);
  ASSERT_EQ(outcome.runs.size(), 32U);
  const std::uint32_t home = outcome.runs.begin()->second.worker;
  for (const auto& [number, ran] : outcome.runs) EXPECT_EQ(ran.worker, home) << number;
}

TEST(PolicyEffect, the_newest_or_the_oldest_task_is_stolen_first) {
  const Policy one{.lifo_slot = false, .steal = {.kind = Kind::one}};
  Policy newest = one;
  newest.steal_end = QueueEnd::newest;
  EXPECT_LT(burst_on_one(2, one, 8).runs.at(0).at, burst_on_one(2, one, 8).runs.at(7).at);
  EXPECT_GT(burst_on_one(2, newest, 8).runs.at(0).at, burst_on_one(2, newest, 8).runs.at(7).at);
}

TEST(PolicyEffect, a_threshold_keeps_thieves_from_short_queues) {
  // The spawner is in service and has three tasks: four in all.
  const Outcome four = burst_on_one(2, {.lifo_slot = false, .steal = {.kind = Kind::one}, .steal_threshold = 4}, 3);
  const Outcome five = burst_on_one(2, {.lifo_slot = false, .steal = {.kind = Kind::one}, .steal_threshold = 5}, 3);
  const auto early = [](const Outcome& o) {
    return std::ranges::count_if(o.runs, [](auto& r) { return r.second.at < 1'000'000; });
  };
  EXPECT_EQ(early(four), 1);  // then three are left, one too few
  EXPECT_EQ(early(five), 0);
}

TEST(PolicyEffect, a_deque_runs_the_youngest_first) {
  const auto root = [](Log* log) -> Task<void> {
    for (int i = 1; i <= 4; ++i) static_cast<void>(spawn(write, log, i));
    co_return;
  };
  Log log;
  SimDrive drive(with(1, {.lifo_slot = false, .local_order = LocalOrder::lifo, .local_capacity = 2}));
  drive.run([&] { static_cast<void>(spawn(root, &log)); }, enough_steps);
  EXPECT_EQ(log, (Log{4, 3, 2, 1}));
}

Task<void> forking(Log* log, int number) {
  log->push_back(number);
  if (number < 4) {
    auto left = fork(forking, log, 2 * number);
    JoinHandle<void> first = co_await left;
    auto right = fork(forking, log, 2 * number + 1);
    JoinHandle<void> second = co_await right;
    co_await std::move(first);
    co_await std::move(second);
  }
  log->push_back(-number);
}

TEST(PolicyEffect, work_first_on_one_worker_is_the_order_of_plain_calls) {
  Log log;
  SimDrive drive(with(1, {.lifo_slot = false, .local_order = LocalOrder::lifo, .fork = ForkOrder::work_first}));
  drive.run([&] { static_cast<void>(spawn(forking, &log, 1)); }, enough_steps);
  EXPECT_EQ(log, (Log{1, 2, 4, -4, 5, -5, -2, 3, 6, -6, 7, -7, -3, -1}));
}

TEST(PolicyEffect, help_first_goes_on_with_the_parent) {
  Log log;
  SimDrive drive(with(1, {.lifo_slot = false}));
  drive.run([&] { static_cast<void>(spawn(forking, &log, 1)); }, enough_steps);
  EXPECT_EQ((Log(log.begin(), log.begin() + 3)), (Log{1, 2, 3}));
}

TEST(PolicyEffect, the_central_queue_keeps_nothing_local) {
  if (!unstable_metrics) GTEST_SKIP() << "reads counts that this build leaves out";
  const Outcome outcome = burst_on_one(4, {.placement = {PK::central}, .steal = {.kind = Kind::none}, .inject_batch = 1}, 32);
  EXPECT_EQ(outcome.local, 0U);
  EXPECT_EQ(outcome.remote, 33U);
  EXPECT_EQ(outcome.steals, 0U);
}

TEST(PolicyEffect, placement_by_load_spreads_evenly_and_stays_without_stealing) {
  const Policy jsq{.placement = {PK::jsq, 64}, .steal = {.kind = Kind::none}};
  std::map<std::uint32_t, int> by_worker;
  for (const auto& [number, ran] : burst_on_one(4, jsq, 400).runs) ++by_worker[ran.worker];
  ASSERT_EQ(by_worker.size(), 4U);
  for (const auto& [worker, n] : by_worker) EXPECT_NEAR(n, 100, 1) << worker;  // the spawner's own is in service
}

TEST(PolicyEffect, random_placement_reaches_every_worker) {
  const Policy random{.placement = {PK::random}, .steal = {.kind = Kind::none}};
  std::map<std::uint32_t, int> by_worker;
  for (const auto& [number, ran] : burst_on_one(4, random, 400).runs) ++by_worker[ran.worker];
  ASSERT_EQ(by_worker.size(), 4U);
  for (const auto& [worker, n] : by_worker) EXPECT_GT(n, 60) << worker;
}

TEST(PolicyEffect, placed_tasks_beyond_a_full_queue_still_run_where_they_were_placed) {
  const Policy random{.local_capacity = 4, .placement = {PK::random}, .steal = {.kind = Kind::none}};
  const Outcome outcome = burst_on_one(2, random, 200);
  EXPECT_EQ(outcome.runs.size(), 200U);
  EXPECT_EQ(outcome.overflows, 0U);
}

TEST(PolicyEffect, a_push_that_wakes_nobody_leaves_the_others_asleep) {
  SimDrive drive(with(4, {.notify = WakeRule::never}));
  Runs runs;
  drive.settle(enough_steps);  // all asleep: the first push, from outside, wakes one of them all the same
  drive.outside([&] { static_cast<void>(spawn(spawn_busy, &runs, 32, Nanos{100}, Nanos{1000})); });
  drive.play(enough_steps);
  ASSERT_EQ(runs.size(), 32U);
  for (const auto& [number, ran] : runs) EXPECT_EQ(ran.worker, runs.at(0).worker) << number;
}

TEST(PolicyEffect, one_wake_a_task_has_every_worker_up_at_once) {
  Policy policy{.lifo_slot = false, .notify = WakeRule::per_task};
  SimOptions options = with(8, policy);
  options.costs[static_cast<std::size_t>(Cost::wake_latency)] = 1'000;
  const auto last_start = [&](WakeRule rule) {
    options.scheduler.policy.notify = rule;
    Runs runs;
    SimDrive drive(options);
    // Asleep first, all of them.
    drive.settle(enough_steps);
    drive.outside([&] { static_cast<void>(spawn(spawn_busy, &runs, 7, Nanos{1'000'000}, Nanos{1'000'000})); });
    drive.play(enough_steps);
    Nanos last = 0;
    for (const auto& [number, ran] : runs) last = std::max(last, ran.at);
    return last;
  };
  EXPECT_LT(last_start(WakeRule::per_task), last_start(WakeRule::baton));
}

TEST(PolicyEffect, overflow_sends_the_oldest_half_the_newest_half_or_all) {
  const auto in_inject = [](const Policy& policy) {
    Log log;
    const auto root = [](Log* into) -> Task<void> {
      for (int i = 1; i <= 9; ++i) static_cast<void>(spawn(write, into, i));
      co_return;
    };
    SimDrive drive(with(1, policy));
    drive.outside([&] { static_cast<void>(spawn(root, &log)); });
    while (drive.shared().spawned_tasks() < 10) drive.step();
    const std::size_t n = drive.shared().inject.len();
    drive.play(enough_steps);
    return std::pair(n, log);
  };
  const auto [oldest, oldest_log] = in_inject({.lifo_slot = false, .local_capacity = 8});
  EXPECT_EQ(oldest, 5U);
  EXPECT_EQ(oldest_log, (Log{5, 6, 7, 8, 1, 2, 3, 4, 9}));
  const auto [newest, newest_log] = in_inject({.lifo_slot = false, .local_capacity = 8, .overflow_end = QueueEnd::newest});
  EXPECT_EQ(newest, 5U);
  EXPECT_EQ(newest_log, (Log{1, 2, 3, 4, 5, 6, 7, 8, 9}));
  const auto [all, all_log] = in_inject({.lifo_slot = false, .local_capacity = 8, .overflow_all = true});
  EXPECT_EQ(all, 9U);
  EXPECT_EQ(all_log, (Log{1, 2, 3, 4, 5, 6, 7, 8, 9}));
}

TEST(PolicyEffect, a_full_slot_behind_a_long_poll_waits_unless_it_may_be_stolen) {
  const auto start_of_the_one = [](std::uint32_t after) { return burst_on_one(2, {.lifo_steal_after = after}, 1).runs.at(0).at; };
  EXPECT_EQ(start_of_the_one(0), 1'000'000U);  // behind its spawner's poll
  EXPECT_EQ(start_of_the_one(2), 0U);
}

TEST(PolicyEffect, a_slot_that_may_be_stolen_is_found_by_those_who_look_at_lengths) {
  for (const VictimOrder order : {VictimOrder::longest, VictimOrder::two_choices}) {
    EXPECT_EQ(burst_on_one(2, {.lifo_steal_after = 2, .victims = order}, 1).runs.at(0).at, 0U);
  }
}

TEST(PolicyEffect, without_retry_a_worker_that_finds_nothing_stays_away) {
  const Policy once{
      .lifo_slot = false, .steal = {.kind = Kind::one}, .victims = VictimOrder::uniform, .attempts = 1, .retry = false};
  // Both search when they start, find nothing and lie down; the burst's worker keeps its tasks.
  SimDrive drive(with(2, once));
  Runs runs;
  drive.settle(enough_steps);
  drive.outside([&] { static_cast<void>(spawn(spawn_busy, &runs, 16, Nanos{100}, Nanos{1000})); });
  drive.play(enough_steps);
  for (const auto& [number, ran] : runs) EXPECT_EQ(ran.worker, runs.at(0).worker) << number;
}

TEST(PolicyEffect, sharded_inject_spreads_pushes_from_outside_and_loses_none) {
  Log log;
  SimDrive drive(with(4, {.inject = InjectKind::sharded}));
  drive.outside([&] {
    for (int i = 0; i < 40; ++i) static_cast<void>(spawn(write, &log, i));
  });
  EXPECT_EQ(drive.shared().inject.len(), 40U);
  drive.play(enough_steps);
  std::ranges::sort(log);
  for (int i = 0; i < 40; ++i) EXPECT_EQ(log[static_cast<std::size_t>(i)], i);
}

TEST(PolicyEffect, a_batch_is_taken_from_inject_even_while_busy) {
  // With interval 1 inject is looked at first in every turn: one task a look by default, eight with the batch.
  const auto left_after_two_turns = [](std::uint32_t batch) {
    SimDrive drive(with(1, {.global_interval = 1, .inject_batch = batch}));
    Log log;
    drive.outside([&] {
      for (int i = 0; i < 32; ++i) static_cast<void>(spawn(write, &log, i));
    });
    while (log.size() < 2) drive.step();
    const std::size_t left = drive.shared().inject.len();
    drive.play(enough_steps);
    return left;
  };
  EXPECT_EQ(left_after_two_turns(0), 30U);
  EXPECT_EQ(left_after_two_turns(8), 16U);
}

TEST(PolicyEffect, more_sweeps_come_before_a_worker_lies_down) {
  const auto probes = [](std::uint32_t spin) {
    SimDrive drive(with(2, {.spin = spin}));
    return drive.settle(enough_steps).steps;
  };
  EXPECT_GT(probes(5), probes(0));
}

TEST(PolicyEffect, every_order_of_victims_looks_at_peers_only_and_the_scans_at_each_once) {
  struct Dice {
    std::uint32_t next = 0;
    std::uint32_t choose(std::uint32_t n) { return next++ % n; }
  };
  const auto length = [](std::uint32_t worker) { return worker; };
  for (const VictimOrder order : {VictimOrder::random_start_scan, VictimOrder::uniform, VictimOrder::round_robin,
                                  VictimOrder::last_victim, VictimOrder::two_choices, VictimOrder::longest}) {
    VictimSearch search({.victims = order}, 2, 6);
    Dice dice;
    for (int round = 0; round < 10; ++round) {
      search.begin(dice);
      std::vector<std::uint32_t> seen;
      while (const auto victim = search.next(dice, length)) seen.push_back(*victim);
      EXPECT_EQ(seen.size(), 5U);
      EXPECT_EQ(std::ranges::count(seen, 2U), 0);
      if (order == VictimOrder::random_start_scan || order == VictimOrder::round_robin) {
        std::ranges::sort(seen);
        EXPECT_EQ(seen, (std::vector<std::uint32_t>{0, 1, 3, 4, 5}));
      }
      if (order == VictimOrder::longest) {
        EXPECT_EQ(seen, std::vector<std::uint32_t>(5, 5U));
      }
      search.hit(seen.front());
    }
  }
}

TEST(PolicyEffect, the_nearest_victims_come_first_group_by_group) {
  VictimSearch search({.victims = VictimOrder::nearest}, 0, 6);
  search.set_groups({{1, 2}, {3, 4, 5}});
  struct Dice {
    std::uint32_t choose(std::uint32_t n) { return n - 1; }
  } dice;
  search.begin(dice);
  std::vector<std::uint32_t> seen;
  while (const auto victim = search.next(dice, [](std::uint32_t) { return 1U; })) seen.push_back(*victim);
  EXPECT_EQ(seen, (std::vector<std::uint32_t>{2, 1, 5, 3, 4}));
}

TEST(PolicyEffect, attempts_are_the_looks_of_one_search) {
  struct Dice {
    std::uint32_t choose(std::uint32_t n) { return n / 2; }
  } dice;
  VictimSearch search({.victims = VictimOrder::uniform, .attempts = 2}, 0, 6);
  search.begin(dice);
  int looks = 0;
  while (search.next(dice, [](std::uint32_t) { return 0U; })) ++looks;
  EXPECT_EQ(looks, 2);
}

Task<void> chain(int left) {
  if (left > 1) static_cast<void>(spawn(chain, left - 1));
  co_return;
}

TEST(PolicyEffect, so_many_polls_from_the_slot_follow_a_turns_first) {
  if (!unstable_metrics) GTEST_SKIP() << "reads counts that this build leaves out";
  const auto turns = [](const Policy& policy) {
    SimDrive drive(with(1, policy));
    drive.run([] { static_cast<void>(spawn(chain, 24)); }, enough_steps);
    return Sum(drive).polls;
  };
  EXPECT_EQ(turns({}), 6U);  // 1 + 3 polls a turn
  EXPECT_EQ(turns({.lifo_polls = 1}), 12U);
  EXPECT_EQ(turns({.lifo_slot = false}), 24U);
}

Task<void> consume_units(int n) {
  for (int i = 0; i < n; ++i) {
    ConsumeBudget unit;
    co_await unit;
  }
}

TEST(PolicyEffect, without_a_budget_no_poll_ends_early) {
  if (!unstable_metrics) GTEST_SKIP() << "reads counts that this build leaves out";
  const auto polls = [](std::uint32_t budget) {
    SimDrive drive(with(1, {.coop_budget = budget}));
    drive.run([] { static_cast<void>(spawn(consume_units, 300)); }, enough_steps);
    return Sum(drive).task_polls;
  };
  EXPECT_EQ(polls(128), 3U);
  EXPECT_EQ(polls(10), 30U);
  EXPECT_EQ(polls(0), 1U);
}

Task<void> write_chain(Log* log, int left) {
  log->push_back(left);
  if (left > 1) static_cast<void>(spawn(write_chain, log, left - 1));
  co_return;
}

TEST(PolicyEffect, a_task_that_yields_is_back_at_the_next_upkeep) {
  const auto comes_back_after = [](std::uint32_t interval) {
    const auto root = [](Log* log) -> Task<void> {
      static_cast<void>(spawn(write_yield_write, log, 0));
      static_cast<void>(spawn(write_chain, log, 40));
      co_return;
    };
    Log log;
    SimDrive drive(with(1, {.lifo_slot = false, .event_interval = interval}));
    drive.run([&] { static_cast<void>(spawn(root, &log)); }, enough_steps);
    return std::ranges::find(log.begin() + 1, log.end(), 0) - log.begin();
  };
  EXPECT_EQ(comes_back_after(61), 41);  // when the queue is empty
  EXPECT_LE(comes_back_after(5), 6);
}

TEST(PolicyEffect, only_a_share_of_the_workers_searches_at_once) {
  const auto most = [](double share) {
    SimDrive drive(with(8, {.max_searching = share}));  // all of them begin awake, without work
    std::uint32_t seen = 0;
    while (drive.step()) seen = std::max(seen, drive.shared().idle.searching());
    return seen;
  };
  EXPECT_EQ(most(0.5), 4U);
  EXPECT_EQ(most(0.25), 2U);
  EXPECT_EQ(most(1), 8U);
}

Task<void> sleep_then_work(Runs* runs, int number, Nanos sleep, Nanos span) {
  Sleep rest = sleep_for(sleep);
  co_await rest;
  (*runs)[number] = {current()->worker->index(), current()->worker->now()};
  Work work(span);
  co_await work;
}

TEST(PolicyEffect, a_worker_that_held_the_timers_hands_them_on_before_a_long_poll) {
  const auto second_starts = [](bool handoff) {
    Runs runs;
    SimDrive drive(with(2, {.driver_handoff = handoff}));
    drive.outside([&] {
      static_cast<void>(spawn(sleep_then_work, &runs, 1, Nanos{1'000'000}, Nanos{50'000'000}));
      static_cast<void>(spawn(sleep_then_work, &runs, 2, Nanos{5'000'000}, Nanos{0}));
    });
    drive.play(enough_steps);
    return runs.at(2).at;
  };
  EXPECT_GE(second_starts(false), 51'000'000U);
  EXPECT_LT(second_starts(true), 10'000'000U);
}

}  // namespace
}  // namespace rt
