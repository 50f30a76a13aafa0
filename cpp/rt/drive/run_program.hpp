// Runs a test program (workload/program.hpp): in virtual time, where it is a function of its arguments, or on threads.
//
// Read next: simulate.hpp, runtime.hpp.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "rt/drive/simulate.hpp"
#include "rt/workload/program.hpp"

namespace rt {

/// One worker's figures after the run.
struct WorkerFigures {
  std::uint64_t poll_count = 0;
  std::uint64_t task_poll_count = 0;
  std::uint64_t local_schedule_count = 0;
  std::uint64_t steal_count = 0;
  std::uint64_t steal_operations = 0;
  std::uint64_t overflow_count = 0;
  std::uint64_t park_count = 0;
  std::uint64_t noop_count = 0;
};

/// What a dump in the middle of a run listed.
struct DumpFigures {
  bool complete = false;
  std::vector<std::uint64_t> ids;  // of the tasks, in the dump's order
};

struct ProgramResult {
  SimResult sim;  // on threads: only `end` means anything, and a deadlock is a time-out
  std::vector<TaskRecord> tasks;
  std::vector<std::uint64_t> polled;  // in virtual time: the task of each poll, in order
  std::vector<WorkerFigures> workers;
  std::uint64_t spawned = 0;
  std::uint64_t remote_schedule_count = 0;
  std::uint64_t budget_forced_yield_count = 0;
  std::vector<DumpFigures> dumps;
};

/// `dump_at`: numbers of steps, ascending, before which a dump is taken. Throws std::invalid_argument for a program or
/// options that cannot be run.
[[nodiscard]] ProgramResult run_program(const Program& program, SimOptions options, std::uint64_t max_steps = 1'000'000,
                                        const std::vector<std::uint64_t>& dump_at = {});

/// The same with the usual options, as the Python tests call it.
[[nodiscard]] ProgramResult run_program_sim(const Program& program, std::uint32_t workers, std::vector<std::uint8_t> schedule,
                                            std::uint64_t seed, const std::vector<std::uint64_t>& dump_at = {});

/// On real threads; what still lives after `timeout` is cancelled.
[[nodiscard]] ProgramResult run_program_threads(const Program& program, std::uint32_t workers, std::uint64_t seed, Nanos timeout);

}  // namespace rt
