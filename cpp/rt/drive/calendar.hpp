// Which virtual worker moves next? The one whose time is earliest; of several with the same time, any by its number.
//
// A tournament tree over the workers: each node knows the earliest time below it and how many leaves have that time, so
// a change and a choice cost log(workers) steps, and the k-th of those that tie is found without looking at the others.
// Invariant: ties are counted in the order of the workers' indices, so a choice k means the same worker on every machine.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "rt/env/environment.hpp"

namespace rt {

class Calendar {
 public:
  static constexpr Nanos never = no_deadline;

  /// What the next move may choose from.
  struct Earliest {
    Nanos at = never;
    std::uint32_t ties = 0;
  };

  explicit Calendar(std::uint32_t workers) : leaves_(std::bit_ceil(std::max<std::size_t>(workers, 1))), nodes_(2 * leaves_) {
    for (std::size_t leaf = leaves_; leaf < leaves_ + workers; ++leaf) nodes_[leaf] = {never, 1};
    for (std::size_t node = leaves_ - 1; node >= 1; --node) nodes_[node] = winner(node);
  }

  void set(std::uint32_t worker, Nanos at) {
    std::size_t node = leaves_ + worker;
    nodes_[node].at = at;
    while ((node /= 2) >= 1) nodes_[node] = winner(node);
  }

  /// at == never: nobody has anything to do.
  [[nodiscard]] Earliest earliest() const { return nodes_[1]; }

  /// The worker that is number k < earliest().ties of those with the earliest time.
  [[nodiscard]] std::uint32_t tied(std::uint32_t k) const {
    std::size_t node = 1;
    while (node < leaves_) {
      const Earliest& left = nodes_[2 * node];
      const std::uint32_t ties_left = left.at == nodes_[node].at ? left.ties : 0;
      node = 2 * node + (k < ties_left ? 0 : 1);
      if (k >= ties_left) k -= ties_left;
    }
    return static_cast<std::uint32_t>(node - leaves_);
  }

 private:
  [[nodiscard]] Earliest winner(std::size_t node) const {
    const Earliest& left = nodes_[2 * node];
    const Earliest& right = nodes_[2 * node + 1];
    // Without branches: which side wins cannot be predicted.
    const Nanos at = std::min(left.at, right.at);
    return {at, (left.at == at ? left.ties : 0) + (right.at == at ? right.ties : 0)};
  }

  std::size_t leaves_;
  std::vector<Earliest> nodes_;
};

}  // namespace rt
