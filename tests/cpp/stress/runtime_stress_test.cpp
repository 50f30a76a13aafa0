// Real threads under load, for the sanitizers: each test ends with a fact that would be false if anything were lost.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "rt/runtime.hpp"
#include "rt/sync/event.hpp"
#include "rt/sync/notify.hpp"
#include "rt/time/driver.hpp"

namespace rt {
namespace {

constexpr Nanos ms = 1'000'000;

RuntimeOptions workers(std::uint32_t count) { return {.workers = count}; }

Task<std::int64_t> skynet(std::int64_t first, std::int64_t size) {
  if (size == 1) co_return first;
  std::vector<JoinHandle<std::int64_t>> children;
  for (std::int64_t i = 0; i < 10; ++i) children.push_back(spawn(skynet, first + i * size / 10, size / 10));
  std::int64_t sum = 0;
  for (auto& child : children) {
    const std::int64_t part = co_await std::move(child);
    sum += part;
  }
  co_return sum;
}

TEST(RuntimeStress, skynet_of_ten_thousand_adds_up_on_several_workers) {
  for (std::uint32_t count : {1U, 2U, 4U}) {
    Runtime runtime(workers(count));
    ASSERT_EQ(runtime.spawn(skynet, 0, 10'000).get(), 49'995'000);
  }
}

TEST(RuntimeStress, a_hundred_thousand_tasks_all_run) {
  Runtime runtime(workers(4));
  std::atomic<int> ran{0};
  const auto root = [](std::atomic<int>* count) -> Task<void> {
    for (int i = 0; i < 100'000; ++i) {
      // relaxed: read after the shutdown
      static_cast<void>(spawn([](std::atomic<int>* to) { to->fetch_add(1, relaxed); }, count));
      if (i % 1000 == 0) co_await yield_now();
    }
  };
  static_cast<void>(runtime.spawn(root, &ran));
  runtime.shutdown();
  EXPECT_EQ(ran.load(), 100'000);
  EXPECT_EQ(runtime.drive().shared().alive_tasks(), 0U);
}

RuntimeOptions with(std::uint32_t count, const Policy& policy) {
  RuntimeOptions options = workers(count);
  options.scheduler.policy = policy;
  return options;
}

/// Puts a task into its worker's slot and does not end until it has run: somebody else has to take it from there.
Task<int> waits_for_the_one_in_its_slot() {
  std::atomic<bool> ran{false};
  auto in_the_slot = spawn([&ran] { ran.store(true, release); });
  while (!ran.load(acquire)) std::this_thread::yield();
  co_await std::move(in_the_slot);
  co_return 1;
}

TEST(SlotStress, a_task_in_a_slot_behind_a_poll_that_waits_for_it_is_fetched) {
  for (const Policy& policy : {Policy{.lifo_steal_after = 1}, Policy{.lifo_steal_after = 2, .victims = VictimOrder::longest}}) {
    Runtime runtime(with(2, policy));
    for (int round = 0; round < 3000; ++round) ASSERT_EQ(runtime.spawn(waits_for_the_one_in_its_slot).get(), 1);
  }
}

TEST(SlotStress, tasks_that_wake_each_other_through_slots_all_run_while_others_steal_and_dump) {
  Runtime runtime(with(4, {.lifo_steal_after = 1, .notify = WakeRule::per_task}));
  std::atomic<bool> is_over{false};
  std::thread dumper([&] {
    while (taskdump && !is_over.load()) static_cast<void>(runtime.drive().dump(1'000 * ms));
  });
  for (int round = 0; round < 10; ++round) EXPECT_EQ(runtime.spawn(skynet, 0, 1'000).get(), 499'500);
  is_over.store(true);
  dumper.join();
}

TEST(RuntimeStress, without_retry_skynet_adds_up_and_tasks_from_outside_run) {
  for (const WakeRule rule : {WakeRule::baton, WakeRule::per_task, WakeRule::never}) {
    Runtime runtime(with(3, {.retry = false, .notify = rule}));
    ASSERT_EQ(runtime.spawn(skynet, 0, 1'000).get(), 499'500);
    for (int i = 0; i < 2000; ++i) ASSERT_EQ(runtime.spawn([i] { return i; }).get(), i);
  }
}

Task<void> nap(Nanos span) { co_await sleep_for(span); }

Task<void> yield_often(int times) {
  for (int i = 0; i < times; ++i) co_await yield_now();
}

TEST(RuntimeStress, cancelling_while_tasks_run_wait_and_end_gives_each_an_end) {
  Runtime runtime(workers(3));
  int ended = 0;
  for (int round = 0; round < 30; ++round) {
    std::vector<JoinHandle<void>> handles;
    for (int i = 0; i < 100; ++i) {
      if (i % 2 == 0)
        handles.push_back(runtime.spawn(yield_often, i % 20));
      else
        handles.push_back(runtime.spawn(nap, static_cast<Nanos>(i % 5) * ms));
    }
    for (std::size_t i = 0; i < handles.size(); ++i) {
      if (i % 3 != 0) handles[i].cancel();
    }
    for (auto& handle : handles) {
      try {
        handle.get();
      } catch (const Cancelled&) {
      }
      ++ended;
    }
  }
  EXPECT_EQ(ended, 3000);
}

/// Tasks that give way say "running" from queue to queue: whatever meets them there, on whichever worker, none is lost or polled twice at once.
TEST(RuntimeStress, S3_S7_L6_tasks_that_give_way_are_woken_cancelled_dumped_and_shut_down) {
  struct Shared {
    std::atomic<std::int64_t> alive{0};
    std::atomic<bool> is_twice{false};
  };
  static Shared shared;
  struct Alive {
    Alive() { shared.alive.fetch_add(1); }
    Alive(const Alive&) = delete;
    Alive& operator=(const Alive&) = delete;
    ~Alive() { shared.alive.fetch_sub(1); }
  };
  const auto body = []() -> Task<void> {
    const Alive one;
    for (std::atomic<int> polled{0};; co_await yield_now()) {
      if (polled.fetch_add(1) != 0) shared.is_twice.store(true);
      polled.fetch_sub(1);
    }
  };
  for (int round = 0; round < 20; ++round) {
    RuntimeOptions options = workers(3);
    options.scheduler.policy.local_capacity = round % 2 == 0 ? 256 : 16;  // the small one overflows all the time
    Runtime runtime(std::move(options));
    std::vector<JoinRef> handles;
    std::vector<Waker> wakers;
    for (int i = 0; i < 200; ++i) {
      handles.push_back(runtime.spawn(body).into_ref());
      wakers.emplace_back(*handles.back().task());
    }
    for (std::size_t i = 0; i < handles.size(); ++i) {
      std::move(wakers[i]).wake();
      if (i % 3 == 0) handles[i].cancel();
      if (taskdump && i % 50 == 0) static_cast<void>(runtime.drive().dump(100 * ms));
    }
    for (std::size_t i = 0; i < handles.size(); i += 3) ASSERT_TRUE(handles[i].wait_until(steady_now() + 20'000 * ms)) << i;
    ASSERT_TRUE(runtime.shutdown(true, steady_now() + 20'000 * ms));
    ASSERT_EQ(shared.alive.load(), 0);
  }
  EXPECT_FALSE(shared.is_twice.load());
}

TEST(RuntimeStress, handles_dropped_as_their_tasks_end_free_every_result_once) {
  static std::atomic<std::int64_t> alive{0};
  struct Result {
    Result() { alive.fetch_add(1); }
    Result(Result&&) noexcept { alive.fetch_add(1); }
    Result(const Result&) = delete;
    Result& operator=(const Result&) = delete;
    ~Result() { alive.fetch_sub(1); }
  };
  {
    Runtime runtime(workers(3));
    for (int i = 0; i < 20'000; ++i) {
      auto handle = runtime.spawn([] { return Result(); });
      if (i % 3 == 0) std::this_thread::yield();
      if (i % 5 == 0) static_cast<void>(handle.get());
    }
  }
  EXPECT_EQ(alive.load(), 0);
}

TEST(RuntimeStress, two_thousand_timers_fire_in_any_order_of_registration) {
  Runtime runtime(workers(3));
  std::atomic<int> early{0};
  std::atomic<int> ended{0};
  const auto sleeper = [](Nanos span, std::atomic<int>* too_early, std::atomic<int>* done) -> Task<void> {
    const Nanos begin = steady_now();
    co_await sleep_for(span);
    if (steady_now() - begin < span) too_early->fetch_add(1);
    done->fetch_add(1);
  };
  for (Nanos i = 0; i < 2000; ++i) static_cast<void>(runtime.spawn(sleeper, (i * 7919 % 40) * ms, &early, &ended));
  runtime.shutdown();
  EXPECT_EQ(ended.load(), 2000);
  EXPECT_EQ(early.load(), 0);
}

TEST(RuntimeStress, wakes_from_many_outside_threads_lose_nobody) {
  Runtime runtime(workers(2));
  constexpr int rounds = 2000;
  std::atomic<int> passed{0};
  std::vector<std::thread> threads;
  std::vector<Notify> notifies(3);
  for (auto& notify : notifies) {
    static_cast<void>(runtime.spawn(
        [](Notify from, std::atomic<int>* count) -> Task<void> {
          for (;;) {
            co_await from.notified();
            count->fetch_add(1);
          }
        },
        notify, &passed));
  }
  for (auto& notify : notifies) {
    threads.emplace_back([notify]() mutable {
      for (int i = 0; i < rounds; ++i) {
        notify.notify_one();
        if (i % 16 == 0) std::this_thread::yield();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  // Notifications join into one, but none may stay unseen: each Notify's last one lets its task through once more.
  const int before = passed.load();
  for (auto& notify : notifies) notify.notify_one();
  while (passed.load() == before) std::this_thread::yield();
  EXPECT_GE(passed.load(), 3);
}

TEST(RuntimeStress, each_outside_event_reaches_its_task) {
  Runtime runtime(workers(2));
  for (int round = 0; round < 2000; ++round) {
    Event event;
    auto handle = runtime.spawn(
        [](Event of) -> Task<int> {
          co_await of.wait();
          co_return 1;
        },
        event);
    if (round % 3 == 0) std::this_thread::yield();
    event.set();
    ASSERT_EQ(handle.get(), 1);
  }
}

Task<int> nested(int depth) {
  auto child = spawn([] { return 1; });
  const int inner = block_in_place([depth] {
    if (depth == 0) return 0;
    return block_in_place([depth] { return depth; });
  });
  const int one = co_await std::move(child);
  int below = 0;
  if (depth > 0) {
    auto next = spawn(nested, depth - 1);
    below = co_await std::move(next);
  }
  co_return inner + one + below;
}

TEST(BlockInPlaceStress, nested_three_deep_under_load_every_task_goes_on) {
  Runtime runtime(workers(2));
  std::vector<JoinHandle<int>> handles;
  for (int i = 0; i < 300; ++i) handles.push_back(runtime.spawn(nested, 3));
  for (auto& handle : handles) ASSERT_EQ(handle.get(), 10);
}

/// Who polls on which core, over all threads.
struct Census {
  Runtime* runtime = nullptr;
  std::array<std::atomic<int>, 2> on_core{};
  std::atomic<int> doubled{0};

  void count() {
    const WorkerFace* worker = current()->worker;
    if (worker == nullptr) return;  // a stand-in has the core
    if (on_core[worker->index()].fetch_add(1) != 0) doubled.fetch_add(1);
    for (int i = 0; i < 5; ++i) std::this_thread::yield();
    on_core[worker->index()].fetch_sub(1);
  }
};

Task<int> block_on_between(Census* census, int depth) {
  census->count();
  const int below = block_in_place([census, depth] {
    if (depth == 0) return 0;
    return census->runtime->block_on(
        [](Census* of, int left) -> Task<int> {
          auto child = spawn(block_on_between, of, left);
          const int one = block_in_place([] { return 1; });
          co_return one + co_await std::move(child);
        },
        census, depth - 1);
  });
  census->count();
  co_await yield_now();
  census->count();
  co_return below;
}

TEST(BlockInPlaceStress, S14_with_block_on_between_nested_ones_a_core_has_one_thread) {  // Tokio #5239, #5837
  Runtime runtime(workers(2));
  Census census;
  census.runtime = &runtime;
  std::vector<JoinHandle<int>> handles;
  for (int i = 0; i < 20; ++i) handles.push_back(runtime.spawn(block_on_between, &census, 3));
  for (auto& handle : handles) ASSERT_EQ(handle.get(), 3);
  EXPECT_EQ(census.doubled.load(), 0);
}

TEST(BlockInPlaceStress, L6_a_block_on_that_sleeps_wakes_up_though_the_workers_have_left) {  // Tokio #6463
  for (int round = 0; round < 10; ++round) {
    Runtime runtime(workers(2));
    std::atomic<int> inside{0};
    for (int i = 0; i < 3; ++i) {
      static_cast<void>(runtime.spawn(
          [](Runtime* on, std::atomic<int>* in) {
            block_in_place([=] {
              in->fetch_add(1);
              on->block_on(nap, 20 * ms);
            });
          },
          &runtime, &inside));
    }
    while (inside.load() < 3) std::this_thread::yield();
    ASSERT_TRUE(runtime.shutdown(true, steady_now() + 20'000 * ms));
    runtime.block_on(nap, ms);  // begun when nobody is left
  }
}

TEST(BlockInPlaceStress, a_saturated_pool_makes_some_throw_and_loses_none) {
  RuntimeOptions options = workers(3);
  options.threads.max_blocking_threads = 2;
  Runtime runtime(std::move(options));
  std::atomic<int> blocked{0};
  std::atomic<int> refused{0};
  const auto body = [](std::atomic<int>* yes, std::atomic<int>* no) -> Task<void> {
    for (int i = 0; i < 5; ++i) {
      try {
        block_in_place([] { std::this_thread::yield(); });
        yes->fetch_add(1);
      } catch (const std::runtime_error&) {
        no->fetch_add(1);
      }
      co_await yield_now();
    }
  };
  for (int i = 0; i < 200; ++i) static_cast<void>(runtime.spawn(body, &blocked, &refused));
  runtime.shutdown();
  EXPECT_EQ(blocked.load() + refused.load(), 1000);
}

TEST(BlockInPlaceStress, a_runtime_whose_workers_all_block_shuts_down_when_they_return) {
  for (int round = 0; round < 20; ++round) {
    std::atomic<bool> go_on{false};
    std::atomic<int> inside{0};
    Runtime runtime(workers(2));
    for (int i = 0; i < 6; ++i) {
      static_cast<void>(runtime.spawn(
          [](std::atomic<bool>* go, std::atomic<int>* in) -> Task<void> {
            block_in_place([=] {
              in->fetch_add(1);
              while (!go->load()) std::this_thread::yield();
            });
            co_await yield_now();
          },
          &go_on, &inside));
    }
    while (inside.load() < 2) std::this_thread::yield();
    std::thread opener([&] { go_on.store(true); });
    EXPECT_TRUE(runtime.shutdown(true));
    opener.join();
  }
}

TEST(PoolStress, threads_that_time_out_as_work_arrives_lose_no_job) {
  RuntimeOptions options = workers(1);
  options.threads.keep_alive = 50'000;
  options.threads.max_blocking_threads = 4;
  Runtime runtime(std::move(options));
  std::atomic<int> done{0};
  for (int i = 0; i < 3000; ++i) {
    static_cast<void>(runtime.spawn_blocking([&done] { done.fetch_add(1); }));
    if (i % 4 == 0) std::this_thread::sleep_for(std::chrono::microseconds(40 + i % 30));
  }
  runtime.shutdown();
  EXPECT_EQ(done.load(), 3000);
}

}  // namespace
}  // namespace rt
