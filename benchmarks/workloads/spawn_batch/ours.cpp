// What does a task cost that starts together with many others?
// Read next: spec.json for the sizes, tokio.rs for the same work on Tokio.

#include "workloads.hpp"

#include "rt/task/spawn_batch.hpp"

#include <atomic>

namespace {

std::atomic<std::uint64_t> left;
bench::Signal done;

rt::Task<void> empty() {
  // relaxed: it counts; what the waiting thread needs to see comes through the signal's mutex.
  if (left.fetch_sub(1, std::memory_order_relaxed) == 1) done.raise();
  co_return;
}

rt::Task<void> spawner(std::uint64_t batches, std::uint64_t tasks) {
  rt::SpawnBatch batch;
  for (std::uint64_t i = 0; i < batches; ++i) {
    for (std::uint64_t task = 0; task < tasks; ++task) batch.spawn(empty);
    batch.start();
  }
  co_return;
}

}  // namespace

std::uint64_t bench::spawn_batch(rt::Runtime& runtime, const Sizes& sizes) {
  const auto batches = size(sizes, "batches");
  const auto tasks = batches * size(sizes, "tasks");
  left.store(tasks, std::memory_order_relaxed);  // the spawn publishes it
  runtime.spawn(spawner, batches, tasks / batches);
  done.wait();
  return tasks - left.load(std::memory_order_relaxed);
}
