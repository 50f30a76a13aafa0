// What one worker does in a turn, and in which order: counts and orders of BEHAVIOUR.md, on virtual workers.
#include "rt/core/worker.hpp"
#include "rt/features.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <random>

#include "rt/sync/notify.hpp"
#include "sim_world.hpp"

namespace rt {
namespace {

using namespace sim_world;

Task<void> spawn_writers(Log* log, int first, int last) {
  for (int i = first; i <= last; ++i) static_cast<void>(spawn(write, log, i));
  co_return;
}

Task<void> yield_times(int times) {
  for (int i = 0; i < times; ++i) co_await yield_now();
}

Task<void> consume(int units) {
  for (int i = 0; i < units; ++i) co_await consume_budget();
}

Log run_on_one(SimOptions options, Task<void> (*root)(Log*)) {
  Log log;
  SimDrive drive(std::move(options));
  EXPECT_EQ(drive.run([&] { static_cast<void>(spawn(root, &log)); }, enough_steps).end, SimResult::End::finished);
  return log;
}

TEST(Worker, a_root_that_spawns_ten_empty_tasks_gives_tokios_counts) {
  if (!unstable_metrics) GTEST_SKIP() << "reads counts that this build leaves out";
  Log log;
  SimDrive drive(workers(1));
  drive.run([&] { static_cast<void>(spawn(spawn_writers, &log, 1, 10)); }, enough_steps);
  const Sum sum(drive);
  EXPECT_EQ(sum.spawned, 11U);
  EXPECT_EQ(sum.remote_schedules, 1U);
  EXPECT_EQ(sum.local_schedules, 10U);
  EXPECT_EQ(sum.task_polls, 11U);
  EXPECT_EQ(sum.polls, 10U);
}

TEST(Worker, three_yields_are_four_polls_and_three_local_schedules) {
  if (!unstable_metrics) GTEST_SKIP() << "reads counts that this build leaves out";
  SimDrive drive(workers(1));
  drive.run([&] { static_cast<void>(spawn(yield_times, 3)); }, enough_steps);
  const Sum sum(drive);
  EXPECT_EQ(sum.task_polls, 4U);
  EXPECT_EQ(sum.local_schedules, 3U);
}

TEST(Worker, the_last_unit_of_the_budget_counts_as_forced_yield_though_the_poll_goes_on) {
  if (!unstable_metrics) GTEST_SKIP() << "reads counts that this build leaves out";
  SimDrive drive(workers(1));
  drive.run([&] { static_cast<void>(spawn(consume, 128)); }, enough_steps);
  const Sum sum(drive);
  EXPECT_EQ(sum.task_polls, 1U);
  EXPECT_EQ(sum.forced_yields, 1U);
}

TEST(Worker, a_budget_that_is_spent_ends_the_poll) {
  if (!unstable_metrics) GTEST_SKIP() << "reads counts that this build leaves out";
  SimDrive drive(workers(1));
  drive.run([&] { static_cast<void>(spawn(consume, 129)); }, enough_steps);
  const Sum sum(drive);
  EXPECT_EQ(sum.task_polls, 2U);
  EXPECT_EQ(sum.forced_yields, 1U);
}

TEST(Worker, without_the_lifo_slot_tasks_run_in_the_order_of_their_schedule) {
  const auto root = [](Log* log) -> Task<void> {
    for (int i = 1; i <= 5; ++i) static_cast<void>(spawn(write, log, i));
    co_return;
  };
  EXPECT_EQ(run_on_one(workers(1, false), root), (Log{1, 2, 3, 4, 5}));
}

TEST(Worker, the_task_spawned_last_runs_first_and_the_others_in_their_order) {
  const auto root = [](Log* log) -> Task<void> {
    for (int i = 1; i <= 5; ++i) static_cast<void>(spawn(write, log, i));
    co_return;
  };
  EXPECT_EQ(run_on_one(workers(1), root), (Log{5, 1, 2, 3, 4}));
}

// Law F2, for tasks that spawn: a slot, a queue, and the cap of three.
using Tree = std::vector<std::vector<int>>;

Log predicted_order(const Tree& tree) {
  Log order;
  std::deque<int> queue{0};
  while (!queue.empty()) {
    int task = queue.front();
    queue.pop_front();
    bool slot_is_on = true;
    for (int lifo_polls = 0; task >= 0;) {
      order.push_back(task);
      int slot = -1;
      for (const int child : tree[static_cast<std::size_t>(task)]) {
        if (!slot_is_on)
          queue.push_back(child);
        else if (const int displaced = std::exchange(slot, child); displaced >= 0)
          queue.push_back(displaced);
      }
      task = slot;
      if (task >= 0 && ++lifo_polls == 3) slot_is_on = false;
    }
  }
  return order;
}

Task<void> grow(const Tree* tree, Log* log, int number) {
  log->push_back(number);
  for (const int child : (*tree)[static_cast<std::size_t>(number)]) static_cast<void>(spawn(grow, tree, log, child));
  co_return;
}

TEST(Worker, a_small_model_predicts_the_order_on_one_worker) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    std::minstd_rand random(seed + 1);
    Tree tree(60);
    for (int child = 1; child < 60; ++child) {
      const int low = std::max(0, child - 6);
      tree[static_cast<std::size_t>(low) + random() % static_cast<unsigned>(child - low)].push_back(child);
    }
    Log log;
    SimDrive drive(workers(1));
    drive.run([&] { static_cast<void>(spawn(grow, &tree, &log, 0)); }, enough_steps);
    ASSERT_EQ(log, predicted_order(tree)) << "tree of seed " << seed;
  }
}

