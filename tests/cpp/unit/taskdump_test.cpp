// A dump of a runtime on threads: what it says, that it comes in time, and that nothing has changed by it.
// The eight situations in which Tokio's dump hangs or does harm are here by name (core/DUMP.md).
#include "rt/observe/taskdump.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "rt/drive/simulate.hpp"
#include "rt/runtime.hpp"
#include "rt/sync/notify.hpp"
#include "rt/time/driver.hpp"

namespace rt {
namespace {

constexpr Nanos ms = 1'000'000;

/// Waits for ever, or until the flag is up and somebody wakes the task.
class Gate final : public Leaf {
 public:
  explicit Gate(const std::atomic<bool>* open) : open_(open) {}
  [[nodiscard]] bool poll(Header&) override { return open_->load(std::memory_order_acquire); }
  [[nodiscard]] const char* what() const override { return "gate"; }

 private:
  const std::atomic<bool>* open_;
};

struct World {
  std::atomic<bool> open{false};
  std::atomic<int> begun{0};
  std::atomic<int> done{0};
};

Coro<void> innermost(World* world) {
  ++world->begun;
  co_await Gate(&world->open);
}
Coro<void> middle(World* world) { co_await innermost(world); }
Task<void> waiter(World* world) {
  co_await middle(world);
  ++world->done;
}
Task<void> count(World* world) {
  ++world->done;
  co_return;
}
Task<void> yield_for_ever(World* world) {
  while (!world->open.load(std::memory_order_acquire)) co_await yield_now();
}
Task<void> spin(World* world, Nanos span) {
  ++world->begun;
  co_await work(span);
  ++world->done;
}

RuntimeOptions with(std::uint32_t workers) {
  RuntimeOptions options;
  options.workers = workers;
  return options;
}

template <class Holds>
bool soon(Holds&& holds, Nanos patience = 20'000 * ms) {
  for (const Nanos end = steady_now() + patience; steady_now() < end;) {
    if (holds()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return holds();
}

bool still_runs(Runtime& runtime) {
  World world;
  std::vector<JoinHandle<void>> handles;
  for (int i = 0; i < 100; ++i) handles.push_back(runtime.spawn(count, &world));
  for (auto& handle : handles) {
    if (!handle.wait_until(steady_now() + 20'000 * ms)) return false;
  }
  return world.done == 100;
}

std::size_t distinct_ids(const DumpResult& dump) {
  std::set<std::uint64_t> ids;
  for (const TraceEntry& task : dump.tasks) ids.insert(task.id);
  return ids.size();
}

std::size_t in_state(const DumpResult& dump, TraceState state) {
  return static_cast<std::size_t>(
      std::count_if(dump.tasks.begin(), dump.tasks.end(), [&](const TraceEntry& task) { return task.state == state; }));
}

class Taskdump : public testing::Test {
 protected:
  void SetUp() override {
    if (!taskdump) GTEST_SKIP() << "this build makes no dumps";
  }
};

TEST_F(Taskdump, frames_of_an_idle_task_are_listed_from_the_root_to_the_leaf) {
  World world;
  Runtime runtime(with(2));
  const auto handle = runtime.spawn_with({.name = "alice"}, waiter, &world);
  ASSERT_TRUE(soon([&] { return world.begun == 1; }));
  const DumpResult dump = runtime.drive().dump(5'000 * ms);
  EXPECT_TRUE(dump.complete);
  ASSERT_EQ(dump.tasks.size(), 1U);
  const TraceEntry& task = dump.tasks[0];
  EXPECT_EQ(task.id, handle.id());
  EXPECT_EQ(task.name, "alice");
  EXPECT_EQ(task.state, TraceState::idle);
  EXPECT_EQ(task.waits_for, "gate");
  EXPECT_EQ(task.polls, 1U);
  ASSERT_EQ(task.frames.size(), 3U);
  EXPECT_NE(task.frames[0].function.find("waiter"), std::string::npos) << task.frames[0].function;
  EXPECT_NE(task.frames[1].function.find("middle"), std::string::npos) << task.frames[1].function;
  EXPECT_NE(task.frames[2].function.find("innermost"), std::string::npos) << task.frames[2].function;
  EXPECT_EQ(task.frames[2].function.find('('), task.frames[2].function.find("(anonymous namespace)"));
  for (const Frame& frame : task.frames) {
    EXPECT_NE(frame.file.find("taskdump_test.cpp"), std::string::npos);
    EXPECT_GT(frame.line, 0U);
  }
  EXPECT_GT(task.age, 0U);
}

TEST_F(Taskdump, S22_a_hundred_thousand_idle_tasks_are_listed_once_each) {
  constexpr int many = 100'000;
  World world;
  Runtime runtime(with(2));
  for (int i = 0; i < many; ++i) static_cast<void>(runtime.spawn(waiter, &world));
  ASSERT_TRUE(soon([&] { return world.begun == many; }, 120'000 * ms));
  const DumpResult dump = runtime.drive().dump(10'000 * ms);
  EXPECT_TRUE(dump.complete);
  EXPECT_EQ(dump.tasks.size(), std::size_t{many});
  EXPECT_EQ(distinct_ids(dump), std::size_t{many});
  EXPECT_EQ(in_state(dump, TraceState::idle), std::size_t{many});
  EXPECT_TRUE(still_runs(runtime));
}

/// Spawns from inside, so that the worker's own queue, its overflow and inject are full.
Task<void> spawn_many(World* world, int many, std::atomic<bool>* spawned) {
  for (int i = 0; i < many; ++i) static_cast<void>(spawn(yield_for_ever, world));
  spawned->store(true);
  co_return;
}

TEST_F(Taskdump, S22_ten_thousand_ready_tasks_are_listed_once_each_and_go_on) {
  constexpr int many = 10'000;
  World world;
  std::atomic<bool> spawned{false};
  Runtime runtime(with(2));
  const auto alone = runtime.spawn(spawn_many, &world, many, &spawned);
  ASSERT_TRUE(soon([&] { return spawned.load(); }));
  for (int i = 0; i < 3; ++i) {
    const DumpResult dump = runtime.drive().dump(10'000 * ms);
    EXPECT_TRUE(dump.complete);
    EXPECT_EQ(dump.tasks.size(), std::size_t{many});
    EXPECT_EQ(distinct_ids(dump), std::size_t{many});
    EXPECT_EQ(in_state(dump, TraceState::scheduled), std::size_t{many});
    EXPECT_TRUE(still_runs(runtime));
  }
  world.open.store(true);
  EXPECT_TRUE(runtime.shutdown(false, steady_now() + 60'000 * ms));
}

TEST_F(Taskdump, S17_parked_workers_sleep_on_and_wake_for_a_later_spawn) {
  Runtime runtime(with(4));
  auto& shared = runtime.drive().shared();
  ASSERT_TRUE(soon([&] { return shared.idle.unparked() == 0; }));
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  const auto parks = [&] {
    std::uint64_t sum = 0;
    for (const auto& remote : shared.remotes)
      sum += remote->metrics.park_unpark_count.load() * 1000 + remote->metrics.noop_count.load();
    return sum;
  };
  const std::uint64_t before = parks();
  for (int i = 0; i < 50; ++i) {
    const DumpResult dump = runtime.drive().dump(5'000 * ms);
    EXPECT_TRUE(dump.complete);
    EXPECT_TRUE(dump.tasks.empty());
  }
  EXPECT_EQ(shared.idle.unparked(), 0U);
  {
    const std::scoped_lock lock(shared.mutex);
    EXPECT_EQ(shared.idle_synced.sleepers.size(), 4U);
  }
  EXPECT_EQ(parks(), before);  // law S24
  EXPECT_TRUE(still_runs(runtime));
}

TEST_F(Taskdump, L7_a_worker_in_a_long_poll_is_named_and_not_waited_for) {
  World world;
  Runtime runtime(with(2));
  const auto handle = runtime.spawn(spin, &world, 1'500 * ms);
  ASSERT_TRUE(soon([&] { return world.begun == 1; }));
  const Nanos start = steady_now();
  const DumpResult dump = runtime.drive().dump();
  const Nanos took = steady_now() - start;
  EXPECT_FALSE(dump.complete);
  EXPECT_GE(took, tuning::dump_limit_ns);
  EXPECT_LT(took, 1'200 * ms);
  ASSERT_EQ(dump.missing.size(), 1U);
  EXPECT_NE(dump.missing[0].line.find("task " + std::to_string(handle.id())), std::string::npos) << dump.missing[0].line;
  ASSERT_EQ(dump.tasks.size(), 1U);
  EXPECT_EQ(dump.tasks[0].state, TraceState::running);
  EXPECT_TRUE(dump.tasks[0].in_poll_since.has_value());
  EXPECT_TRUE(dump.tasks[0].frames.empty());
  EXPECT_TRUE(still_runs(runtime));
  const DumpResult second = runtime.drive().dump();  // the round of the first was not left open for the late worker
  EXPECT_EQ(second.tasks.size(), 1U);
  EXPECT_TRUE(soon([&] { return world.done == 1; }));
  const DumpResult third = runtime.drive().dump(5'000 * ms);
  EXPECT_TRUE(third.complete);
  EXPECT_TRUE(still_runs(runtime));
}

TEST_F(Taskdump, a_task_that_gave_way_is_ready_and_shows_where_it_stands) {
  World world;
  Runtime runtime(with(1));
  for (int i = 0; i < 3; ++i) static_cast<void>(runtime.spawn(yield_for_ever, &world));
  runtime.spawn(count, &world).get();  // behind them
  const DumpResult dump = runtime.drive().dump(5'000 * ms);
  EXPECT_TRUE(dump.complete);
  EXPECT_EQ(in_state(dump, TraceState::scheduled), 3U);
  for (const TraceEntry& task : dump.tasks) {
    EXPECT_EQ(task.waits_for, "yield_now");
    ASSERT_EQ(task.frames.size(), 1U);
    EXPECT_NE(task.frames[0].function.find("yield_for_ever"), std::string::npos);
  }
  world.open.store(true);
  EXPECT_TRUE(still_runs(runtime));
}

TEST_F(Taskdump, a_task_that_gave_way_to_a_long_poll_is_not_called_running) {
  World world;
  Runtime runtime(with(1));
  const auto yields = runtime.spawn(yield_for_ever, &world);
  runtime.spawn(count, &world).get();
  static_cast<void>(runtime.spawn(spin, &world, 1'500 * ms));
  ASSERT_TRUE(soon([&] { return world.begun == 1; }));
  const DumpResult dump = runtime.drive().dump();
  EXPECT_FALSE(dump.complete);
  ASSERT_EQ(dump.tasks.size(), 2U);
  for (const TraceEntry& task : dump.tasks) {
    EXPECT_EQ(task.state, task.id == yields.id() ? TraceState::scheduled : TraceState::running);
  }
  world.open.store(true);
}

TEST_F(Taskdump, L7_even_the_only_worker_in_a_long_poll_does_not_stop_a_dump) {
  World world;
  Runtime runtime(with(1));
  const auto alone = runtime.spawn(waiter, &world);
  ASSERT_TRUE(soon([&] { return world.begun == 1; }));
  const auto busy = runtime.spawn(spin, &world, 1'000 * ms);
  ASSERT_TRUE(soon([&] { return world.begun == 2; }));
  const DumpResult dump = runtime.drive().dump(50 * ms);
  EXPECT_FALSE(dump.complete);
  ASSERT_EQ(dump.tasks.size(), 2U);
  EXPECT_EQ(in_state(dump, TraceState::idle), 1U);
  EXPECT_TRUE(still_runs(runtime));
}

Task<void> dump_in_task(DumpResult* result, std::atomic<bool>* has) {
  *result = co_await dump_here(10'000 * ms);
  has->store(true);
}

TEST_F(Taskdump, a_task_gets_a_dump_of_its_own_world_with_itself_in_it) {
  for (const std::uint32_t workers : {1U, 3U}) {
    Runtime runtime(with(workers));
    DumpResult dump;
    std::atomic<bool> has{false};
    auto handle = runtime.spawn(dump_in_task, &dump, &has);
    handle.get();
    EXPECT_TRUE(dump.complete);
    ASSERT_EQ(dump.tasks.size(), 1U);
    EXPECT_EQ(dump.tasks[0].waits_for, "dump");
    EXPECT_TRUE(still_runs(runtime));
  }
}

TEST_F(Taskdump, a_blocking_dump_on_a_worker_is_refused) {
  Runtime runtime(with(1));
  auto handle = runtime.spawn([&runtime] { static_cast<void>(runtime.drive().dump()); });
  EXPECT_THROW(handle.get(), std::logic_error);
  EXPECT_TRUE(still_runs(runtime));
}

TEST_F(Taskdump, a_dump_cancelled_at_any_moment_leaves_nothing_behind) {
  World world;
  Runtime runtime(with(2));
  const auto alone = runtime.spawn(waiter, &world);
  for (int i = 0; i < 200; ++i) {
    DumpResult dump;
    std::atomic<bool> has{false};
    auto handle = runtime.spawn(dump_in_task, &dump, &has);
    if (i % 2 == 1) std::this_thread::sleep_for(std::chrono::microseconds(i));
    handle.cancel();
    handle.wait_until(no_deadline);
  }
  const auto blocker = runtime.spawn(spin, &world, 300 * ms);  // so that a round stays open while it is withdrawn
  ASSERT_TRUE(soon([&] { return world.begun == 2; }));
  DumpResult dump;
  std::atomic<bool> has{false};
  auto handle = runtime.spawn(dump_in_task, &dump, &has);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  handle.cancel();
  EXPECT_TRUE(handle.wait_until(steady_now() + 5'000 * ms));
  EXPECT_FALSE(has);
  EXPECT_TRUE(still_runs(runtime));
  EXPECT_TRUE(soon([&] { return blocker.done(); }));
  const DumpResult last = runtime.drive().dump(5'000 * ms);
  EXPECT_TRUE(last.complete);
  EXPECT_EQ(last.tasks.size(), 1U);
}

Task<void> dump_without_limit(World* world) {
  ++world->begun;
  static_cast<void>(co_await dump_here(no_deadline / 2));
}
Task<void> hold(World* world) {  // in one poll until it is let go
  ++world->begun;
  while (!world->open.load(std::memory_order_acquire)) std::this_thread::yield();
  co_return;
}

TEST_F(Taskdump, L7_a_cancelled_dump_lets_the_worker_go_that_waits_for_another_one) {
  World world;
  Runtime runtime(with(2));
  const auto held = runtime.spawn(hold, &world);
  ASSERT_TRUE(soon([&] { return world.begun == 1; }));
  for (int i = 0; i < 20; ++i) {
    auto wants = runtime.spawn(dump_without_limit, &world);
    ASSERT_TRUE(soon([&] { return world.begun == 2 + i; }));
    wants.cancel();
    ASSERT_TRUE(wants.wait_until(steady_now() + 20'000 * ms));
    ASSERT_TRUE(still_runs(runtime));
  }
  EXPECT_FALSE(held.done());
  world.open = true;
  EXPECT_TRUE(runtime.drive().dump(20'000 * ms).complete);
}

/// A dump, or the end of a span, whichever comes first.
class DumpWithin final : public Leaf {
 public:
  explicit DumpWithin(Nanos span) : dump_(no_deadline / 2), end_(Sleep::for_span(span)) {}
  [[nodiscard]] bool poll(Header& task) override { return end_.is_over(task) || dump_.poll(task); }
  [[nodiscard]] const char* what() const override { return "dump or sleep"; }

 private:
  DumpLeaf dump_;
  Sleep end_;
};
Task<void> give_up_soon(World* world) {
  co_await DumpWithin(2 * ms);
  ++world->done;
}

TEST_F(Taskdump, L7_a_deadline_that_is_over_lets_the_worker_go_that_waits_for_another_one) {
  World world;
  Runtime runtime(with(2));
  const auto held = runtime.spawn(hold, &world);
  ASSERT_TRUE(soon([&] { return world.begun == 1; }));
  for (int i = 0; i < 20; ++i) {
    auto wants = runtime.spawn(give_up_soon, &world);
    ASSERT_TRUE(wants.wait_until(steady_now() + 20'000 * ms));  // its worker has fired the timer at the barrier
  }
  EXPECT_TRUE(still_runs(runtime));
  EXPECT_FALSE(held.done());
  world.open = true;
  EXPECT_EQ(world.done, 20);
}

TEST_F(Taskdump, requesters_at_the_same_time_are_all_served) {
  World world;
  Runtime runtime(with(2));
  for (int i = 0; i < 50; ++i) static_cast<void>(runtime.spawn(waiter, &world));
  ASSERT_TRUE(soon([&] { return world.begun == 50; }));
  std::atomic<int> right{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 50; ++round) {
        const DumpResult dump = runtime.drive().dump(10'000 * ms);
        if (dump.complete && dump.tasks.size() == 50 && distinct_ids(dump) == 50) ++right;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(right, 200);
  EXPECT_TRUE(still_runs(runtime));
}

Task<void> ping(Notify mine, Notify other, std::atomic<bool>* stop, std::atomic<int>* turns) {
  while (!stop->load()) {
    co_await mine.notified();
    ++*turns;
    other.notify_one();
  }
  other.notify_one();
}

TEST_F(Taskdump, a_loop_of_dumps_under_load_with_wakes_from_outside) {
  World world;
  std::atomic<bool> stop{false};
  std::atomic<int> turns{0};
  Runtime runtime(with(3));
  std::vector<JoinHandle<void>> handles;
  std::vector<Notify> notifies;
  for (int pair = 0; pair < 20; ++pair) {
    Notify a, b;
    handles.push_back(runtime.spawn(ping, a, b, &stop, &turns));
    handles.push_back(runtime.spawn(ping, b, a, &stop, &turns));
    notifies.push_back(a);
    a.notify_one();
  }
  std::atomic<int> spawned{0};
  std::thread outside([&] {
    while (!stop.load()) {
      const auto alone = runtime.spawn(count, &world);
      ++spawned;
      for (Notify& notify : notifies) notify.notify_one();
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
  });
  for (int dumps = 0; dumps < 200; ++dumps) {
    const DumpResult dump = runtime.drive().dump(10'000 * ms);
    EXPECT_TRUE(dump.complete);
    EXPECT_EQ(distinct_ids(dump), dump.tasks.size());
    EXPECT_GE(dump.tasks.size(), handles.size());
  }
  EXPECT_GT(turns, 0);
  stop.store(true);
  outside.join();
  for (Notify& notify : notifies) notify.notify_one();
  for (auto& handle : handles) EXPECT_TRUE(handle.wait_until(steady_now() + 20'000 * ms));
  EXPECT_TRUE(soon([&] { return world.done == spawned; }));
  EXPECT_TRUE(still_runs(runtime));
}

TEST_F(Taskdump, L7_dumps_during_a_shutdown_return) {
  for (int i = 0; i < 30; ++i) {
    World world;
    Runtime runtime(with(2));
    for (int t = 0; t < 200; ++t) static_cast<void>(runtime.spawn(waiter, &world));
    std::thread dumper([drive = runtime.share()] {
      for (int d = 0; d < 4; ++d) static_cast<void>(drive->dump(20 * ms));
    });
    std::this_thread::sleep_for(std::chrono::microseconds(50 * i));
    EXPECT_TRUE(runtime.shutdown(true, steady_now() + 20'000 * ms));
    dumper.join();
    EXPECT_EQ(runtime.drive().shared().alive_tasks(), 0U);
  }
}

/// Whoever reads its name holds its task, and is itself held until it is let go.
class HoldingGate final : public Leaf {
 public:
  HoldingGate(std::atomic<bool>* is_read, const std::atomic<bool>* let_go) : is_read_(is_read), let_go_(let_go) {}
  [[nodiscard]] bool poll(Header&) override { return false; }
  [[nodiscard]] const char* what() const override {
    is_read_->store(true);
    while (!let_go_->load()) std::this_thread::yield();
    return "holding gate";
  }

 private:
  std::atomic<bool>* is_read_;
  const std::atomic<bool>* let_go_;
};
Task<void> wait_at(World* world, std::atomic<bool>* is_read, const std::atomic<bool>* let_go) {
  ++world->begun;
  co_await HoldingGate(is_read, let_go);
}

/// The leader is a thread from outside here, and both walks of the shutdown pass while it reads the frames of the task.
TEST_F(Taskdump, L7_a_task_that_a_dump_holds_while_its_runtime_ends_is_ended_too) {
  World world;
  std::atomic<bool> is_read{false};
  std::atomic<bool> let_go{false};
  Runtime runtime(with(1));
  static_cast<void>(runtime.spawn(wait_at, &world, &is_read, &let_go));
  static_cast<void>(runtime.spawn(spin, &world, 50 * ms));  // so that the worker does not come to the round
  ASSERT_TRUE(soon([&] { return world.begun == 2; }));
  std::thread dumper([drive = runtime.share()] { static_cast<void>(drive->dump(0)); });
  EXPECT_TRUE(soon([&] { return is_read.load(); }));
  std::thread releaser([&] {
    EXPECT_TRUE(soon([&] { return runtime.drive().shared().cores_gone.load() == 1; }));
    let_go.store(true);
  });
  EXPECT_TRUE(runtime.shutdown(true, steady_now() + 20'000 * ms));
  EXPECT_EQ(runtime.drive().shared().alive_tasks(), 0U);
  releaser.join();
  dumper.join();
  EXPECT_EQ(runtime.drive().shared().alive_tasks(), 0U);
}

TEST_F(Taskdump, L7_a_dump_inside_block_in_place_is_complete_and_lists_the_task_that_blocks) {
  for (const std::uint32_t workers : {1U, 2U}) {
    World world;
    Runtime runtime(with(workers));
    const auto alone = runtime.spawn(waiter, &world);
    DumpResult dump;
    auto handle = runtime.spawn([&] { block_in_place([&] { dump = runtime.drive().dump(10'000 * ms); }); });
    handle.get();
    EXPECT_TRUE(dump.complete);
    ASSERT_EQ(dump.tasks.size(), 2U);
    EXPECT_EQ(in_state(dump, TraceState::running), 1U);
    EXPECT_TRUE(still_runs(runtime));
  }
}

TEST_F(Taskdump, S22_blocking_jobs_are_listed) {
  World world;
  Runtime runtime(with(1));
  auto job = runtime.spawn_blocking([&] {
    ++world.begun;
    while (!world.open.load()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  });
  ASSERT_TRUE(soon([&] { return world.begun == 1; }));
  const DumpResult dump = runtime.drive().dump(5'000 * ms);
  ASSERT_EQ(dump.tasks.size(), 1U);
  EXPECT_EQ(dump.tasks[0].state, TraceState::blocking);
  EXPECT_EQ(dump.tasks[0].kind, Kind::blocking);
  world.open.store(true);
  job.get();
}

// ---- virtual time: a dump at each step of a run changes nothing ----

using Log = std::vector<int>;

Task<void> leaf_task(Log* log, int number, Notify notify) {
  log->push_back(number);
  co_await yield_now();
  log->push_back(1000 + number);
  if (number % 3 == 0) co_await notify.notified();
  if (number % 3 == 1) co_await sleep_for(static_cast<Nanos>(number) * ms);
  if (number % 3 == 2) notify.notify_one();
  co_await work(10'000);
  log->push_back(2000 + number);
}

Task<void> root_task(Log* log) {
  Notify notify;
  for (int i = 0; i < 12; ++i) spawn(leaf_task, log, i, notify).into_ref().drop();
  co_await sleep_for(30 * ms);
  for (int i = 0; i < 12; ++i) notify.notify_one();
}

struct SimRun {
  Log log;
  std::vector<std::uint64_t> counters;
  Nanos end = 0;
  std::uint64_t steps = 0;
  bool dump_complete = true;
  friend bool operator==(const SimRun& a, const SimRun& b) {
    return a.log == b.log && a.counters == b.counters && a.end == b.end;
  }
};

/// `dump_at`: before that step; never if it is larger than the run.
SimRun run_in_sim(std::uint32_t workers, std::uint64_t dump_at) {
  SimRun run;
  SimOptions options;
  options.scheduler.workers = workers;
  options.costs.fill(100);
  SimDrive drive(std::move(options));
  drive.outside([&] { spawn(root_task, &run.log).into_ref().drop(); });
  for (;; ++run.steps) {
    if (run.steps == dump_at) {
      const DumpResult dump = drive.dump(10'000 * ms);
      run.dump_complete =
          dump.complete && distinct_ids(dump) == dump.tasks.size() && dump.tasks.size() == drive.shared().alive_tasks();
    }
    if (drive.shared().alive_tasks() == 0 || !drive.step()) break;
  }
  run.end = drive.now();
  drive.stop();
  for (const auto& remote : drive.shared().remotes) {
    const WorkerMetrics& m = remote->metrics;
    for (const auto* counter : {&m.poll_count, &m.task_poll_count, &m.park_count, &m.park_unpark_count, &m.noop_count,
                                &m.local_schedule_count, &m.overflow_count, &m.busy_duration_total}) {
      run.counters.push_back(counter->load());
    }
  }
  run.counters.push_back(drive.shared().metrics().remote_schedule_count());
  return run;
}

TEST_F(Taskdump, S24_with_one_worker_a_dump_at_any_step_changes_no_order_no_time_and_no_counter) {
  const SimRun without = run_in_sim(1, ~std::uint64_t{0});
  ASSERT_EQ(without.log.size(), 36U);
  ASSERT_GT(without.steps, 20U);
  for (std::uint64_t at = 0; at < without.steps; ++at) {
    const SimRun with_dump = run_in_sim(1, at);
    EXPECT_TRUE(with_dump.dump_complete) << "before step " << at;
    EXPECT_EQ(with_dump.log, without.log) << "before step " << at;
    EXPECT_EQ(with_dump.counters, without.counters) << "before step " << at;
    EXPECT_EQ(with_dump.end, without.end) << "before step " << at;
  }
}

TEST_F(Taskdump, S22_with_three_workers_a_dump_at_any_step_is_complete_and_all_tasks_end) {
  const std::uint64_t steps = run_in_sim(3, ~std::uint64_t{0}).steps;
  for (std::uint64_t at = 0; at < steps; ++at) {
    const SimRun run = run_in_sim(3, at);
    EXPECT_TRUE(run.dump_complete) << "before step " << at;
    EXPECT_EQ(run.log.size(), 36U) << "before step " << at;
  }
}

TEST_F(Taskdump, L7_in_virtual_time_a_worker_in_a_long_poll_is_missing_at_the_limit) {
  World world;
  SimOptions options;
  options.scheduler.workers = 2;
  SimDrive drive(std::move(options));
  drive.outside([&] { spawn(spin, &world, 1'500 * ms).into_ref().drop(); });
  while (world.begun == 0) ASSERT_TRUE(drive.step());
  const DumpResult dump = drive.dump();
  EXPECT_FALSE(dump.complete);
  ASSERT_EQ(dump.missing.size(), 1U);
  EXPECT_EQ(dump.at, tuning::dump_limit_ns);
  EXPECT_EQ(drive.play(1'000).end, SimResult::End::finished);
  EXPECT_EQ(world.done, 1);
}

TEST(TaskdumpText, function_names_are_cleaned) {
  EXPECT_EQ(
      clean_function_name("void a::inner(inner<int>(int, std::string)::_ZN1a5innerIiEE1TT_NSt7__cxx1112basic_stringIcSt11char_"
                          "traitsIcESaIcEEE.Frame*)"),
      "a::inner<int>");
  EXPECT_EQ(clean_function_name("void plain(plain()::_Z5plainv.Frame*)"), "plain");
  EXPECT_EQ(clean_function_name("rt::Task<void> app::f(int, char)"), "app::f");
  EXPECT_EQ(clean_function_name("main"), "main");
  EXPECT_EQ(clean_function_name(""), "");
}

TEST(TaskdumpMock, without_the_feature_a_dump_says_so) {
  if (taskdump) GTEST_SKIP() << "this is about a build without dumps (TASKDUMP=OFF), and this one has them";
  Runtime runtime(with(1));
  EXPECT_THROW(static_cast<void>(runtime.drive().dump()), std::runtime_error);
}

}  // namespace
}  // namespace rt
