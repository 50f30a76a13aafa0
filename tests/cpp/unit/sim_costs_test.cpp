// What a simulation can be told about its world: costs, distances, speeds, faults, the lock of inject, and when to end.
#include <gtest/gtest.h>

#include <numeric>
#include <random>

#include "rt/drive/run_program.hpp"
#include "rt/env/lock_queue.hpp"
#include "rt/env/pace.hpp"
#include "sim_world.hpp"

namespace rt {
namespace {

using namespace sim_world;

SimOptions with_cost(SimOptions options, Cost cost, CostLaw law) {
  options.costs[static_cast<std::size_t>(cost)] = std::move(law);
  return options;
}

Nanos now_here() { return current()->home->now(); }

Task<void> work_for(Nanos span) { co_await work(span); }

/// One task of one worker that works for so long: when does it end?
Nanos end_of_work(SimOptions options, Nanos span, int pieces = 1) {
  SimDrive drive(std::move(options));
  const auto root = [](Nanos each, int times) -> Task<void> {
    for (int i = 0; i < times; ++i) co_await work(each);
  };
  return drive.run([&] { static_cast<void>(spawn(root, span, pieces)); }, enough_steps).now;
}

SimOptions with_fault(Fault fault) {
  SimOptions options = workers(1);
  options.faults = {fault};
  return options;
}

SimOptions with_speed(double speed) {
  SimOptions options = workers(1);
  options.speeds = {speed};
  return options;
}

TEST(Faults, a_stalled_worker_goes_on_with_its_work_afterwards) {
  EXPECT_EQ(end_of_work(with_fault({Fault::Kind::stall, 0, 50, 1'000}), 100), 1'100U);
  EXPECT_EQ(end_of_work(with_fault({Fault::Kind::stall, 0, 0, 1'000}), 100), 1'100U);
  EXPECT_EQ(end_of_work(with_fault({Fault::Kind::stall, 0, 101, 1'000}), 100), 100U) << "it had ended before";
}

TEST(Faults, a_slow_worker_does_less_while_it_lasts) {
  EXPECT_EQ(end_of_work(with_fault({Fault::Kind::slow, 0, 50, 20, 2}), 100), 110U);
  EXPECT_EQ(end_of_work(with_fault({Fault::Kind::slow, 0, 50, 20'000, 2}), 100), 150U);
  EXPECT_EQ(end_of_work(with_fault({Fault::Kind::slow, 0, 0, 1'000, 0.5}), 100), 50U);
}

TEST(Faults, those_that_overlap_add_to_each_other) {
  SimOptions options = with_fault({Fault::Kind::slow, 0, 0, 1'000, 2});
  options.faults.push_back({Fault::Kind::slow, 0, 0, 1'000, 3});
  options.faults.push_back({Fault::Kind::stall, 0, 10, 100});
  EXPECT_EQ(end_of_work(options, 5), 130U);
}

TEST(Faults, each_late_wake_delays_one_unpark) {
  SimOptions options = with_cost(workers(1), Cost::wake_latency, 5);
  options.faults = {{Fault::Kind::late_wake, 0, 900, 300}};
  SimDrive drive(std::move(options));
  std::vector<Nanos> starts;
  const auto spawn_one = [&] { static_cast<void>(spawn([](std::vector<Nanos>* to) { to->push_back(now_here()); }, &starts)); };
  for (const Nanos at : {500U, 1'000U, 2'000U}) drive.outside([&] { current()->home->call_at(at, spawn_one); });
  static_cast<void>(drive.settle(enough_steps));
  EXPECT_EQ(starts, (std::vector<Nanos>{505, 1'305, 2'005}));
}

TEST(Speeds, work_takes_the_inverse_of_the_speed) {
  EXPECT_EQ(end_of_work(with_speed(2), 1'000), 500U);
  EXPECT_EQ(end_of_work(with_speed(0.25), 1'000), 4'000U);
  EXPECT_EQ(end_of_work(with_speed(3), 3'000'000'000), 1'000'000'000U);
}

TEST(Speeds, many_small_pieces_take_as_long_as_one_large_one) {
  EXPECT_EQ(end_of_work(with_speed(3), 1, 3'000), 1'000U);
  EXPECT_EQ(end_of_work(with_speed(0.7), 7, 1'000), 10'000U);
}

TEST(Speeds, costs_scale_as_work_does) {
  SimOptions slow = with_cost(with_speed(0.5), Cost::poll, 100);
  SimOptions nominal = with_cost(workers(1), Cost::poll, 200);
  EXPECT_EQ(end_of_work(slow, 500), end_of_work(nominal, 1'000));
}

/// Worker 0 spawns one task into its queue and works; worker 1 has to fetch it.
Nanos start_of_a_stolen_task(SimOptions options) {
  options.scheduler.policy.lifo_slot = false;
  SimDrive drive(std::move(options));
  Nanos started = 0;
  const auto root = [](Nanos* to) -> Task<void> {
    static_cast<void>(spawn([](Nanos* at) { *at = now_here(); }, to));
    co_await work(100'000);
  };
  SpawnOptions on_first;
  on_first.to.worker = 0;
  static_cast<void>(
      drive.run([&] { static_cast<void>(spawn_with(on_first, std::source_location::current(), root, &started)); }, enough_steps));
  return started;
}

TEST(Topology, each_look_at_a_victim_costs_its_distance) {
  const Nanos near = start_of_a_stolen_task(workers(2));
  SimOptions far = workers(2);
  far.topology = {0, 7, 700, 0};  // row 1: worker 1 looks at worker 0
  EXPECT_LT(near, 100'000U);
  const Nanos started = start_of_a_stolen_task(far);
  EXPECT_EQ((started - near) % 700, 0U);
  EXPECT_GE(started, near + 700);
}

TEST(LockQueue, visits_at_the_same_time_wait_for_each_other) {
  LockQueue lock;
  EXPECT_EQ(lock.visit(10, 5, 0), 10U);
  EXPECT_EQ(lock.visit(10, 5, 0), 15U);
  EXPECT_EQ(lock.visit(12, 5, 0), 20U);
  EXPECT_EQ(lock.visit(25, 5, 0), 25U);
}

TEST(LockQueue, a_visit_asked_for_later_takes_a_gap_before_one_that_comes_later) {
  LockQueue lock;
  EXPECT_EQ(lock.visit(100, 10, 0), 100U);
  EXPECT_EQ(lock.visit(50, 10, 0), 50U);
  EXPECT_EQ(lock.visit(85, 15, 0), 85U) << "it fits exactly";
  EXPECT_EQ(lock.visit(80, 10, 0), 110U) << "it does not fit";
  EXPECT_EQ(lock.visit(60, 20, 60), 60U);
}

TEST(LockQueue, agrees_with_a_list_of_nanoseconds) {
  std::minstd_rand random(5);
  LockQueue lock;
  std::vector<bool> taken(4'000);
  for (int i = 0; i < 200; ++i) {
    const std::size_t at = random() % 1'000;
    const std::size_t length = 1 + random() % 9;
    std::size_t free = at;
    for (std::size_t run = 0; run < length; ++free) run = taken[free] ? 0 : run + 1;
    const std::size_t expected = free - length;
    ASSERT_EQ(lock.visit(at, length, 0), expected);
    std::fill_n(taken.begin() + static_cast<std::ptrdiff_t>(expected), length, true);
  }
}

TEST(CostLaw, draws_follow_the_quantiles) {
  const CostLaw law(std::vector<Nanos>{10, 20, 120});
  std::vector<Nanos> draws(20'000);
  for (std::size_t i = 0; i < draws.size(); ++i) draws[i] = law.draw(random_bits(1, 2, i));
  std::ranges::sort(draws);
  EXPECT_GE(draws.front(), 10U);
  EXPECT_LE(draws.back(), 120U);
  EXPECT_NEAR(static_cast<double>(draws[draws.size() / 2]), 20, 1);
  EXPECT_NEAR(static_cast<double>(std::accumulate(draws.begin(), draws.end(), Nanos{0})) / 20'000, (15 + 70) / 2.0, 1);
}

TEST(CostLaw, drawn_costs_are_a_function_of_the_seed) {
  std::vector<Nanos> ends;
  for (const std::uint64_t seed : {1U, 1U, 2U}) {
    SimOptions options = with_cost(workers(3), Cost::poll, CostLaw(std::vector<Nanos>{0, 1'000}));
    options.scheduler.seed = seed;
    ends.push_back(end_of_work(std::move(options), 10, 50));
  }
  EXPECT_EQ(ends[0], ends[1]);
  EXPECT_NE(ends[0], ends[2]);
}

Task<void> tree(int depth) {
  if (depth == 0) {
    co_await work(777);
    co_return;
  }
  auto left = spawn(tree, depth - 1);
  auto right = spawn(tree, depth - 1);
  co_await std::move(left);
  co_await yield_now();
  co_await std::move(right);
  if (depth % 3 == 0) co_await sleep_for(1'500'000);
}

TEST(TimeSpent, busy_searching_and_parked_are_the_elapsed_time_of_each_worker) {
  for (std::uint32_t seed = 0; seed < 20; ++seed) {
    SimOptions options = workers(1 + seed % 7);
    options.scheduler.seed = seed;
    for (std::size_t cost = 0; cost < options.costs.size(); ++cost) options.costs[cost] = 10 + cost;
    if (seed % 2 == 0) options.faults = {{Fault::Kind::stall, 0, 5'000, 900'000}, {Fault::Kind::slow, 0, 0, 3'000, 3}};
    SimDrive drive(std::move(options));
    const SimResult result = drive.run([] { static_cast<void>(spawn(tree, 6)); }, enough_steps);
    ASSERT_EQ(result.end, SimResult::End::finished);
    Nanos busy = 0;
    for (const TimeSpent& spent : result.spent) {
      ASSERT_EQ(spent.sum(), result.now) << "law A9, seed " << seed;
      busy += spent.busy;
    }
    ASSERT_GE(busy, 64U * 777);
  }
}

TEST(TimeSpent, without_costs_a_lone_worker_is_busy_from_start_to_end) {
  SimDrive drive(workers(1));
  const SimResult result = drive.run([] { static_cast<void>(spawn(work_for, 500)); }, enough_steps);
  EXPECT_EQ(result.spent[0], (TimeSpent{500, 0, 0}));
}

TEST(TimeSpent, who_waits_for_a_timer_is_parked) {
  SimDrive drive(workers(1));
  const auto rest = []() -> Task<void> { co_await sleep_for(3'000'000); };
  const SimResult result = drive.run([&] { static_cast<void>(spawn(rest)); }, enough_steps);
  EXPECT_EQ(result.spent[0], (TimeSpent{0, 0, 3'000'000}));
}

TEST(TimeSpent, a_chain_of_spawns_pays_for_every_link_wherever_it_runs) {
  // A task that was made ready at t is not polled before t, whatever the clock of the worker that takes it.
  for (const std::uint32_t count : {1U, 2U, 64U}) {
    SimOptions options = workers(count);
    options.costs[static_cast<std::size_t>(Cost::poll)] = CostLaw{100};
    SimDrive drive(std::move(options));
    struct Link {
      static Task<void> run(int left) {
        if (left > 1) static_cast<void>(spawn(run, left - 1));
        co_return;
      }
    };
    EXPECT_GE(drive.run([] { static_cast<void>(spawn(Link::run, 500)); }, enough_steps).now, 50'000U) << count;
  }
}

TEST(TimeSpent, the_workers_own_figures_say_the_same) {
  if (!unstable_metrics) GTEST_SKIP() << "reads counts that this build leaves out";
  SimOptions options = workers(1);
  options.costs.fill(10);
  SimDrive drive(std::move(options));
  const auto rest = []() -> Task<void> { co_await sleep_for(3'000'000); };
  drive.outside([&] { static_cast<void>(spawn(rest)); });
  static_cast<void>(drive.settle(enough_steps));
  const SimResult result = drive.settle(0);
  const WorkerMetrics& metrics = drive.shared().remotes[0]->metrics;
  EXPECT_EQ(metrics.busy_duration_total.load(), result.spent[0].busy);
  EXPECT_EQ(metrics.searching_duration_total.load(), result.spent[0].searching);
}

TEST(Until, a_run_ends_there_and_its_accounts_too) {
  SimOptions options = workers(2);
  options.costs.fill(10);
  SimDrive drive(std::move(options));
  const auto worker = []() -> Task<void> {
    for (;;) co_await work(1'000);
  };
  const SimResult result = drive.run([&] { static_cast<void>(spawn(worker)); }, enough_steps, 12'345);
  EXPECT_EQ(result.end, SimResult::End::time_limit);
  EXPECT_EQ(result.now, 12'345U);
  for (const TimeSpent& spent : result.spent) EXPECT_EQ(spent.sum(), 12'345U);
}

TEST(Until, what_happens_at_that_instant_still_happens) {
  SimDrive drive(workers(1));
  int calls = 0;
  drive.outside([&] {
    for (const Nanos at : {100U, 200U, 201U}) current()->home->call_at(at, [&] { ++calls; });
    static_cast<void>(spawn([]() -> Task<void> { co_await Never(); }));
  });
  EXPECT_EQ(drive.play(enough_steps, 200).end, SimResult::End::time_limit);
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(drive.now(), 200U);
}

TEST(Until, a_call_from_outside_that_is_still_to_come_is_no_deadlock) {
  SimDrive drive(workers(1));
  drive.outside([&] {
    const auto waiting = spawn([]() -> Task<void> { co_await Never(); });
    current()->home->call_at(1'000, [id = waiting.id()] { static_cast<void>(id); });
  });
  EXPECT_EQ(drive.play(enough_steps, 999).end, SimResult::End::time_limit);
  EXPECT_EQ(drive.play(enough_steps).end, SimResult::End::deadlock);
  EXPECT_EQ(drive.now(), 1'000U);
}

TEST(SimOptions, what_is_out_of_range_is_refused_with_the_value) {
  const auto message = [](auto change) -> std::string {
    SimOptions options = workers(2);
    change(options);
    try {
      SimDrive drive(std::move(options));
    } catch (const std::invalid_argument& error) {
      return error.what();
    }
    return "accepted";
  };
  const auto has = [](const std::string& text, const char* part) { return text.find(part) != std::string::npos; };
  EXPECT_TRUE(has(message([](SimOptions& o) { o.speeds = {1}; }), "speeds has 1 values; need one for each of the 2"));
  EXPECT_TRUE(has(message([](SimOptions& o) { o.speeds = {1, 0}; }), "need 0.001 to 1000"));
  EXPECT_TRUE(has(message([](SimOptions& o) { o.topology = {1, 2, 3}; }), "topology has 3 values; need 2 x 2"));
  EXPECT_TRUE(has(message([](SimOptions& o) { o.faults = {{Fault::Kind::stall, 2, 0, 0}}; }), "worker 2; need 0 to 1"));
  EXPECT_TRUE(has(message([](SimOptions& o) { o.faults = {{Fault::Kind::slow, 1, 0, 5, 0}}; }), "factor=0"));
  EXPECT_TRUE(has(message([](SimOptions& o) { o.costs[0] = CostLaw(std::vector<Nanos>{2, 1}); }), "must ascend"));
  EXPECT_TRUE(has(message([](SimOptions& o) { o.max_blocking_threads = 0; }), "max_blocking_threads=0"));
  EXPECT_TRUE(has(message([](SimOptions& o) { o.scheduler.policy.victims = VictimOrder::nearest; }), "needs a topology"));
}

}  // namespace
}  // namespace rt