/// The second poll's number among the polls of 200 tasks of which the first to be polled yields.
std::ptrdiff_t place_of_second_poll(bool asleep_before) {
  Log log;
  SimDrive drive(workers(1));
  if (asleep_before) drive.settle(enough_steps);
  const auto root = [](Log* polls) -> Task<void> {
    for (int i = 1; i < 200; ++i) static_cast<void>(spawn(write, polls, i));
    static_cast<void>(spawn(write_yield_write, polls, 200));  // into the slot, so it is polled first
    co_return;
  };
  drive.run([&] { static_cast<void>(spawn(root, &log)); }, enough_steps);
  EXPECT_EQ(log.size(), 201U);
  EXPECT_EQ(log[0], 200);
  return std::find(log.begin() + 1, log.end(), 200) - log.begin() + 1;
}

TEST(Worker, a_yield_waits_for_the_next_upkeep_while_others_are_ready) {
  EXPECT_EQ(place_of_second_poll(true), 60);  // as measured on Tokio: the turn before the sleep counts
  EXPECT_EQ(place_of_second_poll(false), 61);
}

TEST(Worker, a_task_woken_while_it_runs_goes_behind_all_queued_tasks) {
  const auto root = [](Log* log) -> Task<void> {
    for (int i = 1; i <= 3; ++i) static_cast<void>(spawn(write, log, i));
    WakeSelf leaf;
    co_await leaf;
    log->push_back(0);
  };
  EXPECT_EQ(run_on_one(workers(1), root), (Log{3, 1, 2, 0}));
}

TEST(Worker, deferred_tasks_are_woken_last_first_so_the_first_one_takes_the_slot) {
  const auto root = [](Log* log) -> Task<void> {
    for (int i = 1; i <= 3; ++i) static_cast<void>(spawn(write_yield_write, log, i));
    co_return;
  };
  EXPECT_EQ(run_on_one(workers(1, false), root), (Log{1, 2, 3, 3, 2, 1}));
  EXPECT_EQ(run_on_one(workers(1), root), (Log{3, 1, 2, 3, 2, 1}));
}

/// Gives way in its first poll, and is over when it is told so.
struct YieldsOnce final : Leaf {
  bool poll(Header& polled) override {
    task = &polled;
    if (++polls == 1) defer(polled);
    return is_over;
  }
  [[nodiscard]] const char* what() const override { return "yields once"; }
  Header* task = nullptr;
  int polls = 0;
  bool is_over = false;
};

Task<void> wait_for(YieldsOnce* leaf) { co_await *leaf; }

