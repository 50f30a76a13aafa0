// Workers among each other: stealing, sleeping, waking, block_in_place, hooks. On virtual workers.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "rt/features.hpp"
#include "rt/sync/semaphore.hpp"
#include "rt/task/blocking.hpp"
#include "rt/time/driver.hpp"
#include "sim_world.hpp"

namespace rt {
namespace {

using namespace sim_world;

constexpr Nanos ms = 1'000'000;

Task<void> work_for(Nanos span) { co_await work(span); }

Task<void> spawn_workers(int count, Nanos span) {
  for (int i = 0; i < count; ++i) static_cast<void>(spawn(work_for, span));
  co_await work(span);
}

TEST(Stealing, a_thief_takes_half_rounded_up_and_runs_one_of_them) {
  SimDrive drive(workers(2));
  drive.settle(enough_steps);
  start(drive, spawn_workers, 6, ms);
  std::set<std::size_t> seen;
  while (drive.now() == 0 && drive.step()) {
    seen.insert(drive.shared().remotes[0]->queue.len() + 10 * drive.shared().remotes[1]->queue.len());
  }
  // Five and none, then two and two: three have left, one of which runs.
  EXPECT_TRUE(seen.contains(22));
  EXPECT_TRUE(seen.contains(5) || seen.contains(50));
}

TEST(Stealing, all_workers_get_work_at_the_instant_it_appears) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    SimOptions options = workers(4);
    options.scheduler.seed = seed;
    SimDrive drive(std::move(options));
    drive.settle(enough_steps);
    const SimResult result = drive.run([] { static_cast<void>(spawn(spawn_workers, 7, ms)); }, enough_steps);
    ASSERT_EQ(result.end, SimResult::End::finished);
    ASSERT_EQ(result.now, 2 * ms) << "8 tasks of 1 ms on 4 workers, seed " << seed;
  }
}

TEST(Stealing, P5_a_victim_that_gives_nothing_is_passed_and_the_search_ends) {  // Photon #1246
  SimDrive drive(workers(3));
  const auto root = [](SimDrive* world) -> Task<void> {
    auto& queue = world->shared().remotes[current()->worker->index()]->queue;
    for (int i = 0; i < 5; ++i) static_cast<void>(spawn(work_for, ms));
    std::vector<Header*> held;
    EXPECT_TRUE(queue.steal_all(held));  // as if another thief were in the middle of it
    co_await work(ms);
    queue.put_back();
  };
  start(drive, root, &drive);
  int looks = 0;
  while (drive.shared().spawned_tasks() < 6 || drive.shared().idle_synced.sleepers.size() < 2) {
    ASSERT_TRUE(drive.step());
    looks += drive.last_step().action == SimStep::Action::look ? 1 : 0;
    ASSERT_LE(looks, 20);
  }
  EXPECT_EQ(drive.now(), 0U);
  drive.settle(enough_steps);
  EXPECT_EQ(drive.shared().alive_tasks(), 0U);
}

TEST(Stealing, P5_a_task_costs_two_rounds_of_looks_at_most_however_many_workers_there_are) {  // Go #28808
  for (const std::uint32_t count : {64U, 256U, 1024U}) {
    SimDrive drive(workers(count));
    drive.settle(enough_steps);
    const std::uint64_t tasks = 16;
    start(drive, spawn_workers, static_cast<int>(tasks) - 1, ms);
    std::uint64_t looks = 0;
    while (drive.step()) looks += drive.last_step().action == SimStep::Action::look ? 1 : 0;
    ASSERT_EQ(drive.shared().alive_tasks(), 0U);
    EXPECT_GT(looks, count);
    EXPECT_LE(looks, 2 * tasks * count);
  }
}

TEST(Sleeping, a_fresh_workers_first_sleep_counts_as_a_wakeup_for_nothing) {
  if (!unstable_metrics) GTEST_SKIP() << "reads counts that this build leaves out";
  SimDrive drive(workers(1));
  drive.settle(enough_steps);
  const Sum sum(drive);
  EXPECT_EQ(sum.parks, 1U);
  EXPECT_EQ(sum.noops, 1U);
}

