// How many workers may search at once?
#pragma once

#include <algorithm>
#include <cstdint>

#include "rt/policy/policy.hpp"

namespace rt {

/// The policy's share of the workers, rounded up: at 0.5 the half of them that Tokio 1.48 allows (idle.rs).
[[nodiscard]] inline std::uint32_t most_searching(const Policy& policy, std::uint32_t workers) {
  const double share = policy.max_searching * workers;  // one multiplication, correctly rounded everywhere
  const auto whole = static_cast<std::uint32_t>(share);
  return std::max(1U, whole < share ? whole + 1 : whole);
}

}  // namespace rt
