// How does a C++ program use the scheduler? It starts a runtime, spawns a tree of tasks, joins them and prints what each worker did.
#include <cstdint>
#include <iostream>
#include <utility>

#include "rt/runtime.hpp"
#include "rt/version.hpp"

// Each call is a task of its own, which awaits its two children.
rt::Task<std::int64_t> fib(std::int64_t n) {
  if (n < 2) co_return n;
  auto left = rt::spawn(fib, n - 1);
  auto right = rt::spawn(fib, n - 2);
  const std::int64_t first = co_await std::move(left);
  co_return first + co_await std::move(right);
}

int main() {
  rt::Runtime runtime({.workers = 2});
  std::cout << "stealscope " << rt::version() << "\nfib(25) = " << runtime.spawn(fib, 25).get() << '\n';
  runtime.shutdown();  // every figure is final now
  for (std::uint32_t worker = 0; worker < runtime.workers(); ++worker) {
    const rt::WorkerMetrics& metrics = runtime.worker_metrics(worker);
    std::cout << "worker " << worker << ": " << metrics.task_poll_count.load() << " polls, " << metrics.steal_count.load()
              << " tasks stolen, " << metrics.park_count.load() << " parks, busy for "
              << metrics.busy_duration_total.load() / 1000 << " us\n";
  }
}
