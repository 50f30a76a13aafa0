// How virtual workers end: everything is cancelled, nothing begins afterwards, and nothing leaks.
#include <gtest/gtest.h>

#include "rt/sync/event.hpp"
#include "rt/task/blocking.hpp"
#include "rt/time/driver.hpp"
#include "sim_world.hpp"

namespace rt {
namespace {

using namespace sim_world;

Task<void> hold_and_wait(std::int64_t* alive) {
  const Counted counted(alive);
  Never never;
  co_await never;
}

Task<void> hold_and_sleep(std::int64_t* alive) {
  const Counted counted(alive);
  co_await sleep_for(3'600'000'000'000);
}

Task<void> hold_and_yield(std::int64_t* alive) {
  const Counted counted(alive);
  for (;;) co_await yield_now();
}

Task<void> hold_and_work(std::int64_t* alive) {
  const Counted counted(alive);
  for (;;) co_await work(10);
}

Task<void> hold_and_join(std::int64_t* alive) {
  const Counted counted(alive);
  auto child = spawn(hold_and_wait, alive);
  co_await std::move(child);
}

Task<void> hold_and_spawn(std::int64_t* alive) {
  const Counted counted(alive);
  for (;;) {
    static_cast<void>(spawn(hold_and_yield, alive));
    co_await yield_now();
  }
}

TEST(Shutdown, whatever_tasks_do_all_are_destroyed) {
  for (std::uint32_t count = 1; count <= 4; ++count) {
    for (std::uint64_t steps : {0U, 1U, 7U, 100U, 1000U}) {
      std::int64_t alive = 0;
      {
        SimDrive drive(workers(count));
        drive.run(
            [&] {
              for (auto* body : {hold_and_wait, hold_and_sleep, hold_and_yield, hold_and_work, hold_and_join, hold_and_spawn}) {
                for (int i = 0; i < 3; ++i) static_cast<void>(spawn(body, &alive));
              }
            },
            steps);
        EXPECT_EQ(drive.shared().alive_tasks(), 0U);
      }
      EXPECT_EQ(alive, 0) << count << " workers, " << steps << " steps";
    }
  }
}

TEST(Shutdown, a_world_that_was_never_run_destroys_its_tasks) {
  std::int64_t alive = 0;
  {
    SimDrive drive(workers(2));
    drive.outside([&] { static_cast<void>(spawn([](Counted) {}, Counted(&alive))); });
    EXPECT_EQ(alive, 1);
  }
  EXPECT_EQ(alive, 0);
}

TEST(Shutdown, tasks_wait_for_each_other_with_nobody_left_to_wake_them_is_a_deadlock) {
  SimDrive drive(workers(3));
  std::int64_t alive = 0;
  EXPECT_EQ(drive.run([&] { static_cast<void>(spawn(hold_and_join, &alive)); }, enough_steps).end, SimResult::End::deadlock);
}

TEST(Shutdown, tasks_that_only_yield_come_to_the_step_limit) {
  SimDrive drive(workers(3));
  std::int64_t alive = 0;
  const SimResult result = drive.run([&] { static_cast<void>(spawn(hold_and_yield, &alive)); }, 5000);
  EXPECT_EQ(result.end, SimResult::End::step_limit);
  EXPECT_EQ(result.steps, 5000U);
}

TEST(Shutdown, a_spawn_from_outside_after_it_gives_a_handle_that_is_cancelled_already) {
  SimDrive drive(workers(2));
  drive.stop();
  std::int64_t alive = 0;
  auto handle = drive.outside([&]() -> JoinHandle<void> { return spawn(hold_and_wait, &alive); });
  EXPECT_TRUE(handle.done());
  EXPECT_THROW(handle.get(), Cancelled);
  EXPECT_EQ(alive, 0);
  EXPECT_EQ(drive.shared().alive_tasks(), 0U);
}

TEST(Shutdown, a_blocking_job_after_it_is_cancelled_and_its_function_destroyed) {
  SimDrive drive(workers(1));
  drive.stop();
  std::int64_t alive = 0;
  auto handle = drive.outside([&] { return spawn_blocking([counted = Counted(&alive)] { return 1; }); });
  EXPECT_THROW(handle.get(), Cancelled);
  EXPECT_EQ(alive, 0);
}

/// Spawns while it is being destroyed.
struct SpawnsAtItsEnd {
  explicit SpawnsAtItsEnd(bool* was_done) : was_done_(was_done) {}
  SpawnsAtItsEnd(const SpawnsAtItsEnd&) = delete;
  SpawnsAtItsEnd& operator=(const SpawnsAtItsEnd&) = delete;
  ~SpawnsAtItsEnd() {
    const auto handle = spawn([] {});
    *was_done_ = handle.done();
  }

