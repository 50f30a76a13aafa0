// What does a structured wide fork and join cost? Each inner branch forks ten and adds up what they return; a leaf its number.
// Read next: ../skynet/ours.cpp for the same with tasks; rayon.rs and tbb.cpp, which have no handle either.

#include "workloads.hpp"

namespace {

constexpr std::uint64_t width = 10;

rt::Coro<std::uint64_t> branch(std::uint64_t first, std::uint64_t leaves) {
  if (leaves == 1) co_return first;
  const std::uint64_t share = leaves / width;
  rt::Branches<std::uint64_t> children(width);
  for (std::uint64_t child = 0; child < width; ++child) children.add(branch(first + child * share, share));
  co_await children;
  std::uint64_t sum = 0;
  for (std::uint32_t child = 0; child < width; ++child) sum += children.take(child);
  co_return sum;
}

rt::Task<std::uint64_t> root(std::uint64_t leaves) {
  auto whole = branch(0, leaves);
  co_return co_await std::move(whole);
}

}  // namespace

std::uint64_t bench::skynet_structured(rt::Runtime& runtime, const Sizes& sizes) {
  return runtime.spawn(root, size(sizes, "leaves")).get();
}
