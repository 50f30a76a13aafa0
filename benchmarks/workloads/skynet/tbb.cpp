// What does a wide fork and join cost? Each inner task spawns ten and adds up what they leave; a leaf leaves its number.

#include "pool.hpp"

#include <array>
#include <numeric>

namespace {

constexpr std::uint64_t width = 10;

std::uint64_t node(std::uint64_t first, std::uint64_t leaves) {
  if (leaves == 1) return first;
  const std::uint64_t share = leaves / width;
  std::array<std::uint64_t, width> sums{};
  tbb::task_group group;
  for (std::uint64_t child = 0; child < width; ++child) {
    group.run([&sum = sums[child], first = first + child * share, share] { sum = node(first, share); });
  }
  group.wait();
  return std::accumulate(sums.begin(), sums.end(), std::uint64_t{0});
}

}  // namespace

std::uint64_t bench::skynet(Pool& pool, const Sizes& sizes) {
  return pool.arena().execute([leaves = size(sizes, "leaves")] { return node(0, leaves); });
}
