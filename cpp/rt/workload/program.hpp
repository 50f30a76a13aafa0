// What should these tasks do, instruction by instruction? Small programs for tests: data in, data out.
//
// A program is a list of tasks, each a list of instructions; task 0 is the root. Each other task is spawned by at most
// one instruction, so every program has a finite number of tasks; it may still deadlock, which is the point.
// Invariant: after a run, each record says which of the tasks began, and how each of these left.
// Read next: drive/run_program.hpp (in virtual time, and on threads).
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "rt/task/coroutine.hpp"
#include "rt/workload/countdown.hpp"
#include "rt/workload/workload.hpp"

namespace rt {

enum class OpKind : std::uint8_t {
  work,    // arg: ns of computation
  yield,   // arg: unused
  spawn,   // arg: a task
  join,    // arg: a task that this one has spawned; of a cancelled one, too
  sleep,   // arg: ns
  notify,  // arg: an event; lets all its waiters through, those to come too
  wait,    // arg: an event
  lock,    // arg: a lock; held until unlock, or the end of the task
  unlock,  // arg: a lock that is held
  cancel,  // arg: a task that this one has spawned
  block,   // arg: ns; block_in_place around a computation of that length
  send,    // arg: a channel; waits while it is full
  recv,    // arg: a channel; waits while it is empty
  count
};

struct Op {
  OpKind kind = OpKind::work;
  std::uint64_t arg = 0;
};

struct Program {
  static constexpr std::uint64_t most_objects = 1024;  // events, locks and channels, of each
  std::vector<std::vector<Op>> tasks;
  std::uint64_t channel_capacity = 1;
};

/// From rows (task, kind, arg), in the order of each task's instructions; there are `tasks` of them.
/// Throws std::invalid_argument as check_program() does.
[[nodiscard]] Program program_from_rows(std::uint64_t tasks, const std::vector<std::int64_t>& rows);

/// Throws std::invalid_argument: an instruction that no run can follow, and what would be right.
void check_program(const Program& program);

/// What became of one task.
struct TaskRecord {
  bool started = false;
  bool finished = false;
  bool cancelled = false;  // it was spawned, and was dropped before its last instruction
  std::uint32_t polls = 0;
  std::uint64_t id = 0;  // 0: never polled
};

/// One run of a program. Records may be read when no task lives.
class ProgramRun {
 public:
  /// Takes a checked program.
  explicit ProgramRun(Program program);
  ~ProgramRun();
  ProgramRun(const ProgramRun&) = delete;
  ProgramRun& operator=(const ProgramRun&) = delete;

  [[nodiscard]] const std::vector<TaskRecord>& records() const { return records_; }

  /// Any thread. Ends the tasks that live, and those that begin from now on.
  void stop();

 private:
  friend struct ProgramTask;
  struct Objects;
  /// A task that begins, while it is polled. False: the run was stopped.
  [[nodiscard]] bool adopt(Header& task);

  const Program program_;
  std::vector<TaskRecord> records_;
  std::unique_ptr<Objects> objects_;
  std::mutex mutex_;
  bool is_stopped_ = false;
  std::vector<Header*> begun_;  // with a reference each
};

/// In a context: spawns the root.
void start_program(const std::shared_ptr<ProgramRun>& run);

namespace workload {

/// The workload "program": its integers are the number of tasks and the channels' capacity, its array the rows. The answer is
/// how many tasks reached their last instruction, once all have ended. Takes a checked workload.
[[nodiscard]] Task<std::int64_t> program(WorkloadPtr workload);

/// Throws std::invalid_argument.
void check_program(const Workload& workload);

}  // namespace workload

}  // namespace rt