Task<void> wake_what_yielded(YieldsOnce* leaf) {
  static_cast<void>(spawn(wait_for, leaf));
  co_await yield_now();
  for (int wakes = 0; wakes < 3; ++wakes) wake(*leaf->task);
  for (int turns = 0; turns < 5; ++turns) co_await yield_now();
  EXPECT_EQ(leaf->polls, 2);
  leaf->is_over = true;
  wake(*leaf->task);
}

TEST(Worker, S2_a_task_that_yielded_has_one_further_poll_whoever_wakes_it_meanwhile) {
  YieldsOnce leaf;
  SimDrive drive(workers(1));
  EXPECT_EQ(drive.run([&] { static_cast<void>(spawn(wake_what_yielded, &leaf)); }, enough_steps).end, SimResult::End::finished);
  EXPECT_EQ(leaf.polls, 3);
}

Task<void> chain(Log* log, int number, int last) {
  log->push_back(number);
  if (number < last) static_cast<void>(spawn(chain, log, number + 1, last));
  co_return;
}

TEST(Worker, three_polls_from_the_slot_follow_a_turns_first_and_then_others_have_a_turn) {
  const auto root = [](Log* log) -> Task<void> {
    static_cast<void>(spawn(write, log, -1));
    static_cast<void>(spawn(chain, log, 1, 9));
    co_return;
  };
  // The root's turn: root, 1, 2, 3. What 3 spawns goes behind the task that waits.
  EXPECT_EQ(run_on_one(workers(1), root), (Log{1, 2, 3, -1, 4, 5, 6, 7, 8, 9}));
}

Task<void> rally(Notify mine, Notify other, Log* log, int number) {
  for (int i = 0; i < 5; ++i) {
    co_await mine.notified();
    log->push_back(number);
    other.notify_one();
  }
}

TEST(Worker, L4_two_tasks_that_wake_each_other_give_way_to_others_after_three_polls) {  // Tokio #2349, #5686
  const auto root = [](Log* log) -> Task<void> {
    Notify first;
    Notify second;
    static_cast<void>(spawn(rally, first, second, log, 1));
    static_cast<void>(spawn(rally, second, first, log, 2));
    co_await yield_now();  // both wait
    for (int i = -1; i >= -3; --i) static_cast<void>(spawn(write, log, i));
    first.notify_one();
  };
  EXPECT_EQ(run_on_one(workers(1), root), (Log{1, 2, 1, -1, -2, -3, 2, 1, 2, 1, 2, 1, 2}));
}

TEST(Worker, the_257th_task_in_the_queue_moves_the_oldest_half_and_itself_to_inject_as_one_event) {
  if (!unstable_metrics) GTEST_SKIP() << "reads counts that this build leaves out";
  Log log;
  SimDrive drive(workers(1));
  std::size_t before = 1;
  std::size_t after = 0;
  const auto root = [](SimDrive* world, Log* polls, std::size_t* inject_before, std::size_t* inject_after) -> Task<void> {
    for (int i = 1; i <= 257; ++i) static_cast<void>(spawn(write, polls, i));
    *inject_before = world->shared().inject.len();
    static_cast<void>(spawn(write, polls, 258));  // displaces 257 from the slot
    *inject_after = world->shared().inject.len();
    co_return;
  };
  drive.run([&] { static_cast<void>(spawn(root, &drive, &log, &before, &after)); }, enough_steps);
  EXPECT_EQ(before, 0U);
  EXPECT_EQ(after, 129U);
  const Sum sum(drive);
  EXPECT_EQ(sum.overflows, 1U);
  EXPECT_EQ(sum.remote_schedules, 1U);  // the root's
  EXPECT_EQ(sum.local_schedules, 258U);
  ASSERT_EQ(log.size(), 258U);
  EXPECT_EQ(log[0], 258);
  EXPECT_EQ(log[1], 129);
  EXPECT_EQ(log[60], 1);  // turn 61 looks at inject first: there the order was kept
  EXPECT_EQ(log.back(), 257);
}

