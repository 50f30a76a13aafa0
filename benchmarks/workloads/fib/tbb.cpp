// What does a binary fork and join cost, with a task for each fork and next to no work in it?

#include "pool.hpp"

namespace {

std::uint64_t fork(std::uint64_t n) {
  if (n < 2) return n;
  std::uint64_t forked = 0;
  tbb::task_group group;
  group.run([&forked, n] { forked = fork(n - 1); });
  const std::uint64_t here = fork(n - 2);
  group.wait();
  return here + forked;
}

}  // namespace

std::uint64_t bench::fib(Pool& pool, const Sizes& sizes) {
  return pool.arena().execute([n = size(sizes, "n")] { return fork(n); });
}
