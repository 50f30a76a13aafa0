// What does a step cost in virtual time? For each Cost a constant, or a law that is drawn from.
//
// Invariant: everything is in integers, and a draw is a function of (seed, worker, cost, how many before it on that worker); so the
// same table gives the same times on every machine, and one worker's draws do not move another's.
// Read next: sim_env.hpp (who charges), drive/sim_options.hpp (what else can be set about a simulation).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "rt/env/environment.hpp"

namespace rt {

/// 128 bits, for products of a time and a fraction.
__extension__ using Wide = unsigned __int128;

/// One price: a constant; or quantiles, of which each gap between neighbours is equally likely, and evenly so within.
/// {a, b} is uniform between them; n + 1 quantiles of any law follow it as closely as one likes; a value that stands k times
/// has its own share of (k - 1) / n.
struct CostLaw {
  Nanos constant = 0;
  std::vector<Nanos> quantiles{};  // ascending; empty: the constant

  CostLaw() = default;
  CostLaw(Nanos always) : constant(always) {}  // implicit: a table is written as a list of numbers
  explicit CostLaw(std::vector<Nanos> given) : quantiles(std::move(given)) {}

  [[nodiscard]] bool is_constant() const { return quantiles.empty(); }

  /// By 64 random bits.
  [[nodiscard]] Nanos draw(std::uint64_t bits) const {
    if (quantiles.size() < 2) return is_constant() ? constant : quantiles.front();
    const Wide place = Wide{bits} * (quantiles.size() - 1);
    const auto gap = static_cast<std::size_t>(place >> 64U);
    const Nanos low = quantiles[gap];
    return low + static_cast<Nanos>((Wide{quantiles[gap + 1] - low} * static_cast<std::uint64_t>(place)) >> 64U);
  }
};

/// One law for each Cost, in their order; all free unless told otherwise.
using CostTable = std::array<CostLaw, static_cast<std::size_t>(Cost::count)>;

}  // namespace rt