 private:
  bool* was_done_;
};

TEST(Shutdown, a_spawn_inside_a_task_that_is_being_cancelled_gives_a_cancelled_handle) {
  bool was_done = false;
  SimDrive drive(workers(1));
  const auto root = [](bool* done) -> Task<void> {
    const SpawnsAtItsEnd at_end(done);
    Never never;
    co_await never;
  };
  drive.run([&] { static_cast<void>(spawn(root, &was_done)); }, enough_steps);
  EXPECT_TRUE(was_done);
}

/// Wakes others while it is being destroyed (Tokio #2046).
struct SetsAtItsEnd {
  explicit SetsAtItsEnd(Event event) : event_(std::move(event)) {}
  SetsAtItsEnd(const SetsAtItsEnd&) = delete;
  SetsAtItsEnd& operator=(const SetsAtItsEnd&) = delete;
  ~SetsAtItsEnd() { event_.set(); }

 private:
  Event event_;
};

TEST(Shutdown, destructors_may_wake_tasks_and_nothing_is_polled_any_more) {
  for (std::uint32_t count = 1; count <= 3; ++count) {
    Log log;
    Event event;
    SimDrive drive(workers(count));
    const auto waits = [](Event of, Log* polls) -> Task<void> {
      co_await of.wait();
      polls->push_back(1);
    };
    const auto sets = [](Event of) -> Task<void> {
      const SetsAtItsEnd at_end(of);
      Never never;
      co_await never;
    };
    for (int i = 0; i < 20; ++i) {
      start(drive, waits, event, &log);
      start(drive, sets, event);
    }
    drive.settle(enough_steps);
    drive.stop();
    EXPECT_TRUE(log.empty());
    EXPECT_EQ(drive.shared().alive_tasks(), 0U);
  }
}

/// After the close a full queue gives half of itself away, and inject refuses it. `is_stolen_from`: it gives one task away.
void overflow_after_close(bool is_stolen_from) {
  struct World {
    SimDrive drive{workers(1)};
    bool is_locked = false;
    int ended = 0;
    int too_early = 0;
  } world;
  const auto root = [](World* w, bool with_thief) -> Task<void> {
    Event event;
    static_cast<void>(spawn([](Event of) -> Task<void> { co_await of.wait(); }, event));
    co_await yield_now();
    for (int i = 0; i < 257; ++i) {
      // What a destructor does that takes a lock which the waker below holds.
      const std::shared_ptr<World> wants_lock(w, [](World* of) { ++(of->is_locked ? of->too_early : of->ended); });
      static_cast<void>(spawn([](std::shared_ptr<World>) {}, wants_lock));
    }
    auto& queue = w->drive.shared().remotes[0]->queue;
    std::vector<Header*> held;
    if (with_thief) static_cast<void>(queue.steal_all(held));
    w->drive.shared().close();
    w->is_locked = true;
    event.set();  // the slot's task goes to the queue, which is full
    w->is_locked = false;
    if (with_thief) queue.put_back();
  };
  start(world.drive, root, &world, is_stolen_from);
  world.drive.settle(enough_steps);
  world.drive.stop();
  EXPECT_EQ(world.too_early, 0);
  EXPECT_EQ(world.ended, 257);
  EXPECT_EQ(world.drive.shared().alive_tasks(), 0U);
}

TEST(Shutdown, S15_no_queued_task_is_ended_inside_the_wake_that_makes_its_queue_overflow) {  // Tokio #3869, #1929
  overflow_after_close(false);
  overflow_after_close(true);
}

/// More tasks than the queue holds give way while inject closes: those that nobody takes say that they are being polled, and must
/// not stay so.
TEST(Shutdown, L6_tasks_that_gave_way_and_fit_into_no_queue_are_ended_too) {
  const auto root = [](std::int64_t* alive) -> Task<void> {
    for (int i = 0; i < 257 + 126; ++i) static_cast<void>(spawn(hold_and_yield, alive));  // one overflow, and full again
    co_return;
  };
  for (std::uint64_t steps = 1; steps < 500; ++steps) {
    std::int64_t alive = 0;
    {
      SimDrive drive(workers(1));
      drive.outside([&] { static_cast<void>(spawn(root, &alive)); });
      static_cast<void>(drive.play(steps));
      drive.stop();
      EXPECT_EQ(drive.shared().alive_tasks(), 0U);
    }
    ASSERT_EQ(alive, 0) << "stopped after " << steps << " steps";
  }
}

TEST(Shutdown, handles_may_outlive_their_world) {
  JoinHandle<int> done;
  JoinRef ref;
  Waker waker;
  std::int64_t alive = 0;
  {
    SimDrive drive(workers(2));
    drive.outside([&] {
      done = spawn([] { return 7; });
      JoinHandle<void> waits = spawn(hold_and_wait, &alive);
      ref = std::move(waits).into_ref();
    });
    waker = Waker(*ref.task());
    drive.settle(enough_steps);
  }
  EXPECT_EQ(done.get(), 7);
  EXPECT_TRUE(ref.done());
  std::move(waker).wake();
  EXPECT_EQ(alive, 0);
}

}  // namespace
}  // namespace rt
