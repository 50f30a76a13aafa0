// What do all oneTBB workloads run in? An arena of N threads; the thread that calls is one of them while it waits.
#pragma once

#include "bench.hpp"

#include <tbb/global_control.h>
#include <tbb/task_arena.h>
#include <tbb/task_group.h>

namespace bench {

struct PoolOptions {
  unsigned workers;
};

class Pool {
 public:
  explicit Pool(PoolOptions options)
      : threads_(tbb::global_control::max_allowed_parallelism, options.workers), arena_(static_cast<int>(options.workers)) {}

  tbb::task_arena& arena() { return arena_; }

 private:
  tbb::global_control threads_;
  tbb::task_arena arena_;
};

// One iteration of each workload; returns its answer.
std::uint64_t chained_spawn(Pool& pool, const Sizes& sizes);
std::uint64_t fib(Pool& pool, const Sizes& sizes);
std::uint64_t fib_structured(Pool& pool, const Sizes& sizes);
std::uint64_t skynet(Pool& pool, const Sizes& sizes);
std::uint64_t skynet_structured(Pool& pool, const Sizes& sizes);
std::uint64_t spawn_join_worker(Pool& pool, const Sizes& sizes);
std::uint64_t spawn_many_remote(Pool& pool, const Sizes& sizes);
std::uint64_t spawn_many_worker(Pool& pool, const Sizes& sizes);

}  // namespace bench
