// Do a worker's counts and its mean poll time keep their rules?
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <deque>
#include <limits>
#include <numeric>
#include <thread>
#include <vector>

#include "rt/observe/batch.hpp"
#include "rt/observe/worker_metrics.hpp"

namespace {

using rt::HistogramConfig;
using rt::HistogramOptions;
using rt::MetricsBatch;
using rt::WorkerMetrics;

constexpr bool all_metrics = rt::unstable_metrics;

/// `turns` turns in a batch of `span` ns.
void run_batch(MetricsBatch& batch, std::uint64_t start, std::uint64_t turns, std::uint64_t span) {
  batch.start_processing(start);
  for (std::uint64_t i = 0; i < turns; ++i) {
    batch.start_poll(0);
    batch.end_poll(0);
  }
  batch.end_processing(start + span);
}

std::uint64_t total(const std::vector<std::uint64_t>& counts) {
  return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
}

TEST(SaturatingSub, never_goes_below_zero) {
  EXPECT_EQ(rt::saturating_sub(5, 3), 2u);
  EXPECT_EQ(rt::saturating_sub(3, 5), 0u);
  EXPECT_EQ(rt::saturating_sub(3, 3), 0u);
}

TEST(MeanPollTime, the_decay_is_the_power_for_any_number_of_polls) {
  for (const std::uint64_t polls : {0, 1, 2, 10, 61, 127, 128, 129, 254, 255, 500}) {
    const double power = std::pow(0.9, static_cast<double>(polls));
    EXPECT_NEAR(rt::ewma_decay(polls), power, power * 1e-13) << polls;
  }
  EXPECT_EQ(rt::ewma_decay(std::numeric_limits<std::uint64_t>::max()), 0.0);
}

TEST(MeanPollTime, starts_at_3278_ns_and_the_interval_at_61) {
  const MetricsBatch batch;
  EXPECT_EQ(static_cast<int>(batch.mean_poll_ns()), 3278);
  EXPECT_EQ(batch.tuned_interval(), 61u);
}

TEST(MeanPollTime, a_batch_weighs_as_its_polls_one_by_one) {
  MetricsBatch batch;
  run_batch(batch, 1000, 10, 50'000);
  double mean = 200'000.0 / 61;
  for (int i = 0; i < 10; ++i) mean = 0.1 * 5000 + 0.9 * mean;
  EXPECT_NEAR(batch.mean_poll_ns(), mean, 1e-6);
}

TEST(MeanPollTime, a_batch_without_polls_changes_the_busy_time_only) {
  MetricsBatch batch;
  WorkerMetrics shown;
  run_batch(batch, 0, 0, 700);
  batch.submit(shown);
  EXPECT_EQ(shown.busy_duration_total, 700u);
  EXPECT_EQ(batch.mean_poll_ns(), rt::tuning::initial_mean_poll_ns);
}

TEST(MeanPollTime, the_interval_stays_between_2_and_127) {
  MetricsBatch slow;
  run_batch(slow, 0, 500, 500'000'000'000);
  EXPECT_EQ(slow.tuned_interval(), 2u);
  MetricsBatch quick;
  run_batch(quick, 0, 500, 500);
  EXPECT_EQ(quick.tuned_interval(), 127u);
  MetricsBatch free;
  run_batch(free, 0, 100'000, 0);
  EXPECT_EQ(free.mean_poll_ns(), 0.0);
  EXPECT_EQ(free.tuned_interval(), 127u);
}

TEST(MeanPollTime, the_interval_is_the_goal_over_the_mean_rounded_down) {
  MetricsBatch batch;
  run_batch(batch, 0, 1000, 1000 * 6700);
  EXPECT_EQ(batch.tuned_interval(), 29u);  // 29.85
}

TEST(MeanPollTime, the_interval_changes_only_if_it_moves_by_more_than_2) {
  MetricsBatch batch;
  run_batch(batch, 0, 1000, 1000 * 6700);
  EXPECT_EQ(batch.retuned(27), 27u);
  EXPECT_EQ(batch.retuned(31), 31u);
  EXPECT_EQ(batch.retuned(26), 29u);
  EXPECT_EQ(batch.retuned(32), 29u);
}

TEST(MetricsBatch, busy_time_is_the_sum_of_closed_batches) {
  MetricsBatch batch;
  WorkerMetrics shown;
  run_batch(batch, 100, 1, 50);
  run_batch(batch, 1000, 1, 7);
  batch.end_processing(5000);    // no batch is open
  batch.start_processing(6000);  // dropped by the next start: its core was handed over
  batch.start_processing(7000);
  batch.end_processing(6990);  // a clock that went back counts nothing
  batch.submit(shown);
  EXPECT_EQ(shown.busy_duration_total, 57u);
}

TEST(MetricsBatch, A9_the_time_of_a_dump_is_not_busy) {
  MetricsBatch batch;
  WorkerMetrics shown;
  batch.start_processing(100);
  batch.leave_out(150, 190);
  batch.end_processing(200);
  batch.submit(shown);
  EXPECT_EQ(shown.busy_duration_total, 60u);
  EXPECT_EQ(shown.parked_duration_total, all_metrics ? 40u : 0u);
}

TEST(MetricsBatch, nothing_shows_before_the_flush) {
  MetricsBatch batch;
  WorkerMetrics shown;
  run_batch(batch, 0, 3, 10);
  batch.about_to_park(0);
  EXPECT_EQ(shown.park_count, 0u);
  EXPECT_EQ(shown.busy_duration_total, 0u);
  EXPECT_EQ(shown.mean_poll_time, 0u);
  batch.submit(shown);
  EXPECT_EQ(shown.park_count, 1u);
  EXPECT_EQ(shown.busy_duration_total, 10u);
}

TEST(MetricsBatch, park_unpark_count_is_odd_while_parked) {
  MetricsBatch batch;
  WorkerMetrics shown;
  for (unsigned parks = 1; parks <= 3; ++parks) {
    batch.about_to_park(0);
    batch.submit(shown);
    EXPECT_EQ(shown.park_unpark_count, 2 * parks - 1);
    batch.unparked(0);
    batch.submit(shown);
    EXPECT_EQ(shown.park_unpark_count, 2 * parks);
    EXPECT_EQ(shown.park_count, parks);
  }
}

TEST(MetricsBatch, a_park_without_a_turn_since_the_last_is_a_noop_and_so_is_the_first) {
  if (!all_metrics) GTEST_SKIP() << "reads counts that this build leaves out";
  MetricsBatch batch;
  WorkerMetrics shown;
  const auto noops_after_park = [&] {
    batch.about_to_park(0);
    batch.unparked(0);
    batch.submit(shown);
    return shown.noop_count.load();
  };
  EXPECT_EQ(noops_after_park(), 1u);  // a fresh worker
  EXPECT_EQ(noops_after_park(), 2u);
  run_batch(batch, 0, 1, 1);
  EXPECT_EQ(noops_after_park(), 2u);
  EXPECT_EQ(noops_after_park(), 3u);
}

TEST(MetricsBatch, counts_turns_and_polls_apart) {
  if (!all_metrics) GTEST_SKIP() << "reads counts that this build leaves out";
  MetricsBatch batch;
  WorkerMetrics shown;
  batch.start_processing(0);
  batch.start_poll(0);
  for (int lifo = 0; lifo < 4; ++lifo) {
    batch.start_task_poll(0);
    batch.end_task_poll(0);
  }
  batch.end_poll(0);
  batch.start_poll(0);  // a turn that only cancels
  batch.end_poll(0);
  batch.end_processing(100);
  batch.submit(shown);
  EXPECT_EQ(shown.poll_count, 2u);
  EXPECT_EQ(shown.task_poll_count, 4u);
}

TEST(MetricsBatch, publishes_every_event_and_only_what_the_build_has) {
  MetricsBatch batch;
  WorkerMetrics shown(HistogramOptions::all());
  run_batch(batch, 0, 2, 8000);
  batch.inc_steal_count(5);
  batch.inc_steal_operations();
  for (int i = 0; i < 3; ++i) batch.inc_local_schedule_count();
  batch.inc_overflow_count();
  batch.add_lane_wait(70);
  batch.add_lane_wait(30);
  batch.submit(shown);
  batch.submit(shown);  // totals: twice is once
  const std::uint64_t on = all_metrics ? 1 : 0;
  EXPECT_EQ(shown.busy_duration_total, 8000u);
  EXPECT_EQ(shown.poll_count, 2 * on);
  EXPECT_EQ(shown.steal_count, 5 * on);
  EXPECT_EQ(shown.steal_operations, 1 * on);
  EXPECT_EQ(shown.local_schedule_count, 3 * on);
  EXPECT_EQ(shown.overflow_count, 1 * on);
  EXPECT_EQ(shown.lane_wait_count, 2 * on);
  EXPECT_EQ(shown.lane_wait_time, 100 * on);
  EXPECT_EQ(shown.mean_poll_time, static_cast<std::uint64_t>(batch.mean_poll_ns()) * on);
  EXPECT_EQ(shown.poll_histogram.has_value(), all_metrics);
}

TEST(MetricsBatch, asks_for_the_clock_only_if_something_is_timed) {
  EXPECT_FALSE(MetricsBatch().needs_clock());
  EXPECT_FALSE(MetricsBatch().needs_latency());
  EXPECT_EQ(MetricsBatch({}, true).needs_clock(), all_metrics);
  HistogramOptions one;
  one.latency = HistogramConfig();
  EXPECT_EQ(MetricsBatch(one).needs_clock(), all_metrics);
  EXPECT_EQ(MetricsBatch(one).needs_latency(), all_metrics);
}

TEST(MetricsBatch, keeps_the_clock_of_the_batch_or_of_the_poll_if_polls_are_timed) {
  MetricsBatch plain;
  plain.start_processing(10);
  plain.start_poll(999);
  EXPECT_EQ(plain.clock(), 10u);
  plain.end_processing(30);
  EXPECT_EQ(plain.clock(), 30u);
  if (!all_metrics) return;
  MetricsBatch watched({}, true);
  watched.start_processing(10);
  watched.start_poll(11);
  EXPECT_EQ(watched.clock(), 11u);
  watched.start_task_poll(12);
  EXPECT_EQ(watched.clock(), 12u);
}

TEST(MetricsBatch, each_histogram_measures_its_own_span) {
  if (!all_metrics) GTEST_SKIP() << "reads counts that this build leaves out";
  const HistogramConfig tens(rt::Linear{10, 10});
  const HistogramOptions options{tens, tens, tens};
  MetricsBatch batch(options);
  WorkerMetrics shown(options);
  batch.start_processing(1000);
  batch.start_poll(1000);
  for (const std::uint64_t start : {1000, 1015, 1030}) {
    batch.start_task_poll(start);
    batch.end_task_poll(start + 12);
    batch.measure_latency(55);
  }
  batch.end_poll(1042);
  batch.end_processing(1042);
  batch.submit(shown);
  const auto polls = shown.poll_histogram->counts();
  const auto task_polls = shown.task_poll_histogram->counts();
  const auto latencies = shown.latency_histogram->counts();
  EXPECT_EQ(polls[4], 1u);
  EXPECT_EQ(task_polls[1], 3u);
  EXPECT_EQ(latencies[5], 3u);
  EXPECT_EQ(total(polls), shown.poll_count);  // law A7
  EXPECT_EQ(total(task_polls), shown.task_poll_count);
  EXPECT_EQ(total(latencies), 3u);
}

TEST(WorkerMetrics, blocks_of_neighbours_share_no_pair_of_cache_lines) {
  std::deque<WorkerMetrics> workers;
  for (int i = 0; i < 3; ++i) workers.emplace_back(HistogramOptions{});
  for (const WorkerMetrics& worker : workers) EXPECT_EQ(reinterpret_cast<std::uintptr_t>(&worker) % 128, 0u);
}

TEST(WorkerMetrics, from_config_builds_the_histograms_that_were_asked_for) {
  HistogramOptions options;
  options.task_poll = rt::Linear{5, 3};
  const WorkerMetrics shown = WorkerMetrics::from_config(options);
  EXPECT_FALSE(shown.poll_histogram);
  EXPECT_FALSE(shown.latency_histogram);
  ASSERT_EQ(shown.task_poll_histogram.has_value(), all_metrics);
  if (all_metrics) {
    EXPECT_EQ(shown.task_poll_histogram->config().buckets(), 3u);
  }
}

TEST(WorkerMetrics, in_poll_is_shown_between_enter_and_leave) {
  WorkerMetrics shown;
  EXPECT_FALSE(shown.read_in_poll());
  shown.enter_poll(7, 0);  // time 0 is a time
  ASSERT_TRUE(shown.read_in_poll());
  EXPECT_EQ(shown.read_in_poll()->task, 7u);
  EXPECT_EQ(shown.read_in_poll()->since_ns, 0u);
  shown.leave_poll();
  EXPECT_FALSE(shown.read_in_poll());
}

TEST(WorkerMetrics, a_reader_never_pairs_a_task_with_the_start_of_another) {
  WorkerMetrics shown;
  std::thread worker([&] {
    for (std::uint64_t task = 1; task <= 200'000; ++task) {
      shown.enter_poll(task, task * 10);
      shown.leave_poll();
    }
    shown.enter_poll(1'000'000, 10'000'000);
  });
  std::uint64_t last = 0;
  while (last != 1'000'000) {
    if (const auto seen = shown.read_in_poll()) {
      ASSERT_EQ(seen->since_ns, seen->task * 10);
      last = seen->task;
    }
  }
  worker.join();
}

TEST(SchedulerMetrics, counts_from_any_thread_and_differences_saturate) {
  rt::SchedulerMetrics shown;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 1000; ++n) shown.inc_remote_schedule_count();
      shown.inc_budget_forced_yield_count();
    });
  }
  for (auto& thread : threads) thread.join();
  const std::uint64_t on = all_metrics ? 1 : 0;
  EXPECT_EQ(shown.remote_schedule_count(), 4000 * on);
  EXPECT_EQ(shown.budget_forced_yield_count(), 4 * on);
  EXPECT_EQ(shown.remote_schedule_count(3990 * on), 10 * on);
  EXPECT_EQ(shown.remote_schedule_count(5000), 0u);
}

}  // namespace
