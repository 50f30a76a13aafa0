// The end of a scheduler under every schedule: each task ends once and is freed once, before the last worker says that all is over, whoever
// spawns or wakes meanwhile, and although ending a task wakes others (laws S5, S15, S16, L6). Steps as in core/worker/upkeep.hpp.
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "holds.hpp"
#include "rt/core/inject.hpp"
#include "rt/task/state.hpp"

namespace rt {
namespace {

constexpr std::uint32_t workers = 2;
constexpr std::uint32_t nobody = workers;  // a thread from outside

struct Steps {
  bool walks_again = true;           // the last worker, when nobody polls any more
  bool looks_again = true;           // it empties the queues after that walk, too
  bool closes_inject = true;         // not only the flag that is read without a lock
  bool refuses_outside_lock = true;  // ends a task that comes too late without a lock of the scheduler
};

struct Task {
  TaskState<ModelEnv> state;
  Task* queue_next = nullptr;
  Task* wakes = nullptr;          // its future holds a waker of that one
  ModelEnv::cell<int> future{0};  // the holder of RUNNING only
  ModelEnv::atomic<int> ends{0}, frees{0};
};

struct World {
  explicit World(std::size_t used) : slots(used) {
    for (auto& queue : queues) queue = std::make_unique<Queue>();
  }

  /// A worker's own, and in the end the last worker's.
  struct Queue {
    ModelEnv::cell<int> touches{0};
    std::vector<Task*> tasks;
    void push(Task* task) {
      touches.set(touches.get() + 1);
      tasks.push_back(task);
    }
    Task* pop() {
      touches.set(touches.get() + 1);
      if (tasks.empty()) return nullptr;
      Task* const task = tasks.front();
      tasks.erase(tasks.begin());
      return task;
    }
  };

  std::array<Task, 3> registry;  // an even one belongs to worker 0's share of the walk
  const std::size_t slots;       // of it
  std::array<std::unique_ptr<Queue>, workers> queues;
  ModelEnv::mutex mutex;
  Inject<ModelEnv, Task> inject;
  Inject<ModelEnv, Task>::Synced injected;
  ModelEnv::atomic<bool> closed{false};
  ModelEnv::atomic<std::uint32_t> cores_gone{0};
  ModelEnv::cell<int> over{0};
  Steps steps;

  // ---- what a set-up makes

  /// Spawned, polled once, its handle dropped: the registry's reference alone.
  void make_idle(std::size_t i) {
    Task& task = registry[i];
    task.state.init_new();
    MODEL_CHECK(task.state.start_running() == OnRun::run);
    MODEL_CHECK(task.state.finish_poll() == OnIdle::idle);
    drop_handle(task);
  }
  void hold_waker(std::size_t holder, std::size_t of) {
    MODEL_CHECK(registry[of].state.try_ref());
    registry[holder].wakes = &registry[of];
  }

  // ---- tasks

  static void free(Task& task) { MODEL_CHECK(task.frees.fetch_add(1, relaxed) == 0); }
  static void drop(Task& task) {
    if (task.state.drop_ref()) free(task);
  }
  static void drop_handle(Task& task) {
    if (task.state.drop_join_fast()) return;
    (void)task.state.drop_join_handle();
    drop(task);
  }
  /// The holder of RUNNING. The future's destructor wakes another task.
  void end(Task& task, std::uint64_t references, std::uint32_t here) {
    task.future.set(-1);
    if (Task* const other = std::exchange(task.wakes, nullptr)) {
      const OnWake outcome = other->state.wake_by_value();
      if (outcome == OnWake::submit) schedule(*other, here, true);
      if (outcome == OnWake::dealloc) free(*other);
    }
    MODEL_CHECK(task.ends.fetch_add(1, relaxed) == 0);  // S5
    (void)task.state.complete();
    if (task.state.complete_release(references)) free(task);
  }
  void shut_down(Task& task, std::uint32_t here) {
    if (task.state.start_shutdown()) end(task, 1, here);
  }
  void poll_once(Task& task, std::uint32_t here) {
    switch (task.state.start_running()) {
      case OnRun::busy: return;
      case OnRun::dealloc: return free(task);
      case OnRun::cancelled: return end(task, 2, here);
      case OnRun::run: break;
    }
    task.future.set(task.future.get() + 1);
    switch (task.state.finish_poll()) {
      case OnIdle::idle: return;
      case OnIdle::requeue: return schedule(task, here, true);
      case OnIdle::dealloc: return free(task);
      case OnIdle::cancelled: return end(task, 2, here);
    }
  }

