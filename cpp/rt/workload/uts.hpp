// Unbalanced Tree Search: how large is a tree whose shape only its nodes' hashes know? A task a node.
//
// Source: S. Olivier et al., "UTS: An Unbalanced Tree Search Benchmark", LCPC 2006. A node is a SHA-1 digest: child i's is that of
// its parent's digest and i, so a subtree's size is a function of its root and can be known only by walking it. Invariant: how many
// children a node has is decided in integers, equally on every machine. Read next: sha1.hpp, fork_join.hpp.
#pragma once

#include <cstdint>
#include <span>

#include "rt/env/environment.hpp"
#include "rt/policy/policy.hpp"
#include "rt/task/coroutine.hpp"
#include "rt/workload/sha1.hpp"

namespace rt::workload {

/// Small, and copied into each task.
struct UtsTree {
  enum class Shape : std::int64_t {
    binomial,   // the root has root_children, every other node `children` with a probability, else none
    geometric,  // a geometric number of children, down to a depth
    count
  };
  enum : std::size_t { shape_at, seed_at, root_children_at, children_at, threshold_at, depth_at, integers };

  Shape shape = Shape::binomial;
  std::uint32_t seed = 0;
  std::uint32_t root_children = 0;  // binomial
  std::uint32_t children = 0;       // binomial
  std::uint32_t depth = 0;          // geometric: nodes at this depth are leaves
  std::uint64_t threshold = 0;      // binomial: its probability in 2^-31; geometric: b / (1 + b) in 2^-63, b children on average

  [[nodiscard]] static UtsTree from(std::span<const std::int64_t> ints);
  [[nodiscard]] Sha1Digest root() const;
  [[nodiscard]] std::uint32_t children_of(const Sha1Digest& node, std::uint32_t at_depth) const;
};

[[nodiscard]] Sha1Digest child_of(const Sha1Digest& parent, std::uint32_t number);

/// How many nodes the tree has. `order` and `Cost`: see fork_join.hpp.
template <ForkOrder order, class... Cost>
[[nodiscard]] Task<std::int64_t> uts(UtsTree tree, Cost... cost);

struct UtsSize {
  std::int64_t nodes = 0;
  std::int64_t leaves = 0;
  std::int64_t depth = 0;  // of the deepest node; the root's is 0
};
/// Walked by this thread alone.
[[nodiscard]] UtsSize measure(const UtsTree& tree);

}  // namespace rt::workload
