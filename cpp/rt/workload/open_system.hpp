// An open system: jobs arrive by a law of their own, whether the workers keep up or not.
//
// Each arrival is a call at its time from outside the workers (Home::call_at), which spawns the job and asks for the next one; so
// in a simulation arrivals are exact, and on threads as close as the alarm comes. Sojourns count from the planned arrival: a late
// call, or a queue before the scheduler, is time that the job has waited. Job i's gap and size are functions of (seed, i).
// Read next: law.hpp, counter_random.hpp.
#pragma once

#include <cstdint>

#include "rt/workload/workload.hpp"

namespace rt::workload {

/// The integers of a workload "open_system", in their order; the two arrays are the values of its laws, if these are empirical.
struct OpenSystem {
  enum : std::size_t { jobs, seed, place, choices, slice, arrivals, service = arrivals + 4, count = service + 4 };
  enum class Place : std::int64_t { policy, inject, worker, jsq, count };
};

/// How many jobs ended; sojourns go to Workload::output, if there is one. Takes a checked workload.
[[nodiscard]] Task<std::int64_t> open_system(WorkloadPtr system);

/// Throws std::invalid_argument.
void check_open_system(const Workload& workload);

}  // namespace rt::workload
