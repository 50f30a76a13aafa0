// The timeline: records are complete when they are seen, nothing is written twice or beyond the end, and on and off work at any time.
#include "rt/observe/timeline.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <thread>
#include <tuple>
#include <vector>

#include "rt/env/thread_env.hpp"
#include "rt/features.hpp"
#include "rt/runtime.hpp"
#include "sim_world.hpp"

namespace rt {
namespace {

using namespace sim_world;

std::map<EventKind, std::uint64_t> count_kinds(Timeline& timeline_of_run) {
  std::map<EventKind, std::uint64_t> kinds;
  for (std::uint32_t i = 0; i < timeline_of_run.lanes(); ++i) {
    const auto events = timeline_of_run.events(i);
    EXPECT_LE(events.size(), timeline_of_run.size(i)) << "read later";
    for (const TimelineEvent& event : events) ++kinds[event.kind];
  }
  return kinds;
}

TEST(Timeline, a_full_lane_keeps_the_first_records_and_counts_the_others) {
  Timeline small(2, 3);
  for (std::uint64_t i = 1; i <= 5; ++i) small.lane(0).add({i, i, 0, 1, 2, EventKind::steal});
  EXPECT_EQ(small.size(0), 3U);
  EXPECT_EQ(small.lane(0).dropped(), 2U);
  EXPECT_EQ(small.events(0)[2].task, 3U);
  EXPECT_EQ(small.size(1), 0U);
  EXPECT_EQ(&small.lane(7), &small.lane(1)) << "who is no worker writes to the last lane";
}

using Told = std::tuple<Nanos, EventKind, std::uint64_t>;  // when, what, which task

std::vector<Told> told(Timeline& timeline_of_run, std::uint32_t lane) {
  std::vector<Told> found;
  for (const TimelineEvent& event : timeline_of_run.events(lane)) found.emplace_back(event.at, event.kind, event.task);
  return found;
}

TEST(Timeline, a_poll_begins_when_the_one_before_it_ended_unless_something_was_written_between_them) {
  Timeline timeline_of_run(2, 10);
  Timeline::Lane& lane = timeline_of_run.lane(0);
  EXPECT_FALSE(lane.go_on_to(7)) << "no end is noted";
  lane.add({10, 7, 0, TimelineEvent::nobody, 0, EventKind::poll_begin});
  EXPECT_TRUE(lane.add_short(12, Timeline::tag(EventKind::spawn) | 8));
  lane.note_end(20);
  const auto before = told(timeline_of_run, 0);
  EXPECT_EQ(before.size(), 2U) << "an end waits for the next event";
  EXPECT_TRUE(lane.go_on_to(8));
  lane.note_end(30);
  lane.settle();
  EXPECT_TRUE(lane.add_short(33, Timeline::tag(EventKind::wake) | Timeline::counts_one | 9));
  EXPECT_FALSE(lane.go_on_to(9)) << "the event after the end has told it";
  const std::vector<Told> expected = {{10, EventKind::poll_begin, 7}, {12, EventKind::spawn, 8},    {20, EventKind::poll_end, 7},
                                      {20, EventKind::poll_begin, 8}, {30, EventKind::poll_end, 8}, {33, EventKind::wake, 9}};
  const auto all = told(timeline_of_run, 0);
  EXPECT_EQ(all, expected);
  EXPECT_TRUE(std::equal(before.begin(), before.end(), all.begin())) << "a later reading begins with the earlier one";
  EXPECT_EQ(timeline_of_run.size(0), all.size());
  EXPECT_EQ(timeline_of_run.events(0).back().count, 1U);
}

TEST(Timeline, what_a_full_lane_drops_is_counted_by_events_and_nothing_shorter_slips_in_after_it) {
  Timeline timeline_of_run(2, 1);  // two slots
  Timeline::Lane& lane = timeline_of_run.lane(0);
  lane.add({1, 5, 0, TimelineEvent::nobody, 0, EventKind::poll_begin});
  lane.add({2, 0, 0, 1, 3, EventKind::steal});  // wants two
  EXPECT_FALSE(lane.add_short(3, Timeline::tag(EventKind::spawn) | 6));
  lane.note_end(4);
  EXPECT_FALSE(lane.go_on_to(6));
  lane.add({4, 6, 0, TimelineEvent::nobody, 0, EventKind::poll_begin});
  EXPECT_EQ(timeline_of_run.size(0), 1U);
  EXPECT_EQ(lane.dropped(), 3U) << "the steal, the end, the begin";
}

TEST(Timeline, every_field_is_read_as_it_was_written) {
  Timeline timeline_of_run(3, 10, Timeline::Times::nanoseconds);
  const TimelineEvent written{5, (std::uint64_t{1} << 56) - 1, 1, 0x80000001U, 0xffffffffU, EventKind::lane_wait};
  timeline_of_run.lane(1).add(written);
  timeline_of_run.add_outside(EventKind::inject_push, 3, 4, [](bool) { return Nanos{6}; });
  const TimelineEvent read = timeline_of_run.events(1).at(0);
  EXPECT_EQ(std::tie(read.at, read.task, read.worker, read.other, read.count, read.kind),
            std::tie(written.at, written.task, written.worker, written.other, written.count, written.kind));
  const TimelineEvent outside = timeline_of_run.events(2).at(0);
  EXPECT_EQ(outside.worker, TimelineEvent::nobody);
  EXPECT_EQ(outside.count, 4U);
}

TEST(TickClock, a_reading_is_a_time_of_the_steady_clock_and_stays_that_time) {
  if (!has_tick_counter()) GTEST_SKIP() << "the kernel does not keep time by a counter here";
  TickScale scale;
  std::vector<Ticks> ticks;
  std::vector<Nanos> before;
  std::vector<Nanos> after;
  for (int i = 0; i < 200; ++i) {
    before.push_back(steady_now());
    ticks.push_back(read_counter_in_order());
    after.push_back(steady_now());
  }
  const auto convert = [&](std::size_t count) {
    TickReader times(scale.up_to(ticks[count - 1]));
    std::vector<Nanos> found;
    for (std::size_t i = 0; i < count; ++i) found.push_back(times(ticks[i]));
    return found;
  };
  const auto first = convert(100);
  const auto all = convert(200);
  EXPECT_TRUE(std::equal(first.begin(), first.end(), all.begin()));
  EXPECT_TRUE(std::ranges::is_sorted(all));
  constexpr Nanos tolerance = 100'000;  // a pause of this thread while both were read
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_GE(all[i] + tolerance, before[i]);
    EXPECT_LE(all[i], after[i] + tolerance);
  }
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
  for (const TimelineEvent& event : written->events(0)) {
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
