// What does a turn of the scheduler cost, when tasks do nothing but give way to each other?
// Read next: spec.json for the sizes, tokio.rs for the same work on Tokio.

#include "workloads.hpp"

#include <atomic>

namespace {

std::atomic<std::uint64_t> left;
std::atomic<std::uint64_t> yielded_by_all;
bench::Signal done;

rt::Task<void> yielder(std::uint64_t yields) {
  std::uint64_t yielded = 0;
  for (; yielded < yields; ++yielded) co_await rt::yield_now();
  yielded_by_all.fetch_add(yielded, std::memory_order_relaxed);
  // acq_rel: whoever counts down to zero has seen every addition above; the signal's mutex hands them on.
  if (left.fetch_sub(1, std::memory_order_acq_rel) == 1) done.raise();
}

}  // namespace

std::uint64_t bench::yield_many(rt::Runtime& runtime, const Sizes& sizes) {
  const auto tasks = size(sizes, "tasks");
  const auto yields = size(sizes, "yields");
  left.store(tasks, std::memory_order_relaxed);  // the spawn publishes both
  yielded_by_all.store(0, std::memory_order_relaxed);
  for (std::uint64_t task = 0; task < tasks; ++task) runtime.spawn(yielder, yields);
  done.wait();
  return yielded_by_all.load(std::memory_order_relaxed);
}
