// What can be set about a simulation, and what does a run give?
//
// Invariant: a result is a function of the options and of what is run, and of nothing else.
// Read next: sim_options.cpp (what is refused), simulate.hpp, env/costs.hpp, env/chooser.hpp.
#pragma once

#include <cstdint>
#include <vector>

#include "rt/core/options.hpp"
#include "rt/env/sim_env.hpp"

namespace rt {

/// Something goes wrong with one worker, at a time of the world's clock.
struct Fault {
  enum class Kind : std::uint8_t {
    stall,      // for `length` it does nothing, as if the system ran somebody else; also no waking up
    slow,       // for `length` all that it does takes `factor` times as long
    late_wake,  // the first unpark of it from `at` on arrives later by `length`
  };
  Kind kind = Kind::stall;
  std::uint32_t worker = 0;
  Nanos at = 0;
  Nanos length = 0;
  double factor = 1;  // slow only
};

struct SimOptions {
  SchedulerOptions scheduler{};          // its seed answers the choices
  std::vector<std::uint8_t> schedule{};  // changes the seed's answers, see Chooser
  std::vector<Deviation> choices{};      // the same for single decisions, by their numbers
  bool record_decisions = false;         // keeps every decision for SimDrive::decisions(), 16 bytes each
  CostTable costs{};
  /// workers x workers, row by row, a row for each thief: what each look at a victim costs besides. Empty: nothing.
  std::vector<Nanos> topology{};
  /// A worker each, 1 is what the costs are for: what it does takes so much less. Empty: all 1.
  std::vector<double> speeds{};
  std::vector<Fault> faults{};
  std::uint32_t max_blocking_threads = tuning::max_blocking_threads;
  /// Any worker that is not asleep may move next, whatever its clock says: for the exploration of schedules.
  bool interleave = false;
};

/// Throws std::invalid_argument for values out of range, with the value, what is allowed and what to do.
void check_sim_options(const SimOptions& options);

struct SimResult {
  enum class End : std::uint8_t {
    finished,    // no task lives and no blocking job is open
    deadlock,    // tasks live, and nothing can happen any more
    step_limit,  // more steps than were allowed
    time_limit,  // what comes next lies behind `until`
  };
  End end = End::finished;
  std::uint64_t steps = 0;
  Nanos now = 0;  // finished: when the last poll ended; time_limit: `until`; else when the last step was over
  std::uint64_t decisions = 0;
  std::uint64_t trace_hash = 0;
  std::vector<Deviation> deviations{};  // where the run left the seed's answers
  std::vector<TimeSpent> spent{};       // by worker; each sums up to `now`
};

}  // namespace rt
