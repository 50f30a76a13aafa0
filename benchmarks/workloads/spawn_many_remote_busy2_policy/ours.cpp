// The same as spawn_many_remote_busy2, under a policy: a worker that is busy takes so many tasks out of inject at a time (spec.json).

#include "workloads.hpp"

std::uint64_t bench::spawn_many_remote_busy2_policy(rt::Runtime& runtime, const Sizes& sizes) {
  return spawn_many_remote_busy2(runtime, sizes);
}