TEST(Sleeping, a_token_without_work_is_counted_and_the_worker_sleeps_again) {
  if (!unstable_metrics) GTEST_SKIP() << "reads counts that this build leaves out";
  SimDrive drive(workers(1));
  drive.settle(enough_steps);
  drive.shared().remotes[0]->wake.notify();
  drive.shared().remotes[0]->wake.notify();  // law S21: adds nothing
  drive.settle(enough_steps);
  const Sum sum(drive);
  EXPECT_EQ(sum.parks, 2U);
  EXPECT_EQ(sum.noops, 2U);
  EXPECT_EQ(drive.shared().idle.unparked(), 0U);
  EXPECT_EQ(drive.shared().idle.searching(), 0U);
}

TEST(Sleeping, one_outside_task_wakes_one_worker) {
  Log log;
  SimDrive drive(workers(4));
  drive.settle(enough_steps);
  start(drive, write, &log, 1);
  drive.settle(enough_steps);
  EXPECT_EQ(log, Log{1});
  // The searcher that found it sends one more out (the last one always does), and that one finds nothing.
  EXPECT_LE(Sum(drive).parks, 4U + 2U);
  EXPECT_EQ(drive.shared().idle_synced.sleepers.size(), 4U);
}

TEST(Sleeping, a_worker_that_wakes_late_moves_at_the_wakers_time_and_the_latency) {
  SimOptions options = workers(1);
  options.costs[static_cast<std::size_t>(Cost::wake_latency)] = 7;
  SimDrive drive(std::move(options));
  drive.settle(enough_steps);
  Nanos at = 0;
  const auto look = [](Nanos* now) -> Task<void> {
    *now = current()->worker->now();
    co_return;
  };
  start(drive, look, &at);
  drive.settle(enough_steps);
  EXPECT_EQ(at, 7U);
}

/// Steps through trees of many seeds, with a price on everything so that the workers interleave.
template <class Look>
void watch_trees(double max_searching, Look&& look) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    SimOptions options = workers(4);
    options.scheduler.seed = seed;
    options.scheduler.policy.max_searching = max_searching;
    options.costs.fill(10);
    SimDrive drive(std::move(options));
    start(drive, [](int depth) -> Task<void> { static_cast<void>(co_await spawn(tree, depth)); }, 6);
    while (drive.step()) {
      if (drive.last_step().worker != SimStep::nobody) look(drive, drive.last_step());
    }
    ASSERT_EQ(drive.shared().alive_tasks(), 0U) << "seed " << seed;
  }
}

TEST(Searching, S19_who_has_a_task_to_run_is_not_counted_as_searching) {  // Go #10573
  int looks = 0;
  watch_trees(0.5, [&](SimDrive& drive, const SimStep& step) {
    const bool is_searching = drive.worker(step.worker).is_searching();
    if (step.action == SimStep::Action::poll) {
      ASSERT_FALSE(is_searching);
    }
    if (step.action != SimStep::Action::look) return;
    ++looks;
    ASSERT_FALSE(drive.worker(step.worker).has_stealable_slot());
    ASSERT_TRUE(drive.shared().remotes[step.worker]->queue.is_empty());
  });
  EXPECT_GT(looks, 100);
}

TEST(Searching, P5_who_is_refused_the_search_looks_at_nobody_and_lies_down) {  // Go #43997
  int looks = 0;
  int refused = 0;
  std::vector<SimStep::Action> before(4, SimStep::Action::turn);
  watch_trees(0.25, [&](SimDrive& drive, const SimStep& step) {
    const auto last = std::exchange(before[step.worker], step.action);
    if (step.action == SimStep::Action::rest && last == SimStep::Action::poll && drive.shared().idle.searching() > 0) ++refused;
    if (step.action != SimStep::Action::look) return;
    ++looks;
    ASSERT_TRUE(drive.worker(step.worker).is_searching());
  });
  EXPECT_GT(looks, 100);
  EXPECT_GT(refused, 10);
}

TEST(Timers, a_sleep_ends_on_the_first_tick_that_is_not_too_early) {
  SimDrive drive(workers(2));
  const auto rest = [](Nanos span) -> Task<void> { co_await sleep_for(span); };
  const SimResult result = drive.run([&] { static_cast<void>(spawn(rest, 5 * ms - 1)); }, enough_steps);
  EXPECT_EQ(result.end, SimResult::End::finished);
  EXPECT_EQ(result.now, 5 * ms);
}

