// What does one spawn, run and join cost, one at a time, on a worker?
// Read next: spec.json for the sizes, tokio.rs for the same work on Tokio.

#include "workloads.hpp"

namespace {

rt::Task<std::uint64_t> identity(std::uint64_t value) { co_return value; }

rt::Task<std::uint64_t> root(std::uint64_t tasks) {
  std::uint64_t sum = 0;
  for (std::uint64_t value = 0; value < tasks; ++value) sum += co_await rt::spawn(identity, value);
  co_return sum;
}

}  // namespace

std::uint64_t bench::spawn_join_worker(rt::Runtime& runtime, const Sizes& sizes) {
  return runtime.spawn(root, size(sizes, "tasks")).get();
}
