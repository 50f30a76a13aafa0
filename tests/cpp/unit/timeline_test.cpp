// The timeline: records are complete when they are seen, nothing is written twice or beyond the end, and on and off work at any time.
#include "rt/observe/timeline.hpp"

#include <gtest/gtest.h>

#include <map>
#include <thread>

#include "rt/features.hpp"
#include "rt/runtime.hpp"
#include "sim_world.hpp"

namespace rt {
namespace {

using namespace sim_world;

std::map<EventKind, std::uint64_t> count_kinds(Timeline& timeline_of_run) {
  std::map<EventKind, std::uint64_t> kinds;
  for (std::uint32_t i = 0; i < timeline_of_run.lanes(); ++i) {
    const Timeline::Lane& lane = timeline_of_run.lane(i);
    for (std::size_t at = 0; at < lane.size(); ++at) ++kinds[lane.events()[at].kind];
  }
  return kinds;
}

TEST(Timeline, a_full_lane_keeps_the_first_records_and_counts_the_others) {
  Timeline small(2, 3);
  for (std::uint64_t i = 1; i <= 5; ++i) small.lane(0).add({i, i, 0, TimelineEvent::nobody, 0, EventKind::wake});
  EXPECT_EQ(small.lane(0).size(), 3U);
  EXPECT_EQ(small.lane(0).dropped(), 2U);
  EXPECT_EQ(small.lane(0).events()[2].task, 3U);
  EXPECT_EQ(small.lane(1).size(), 0U);
  EXPECT_EQ(small.lane(7).events(), small.lane(1).events()) << "who is no worker writes to the last lane";
}

TEST(Timeline, in_virtual_time_it_tells_the_whole_run_in_order) {
  if (!timeline || !unstable_metrics) GTEST_SKIP() << "this build writes no timelines, or has no counts to compare them with";
  SimOptions options = workers(4, false);
  options.scheduler.timeline = true;
  options.costs.fill(10);
  SimDrive drive(std::move(options));
  const auto written = drive.shared().timelines.current();
  static_cast<void>(drive.run([] { static_cast<void>(spawn(tree, 6)); }, enough_steps));
  const auto kinds = count_kinds(*written);
  const Sum sum(drive);
  ASSERT_EQ(written->lanes(), 1U);
  EXPECT_EQ(written->lane(0).dropped(), 0U);
  EXPECT_EQ(kinds.at(EventKind::spawn), 127U);
  EXPECT_EQ(kinds.at(EventKind::poll_begin), sum.task_polls);
  EXPECT_EQ(kinds.at(EventKind::poll_end), sum.task_polls);
  EXPECT_EQ(kinds.at(EventKind::steal), sum.steal_operations);
  EXPECT_EQ(kinds.at(EventKind::park), sum.parks);
  std::map<std::uint32_t, Nanos> clocks;
  std::map<std::uint32_t, std::uint64_t> in_poll;
  for (std::size_t i = 0; i < written->lane(0).size(); ++i) {
    const TimelineEvent& event = written->lane(0).events()[i];
    ASSERT_GE(event.at, std::exchange(clocks[event.worker], event.at)) << "a worker's clock never goes back";
    if (event.kind == EventKind::poll_begin) in_poll[event.worker] = event.task;
    if (event.kind == EventKind::poll_end) {
      ASSERT_EQ(event.task, in_poll[event.worker]);
    }
  }
}

TEST(Timeline, writing_one_changes_nothing_of_a_run) {
  std::vector<std::uint64_t> hashes;
  for (const bool is_on : {false, true}) {
    SimOptions options = workers(3);
    options.scheduler.timeline = is_on;
    SimDrive drive(std::move(options));
    hashes.push_back(drive.run([] { static_cast<void>(spawn(tree, 6)); }, enough_steps).trace_hash);
  }
  EXPECT_EQ(hashes[0], hashes[1]);
}

TEST(Timeline, on_threads_it_can_be_read_while_it_is_written_and_switched_at_any_time) {
  if (!timeline) GTEST_SKIP() << "this build writes no timelines";
  Runtime runtime({.workers = 2});
  auto& shared = runtime.drive().shared();
  std::vector<std::shared_ptr<Timeline>> all;
  for (int round = 0; round < 5; ++round) {
    all.push_back(shared.start_timeline(2'000));
    EXPECT_EQ(runtime.block_on(tree, 9), 512);
    for (const auto& one : all) {
      for (const auto& [kind, count] : count_kinds(*one)) EXPECT_NE(kind, EventKind::none);
    }
  }
  EXPECT_GT(count_kinds(*all.back())[EventKind::poll_begin], 0U);
  shared.timelines.turn_off();
  EXPECT_EQ(shared.timelines.current(), nullptr);
  EXPECT_EQ(runtime.block_on(tree, 5), 32);
}

}  // namespace
}  // namespace rt
