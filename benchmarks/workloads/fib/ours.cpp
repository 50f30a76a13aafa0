// What does a binary fork and join cost, with a task and a join handle for each fork and next to no work in it?
// Read next: spec.json for the sizes, tokio.rs for the same work on Tokio.

#include "bench.hpp"

#include <utility>

namespace {

rt::Task<std::uint64_t> fibonacci(std::uint64_t n) {
  if (n < 2) co_return n;
  auto forked = rt::spawn(fibonacci, n - 1);
  const std::uint64_t inlined = co_await fibonacci(n - 2);
  co_return inlined + co_await std::move(forked);
}

}  // namespace

std::uint64_t bench::fib(rt::Runtime& runtime, const Sizes& sizes) {
  return runtime.spawn(fibonacci, size(sizes, "n")).get();
}
