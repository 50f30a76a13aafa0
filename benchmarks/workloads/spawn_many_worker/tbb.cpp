// What does a spawn cost when a worker spawns? Every task lands in that worker's own deque; their group is the signal.

#include "pool.hpp"

#include <atomic>

std::uint64_t bench::spawn_many_worker(Pool& pool, const Sizes& sizes) {
  const auto tasks = size(sizes, "tasks");
  std::atomic<std::uint64_t> left = tasks;
  pool.arena().execute([&left, tasks] {
    tbb::task_group group;
    for (std::uint64_t task = 0; task < tasks; ++task) {
      group.run([&left] { left.fetch_sub(1, std::memory_order_relaxed); });  // relaxed: it counts; the wait hands it on
    }
    group.wait();
  });
  return tasks - left.load(std::memory_order_relaxed);
}
