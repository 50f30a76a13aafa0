// Where does a new task start? A field of the policy, and of a spawn that wants otherwise.
#pragma once

#include <cstdint>

namespace rt {

/// What becomes ready again stays on its worker, except under `central`.
struct Placement {
  enum class Kind : std::uint8_t {
    local,    // on the worker that spawns it; from outside: in inject
    central,  // in inject, new or woken: one queue for all
    random,   // on a uniformly random worker
    jsq,      // on the least loaded of `choices` random workers
  };
  Kind kind = Kind::local;
  std::uint32_t choices = 0;  // jsq only
  friend bool operator==(const Placement&, const Placement&) = default;
};

}  // namespace rt
