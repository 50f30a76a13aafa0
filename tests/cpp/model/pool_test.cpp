// Threads that come and go, under every schedule: a job that is queued as a thread's time ends is done (law L1), and a core that its thread
// gives away to block is turned by one thread at a time and leaves once (laws S14, L6). That a time is over is a choice.
#include <gtest/gtest.h>

#include <array>
#include <deque>
#include <memory>
#include <optional>

#include "holds.hpp"
#include "rt/blocking/sleepers.hpp"
#include "rt/drive/hand_off.hpp"
#include "weaken.hpp"

namespace rt {
namespace {

struct Steps {
  bool counts_promises = true;       // false: a job for a sleeper is only a wake-up, which may come as its time is over
  bool looks_for_a_stand_in = true;  // one that is on its way to this worker is enough
  bool sends_for_the_next = true;    // a thread that has come sends for another while jobs are left
};

/// A condition variable over the model's mutex: to wait gives the mutex back and sleeps, in one step.
class Condition {
 public:
  bool wait(ModelEnv::mutex& held, bool may_time_out) {
    held.unlock();
    const bool told = ModelHost::current->block(this, may_time_out);
    held.lock();
    return told;
  }
  void notify_one() { ModelHost::current->unblock(this, false); }
  void notify_all() { ModelHost::current->unblock(this, true); }
};

/// The pool of blocking/pool.cpp; a thread of it is a thread of the model that waits until it is made.
struct Pool {
  enum class Job : std::uint8_t { blocking, worker };
  static constexpr std::size_t most = 2;

  explicit Pool(std::size_t max) : max_threads(max) {}

  const std::size_t max_threads;
  Steps steps;
  std::function<void(Job)> run;
  ModelEnv::mutex mutex;
  Condition work, made, ended;
  PoolSleepers sleepers;
  std::deque<Job> queue;
  std::array<bool, most> lives{};
  std::size_t threads = 0, starting = 0;
  bool closed = false, is_over = false;

  void send_for_another() {
    const std::size_t coming = starting + sleepers.promised();
    if (coming < std::min<std::size_t>(queue.size(), 1)) (void)start_for_one_job();  // one at a time, the sharpest case
  }

