// What can be run? A workload as a value, and the task that runs it in the current runtime and gives its answers.
//
// Invariant: a workload that passed check_workload() runs to its end in any world, on any number of workers, and its
// answers depend on nothing but its parameters. When the task that runs it is dropped, everything it has spawned ends by
// itself soon after. Read next: workload.cpp (the table of kinds), fork_join.hpp, uts.hpp, classics.hpp,
// dag.hpp, open_system.hpp, program.hpp, function.hpp, combine.hpp.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "rt/task/coroutine.hpp"
#include "rt/task/join.hpp"

namespace rt {

struct Workload {
  std::string kind;
  std::vector<std::int64_t> ints;  // the kind's parameters, in the order of its row in workload.cpp
  std::vector<std::span<const std::int64_t>>
      arrays;                        // of a dag: indptr, indices, cost_ns (dag_calls: args); of others see their row
  std::shared_ptr<const void> keep;  // owns the arrays; may be dropped on any thread
  std::vector<Workload> parts;       // only of "sequence" and "together", whose one integer counts them
  /// Where a run leaves one number a job, if anybody wants them: the sojourns of an open_system, in ns and in the order of
  /// arrivals; the results of a function. Read it when the run has ended; one run at a time.
  std::shared_ptr<std::vector<std::int64_t>> output{};
};

using WorkloadPtr = std::shared_ptr<const Workload>;

/// One answer a part that is not combined, in the order of a walk that visits each head before its parts.
using Answers = std::vector<std::int64_t>;

/// Puts combined workloads together from such a walk, in which no element has parts yet.
/// Throws std::invalid_argument if it ends too early or too late.
[[nodiscard]] Workload assemble_workload(std::vector<Workload> preorder);

/// Throws std::invalid_argument: no such kind, or parameters that it does not take.
void check_workload(const Workload& workload);

/// The root of a run: spawn it, or give it to block_on. Checks at the call, as check_workload() does.
[[nodiscard]] Task<Answers> run_workload(WorkloadPtr workload);

/// Any thread. Ends a spawned run at once, with all that it has spawned (what is being polled ends with its poll). A
/// cancel() would do the same after the root's next turn, which comes behind all that the run has queued by then.
void stop_workload(const JoinRef& root);

/// Runs it inside the coroutine that awaits; for those who combine workloads. Takes a checked one.
[[nodiscard]] Coro<Answers> run_in_place(WorkloadPtr workload);

}  // namespace rt
