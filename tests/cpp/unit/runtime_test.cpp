// The runtime on real threads: what a program sees of it. Outcomes only, no timings; load is in tests/cpp/stress.
#include "rt/runtime.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

#include "rt/sync/event.hpp"
#include "rt/task/lane.hpp"
#include "rt/time/driver.hpp"

namespace rt {
namespace {

RuntimeOptions two_workers() { return {.workers = 2}; }

Task<std::int64_t> fib(std::int64_t n) {
  if (n < 2) co_return n;
  auto one = spawn(fib, n - 1);
  auto two = spawn(fib, n - 2);
  const std::int64_t left = co_await std::move(one);
  const std::int64_t right = co_await std::move(two);
  co_return left + right;
}

Task<void> wait_for_ever(std::atomic<int>* begun) {
  begun->fetch_add(1);
  for (;;) co_await sleep_for(3'600'000'000'000);
}

/// As an interpreter's lock: who is inside and enters again would wait for itself.
class OneThreadLane final : public Lane {
 public:
  void enter() override {
    EXPECT_FALSE(is_inside());
    inside_ = std::this_thread::get_id();
  }
  void leave() override { inside_ = std::thread::id(); }
  void pause() override {}
  [[nodiscard]] bool is_inside() const override { return inside_ == std::this_thread::get_id(); }
  [[nodiscard]] const char* what() const override { return "a lock for one thread"; }