  bool start_for_one_job() {
    const bool is_idle = steps.counts_promises ? sleepers.promise() : sleepers.idle() > 0;
    if (is_idle) {
      work.notify_one();
      return true;
    }
    if (threads >= max_threads) return false;
    ++threads;
    ++starting;
    for (bool& life : lives) {
      if (!std::exchange(life, true)) break;
    }
    made.notify_all();
    return true;
  }
  bool submit() {
    mutex.lock();
    const bool accepted = !closed;
    if (accepted) {
      queue.push_back(Job::blocking);
      send_for_another();
    }
    mutex.unlock();
    return accepted;
  }
  bool submit_worker() {
    mutex.lock();
    bool comes = steps.looks_for_a_stand_in && !queue.empty() && queue.front() == Job::worker;
    if (!comes) {
      queue.push_front(Job::worker);
      comes = start_for_one_job();
      if (!comes) queue.pop_front();
    }
    mutex.unlock();
    return comes;
  }
  bool sleep() {
    sleepers.lie_down();
    bool told = true;
    while (told && !sleepers.is_promised() && !closed) {
      told = work.wait(mutex, true);
      if (told && !steps.counts_promises) break;
    }
    if (sleepers.get_up()) return true;
    return (closed && !queue.empty()) || (told && !steps.counts_promises);
  }
  void thread_main() {
    --starting;
    for (bool has_just_come = true;; has_just_come = true) {
      while (!queue.empty()) {
        const Job job = queue.front();
        queue.pop_front();
        if (std::exchange(has_just_come, false) && steps.sends_for_the_next) send_for_another();
        mutex.unlock();
        run(job);
        mutex.lock();
      }
      if (closed || !sleep()) return;
    }
  }
  /// A thread of the model: the pool's threads that are made in this place, one after the other.
  void place(std::size_t i) {
    mutex.lock();
    while (!is_over) {
      if (!lives[i]) {
        (void)made.wait(mutex, false);
        continue;
      }
      thread_main();
      lives[i] = false;
      --threads;
      ended.notify_all();
    }
    mutex.unlock();
  }
  void close() {
    mutex.lock();
    closed = true;
    work.notify_all();
    mutex.unlock();
  }
  void wait_ended() {
    mutex.lock();
    while (threads > 0) (void)ended.wait(mutex, false);
    is_over = true;
    made.notify_all();
    mutex.unlock();
  }
  void check_at_rest() {
    MODEL_CHECK(queue.empty() && threads == 0);
    MODEL_CHECK(sleepers.idle() == 0 && !sleepers.is_promised());
  }
};

struct JobWorld {
  explicit JobWorld(std::size_t max) : pool(max) {
    pool.run = [this](Pool::Job) { ran.fetch_add(1, relaxed); };
  }
  Pool pool;
  ModelEnv::atomic<int> ran{0};
  int accepted = 0;
};

/// Jobs one after the other: the thread of the one before may sleep, be about to end, or have ended.
ModelSetup jobs_as_threads_time_out(std::size_t max, int jobs, Steps steps = {}) {
  return [=](Model& m) {
    auto w = std::make_shared<JobWorld>(max);
    w->pool.steps = steps;
    for (std::size_t i = 0; i < max; ++i) m.thread([w, i] { w->pool.place(i); });
    m.thread([w, jobs] {
      for (int i = 0; i < jobs; ++i) w->accepted += w->pool.submit() ? 1 : 0;
      // All that was queued is done without a close, as a program that waits for its jobs needs it.
      while (w->ran.load(acquire) < jobs) ModelEnv::relax();
      w->pool.close();
      w->pool.wait_ended();
    });
    m.after([w, jobs] {
      MODEL_CHECK(w->accepted == jobs && w->ran.load(relaxed) == jobs);
      w->pool.check_at_rest();
    });
  };
}

/// Each job blocks until the last one has begun, so each needs a thread of its own, though one sender sends for one thread at a time.
ModelSetup jobs_that_block(std::size_t jobs, Steps steps = {}) {
  return [=](Model& m) {
    auto w = std::make_shared<JobWorld>(jobs);
    w->pool.steps = steps;
    w->pool.run = [world = w.get(), jobs](Pool::Job) {
      world->ran.fetch_add(1, relaxed);
      while (world->ran.load(acquire) < static_cast<int>(jobs)) ModelEnv::relax();
    };
    for (std::size_t i = 0; i < jobs; ++i) m.thread([w, i] { w->pool.place(i); });
    m.thread([w, jobs] {
      for (std::size_t i = 0; i < jobs; ++i) w->accepted += w->pool.submit() ? 1 : 0;
      w->pool.close();
      w->pool.wait_ended();
    });
    m.after([w, jobs] {
      MODEL_CHECK(w->ran.load(relaxed) == static_cast<int>(jobs));
      w->pool.check_at_rest();
    });
  };
}

/// Two submit at once, and the pool closes meanwhile: what was accepted is done.
ModelSetup jobs_against_close() {
  return [](Model& m) {
    auto w = std::make_shared<JobWorld>(1);
    m.thread([w] { w->pool.place(0); });
    m.thread([w] {
      for (int i = 0; i < 2; ++i) w->accepted += w->pool.submit() ? 1 : 0;
    });
    m.thread([w] {
      w->pool.close();
      w->pool.wait_ended();
    });
    m.after([w] {
      MODEL_CHECK(w->ran.load(relaxed) == w->accepted);
      w->pool.check_at_rest();
    });
  };
}

/// A worker whose tasks block in place (drive/threads.cpp), and the threads that may turn its core.
template <class Env>
struct CoreWorld {
  struct Core {
    ModelEnv::cell<int> turns{0};  // whoever has the core
    int tasks = 0;
    int gone = 0;
  };

  CoreWorld(std::size_t max, int tasks, int blocks) : pool(max), blocks_each(blocks) {
    core.tasks = tasks;
    pool.run = [this](Pool::Job) { turn(); };
    hand_off.give(&core);
    MODEL_CHECK(pool.submit_worker());
  }

  Pool pool;
  Core core;
  HandOff<Env, Core> hand_off;
  Parker<ModelEnv> wake;
  const int blocks_each;
  ModelEnv::atomic<bool> closed{false};
  ModelEnv::atomic<int> blocked{0}, refused{0}, done{0};

