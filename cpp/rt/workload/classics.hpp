// The classic micro-benchmarks of task runtimes: many spawns, many yields, messages to and fro, chains.
//
// What one operation is, and what others need for it, stands in the benchmarks' README. Read next: countdown.hpp.
#pragma once

#include <cstdint>
#include <vector>

#include "rt/task/join.hpp"

namespace rt {
struct Workload;
}

namespace rt::workload {

/// From where spawn_many spawns.
enum class Origin : std::int64_t {
  worker,  // a task on a worker
  local,   // the thread that waits in block_on: no worker, so tasks go through inject
  remote,  // a thread outside: OutsideRun; within a runtime as local
};

/// In a task or a block_on: spawns n empty tasks from there, and one that counts those that ran.
[[nodiscard]] JoinHandle<std::int64_t> spawn_many(std::int64_t n, Origin origin);

/// `tasks` tasks yield `yields` times each; how many yields there were.
[[nodiscard]] Task<std::int64_t> yield_many(std::int64_t tasks, std::int64_t yields);

/// Each of `pairs` tasks spawns a partner and they send each other a message; how many pairs got both.
[[nodiscard]] Task<std::int64_t> ping_pong(std::int64_t pairs);

/// Each task spawns the next; how many there were.
[[nodiscard]] Task<std::int64_t> chained_spawn(std::int64_t n);

/// Spawns a task and awaits it, n times; how many gave their answer.
[[nodiscard]] Task<std::int64_t> spawn_join(std::int64_t n);

/// spawn_many from a thread that is no worker and in no block_on. Dropping it cancels what has not ended.
class OutsideRun {
 public:
  /// Spawns at once. Throws std::invalid_argument unless the workload is spawn_many with the origin "remote".
  OutsideRun(Home& home, const Workload& workload);
  OutsideRun(const OutsideRun&) = delete;
  OutsideRun& operator=(const OutsideRun&) = delete;
  ~OutsideRun();

  /// Waits on this thread; false if the deadline (steady clock) came first. May be called again.
  [[nodiscard]] bool wait_until(Nanos deadline);
  /// How many tasks have run, once wait_until() has said true.
  [[nodiscard]] std::int64_t answer() const { return answer_; }

 private:
  std::vector<JoinHandle<std::int64_t>> open_;  // waited for from the back, dropped as they end
  std::int64_t answer_ = 0;
};

/// The same without a deadline.
[[nodiscard]] std::int64_t run_outside(Home& home, const Workload& workload);

}  // namespace rt::workload