TEST(Timers, an_earlier_timer_wakes_the_worker_that_waits_for_a_later_one) {
  SimDrive drive(workers(2));
  const auto rest = [](Nanos busy, Nanos span) -> Task<void> {
    co_await work(busy);
    co_await sleep_for(span);
  };
  start(drive, rest, Nanos{0}, 100 * ms);
  start(drive, rest, ms, ms);
  Nanos first_end = 0;
  while (drive.shared().alive_tasks() == 2 && drive.step()) first_end = drive.now();
  EXPECT_EQ(first_end, 2 * ms);
  EXPECT_EQ(drive.play(enough_steps).now, 100 * ms);
}

TEST(SpawnOn, a_task_begins_on_the_worker_it_was_sent_to) {
  for (std::uint32_t target = 0; target < 4; ++target) {
    SimDrive drive(workers(4));
    drive.settle(enough_steps);
    std::uint32_t index = 99;
    const auto look = [](std::uint32_t* worker) -> Task<void> {
      *worker = current()->worker->index();
      co_return;
    };
    drive.outside([&] { const auto handle = spawn_with({.to = {.worker = target}}, {}, look, &index); });
    EXPECT_EQ(drive.play(enough_steps).end, SimResult::End::finished);
    EXPECT_EQ(index, target);
  }
}

TEST(BlockInPlace, deferred_tasks_and_the_slots_task_are_in_the_queue_while_it_blocks) {
  SimDrive drive(workers(1, true));
  std::size_t deferred = 9;
  std::size_t queued = 9;
  Log log;
  const auto root = [](SimDrive* world, Log* polls, std::size_t* left, std::size_t* ready) -> Task<void> {
    static_cast<void>(spawn(write_yield_write, polls, 1));
    co_await yield_now();
    static_cast<void>(spawn(write, polls, 2));
    block_in_place([=] {
      *left = world->worker(0).deferred();
      *ready = world->shared().remotes[0]->queue.len();
    });
  };
  // The child yields again while the root is up: it stands in the deferred list when the root blocks.
  drive.run([&] { static_cast<void>(spawn(root, &drive, &log, &deferred, &queued)); }, enough_steps);
  EXPECT_EQ(deferred, 0U);
  EXPECT_EQ(queued, 2U);
}

TEST(BlockInPlace, L4_a_task_that_has_yielded_is_in_the_queue_while_another_one_blocks) {
  SimDrive drive(workers(1, true));
  std::size_t deferred = 9;
  std::size_t queued = 9;
  Log log;
  static constexpr auto blocker = [](SimDrive* world, std::size_t* left, std::size_t* ready) -> Task<void> {
    block_in_place([=] {
      *left = world->worker(0).deferred();
      *ready = world->shared().remotes[0]->queue.len();
    });
    co_return;
  };
  // The one that yields is polled from the slot, in the root's turn; the next turn is the blocker's.
  const auto root = [](SimDrive* world, Log* polls, std::size_t* left, std::size_t* ready) -> Task<void> {
    static_cast<void>(spawn(blocker, world, left, ready));
    static_cast<void>(spawn(write_yield_write, polls, 1));
    co_return;
  };
  drive.run([&] { static_cast<void>(spawn(root, &drive, &log, &deferred, &queued)); }, enough_steps);
  EXPECT_EQ(deferred, 0U);
  EXPECT_EQ(queued, 1U);
  EXPECT_EQ(log, (Log{1, 1}));
}

TEST(BlockInPlace, L3_a_worker_that_rests_is_told_of_the_slots_task) {
  SimDrive drive(workers(2, true));
  drive.settle(enough_steps);
  bool is_told = false;
  const auto root = [](SimDrive* world, bool* told) -> Task<void> {
    co_await work(ms);  // meanwhile the other one finds nothing, and lies down
    const std::uint32_t other = 1 - current()->worker->index();
    static_cast<void>(spawn([] {}));  // into the slot, of which nobody is told
    block_in_place([=] { *told = world->shared().remotes[other]->wake.has_token(); });
  };
  drive.run([&] { static_cast<void>(spawn(root, &drive, &is_told)); }, enough_steps);
  EXPECT_TRUE(is_told);
}

