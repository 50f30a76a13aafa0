// Whom does a thief look at next? One search as a state of its own, since each look is a step.
//
// `World` gives random numbers; `Lengths` gives a worker's number of stealable tasks, out of date as soon as it is read.
// Invariant: next() never names the thief itself, but for a user's function, whose word is passed on. Sources: Tokio 1.48 (random
// start, then all peers once); Blumofe and Leiserson 1999 (uniform); Mitzenmacher 1998 (two choices).
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "rt/policy/policy.hpp"

namespace rt {

class VictimSearch {
 public:
  VictimSearch(const Policy& policy, std::uint32_t thief, std::uint32_t workers)
      : order_(policy.victims),
        function_(policy.victim_function.get()),
        thief_(thief),
        workers_(workers),
        attempts_(policy.steal.kind == StealAmount::Kind::none ? 0
                  : policy.attempts != 0                       ? policy.attempts
                                                               : workers - 1) {}

  /// A new search. Without peers it is over at once.
  template <class World>
  void begin(World& world) {
    made_ = 0;
    if (scans()) start_ = order_ == VictimOrder::round_robin ? cursor_ : world.choose(workers_);
    offset_ = 0;
  }

  /// The next victim, or nullopt: the search is over.
  template <class World, class Lengths>
  [[nodiscard]] std::optional<std::uint32_t> next(World& world, Lengths&& length) {
    if (made_ == attempts_ || workers_ == 1) return std::nullopt;
    ++made_;
    switch (order_) {
      case VictimOrder::random_start_scan: return next_in_scan();
      case VictimOrder::round_robin: return cursor_ = next_in_scan();
      case VictimOrder::last_victim: return made_ == 1 && last_hit_ ? *last_hit_ : next_in_scan();
      case VictimOrder::uniform: return random_peer(world);
      case VictimOrder::two_choices: return longer_of_two(world, length);
      case VictimOrder::longest: return longest(world, length);
      case VictimOrder::nearest: return next_nearest(world);
      case VictimOrder::function: return ask_function(world, length);
    }
    return std::nullopt;
  }

  /// True when next() would say nullopt: no look is left.
  [[nodiscard]] bool is_over() const { return made_ == attempts_ || workers_ == 1; }

  /// The last look found something.
  void hit(std::uint32_t victim) { last_hit_ = victim; }

  /// `nearest`: the peers by distance, in groups of equal ones.
  void set_groups(std::vector<std::vector<std::uint32_t>> groups) { groups_ = std::move(groups); }

 private:
  [[nodiscard]] bool scans() const {
    return order_ == VictimOrder::random_start_scan || order_ == VictimOrder::round_robin || order_ == VictimOrder::last_victim;
  }

  std::uint32_t next_in_scan() {
    std::uint32_t victim = 0;
    do {
      victim = (start_ + offset_++) % workers_;
    } while (victim == thief_);
    return victim;
  }

  template <class World>
  std::uint32_t random_peer(World& world) {
    const std::uint32_t other = world.choose(workers_ - 1);
    return other < thief_ ? other : other + 1;
  }

  template <class World, class Lengths>
  std::uint32_t longer_of_two(World& world, Lengths& length) {
    const std::uint32_t first = random_peer(world);
    const std::uint32_t second = random_peer(world);
    return length(second) > length(first) ? second : first;
  }

  /// Of equals the first from a random start. Nobody has anything: the search is over.
  template <class World, class Lengths>
  std::optional<std::uint32_t> longest(World& world, Lengths& length) {
    std::optional<std::uint32_t> best;
    std::uint32_t most = 0;
    const std::uint32_t start = world.choose(workers_);
    for (std::uint32_t i = 0; i < workers_; ++i) {
      const std::uint32_t victim = (start + i) % workers_;
      const std::uint32_t n = victim == thief_ ? 0 : length(victim);
      if (n <= most) continue;
      most = n;
      best = victim;
    }
    return best;
  }

  template <class World>
  std::optional<std::uint32_t> next_nearest(World& world) {
    if (made_ == 1) group_ = 0, offset_ = 0;
    while (group_ < groups_.size() && offset_ == groups_[group_].size()) ++group_, offset_ = 0;
    if (group_ == groups_.size()) return std::nullopt;
    const auto& group = groups_[group_];
    if (offset_ == 0) start_ = world.choose(static_cast<std::uint32_t>(group.size()));
    return group[(start_ + offset_++) % group.size()];
  }

  template <class World, class Lengths>
  std::optional<std::uint32_t> ask_function(World& world, Lengths& length) {
    struct WorldDice final : VictimFunction::Dice {
      explicit WorldDice(World& w) : world(w) {}
      std::uint32_t choose(std::uint32_t n) override { return world.choose(n); }
      World& world;
    } dice(world);
    lengths_.resize(workers_);
    for (std::uint32_t i = 0; i < workers_; ++i) lengths_[i] = length(i);
    const auto victim = function_->choose(thief_, made_ - 1, lengths_, dice);
    if (victim && *victim >= workers_) {
      throw std::out_of_range("victims: the function gave worker " + std::to_string(*victim) + "; there are 0.." +
                              std::to_string(workers_ - 1));
    }
    return victim;
  }

  const VictimOrder order_;
  VictimFunction* const function_;
  const std::uint32_t thief_;
  const std::uint32_t workers_;
  const std::uint32_t attempts_;
  std::uint32_t made_ = 0;    // looks in this search
  std::uint32_t start_ = 0;   // of a scan, or within a group
  std::uint32_t offset_ = 0;  // from there
  std::uint32_t cursor_ = 0;  // round_robin: where the last look was
  std::optional<std::uint32_t> last_hit_;
  std::vector<std::vector<std::uint32_t>> groups_;
  std::size_t group_ = 0;
  std::vector<std::uint32_t> lengths_;
};

}  // namespace rt
