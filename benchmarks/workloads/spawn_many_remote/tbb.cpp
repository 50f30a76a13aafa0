// What does a spawn cost from a thread outside the arena, onto idle workers, with every task joined? A group joins them.

#include "pool.hpp"

#include <atomic>

std::uint64_t bench::spawn_many_remote(Pool& pool, const Sizes& sizes) {
  const auto tasks = size(sizes, "tasks");
  std::atomic<std::uint64_t> finished = 0;
  tbb::task_group group;
  for (std::uint64_t task = 0; task < tasks; ++task) {
    // relaxed: it counts; the wait below hands the sum on.
    pool.arena().enqueue(group.defer([&finished] { finished.fetch_add(1, std::memory_order_relaxed); }));
  }
  pool.arena().execute([&group] { group.wait(); });
  return finished.load(std::memory_order_relaxed);
}
