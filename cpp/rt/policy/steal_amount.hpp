// How many of a victim's tasks does a thief take?
#pragma once

#include <algorithm>
#include <cstdint>

#include "rt/policy/policy.hpp"

namespace rt {

/// Of n tasks: 1..n, or 0 if n is 0. Not for `none`, with which nobody searches.
[[nodiscard]] inline std::uint32_t tasks_to_steal(const StealAmount& amount, std::uint32_t n) {
  if (n == 0) return 0;
  switch (amount.kind) {
    case StealAmount::Kind::half: return n - n / 2;
    case StealAmount::Kind::one: return 1;
    case StealAmount::Kind::all: return n;
    case StealAmount::Kind::count: return std::min(amount.count, n);
    case StealAmount::Kind::fraction: {
      // One multiplication, correctly rounded everywhere; rounded up by hand, without libm.
      const double share = amount.fraction * n;
      const auto whole = static_cast<std::uint32_t>(share);
      return std::clamp(whole < share ? whole + 1 : whole, 1U, n);
    }
    case StealAmount::Kind::none: break;
  }
  return 0;
}

}  // namespace rt
