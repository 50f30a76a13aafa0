// Is the one table of metrics complete, and in the order that users see?
#include "rt/observe/metric_list.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string_view>
#include <vector>

namespace {

TEST(MetricList, names_are_unique_and_every_row_is_complete) {
  std::set<std::string_view> names;
  for (const rt::MetricInfo& metric : rt::metric_list) {
    EXPECT_TRUE(names.insert(metric.name).second) << metric.name;
    EXPECT_FALSE(metric.meaning.empty()) << metric.name;
    EXPECT_EQ(metric.unit.empty(), metric.kind == rt::MetricKind::label) << metric.name;
    EXPECT_EQ(metric.available(), rt::unstable_metrics || metric.gate == rt::MetricGate::stable) << metric.name;
  }
}

TEST(MetricList, the_workers_keys_are_the_seeds_in_their_order_and_then_ours) {
  std::vector<std::string_view> keys;
  for (const rt::MetricInfo& metric : rt::metric_list) {
    if (metric.scope == rt::MetricScope::worker) keys.push_back(metric.name);
  }
  const std::vector<std::string_view> expected{
      "busy_duration_total", "queue_depth", "thread_id", "park_count", "park_unpark_count", "noop_count", "steal_count",
      "steal_operations", "poll_count", "mean_poll_time", "local_schedule_count", "overflow_count", "poll_count_histogram",
      // ours
      "task_poll_count", "task_poll_histogram", "schedule_latency_histogram", "in_poll_since", "in_poll_task", "gil_wait_count",
      "gil_wait_time", "searching_duration_total", "parked_duration_total"};
  EXPECT_EQ(keys, expected);
}

TEST(MetricList, a_row_is_found_by_name) {
  static_assert(rt::find_metric("steal_count")->unit == "tasks");
  ASSERT_NE(rt::find_metric("elapsed"), nullptr);
  EXPECT_EQ(rt::to_string(rt::find_metric("elapsed")->kind), "counter");
  EXPECT_EQ(rt::to_string(rt::find_metric("budget_forced_yield_count")->scope), "scheduler");
  EXPECT_EQ(rt::find_metric("poll"), nullptr);
}

}  // namespace
