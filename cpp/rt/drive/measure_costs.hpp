// What does each step of the scheduler cost on this machine? Small measurements of its own parts, for the cost table of a simulation.
//
// Queue operations are timed in batches on one thread, a steal between two threads (so that the lines are in the other's cache), a
// task's life on a worker, a wake-up between a thread that sleeps and one that wakes it. Invariant: every sample is a time a unit.
// Read next: env/costs.hpp (the table), env/environment.hpp (the kinds).
#pragma once

#include <cstdint>
#include <vector>

#include "rt/env/environment.hpp"

namespace rt {

/// Samples in nanoseconds, each the mean of a batch (of a wake-up: one); in no order.
struct MeasuredCost {
  Cost cost;
  std::vector<double> samples;
};

/// Takes about a second for `rounds` = 200 on an idle machine of two CPUs. Starts threads and a scheduler of its own.
[[nodiscard]] std::vector<MeasuredCost> measure_costs(std::uint32_t rounds);

}  // namespace rt