TEST(BlockInPlace, a_worker_that_comes_back_in_time_brings_the_budget_back) {
  SimDrive drive(workers(2));
  std::uint32_t inside = 0;
  std::uint32_t after = 0;
  const auto root = [](std::uint32_t* left_inside, std::uint32_t* left_after) -> Task<void> {
    co_await consume_budget();
    block_in_place([=] { *left_inside = current()->budget.left; });
    *left_after = current()->budget.left;
  };
  drive.run([&] { static_cast<void>(spawn(root, &inside, &after)); }, enough_steps);
  EXPECT_EQ(inside, Budget::unlimited);
  EXPECT_EQ(after, 127U);
}

/// Who did what, and when.
using Story = std::vector<std::pair<int, Nanos>>;

Task<void> tell(Story* story, int number) {
  story->emplace_back(number, current()->home->now());
  co_return;
}

TEST(BlockInPlace, L3_the_queue_of_a_worker_whose_task_blocks_goes_on) {
  SimDrive drive(workers(1));
  Story story;
  const auto root = [](Story* told) -> Task<void> {
    static_cast<void>(spawn(tell, told, 1));
    BlockInPlace blocking([] {}, 5 * ms);
    co_await blocking;
    told->emplace_back(2, current()->home->now());
  };
  const SimResult result = drive.run([&] { static_cast<void>(spawn(root, &story)); }, enough_steps);
  EXPECT_EQ(story, (Story{{1, 0}, {2, 5 * ms}}));
  EXPECT_EQ(result.now, 5 * ms);
}

TEST(BlockInPlace, P1_what_follows_it_in_the_poll_takes_effect_when_it_is_over) {
  SimDrive drive(workers(2));
  Story story;
  const auto root = [](Story* told) -> Task<void> {
    block_in_place([] {}, 5 * ms);  // not awaited: the code below runs ahead of the world's clock
    static_cast<void>(spawn(tell, told, 1));
    block_in_place([] {}, 2 * ms);
    static_cast<void>(spawn(tell, told, 2));
    co_await work(3 * ms);
    static_cast<void>(spawn(tell, told, 3));
  };
  const SimResult result = drive.run([&] { static_cast<void>(spawn(root, &story)); }, enough_steps);
  EXPECT_EQ(story, (Story{{1, 5 * ms}, {2, 7 * ms}, {3, 10 * ms}}));
  EXPECT_EQ(result.now, 10 * ms);
}

TEST(BlockInPlace, P1_nothing_is_taken_before_it_is_over) {
  SimDrive drive(workers(2));
  Semaphore permits(1);
  Story story;
  const auto blocker = [](Semaphore* one, Story* told) -> Task<void> {
    block_in_place([] {}, 5 * ms);
    co_await one->acquire();
    told->emplace_back(1, current()->home->now());
    one->release();
  };
  const auto other = [](Semaphore* one, Story* told) -> Task<void> {
    co_await sleep_for(2 * ms);
    co_await one->acquire();
    told->emplace_back(2, current()->home->now());
    one->release();
  };
  drive.run(
      [&] {
        static_cast<void>(spawn(blocker, &permits, &story));
        static_cast<void>(spawn(other, &permits, &story));
      },
      enough_steps);
  EXPECT_EQ(story, (Story{{2, 2 * ms}, {1, 5 * ms}}));
}

TEST(BlockInPlace, S16_a_world_that_is_given_up_meanwhile_ends_the_task_and_what_it_has_spawned) {
  for (const bool is_at_its_end : {false, true}) {
    SimDrive drive(workers(1));
    Story story;
    const auto root = [](Story* told, bool ends) -> Task<void> {
      block_in_place([] {}, 5 * ms);
      static_cast<void>(spawn(tell, told, 1));
      if (!ends) co_await yield_now();
    };
    drive.run([&] { static_cast<void>(spawn(root, &story, is_at_its_end)); }, enough_steps, 2 * ms);
    EXPECT_EQ(story, Story{});
    EXPECT_EQ(drive.shared().alive_tasks(), 0U);
    EXPECT_EQ(drive.pool().idle(), drive.pool().threads());
  }
}

