// What does a spawn cost from the coroutine that block_on drives? Its thread is no worker: each task goes through inject.
// Read next: spec.json for the sizes, tokio.rs for the same work on Tokio.

#include "workloads.hpp"

#include <atomic>

namespace {

std::atomic<std::uint64_t> left;
bench::Signal done;

rt::Task<void> empty() {
  // relaxed: it counts; what the waiting thread needs to see comes through the signal's mutex.
  if (left.fetch_sub(1, std::memory_order_relaxed) == 1) done.raise();
  co_return;
}

rt::Task<void> root(std::uint64_t tasks) {
  for (std::uint64_t task = 0; task < tasks; ++task) rt::spawn(empty);
  done.wait();
  co_return;
}

}  // namespace

std::uint64_t bench::spawn_many_local(rt::Runtime& runtime, const Sizes& sizes) {
  const auto tasks = size(sizes, "tasks");
  left.store(tasks, std::memory_order_relaxed);  // the spawn publishes it
  runtime.block_on(root, tasks);
  return tasks - left.load(std::memory_order_relaxed);
}
