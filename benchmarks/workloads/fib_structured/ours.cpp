// What does a structured binary fork and join cost? Both branches are coroutines of their parent: no task, no join handle.
// Read next: ../fib/ours.cpp for the same with tasks; rayon.rs and tbb.cpp, which have no handle either.

#include "workloads.hpp"

namespace {

rt::Coro<std::uint64_t> branch(std::uint64_t n) {
  if (n < 2) co_return n;
  auto both = rt::fork_join(branch(n - 2), branch(n - 1));
  const auto [inlined, forked] = co_await both;
  co_return inlined + forked;
}

rt::Task<std::uint64_t> root(std::uint64_t n) {
  auto whole = branch(n);
  co_return co_await std::move(whole);
}

}  // namespace

std::uint64_t bench::fib_structured(rt::Runtime& runtime, const Sizes& sizes) {
  return runtime.spawn(root, size(sizes, "n")).get();
}