TEST(BlockInPlace, in_virtual_time_too_it_throws_without_a_thread_to_spare_and_jobs_wait_for_one) {
  SimOptions options = workers(2);
  options.max_blocking_threads = 1;
  SimDrive drive(options);
  Story story;
  const auto first = [](Story* told) -> Task<void> {
    BlockInPlace blocking([] {}, 5 * ms);
    co_await blocking;
    told->emplace_back(1, current()->home->now());
  };
  const auto second = [](Story* told) -> Task<void> {
    co_await sleep_for(1 * ms);
    try {
      block_in_place([] {}, 5 * ms);
    } catch (const std::runtime_error&) {
      told->emplace_back(2, current()->home->now());
    }
    co_await spawn_blocking([] {});
    told->emplace_back(3, current()->home->now());
  };
  drive.run(
      [&] {
        static_cast<void>(spawn(first, &story));
        static_cast<void>(spawn(second, &story));
      },
      enough_steps);
  EXPECT_EQ(story, (Story{{2, 1 * ms}, {1, 5 * ms}, {3, 5 * ms}}));
}

TEST(BlockInPlace, an_exception_passes_and_the_worker_goes_on) {
  SimDrive drive(workers(1));
  bool caught = false;
  const auto root = [](bool* seen) -> Task<void> {
    try {
      block_in_place([] { throw std::runtime_error("inside"); });
    } catch (const std::runtime_error&) {
      *seen = true;
    }
    co_await yield_now();
  };
  EXPECT_EQ(drive.run([&] { static_cast<void>(spawn(root, &caught)); }, enough_steps).end, SimResult::End::finished);
  EXPECT_TRUE(caught);
}

TEST(SpawnBlocking, the_job_runs_at_once_and_is_on_no_book) {
  SimDrive drive(workers(1));
  int answer = 0;
  const auto root = [](int* out) -> Task<void> { *out = co_await spawn_blocking([] { return 42; }); };
  EXPECT_EQ(drive.run([&] { static_cast<void>(spawn(root, &answer)); }, enough_steps).end, SimResult::End::finished);
  EXPECT_EQ(answer, 42);
  EXPECT_EQ(Sum(drive).spawned, 1U);
}

TEST(Hooks, tell_of_spawn_poll_end_in_this_order_and_once_a_task) {
  std::vector<std::string> said;
  SimOptions options = workers(1);
  Hooks& hooks = options.scheduler.hooks;
  const auto say = [&](const char* what) {
    return [&said, what](const TaskMeta& task) { said.push_back(what + std::to_string(task.id)); };
  };
  hooks.on_task_spawn = say("spawn ");
  hooks.on_before_task_poll = say("before ");
  hooks.on_after_task_poll = say("after ");
  hooks.on_task_terminate = say("terminate ");
  SimDrive drive(std::move(options));
  const auto root = []() -> Task<void> {
    static_cast<void>(spawn(work_for, 0));
    co_await yield_now();
  };
  drive.run([&] { const auto handle = spawn(root); }, enough_steps);
  EXPECT_EQ(said, (std::vector<std::string>{"spawn 1", "before 1", "spawn 2", "after 1", "before 2", "terminate 2", "after 2",
                                            "before 1", "terminate 1", "after 1"}));
}

TEST(Hooks, S20_L5_what_the_park_hook_spawns_is_run_though_all_were_about_to_sleep) {  // Tokio #8222
  for (const Placement::Kind to : {Placement::Kind::local, Placement::Kind::central}) {
    Log log;
    int left = 10;
    SimOptions options = workers(2);
    options.scheduler.policy.placement.kind = to;
    options.scheduler.hooks.on_thread_park = [&](std::uint32_t) {
      if (left > 0) static_cast<void>(spawn(write, &log, --left));
    };
    SimDrive drive(std::move(options));
    drive.settle(enough_steps);
    EXPECT_EQ(log.size(), 10U);
    EXPECT_EQ(drive.shared().idle_synced.sleepers.size(), 2U);
  }
}

TEST(Hooks, park_and_unpark_come_in_pairs_with_the_workers_index) {
  std::vector<int> depth(3, 0);
  int calls = 0;
  SimOptions options = workers(3);
  options.scheduler.hooks.on_thread_park = [&](std::uint32_t worker) { EXPECT_EQ(depth.at(worker)++, 0); };
  options.scheduler.hooks.on_thread_unpark = [&](std::uint32_t worker) {
    EXPECT_EQ(--depth.at(worker), 0);
    ++calls;
  };
  SimDrive drive(std::move(options));
  drive.settle(enough_steps);
  drive.run([] { static_cast<void>(spawn(spawn_workers, 5, ms)); }, enough_steps);
  EXPECT_EQ(depth, (std::vector<int>{0, 0, 0}));
  EXPECT_GE(calls, 3);
}

}  // namespace
}  // namespace rt