 private:
  std::thread::id inside_;
};

TEST(Runtime, a_blocking_job_that_comes_after_the_pool_has_closed_ends_in_the_lane_that_its_spawner_is_in) {
  OneThreadLane lane;
  Runtime runtime(two_workers());
  const auto drive = runtime.share();
  runtime.shutdown(true);
  Context here;
  here.home = &drive->shared();
  const ContextScope scope(here);
  for (const bool is_inside : {true, false}) {
    Header& job = *detail::make_task([] {}).release();
    job.kind = Kind::blocking;
    prepare_header(job, drive->shared(), {}, std::source_location::current());
    job.lane = &lane;
    job.state.init_new();
    const JoinHandle<void> handle(job);
    if (is_inside) lane.enter();
    drive->shared().submit_blocking(job, 0);
    EXPECT_EQ(lane.is_inside(), is_inside);
    EXPECT_EQ(job.outcome, Outcome::cancelled);
    if (is_inside) lane.leave();
  }
}

TEST(Runtime, a_tree_of_joins_gives_its_sum) {
  Runtime runtime(two_workers());
  EXPECT_EQ(runtime.spawn(fib, 15).get(), 610);
  EXPECT_EQ(runtime.block_on(fib, 12), 144);
}

TEST(Runtime, the_figures_of_its_workers_can_be_read_while_it_lives_and_no_others) {
  Runtime runtime(two_workers());
  EXPECT_EQ(runtime.spawn(fib, 10).get(), 55);
  ASSERT_TRUE(runtime.shutdown());
  std::uint64_t parks = 0;
  for (std::uint32_t worker = 0; worker < runtime.workers(); ++worker) parks += runtime.worker_metrics(worker).park_count.load();
  EXPECT_GT(parks, 0U);
  EXPECT_THROW(static_cast<void>(runtime.worker_metrics(2)), std::out_of_range);
}

TEST(Runtime, an_exception_comes_to_the_joiner) {
  Runtime runtime(two_workers());
  auto handle = runtime.spawn([]() -> int { throw std::out_of_range("here"); });
  EXPECT_THROW(handle.get(), std::out_of_range);
  EXPECT_EQ(runtime.spawn([] { return 1; }).get(), 1) << "the worker goes on";
}

TEST(Runtime, a_cancelled_task_gives_cancelled_and_its_frame_is_gone) {
  Runtime runtime(two_workers());
  std::atomic<int> begun{0};
  auto handle = runtime.spawn(wait_for_ever, &begun);
  while (begun.load() == 0) std::this_thread::yield();
  EXPECT_TRUE(handle.cancel());
  EXPECT_THROW(handle.get(), Cancelled);
}

TEST(Runtime, shutdown_waits_for_tasks_and_blocking_jobs) {
  std::atomic<int> done{0};
  Runtime runtime(two_workers());
  for (int i = 0; i < 20; ++i) {
    static_cast<void>(runtime.spawn(
        [](std::atomic<int>* count) -> Task<void> {
          co_await sleep_for(2'000'000);
          count->fetch_add(1);
        },
        &done));
    static_cast<void>(runtime.spawn_blocking([&done] { done.fetch_add(1); }));
  }
  EXPECT_TRUE(runtime.shutdown());
  EXPECT_EQ(done.load(), 40);
}

TEST(Runtime, the_destructor_cancels_what_lives) {
  std::atomic<int> begun{0};
  JoinHandle<void> handle;
  {
    Runtime runtime(two_workers());
    handle = runtime.spawn(wait_for_ever, &begun);
  }
  EXPECT_TRUE(handle.done());
  EXPECT_THROW(handle.get(), Cancelled);
}

TEST(Runtime, a_shutdown_with_a_deadline_says_that_something_lives) {
  std::atomic<int> begun{0};
  Runtime runtime(two_workers());
  auto handle = runtime.spawn(wait_for_ever, &begun);
  EXPECT_FALSE(runtime.shutdown(false, steady_now() + 1'000'000));
  EXPECT_TRUE(runtime.shutdown(true));
}

TEST(Runtime, a_spawn_after_shutdown_gives_a_cancelled_handle) {
  Runtime runtime(two_workers());
  runtime.shutdown(true);
  EXPECT_THROW(static_cast<void>(runtime.spawn([] { return 1; }).get()), Cancelled);
  EXPECT_THROW(static_cast<void>(runtime.spawn_blocking([] { return 1; }).get()), Cancelled);
}

/// Blocks in place until a child has run. True if the worker has gone on without this thread.
Task<bool> block_until_a_child_ran(std::atomic<bool>* ran) {
  static_cast<void>(spawn([](std::atomic<bool>* flag) { flag->store(true); }, ran));
  block_in_place([ran] {
    while (!ran->load()) std::this_thread::yield();  // would never end if this thread still had to run the child
  });
  co_return current()->worker == nullptr;
}

TEST(Runtime, block_in_place_lets_another_thread_run_the_workers_tasks) {
  RuntimeOptions options;
  options.workers = 1;
  Runtime runtime(std::move(options));
  std::atomic<bool> other_ran{false};
  static_cast<void>(runtime.spawn(block_until_a_child_ran, &other_ran).get());
  EXPECT_TRUE(other_ran);
}

TEST(Runtime, S14_a_thread_whose_worker_went_on_without_it_ends_its_task_alone) {
  RuntimeOptions options;
  options.workers = 1;
  Runtime runtime(std::move(options));
  std::atomic<bool> other_ran{false};
  EXPECT_TRUE(runtime.spawn(block_until_a_child_ran, &other_ran).get());
}

TEST(Runtime, block_in_place_without_a_thread_to_spare_throws_and_the_task_goes_on) {
  RuntimeOptions options;
  options.workers = 2;
  options.threads.max_blocking_threads = 1;
  std::atomic<bool> open{false};
  Runtime runtime(std::move(options));
  const auto job = runtime.spawn_blocking([&open] {  // has the one thread
    while (!open.load()) std::this_thread::yield();
  });
  const auto root = []() -> Task<std::string> {
    std::string message;
    try {
      block_in_place([] {});
    } catch (const std::runtime_error& error) {
      if (current()->worker != nullptr) message = error.what();  // still on a worker, with its core
    }
    co_await yield_now();
    co_return message;
  };
  EXPECT_NE(runtime.spawn(root).get().find("max_blocking_threads"), std::string::npos);
  EXPECT_EQ(runtime.spawn(fib, 8).get(), 21);
  open = true;
}

TEST(Runtime, without_a_thread_for_blocking_jobs_there_is_no_runtime) {
  RuntimeOptions options;
  options.threads.max_blocking_threads = 0;
  EXPECT_THROW(Runtime(std::move(options)), std::invalid_argument);
}

TEST(Runtime, workers_asleep_wake_for_a_task_from_outside) {
  Runtime runtime(two_workers());
  for (int i = 0; i < 200; ++i) ASSERT_EQ(runtime.spawn([] { return 3; }).get(), 3);
}

TEST(Runtime, a_task_sent_to_a_worker_begins_there) {
  Runtime runtime({.workers = 3});
  for (std::uint32_t i = 0; i < 60; ++i) {
    auto handle = runtime.spawn_with({.to = {.worker = i % 3}}, [] { return current()->worker->index(); });
    // It may be stolen from there on: a worker takes what is sent to it into its queue.
    ASSERT_LT(handle.get(), 3U);
  }
}

TEST(Runtime, hooks_of_threads_come_in_pairs) {
  std::atomic<int> started{0};
  std::atomic<int> stopped{0};
  RuntimeOptions options = two_workers();
  options.scheduler.hooks.on_thread_start = [&](std::uint32_t) { started.fetch_add(1); };
  options.scheduler.hooks.on_thread_stop = [&](std::uint32_t) { stopped.fetch_add(1); };
  {
    Runtime runtime(std::move(options));
    static_cast<void>(runtime.spawn_blocking([] {}).get());
  }
  EXPECT_EQ(started.load(), stopped.load());
  EXPECT_GE(started.load(), 2);
}

TEST(Runtime, block_on_is_cancelled_when_the_thread_is_asked_to_stop) {
  Runtime runtime(two_workers());
  Context context;
  context.home = &runtime.drive().shared();
  const ContextScope scope(context);
  for (int i = 0; i < 3; ++i) {
    std::atomic<int> begun{0};
    auto task = wait_for_ever(&begun);
    Header& header = *task.release();
    ThreadHome home(runtime.drive().shared());
    prepare_header(header, home, {}, {});
    header.state.init_new();
    JoinHandle<void> handle(header);
    home.drive(header, [] { return true; });
    EXPECT_THROW(handle.get(), Cancelled);
  }
}

TEST(Runtime, a_thread_from_outside_gives_its_free_slots_back_when_it_ends) {
  Runtime runtime(two_workers());
  const auto spawn_from_new_threads = [&](int threads) {
    for (int i = 0; i < threads; ++i) std::thread([&] { EXPECT_EQ(runtime.spawn([] { return 1; }).get(), 1); }).join();
    return runtime.drive().shared().slots().footprint();
  };
  const std::size_t after_a_few = spawn_from_new_threads(8);
  // The workers' own stocks fill up meanwhile; a magazine lost with each thread would be a hundred chunks.
  EXPECT_LE(spawn_from_new_threads(200), after_a_few + 8 * chunk_bytes);
}

TEST(Runtime, a_thread_from_outside_goes_from_runtime_to_runtime_and_outlives_them) {
  for (int round = 0; round < 3; ++round) {
    auto first = std::make_unique<Runtime>(two_workers());
    auto second = std::make_unique<Runtime>(two_workers());
    std::atomic<int> step{0};
    std::thread outside([&] {
      for (int i = 0; i < 100; ++i) {
        EXPECT_EQ(first->spawn([] { return 1; }).get(), 1);
        EXPECT_EQ(second->spawn([] { return 2; }).get(), 2);
        // Nested: the stock goes to the second while the first's context is entered, and comes back.
        EXPECT_EQ(
            first->block_on([](Runtime* other) -> Task<int> { co_return other->spawn([] { return 3; }).get(); }, second.get()),
            3);
      }
      EXPECT_EQ(first->spawn([] { return 4; }).get(), 4);
      step.store(1);
      while (step.load() != 2) std::this_thread::yield();  // the runtime of its stock ends meanwhile
      EXPECT_EQ(second->spawn([] { return 5; }).get(), 5);
    });
    while (step.load() != 1) std::this_thread::yield();
    first.reset();
    step.store(2);
    outside.join();
  }
}

TEST(Runtime, options_out_of_range_are_refused) {
  RuntimeOptions options = two_workers();
  options.scheduler.policy.event_interval = 0;
  EXPECT_THROW(Runtime{std::move(options)}, std::invalid_argument);
}

}  // namespace
}  // namespace rt