TEST(Worker, a_visit_to_inject_takes_an_equal_share_and_at_most_half_a_queue) {
  Log log;
  const auto taken = [&](std::uint32_t count, int injected) {
    SimDrive drive(workers(count));
    for (int i = 0; i < injected; ++i) start(drive, write, &log, i);
    drive.step();
    std::size_t queued = 0;
    for (const auto& remote : drive.shared().remotes) queued += remote->queue.len();
    EXPECT_EQ(queued + 1 + drive.shared().inject.len(), static_cast<std::size_t>(injected));
    return queued + 1;
  };
  EXPECT_EQ(taken(4, 100), 26U);
  EXPECT_EQ(taken(1, 300), 128U);
  EXPECT_EQ(taken(4, 1), 1U);
}

TEST(Worker, L5_with_no_slot_free_a_visit_to_inject_still_brings_one_task) {  // Tokio #5908
  Log log;
  SimDrive drive(workers(3));
  for (int i = 0; i < 2; ++i) {  // so that the others steal nothing, and a search takes more than one step
    start(
        drive,
        [](Log* polls) -> Task<void> {
          polls->push_back(0);
          co_await work(1'000'000'000);
        },
        &log);
  }
  while (log.size() < 2) ASSERT_TRUE(drive.step());
  const auto root = [](SimDrive* world, Log* polls) -> Task<void> {
    auto& queue = world->shared().remotes[current()->worker->index()]->queue;
    for (int i = 1; i <= 257; ++i) static_cast<void>(spawn(write, polls, i));
    std::vector<Header*> held;
    static_cast<void>(queue.steal_all(held));  // a thief that copies all of it, and takes its time
    start(
        *world,
        [](Shared<SimEnv>::Queue* of, Log* into) -> Task<void> {
          into->push_back(1000);
          of->put_back();
          co_return;
        },
        &queue, polls);
    co_return;
  };
  start(drive, root, &drive, &log);
  while (log.back() != 257) ASSERT_TRUE(drive.step());  // from the slot
  drive.step();
  EXPECT_EQ(log.back(), 1000);
  drive.play(enough_steps);
  EXPECT_EQ(log.size(), 260U);
}

TEST(Worker, each_so_many_turns_inject_is_looked_at_first) {
  Log log;
  SimOptions options = workers(1, false);
  options.scheduler.policy.global_interval = 3;
  SimDrive drive(std::move(options));
  const auto root = [](SimDrive* world, Log* polls) -> Task<void> {
    for (int i = 1; i <= 5; ++i) static_cast<void>(spawn(write, polls, i));
    for (int i = 101; i <= 102; ++i) start(*world, write, polls, i);
    co_return;
  };
  drive.run([&] { static_cast<void>(spawn(root, &drive, &log)); }, enough_steps);
  EXPECT_EQ(log, (Log{1, 101, 2, 3, 102, 4, 5}));
}

TEST(Worker, L5_a_worker_with_a_full_queue_still_takes_one_task_from_inject) {
  Log log;
  SimOptions options = workers(1, false);
  options.scheduler.policy.global_interval = 2;
  options.scheduler.policy.inject_batch = 8;
  SimDrive drive(std::move(options));
  const auto root = [](SimDrive* world, Log* polls) -> Task<void> {
    for (int i = 1; i <= 256; ++i) static_cast<void>(spawn(write, polls, i));
    start(*world, write, polls, 1000);
    co_return;
  };
  drive.run([&] { static_cast<void>(spawn(root, &drive, &log)); }, enough_steps);
  ASSERT_EQ(log.size(), 257U);
  EXPECT_EQ(log[0], 1000);  // the second turn looks at inject first
}

TEST(Worker, a_turn_that_only_cancels_is_in_poll_count_but_not_in_task_poll_count) {
  if (!unstable_metrics) GTEST_SKIP() << "reads counts that this build leaves out";
  Log log;
  SimDrive drive(workers(1, false));
  const auto root = [](Log* polls) -> Task<void> {
    auto child = spawn(write, polls, 1);
    child.cancel();
    co_return;
  };
  drive.run([&] { static_cast<void>(spawn(root, &log)); }, enough_steps);
  EXPECT_TRUE(log.empty());
  const Sum sum(drive);
  EXPECT_EQ(sum.polls, 2U);
  EXPECT_EQ(sum.task_polls, 1U);
}

}  // namespace
}  // namespace rt
