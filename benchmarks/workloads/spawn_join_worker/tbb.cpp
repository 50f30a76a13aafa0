// What does one spawn, run and join cost, one at a time, on a worker? A task has no handle: its group joins it.

#include "pool.hpp"

std::uint64_t bench::spawn_join_worker(Pool& pool, const Sizes& sizes) {
  return pool.arena().execute([tasks = size(sizes, "tasks")] {
    std::uint64_t sum = 0;
    tbb::task_group group;
    for (std::uint64_t value = 0; value < tasks; ++value) {
      std::uint64_t result = 0;
      group.run([&result, value] { result = value; });
      group.wait();
      sum += result;
    }
    return sum;
  });
}
