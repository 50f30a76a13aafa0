// What does a binary fork and join cost, with a task and a join handle for each fork and next to no work in it?
// Read next: spec.json for the sizes, tokio.rs for the same work on Tokio.

#include "workloads.hpp"

#include <utility>

namespace {

rt::Task<std::uint64_t> forked(std::uint64_t n);

/// The branch that is awaited in place: a coroutine, but no task.
rt::Coro<std::uint64_t> inlined(std::uint64_t n) {
  if (n < 2) co_return n;
  auto fork = rt::spawn(forked, n - 1);
  const std::uint64_t here = co_await inlined(n - 2);
  co_return here + co_await std::move(fork);
}

rt::Task<std::uint64_t> forked(std::uint64_t n) {
  if (n < 2) co_return n;
  auto fork = rt::spawn(forked, n - 1);
  const std::uint64_t here = co_await inlined(n - 2);
  co_return here + co_await std::move(fork);
}

}  // namespace

std::uint64_t bench::fib(rt::Runtime& runtime, const Sizes& sizes) { return runtime.spawn(forked, size(sizes, "n")).get(); }