  /// As run_worker().
  void turn() {
    Core* mine = hand_off.claim();
    while (mine != nullptr) {
      mine->turns.set(mine->turns.get() + 1);
      if (mine->tasks > 0 && !closed.load(acquire)) {
        --mine->tasks;
        for (int i = 0; i < blocks_each; ++i) block_in_place(mine, 1);
        done.fetch_add(1, relaxed);
      } else if (closed.load(acquire)) {
        ++mine->gone;
        return;
      } else {
        (void)wake.wait(no_deadline);
      }
    }
  }
  /// Without a core there is nothing to give: this thread blocks alone.
  void block_in_place(Core*& mine, int deeper) {
    if (mine == nullptr) {
      blocked.fetch_add(1, relaxed);
      return;
    }
    mine->turns.set(mine->turns.get() + 1);
    hand_off.give(mine);
    if (!pool.submit_worker()) {
      mine = hand_off.claim();
      refused.fetch_add(1, relaxed);
      return;
    }
    mine = nullptr;
    blocked.fetch_add(1, relaxed);
    if (deeper > 0) block_in_place(mine, deeper - 1);
    mine = hand_off.claim();
    if (mine != nullptr) mine->turns.set(mine->turns.get() + 1);
  }
  /// The end, in the middle of anything.
  void close() {
    closed.store(true, seq_cst);
    wake.notify();
    pool.close();
    pool.wait_ended();
  }
  void check_at_rest() {
    MODEL_CHECK(core.gone == 1);  // L6
    MODEL_CHECK(hand_off.claim() == nullptr);
    pool.check_at_rest();
  }
};

template <class Env = ModelEnv>
ModelSetup hand_over(std::size_t max, int tasks, int blocks, Steps steps = {}) {
  return [=](Model& m) {
    auto w = std::make_shared<CoreWorld<Env>>(max, tasks, blocks);
    w->pool.steps = steps;
    for (std::size_t i = 0; i < max; ++i) m.thread([w, i] { w->pool.place(i); });
    m.thread([w] { w->close(); });
    m.after([w] { w->check_at_rest(); });
  };
}

TEST(PoolModel, L1_a_thread_that_times_out_as_a_job_arrives) { expect_holds("one thread", jobs_as_threads_time_out(1, 2)); }
TEST(PoolModel, L1_two_threads_that_time_out_as_jobs_arrive) { expect_holds("two threads", jobs_as_threads_time_out(2, 2)); }
TEST(PoolModel, L1_jobs_that_block_have_a_thread_each) { expect_holds("jobs block", jobs_that_block(2)); }
TEST(PoolModel, L6_jobs_against_close) { expect_holds("close", jobs_against_close()); }

TEST(HandOverModel, S14_L6_a_task_that_blocks) { expect_holds("one block", hand_over(2, 1, 1)); }
TEST(HandOverModel, S14_L6_blocks_in_a_row_and_nested) { expect_holds("blocks in a row", hand_over(2, 1, 2)); }
TEST(HandOverModel, S14_L6_two_tasks_that_block) { expect_holds("two tasks", hand_over(2, 2, 1)); }
TEST(HandOverModel, S14_L6_without_a_thread_to_give_the_core_to) { expect_holds("no thread", hand_over(1, 2, 1)); }

// ---- seeded faults: each must be found ----

TEST(PoolFaults, a_sleeper_that_is_not_taken_off_as_it_is_promised_a_job_loses_one) {
  EXPECT_TRUE(is_found(jobs_as_threads_time_out(1, 2, {.counts_promises = false}), "no progress"));
}
TEST(PoolFaults, a_thread_that_does_not_send_for_the_next_leaves_a_job_behind_one_that_blocks) {
  EXPECT_TRUE(is_found(jobs_that_block(2, {.sends_for_the_next = false}), "no progress"));
}
TEST(HandOverFaults, a_core_given_without_release_is_found) {
  EXPECT_TRUE((is_found(hand_over<WeakEnv<StoresRelaxed>>(2, 1, 2), "data race")));
}
TEST(HandOverFaults, a_core_taken_without_acquire_is_found) {
  EXPECT_TRUE((is_found(hand_over<WeakEnv<ChangesRelaxed>>(2, 1, 2), "data race")));
}

}  // namespace
}  // namespace rt
