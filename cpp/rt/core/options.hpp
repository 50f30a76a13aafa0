// What can be set about a scheduler, with Tokio 1.48's defaults.
#pragma once

#include <cstdint>
#include <optional>

#include "rt/core/tuning.hpp"
#include "rt/observe/histogram.hpp"
#include "rt/task/hooks.hpp"

namespace rt {

struct SchedulerOptions {
  std::uint32_t workers = 1;
  std::uint64_t seed = 0;
  bool lifo_slot = true;
  std::uint32_t max_lifo_polls = tuning::max_lifo_polls;
  std::uint32_t event_interval = tuning::default_event_interval;
  /// Turns between two looks at inject first; 0: tuned by the scheduler itself.
  std::uint32_t global_interval = 0;
  std::uint32_t coop_budget = tuning::coop_budget;
  HistogramOptions histograms;
  /// Polls are timed even without a histogram, so that a long one is seen while it lasts.
  bool watch_polls = false;
  Hooks hooks;
};

/// The same options. Throws std::invalid_argument for those out of range.
[[nodiscard]] const SchedulerOptions& checked(const SchedulerOptions& options);

}  // namespace rt
