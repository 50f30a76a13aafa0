// What the tests of whole workers share: how to start one virtual world, and what to read from it.
#pragma once

#include <cstdint>
#include <vector>

#include "rt/drive/simulate.hpp"
#include "rt/task/spawn.hpp"

namespace rt::sim_world {

inline constexpr std::uint64_t enough_steps = 1'000'000;

inline SimOptions workers(std::uint32_t count, bool lifo_slot = true) {
  SimOptions options;
  options.scheduler.workers = count;
  options.scheduler.policy.lifo_slot = lifo_slot;
  return options;
}

/// All workers' figures, as last published.
struct Sum {
  explicit Sum(SimDrive& drive) {
    for (const auto& remote : drive.shared().remotes) {
      const WorkerMetrics& from = remote->metrics;
      polls += from.poll_count.load(relaxed);
      task_polls += from.task_poll_count.load(relaxed);
      local_schedules += from.local_schedule_count.load(relaxed);
      overflows += from.overflow_count.load(relaxed);
      parks += from.park_count.load(relaxed);
      noops += from.noop_count.load(relaxed);
      steals += from.steal_count.load(relaxed);
      steal_operations += from.steal_operations.load(relaxed);
    }
    spawned = drive.shared().spawned_tasks();
    remote_schedules = drive.shared().metrics().remote_schedule_count();
    forced_yields = drive.shared().metrics().budget_forced_yield_count();
  }
  std::uint64_t polls = 0, task_polls = 0, local_schedules = 0, overflows = 0, parks = 0, noops = 0, steals = 0;
  std::uint64_t steal_operations = 0, spawned = 0, remote_schedules = 0, forced_yields = 0;
};

/// Spawns from outside, and lets the task go on alone.
template <class F, class... Args>
void start(SimDrive& drive, F function, Args... args) {
  drive.outside([&] { const auto handle = rt::spawn(function, args...); });
}

using Log = std::vector<int>;

inline Task<void> write(Log* log, int number) {
  log->push_back(number);
  co_return;
}

/// Writes its number, yields, writes its number again.
inline Task<void> write_yield_write(Log* log, int number) {
  log->push_back(number);
  co_await yield_now();
  log->push_back(number);
}

/// Two to the power of `depth`, each one a task.
inline Task<std::int64_t> tree(int depth) {
  if (depth == 0) co_return 1;
  auto left = spawn(tree, depth - 1);
  auto right = spawn(tree, depth - 1);
  co_return co_await std::move(left) + co_await std::move(right);
}

/// Ready at the second poll, like a yield, but woken while its task runs.
class WakeSelf final : public Leaf {
 public:
  [[nodiscard]] bool poll(Header& task) override {
    if (woken_) return true;
    woken_ = true;
    static_cast<void>(wake(task));
    return false;
  }
  [[nodiscard]] const char* what() const override { return "wake_self"; }

 private:
  bool woken_ = false;
};

/// Waits for ever.
class Never final : public Leaf {
 public:
  [[nodiscard]] bool poll(Header&) override { return false; }
  [[nodiscard]] const char* what() const override { return "never"; }
};

/// How many there are of it.
struct Counted {
  explicit Counted(std::int64_t* count) : count_(count) { ++*count_; }
  Counted(const Counted& other) : count_(other.count_) { ++*count_; }
  Counted& operator=(const Counted&) = delete;
  ~Counted() { --*count_; }

 private:
  std::int64_t* count_;
};

}  // namespace rt::sim_world
