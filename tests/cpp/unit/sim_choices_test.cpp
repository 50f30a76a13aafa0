// Choices as data, the blocking pool in virtual time, and a look at each step.
#include <gtest/gtest.h>

#include "rt/drive/run_program.hpp"
#include "rt/task/blocking.hpp"
#include "sim_world.hpp"

namespace rt {
namespace {

using namespace sim_world;

SimResult run_tree(SimOptions options) {
  SimDrive drive(std::move(options));
  return drive.run([] { static_cast<void>(spawn(tree, 5)); }, enough_steps);
}

TEST(Choices, a_sparse_choice_does_what_the_byte_at_its_number_does) {
  for (std::uint64_t number = 0; number < 12; ++number) {
    SimOptions bytes = workers(3);
    bytes.schedule.assign(number, 0);
    bytes.schedule.push_back(2);
    SimOptions sparse = workers(3);
    sparse.choices = {{number, 2}};
    EXPECT_EQ(run_tree(bytes).trace_hash, run_tree(sparse).trace_hash) << number;
  }
}

TEST(Choices, the_deviations_of_a_run_replay_it) {
  SimOptions options = workers(3);
  for (int i = 0; i < 60; ++i) options.schedule.push_back(static_cast<std::uint8_t>(i * 37));
  const SimResult first = run_tree(options);
  ASSERT_FALSE(first.deviations.empty());
  SimOptions again = workers(3);
  again.choices = first.deviations;
  const SimResult second = run_tree(again);
  EXPECT_EQ(first.trace_hash, second.trace_hash);
  EXPECT_EQ(first.deviations, second.deviations);
  EXPECT_TRUE(run_tree(workers(3)).deviations.empty());
}

TEST(Choices, their_order_does_not_matter_and_the_last_word_on_a_decision_counts) {
  SimOptions one = workers(3);
  one.choices = {{7, 1}, {2, 1}, {2, 3}};
  SimOptions two = workers(3);
  two.choices = {{2, 3}, {7, 1}};
  EXPECT_EQ(run_tree(one).trace_hash, run_tree(two).trace_hash);
}

TEST(Choices, every_decision_is_recorded_with_who_asked_and_how_many_options_there_were) {
  SimOptions options = workers(3);
  options.record_decisions = true;
  options.choices = {{4, 1}};
  SimDrive drive(std::move(options));
  const SimResult result = drive.run([] { static_cast<void>(spawn(tree, 5)); }, enough_steps);
  ASSERT_GE(drive.decisions().size(), result.decisions);
  bool driver_asked = false;
  bool worker_asked = false;
  for (std::size_t i = 0; i < result.decisions; ++i) {
    const Decision& decision = drive.decisions()[i];
    ASSERT_GE(decision.options, 2U);
    ASSERT_LT(decision.answer, decision.options);
    ASSERT_EQ(decision.by, i == 4 ? 1U : 0U);
    (decision.asked_by == Decision::driver ? driver_asked : worker_asked) = true;
  }
  EXPECT_TRUE(driver_asked && worker_asked);
}

template <class F>
auto spawn_job(Nanos cost, F function) {
  auto task = detail::make_task(std::move(function));
  Header& header = *task.release();
  header.kind = Kind::blocking;
  detail::launch_blocking(header, *current()->home, {}, {}, cost);
  return JoinHandle<std::invoke_result_t<F>>(header);
}

Nanos now_here() { return current()->home->now(); }

/// Three jobs of 100 ns: when each ran, and when its joiner learned of it.
struct Times {
  std::vector<Nanos> ran;
  std::vector<Nanos> joined;
};

Task<void> three_jobs(Times* times) {
  std::vector<JoinHandle<void>> jobs;
  for (int i = 0; i < 3; ++i) jobs.push_back(spawn_job(100, [times] { times->ran.push_back(now_here()); }));
  for (auto& job : jobs) {
    co_await std::move(job);
    times->joined.push_back(now_here());
  }
}

TEST(SimPool, a_job_runs_at_once_and_its_end_is_known_when_its_cost_is_over) {
  Times times;
  SimDrive drive(workers(2));
  const SimResult result = drive.run([&] { static_cast<void>(spawn(three_jobs, &times)); }, enough_steps);
  EXPECT_EQ(result.end, SimResult::End::finished);
  EXPECT_EQ(times.ran, (std::vector<Nanos>{0, 0, 0}));
  EXPECT_EQ(times.joined, (std::vector<Nanos>{100, 100, 100}));
  EXPECT_EQ(drive.pool().threads(), 3U);
  EXPECT_EQ(drive.pool().idle(), 3U);
}

TEST(SimPool, no_more_jobs_than_threads_run_at_a_time) {
  Times times;
  SimOptions options = workers(2);
  options.max_blocking_threads = 2;
  SimDrive drive(std::move(options));
  static_cast<void>(drive.run([&] { static_cast<void>(spawn(three_jobs, &times)); }, enough_steps));
  EXPECT_EQ(times.ran, (std::vector<Nanos>{0, 0, 100}));
  EXPECT_EQ(times.joined, (std::vector<Nanos>{100, 100, 200}));
}

TEST(SimPool, a_run_is_over_when_the_last_job_is) {
  SimDrive drive(workers(1));
  const auto root = []() -> Task<void> {
    static_cast<void>(spawn_job(5'000, [] {}));
    co_return;
  };
  const SimResult result = drive.run([&] { static_cast<void>(spawn(root)); }, enough_steps);
  EXPECT_EQ(result.end, SimResult::End::finished);
  EXPECT_EQ(result.now, 5'000U);
}

TEST(SimPool, a_stop_ends_what_runs_and_cancels_what_waits) {
  SimOptions options = workers(1);
  options.max_blocking_threads = 1;
  int ran = 0;
  SimDrive drive(std::move(options));
  drive.outside([&] {
    static_cast<void>(spawn_job(1'000, [&] { ++ran; }));
    static_cast<void>(spawn_job(1'000, [&] { ++ran; }));
  });
  EXPECT_EQ(drive.pool().queued(), 1U);
  EXPECT_EQ(drive.play(enough_steps, 500).end, SimResult::End::time_limit);
  drive.stop();
  EXPECT_EQ(ran, 1);
  EXPECT_EQ(drive.pool().unfinished(), 0U);
}

TEST(SimStep, each_move_says_what_it_was) {
  SimDrive drive(workers(2, false));
  drive.outside([] { static_cast<void>(spawn(tree, 3)); });
  std::uint64_t polls = 0;
  std::uint64_t steals = 0;
  std::uint64_t looks = 0;
  Nanos before = 0;
  while (drive.step()) {
    const SimStep& step = drive.last_step();
    ASSERT_GE(step.now, before);
    before = step.now;
    ASSERT_LT(step.worker, 2U);
    if (step.action == SimStep::Action::poll) ++polls;
    if (step.action == SimStep::Action::look) ++looks;
    if (step.stolen > 0) {
      ++steals;
      ASSERT_EQ(step.victim, 1 - step.worker);
      ASSERT_NE(step.task, 0U);
    }
  }
  EXPECT_EQ(drive.shared().alive_tasks(), 0U);
  EXPECT_GE(polls, 15U);
  if (unstable_metrics) {
    EXPECT_EQ(steals, Sum(drive).steal_operations);
  }
  EXPECT_GT(looks + steals, 0U);
}

}  // namespace
}  // namespace rt
