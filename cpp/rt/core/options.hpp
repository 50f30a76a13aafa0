// What can be set about a scheduler, with Tokio 1.48's defaults.
#pragma once

#include <cstdint>
#include <optional>

#include "rt/core/tuning.hpp"
#include "rt/observe/histogram.hpp"
#include "rt/policy/policy.hpp"
#include "rt/task/hooks.hpp"

namespace rt {

struct SchedulerOptions {
  std::uint32_t workers = 1;
  std::uint64_t seed = 0;
  Policy policy;
  HistogramOptions histograms;
  /// Polls are timed even without a histogram, so that a long one is seen while it lasts.
  bool watch_polls = false;
  /// Whether events are written onto a timeline from the start on; it can be switched later, too.
  bool timeline = false;
  std::size_t timeline_capacity = tuning::timeline_capacity;  // events a worker
  Hooks hooks;
};

/// The same options. Throws std::invalid_argument for those out of range or of no use in this world.
[[nodiscard]] const SchedulerOptions& checked(const SchedulerOptions& options, bool simulated);

}  // namespace rt
