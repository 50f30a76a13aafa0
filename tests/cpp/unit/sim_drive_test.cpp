// The driver of virtual time: its calendar, that a run is a function of its arguments, and that no schedule loses a task.
#include "rt/drive/simulate.hpp"
#include "rt/features.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "rt/drive/run_program.hpp"
#include "sim_world.hpp"

namespace rt {
namespace {

using namespace sim_world;

TEST(Calendar, gives_the_earliest_and_numbers_ties_by_index) {
  Calendar calendar(5);
  EXPECT_EQ(calendar.earliest().at, Calendar::never);
  calendar.set(3, 7);
  calendar.set(1, 7);
  calendar.set(4, 9);
  EXPECT_EQ(calendar.earliest().at, 7U);
  EXPECT_EQ(calendar.earliest().ties, 2U);
  EXPECT_EQ(calendar.tied(0), 1U);
  EXPECT_EQ(calendar.tied(1), 3U);
  calendar.set(1, Calendar::never);
  calendar.set(3, 10);
  EXPECT_EQ(calendar.earliest().at, 9U);
  EXPECT_EQ(calendar.tied(0), 4U);
}

TEST(Calendar, agrees_with_a_search_through_a_list) {
  std::minstd_rand random(1);
  for (std::uint32_t workers : {1U, 2U, 3U, 8U, 13U}) {
    Calendar calendar(workers);
    std::vector<Nanos> list(workers, Calendar::never);
    for (int i = 0; i < 300; ++i) {
      const std::uint32_t worker = random() % workers;
      list[worker] = random() % 5 == 0 ? Calendar::never : random() % 4;
      calendar.set(worker, list[worker]);
      const Nanos at = *std::min_element(list.begin(), list.end());
      ASSERT_EQ(calendar.earliest().at, at);
      if (at == Calendar::never) continue;
      std::uint32_t ties = 0;
      for (std::uint32_t w = 0; w < workers; ++w) {
        if (list[w] != at) continue;
        ASSERT_EQ(calendar.tied(ties++), w);
      }
      ASSERT_EQ(calendar.earliest().ties, ties);
    }
  }
}

/// Any finite program of these instructions ends: children are spawned once, joined after, and nobody waits for an event.
Program random_program(unsigned seed, std::size_t tasks) {
  std::minstd_rand random(seed + 1);
  Program program;
  program.tasks.resize(tasks);
  std::vector<std::vector<std::uint64_t>> children(tasks);
  for (std::size_t child = 1; child < tasks; ++child) children[random() % child].push_back(child);
  for (std::size_t task = 0; task < tasks; ++task) {
    auto& ops = program.tasks[task];
    std::vector<std::uint64_t> open;
    for (const std::uint64_t child : children[task]) {
      ops.push_back({OpKind::spawn, child});
      open.push_back(child);
      switch (random() % 8) {
        case 0: ops.push_back({OpKind::yield, 0}); break;
        case 1: ops.push_back({OpKind::work, random() % 50'000}); break;
        case 2: ops.push_back({OpKind::sleep, random() % 3'000'000}); break;
        case 3: ops.push_back({OpKind::block, random() % 50'000}); break;
        case 4:
          ops.push_back({OpKind::join, open.back()});
          open.pop_back();
          break;
        case 5: ops.push_back({OpKind::notify, random() % 4}); break;
        case 6:
          ops.push_back({OpKind::lock, 0});
          ops.push_back({OpKind::yield, 0});
          ops.push_back({OpKind::unlock, 0});
          break;
        default: break;
      }
    }
    if (random() % 2 == 0 && !open.empty()) ops.push_back({OpKind::join, open.back()});
  }
  return program;
}

std::vector<std::uint8_t> random_schedule(unsigned seed) {
  std::minstd_rand random(seed + 77);
  std::vector<std::uint8_t> schedule(random() % 400);
  for (auto& byte : schedule) byte = random() % 3 == 0 ? static_cast<std::uint8_t>(random()) : std::uint8_t{0};
  return schedule;
}

TEST(RunProgram, under_any_schedule_every_task_is_polled_to_its_end_exactly_once) {
  if (!unstable_metrics) GTEST_SKIP() << "reads counts that this build leaves out";
  for (unsigned seed = 0; seed < 400; ++seed) {
    const Program program = random_program(seed, 2 + seed % 40);
    const std::uint32_t workers = 1 + seed % 5;
    const ProgramResult result = run_program_sim(program, workers, random_schedule(seed), seed);
    ASSERT_EQ(result.sim.end, SimResult::End::finished) << "seed " << seed;
    std::uint64_t polls = 0;
    for (const TaskRecord& task : result.tasks) {
      ASSERT_TRUE(task.started && task.finished && !task.cancelled) << "seed " << seed;
      polls += task.polls;
    }
    std::uint64_t counted = 0;
    for (const WorkerFigures& worker : result.workers) counted += worker.task_poll_count;
    ASSERT_EQ(counted, polls) << "law A2, seed " << seed;
    ASSERT_EQ(result.polled.size(), polls);
    ASSERT_EQ(result.spawned, program.tasks.size());
  }
}

TEST(RunProgram, the_same_arguments_give_the_same_run) {
  std::set<std::uint64_t> hashes;
  for (unsigned seed = 0; seed < 50; ++seed) {
    const Program program = random_program(7, 30);
    const ProgramResult one = run_program_sim(program, 3, random_schedule(seed), seed);
    const ProgramResult two = run_program_sim(program, 3, random_schedule(seed), seed);
    ASSERT_EQ(one.sim.trace_hash, two.sim.trace_hash);
    ASSERT_EQ(one.sim.now, two.sim.now);
    ASSERT_EQ(one.sim.decisions, two.sim.decisions);
    ASSERT_EQ(one.polled, two.polled);
    hashes.insert(one.sim.trace_hash);
  }
  EXPECT_GT(hashes.size(), 45U) << "other seeds take other steps";
}

TEST(RunProgram, a_schedule_byte_changes_the_run_and_zeros_do_not) {
  const Program program = random_program(3, 30);
  const std::uint64_t plain = run_program_sim(program, 3, {}, 5).sim.trace_hash;
  EXPECT_EQ(run_program_sim(program, 3, {0, 0, 0, 0}, 5).sim.trace_hash, plain);
  EXPECT_NE(run_program_sim(program, 3, {1}, 5).sim.trace_hash, plain);
}

TEST(RunProgram, a_task_that_waits_for_an_event_that_nobody_sets_is_a_deadlock_and_is_cancelled) {
  const Program program = program_from_rows(2, {0, 2, 1, 0, 6, 0, 1, 1, 0});
  const ProgramResult result = run_program_sim(program, 2, {}, 0);
  EXPECT_EQ(result.sim.end, SimResult::End::deadlock);
  EXPECT_TRUE(result.tasks[0].started && result.tasks[0].cancelled);
  EXPECT_TRUE(result.tasks[1].finished);
  EXPECT_EQ(result.tasks[1].polls, 2U);
}

TEST(RunProgram, what_nobody_can_run_is_refused) {
  EXPECT_THROW(static_cast<void>(program_from_rows(0, {})), std::invalid_argument);
  EXPECT_THROW(static_cast<void>(program_from_rows(1, {0, 2, 1})), std::invalid_argument);           // no task 1
  EXPECT_THROW(static_cast<void>(program_from_rows(2, {0, 2, 0})), std::invalid_argument);           // the root again
  EXPECT_THROW(static_cast<void>(program_from_rows(2, {0, 2, 1, 1, 2, 1})), std::invalid_argument);  // twice
  EXPECT_THROW(static_cast<void>(program_from_rows(2, {0, 3, 1})), std::invalid_argument);           // not spawned
  EXPECT_THROW(static_cast<void>(program_from_rows(1, {0, 8, 0})), std::invalid_argument);           // not held
  EXPECT_THROW(static_cast<void>(program_from_rows(1, {0, 99, 0})), std::invalid_argument);          // no such kind
  EXPECT_THROW(static_cast<void>(program_from_rows(1, {0, 0})), std::invalid_argument);
}

TEST(RunProgram, runs_on_threads_too) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    const Program program = random_program(seed, 30);
    const ProgramResult result = run_program_threads(program, 2, seed + 1, 60'000'000'000);
    ASSERT_EQ(result.sim.end, SimResult::End::finished) << "seed " << seed;
    for (const TaskRecord& task : result.tasks) ASSERT_TRUE(task.finished) << "seed " << seed;
  }
}

TEST(SimDrive, ids_begin_at_one_in_each_world) {
  for (int i = 0; i < 2; ++i) {
    SimDrive drive(workers(2));
    const auto handle = drive.outside([] { return spawn([] {}); });
    EXPECT_EQ(handle.id(), 1U);
  }
}

TEST(SimDrive, one_worker_needs_the_sum_of_the_work) {
  SimDrive drive(workers(1));
  const auto root = []() -> Task<void> {
    for (int i = 0; i < 10; ++i) {
      static_cast<void>(spawn([]() -> Task<void> { co_await work(123); }));
    }
    co_await work(7);
  };
  EXPECT_EQ(drive.run([&] { const auto handle = spawn(root); }, enough_steps).now, 1237U);  // law P7
}

TEST(SimDrive, options_out_of_range_are_refused) {
  EXPECT_THROW(SimDrive{workers(0)}, std::invalid_argument);
  EXPECT_THROW(SimDrive{workers(65'536)}, std::invalid_argument);
}

}  // namespace
}  // namespace rt
