// What does a wide fork and join cost? Each inner task spawns ten and adds up what they return; a leaf returns its number.
// Read next: spec.json for the sizes, tokio.rs for the same work on Tokio.

#include "workloads.hpp"

#include <array>
#include <utility>

namespace {

constexpr std::uint64_t width = 10;

rt::Task<std::uint64_t> node(std::uint64_t first, std::uint64_t leaves) {
  if (leaves == 1) co_return first;
  const std::uint64_t share = leaves / width;
  std::array<rt::JoinHandle<std::uint64_t>, width> children;
  for (std::uint64_t child = 0; child < width; ++child) children[child] = rt::spawn(node, first + child * share, share);
  std::uint64_t sum = 0;
  for (auto& child : children) sum += co_await std::move(child);
  co_return sum;
}

}  // namespace

std::uint64_t bench::skynet(rt::Runtime& runtime, const Sizes& sizes) {
  return runtime.spawn(node, std::uint64_t{0}, size(sizes, "leaves")).get();
}
