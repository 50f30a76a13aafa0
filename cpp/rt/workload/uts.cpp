#include "rt/workload/uts.hpp"

#include <algorithm>
#include <vector>

#include "rt/task/fork.hpp"
#include "rt/workload/child.hpp"
#include "rt/workload/counter_random.hpp"
#include "rt/workload/start.hpp"

namespace rt::workload {
namespace {

/// No node has more, but for a binomial root. Source: the benchmark's own limit.
constexpr std::uint32_t most_children = 100;

void put_big_endian(std::uint8_t* bytes, std::uint32_t value) {
  for (int i = 0; i < 4; ++i) bytes[i] = static_cast<std::uint8_t>(value >> (24 - 8 * i));
}

/// The node's random number: the last four bytes without their sign bit.  [2^-31]
std::uint32_t number_of(const Sha1Digest& node) {
  return (std::uint32_t{node[16]} << 24 | std::uint32_t{node[17]} << 16 | std::uint32_t{node[18]} << 8 | node[19]) & 0x7FFFFFFF;
}

using Children = std::vector<Child<std::int64_t>>;

/// Where in the tree. A child's task finds its own digest: that is its work.
struct TreePlace {
  Sha1Digest parent;  // of the root: itself
  std::uint32_t number;
  std::uint32_t depth;

  [[nodiscard]] Sha1Digest node() const { return depth == 0 ? parent : child_of(parent, number); }
};

template <ForkOrder order, class... Cost>
Task<std::int64_t> visit(UtsTree tree, TreePlace place, Cost... cost);

template <class... Cost>
Children fork_children(const UtsTree& tree, const Sha1Digest& node, std::uint32_t depth, Cost... cost) {
  Children children;
  const std::uint32_t count = tree.children_of(node, depth);
  children.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    children.emplace_back(spawn(visit<help_first, Cost...>, tree, TreePlace{node, i, depth + 1}, cost...));
  }
  return children;
}

template <ForkOrder order, class... Cost>
Task<std::int64_t> visit(UtsTree tree, TreePlace place, Cost... cost) {
  if constexpr (sizeof...(cost) != 0) {
    Work busy(cost...);
    co_await busy;
  }
  const Sha1Digest node = place.node();
  Children children;
  if constexpr (order == help_first) {
    children = fork_children(tree, node, place.depth, cost...);
  } else {
    const std::uint32_t count = tree.children_of(node, place.depth);
    for (std::uint32_t i = 0; i < count; ++i) {
      auto forked = fork(visit<order, Cost...>, tree, TreePlace{node, i, place.depth + 1}, cost...);
      auto child = co_await forked;
      children.emplace_back(std::move(child));
    }
  }
  std::int64_t nodes = 1;
  for (auto& child : children) {
    const std::int64_t below = co_await std::move(child);
    nodes += below;
  }
  co_return nodes;
}

}  // namespace

UtsTree UtsTree::from(std::span<const std::int64_t> ints) {
  const auto u32 = [&](std::size_t at) { return static_cast<std::uint32_t>(ints[at]); };
  return {static_cast<Shape>(ints[shape_at]),
          u32(seed_at),
          u32(root_children_at),
          u32(children_at),
          u32(depth_at),
          static_cast<std::uint64_t>(ints[threshold_at])};
}

Sha1Digest UtsTree::root() const {
  std::array<std::uint8_t, 20> message{};
  put_big_endian(&message[16], seed);
  return sha1(message);
}

std::uint32_t UtsTree::children_of(const Sha1Digest& node, std::uint32_t at_depth) const {
  if (shape == Shape::binomial) return at_depth == 0 ? root_children : number_of(node) < threshold ? children : 0;
  if (at_depth >= depth) return 0;
  // The largest n with ratio^n >= 1 - u, found by multiplying: the benchmark takes logarithms, which need libm.
  const std::uint64_t left = (std::uint64_t{1} << 63) - (std::uint64_t{number_of(node)} << 32);
  std::uint32_t n = 0;
  for (std::uint64_t power = threshold; power >= left && n < most_children; ++n) {
    power = static_cast<std::uint64_t>((UnsignedWide{power} * threshold) >> 63);
  }
  return n;
}

Sha1Digest child_of(const Sha1Digest& parent, std::uint32_t number) {
  std::array<std::uint8_t, 24> message{};
  std::copy(parent.begin(), parent.end(), message.begin());
  put_big_endian(&message[20], number);
  return sha1(message);
}

template <ForkOrder order, class... Cost>
Task<std::int64_t> uts(UtsTree tree, Cost... cost) {
  return visit<order>(tree, TreePlace{tree.root(), 0, 0}, cost...);
}
template Task<std::int64_t> uts<help_first>(UtsTree);
template Task<std::int64_t> uts<help_first>(UtsTree, Nanos);
template Task<std::int64_t> uts<work_first>(UtsTree);
template Task<std::int64_t> uts<work_first>(UtsTree, Nanos);

UtsSize measure(const UtsTree& tree) {
  struct Open {
    Sha1Digest node;
    std::uint32_t children;
    std::uint32_t next;
  };
  UtsSize size;
  std::vector<Open> path;  // from the root to where the walk is
  const auto enter = [&](const Sha1Digest& node) {
    const std::uint32_t children = tree.children_of(node, static_cast<std::uint32_t>(path.size()));
    size.depth = std::max(size.depth, static_cast<std::int64_t>(path.size()));
    size.nodes += 1;
    size.leaves += children == 0 ? 1 : 0;
    if (children != 0) path.push_back({node, children, 0});
  };
  enter(tree.root());
  while (!path.empty()) {
    Open& here = path.back();
    if (here.next == here.children) {
      path.pop_back();
    } else {
      const Sha1Digest child = child_of(here.node, here.next++);
      enter(child);
    }
  }
  return size;
}

}  // namespace rt::workload