  // ---- the scheduler

  void schedule(Task& task, std::uint32_t here, bool was_polled) {
    if (here != nobody) return queues[here]->push(&task);
    mutex.lock();
    const bool accepted = inject.push(injected, &task);
    if (!accepted && !steps.refuses_outside_lock) refuse(task, was_polled);
    mutex.unlock();
    if (!accepted && steps.refuses_outside_lock) refuse(task, was_polled);
  }
  /// A new task ends here; one that was polled is met by a walk.
  void refuse(Task& task, bool was_polled) {
    if (!was_polled) shut_down(task, nobody);
    drop(task);
  }
  void spawn(std::size_t i, std::uint32_t here) {
    Task& task = registry[i];
    task.state.init_new();
    if (closed.load(seq_cst)) {
      shut_down(task, here);
      drop(task);
    } else {
      schedule(task, here, false);
    }
    drop_handle(task);
  }
  void close() {
    if (steps.closes_inject) {
      const std::lock_guard lock(mutex);
      MODEL_CHECK(inject.close(injected));
    }
    closed.store(true, seq_cst);
  }
  void cancel_owned(std::uint32_t here, std::size_t part, std::size_t parts) {
    for (std::size_t i = part; i < slots; i += parts) {
      Task& task = registry[i];
      if (!task.state.try_ref()) continue;
      if (!task.state.load().is_complete()) shut_down(task, here);
      drop(task);
    }
  }
  void drop_queued(Task& task, std::uint32_t here) {
    if (!task.state.load().is_complete()) shut_down(task, here);
    drop(task);
  }
  void clear_queues(std::uint32_t here) {
    for (auto& queue : queues) {
      while (Task* const task = queue->pop()) drop_queued(*task, here);
    }
    for (;;) {
      mutex.lock();
      Task* const task = inject.pop(injected);
      mutex.unlock();
      if (task == nullptr) return;
      drop_queued(*task, here);
    }
  }
  void leave(std::uint32_t here) {
    cancel_owned(here, here, workers);
    if (cores_gone.fetch_add(1, seq_cst) + 1 != workers) return;
    clear_queues(here);
    if (steps.walks_again) cancel_owned(here, 0, 1);
    if (steps.looks_again) clear_queues(here);
    over.set(1);
  }
  void check() {
    MODEL_CHECK(over.get() == 1);  // L6
    for (std::size_t i = 0; i < slots; ++i) {
      MODEL_CHECK(registry[i].ends.load(relaxed) == 1);   // S15
      MODEL_CHECK(registry[i].frees.load(relaxed) == 1);  // S16
    }
    MODEL_CHECK(inject.len() == 0);
    for (auto& queue : queues) MODEL_CHECK(queue->tasks.empty());
  }
};

/// Two idle tasks on two workers' shares whose ends wake each other.
ModelSetup destructors_that_wake() {
  return [](Model& m) {
    auto w = std::make_shared<World>(2);
    for (const std::size_t i : {0U, 1U}) w->make_idle(i);
    w->hold_waker(0, 1);
    w->hold_waker(1, 0);
    w->close();
    for (std::uint32_t worker = 0; worker < workers; ++worker) m.thread([w, worker] { w->leave(worker); });
    m.after([w] { w->check(); });
  };
}

/// A waker fires from outside, and is dropped.
ModelSetup a_wake_from_outside() {
  return [](Model& m) {
    auto w = std::make_shared<World>(1);
    w->make_idle(0);
    MODEL_CHECK(w->registry[0].state.try_ref());
    m.thread([w] {
      w->close();
      w->leave(0);
    });
    m.thread([w] {
      if (Task* const task = w->queues[1]->pop()) w->poll_once(*task, 1);
      w->leave(1);
    });
    m.thread([w] {
      Task& task = w->registry[0];
      if (task.state.wake_by_ref() == OnWake::submit) w->schedule(task, nobody, true);
      w->drop(task);
    });
    m.after([w] { w->check(); });
  };
}

/// A worker that has not noticed yet spawns two tasks behind the walk of the other, polls each once and leaves them idle. The end of
/// one wakes the other.
ModelSetup spawns_behind_the_walk(Steps steps = {}) {
  return [steps](Model& m) {
    auto w = std::make_shared<World>(3);
    w->steps = steps;
    w->registry[1].ends.store(1, relaxed);  // no task: the other share
    w->registry[1].frees.store(1, relaxed);
    m.thread([w] {
      w->close();
      w->leave(0);
    });
    m.thread([w] {
      w->spawn(2, 1);
      if (Task* const task = w->queues[1]->pop()) w->poll_once(*task, 1);
      if (w->registry[2].state.try_ref()) w->registry[0].wakes = &w->registry[2];
      w->spawn(0, 1);
      if (Task* const task = w->queues[1]->pop()) w->poll_once(*task, 1);
      w->leave(1);
    });
    m.after([w] { w->check(); });
  };
}

/// A task from outside comes as the last worker leaves; its destructor wakes an idle one.
ModelSetup a_spawn_from_outside(Steps steps = {}) {
  return [steps](Model& m) {
    auto w = std::make_shared<World>(2);
    w->steps = steps;
    w->make_idle(1);
    w->hold_waker(0, 1);
    w->cores_gone.store(1, seq_cst);  // worker 1
    m.thread([w] {
      w->close();
      w->leave(0);
    });
    m.thread([w] { w->spawn(0, nobody); });
    m.after([w] { w->check(); });
  };
}

TEST(ShutdownModel, S16_L6_destructors_that_wake_each_others_tasks) { expect_holds("destructors", destructors_that_wake()); }
TEST(ShutdownModel, S15_S16_a_task_that_is_woken_from_outside_ends_once) {
  expect_holds("woken from outside", a_wake_from_outside());
}
TEST(ShutdownModel, S15_S16_tasks_spawned_behind_the_walk_end) { expect_holds("behind the walk", spawns_behind_the_walk()); }
TEST(ShutdownModel, S15_S16_a_task_spawned_from_outside_ends_once) {
  expect_holds("spawned from outside", a_spawn_from_outside());
}

// ---- seeded faults: each must be found ----

TEST(ShutdownFaults, without_the_second_walk_a_task_stays_idle) {
  EXPECT_TRUE(is_found(spawns_behind_the_walk({.walks_again = false}), "ends"));
}
TEST(ShutdownFaults, what_the_second_walk_wakes_stays_queued_unless_the_queues_are_emptied_again) {
  EXPECT_TRUE(is_found(spawns_behind_the_walk({.looks_again = false}), "frees"));
}
TEST(ShutdownFaults, a_shared_queue_that_is_not_closed_keeps_a_task) {
  EXPECT_TRUE(is_found(a_spawn_from_outside({.closes_inject = false})));
}
TEST(ShutdownFaults, a_destructor_that_wakes_under_the_lock_waits_for_itself) {
  EXPECT_TRUE(is_found(a_spawn_from_outside({.refuses_outside_lock = false}), "deadlock"));
}

}  // namespace
}  // namespace rt
