// Bytes as a program, a policy and a schedule, played in virtual time: does it end as the program says, and the same way twice?
//
// The bytes, in order: flags, world, tasks and instructions, changes to the policy; what is left is the schedule, a byte a decision.
// Invariant: every byte string is an input, and one that makes a program as it should be is never refused.
// Read next: expected_ends.hpp (what the program says), policy_input.hpp, fuzz_program.cpp.
#pragma once

#include <cstdint>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "fuzz/bytes.hpp"
#include "fuzz/expected_ends.hpp"
#include "fuzz/policy_input.hpp"
#include "rt/drive/simulate.hpp"
#include "rt/workload/program.hpp"

namespace rt::fuzz {

inline constexpr std::uint32_t most_tasks = 8;
inline constexpr std::uint32_t most_instructions = 64;
inline constexpr std::uint64_t step_limit = 200'000;  // far beyond what 64 instructions on 4 workers take

/// Writes instructions that name only what they may name; an instruction that would not becomes a yield. `is_certain`: and only
/// such that the program has one outcome, so that a run can be held against it.
class ProgramWriter {
 public:
  ProgramWriter(std::uint32_t tasks, bool is_certain) : is_certain_(is_certain) { program_.tasks.resize(tasks); }

  void add(Bytes& bytes) {
    const std::uint32_t kind = bytes.below(static_cast<std::uint32_t>(OpKind::count) + 1);
    if (kind == static_cast<std::uint32_t>(OpKind::count)) {
      if (task_ + 1 == program_.tasks.size()) return;
      ++task_;
      children_.clear();
      locks_.clear();
    } else {
      program_.tasks[task_].push_back(sound({static_cast<OpKind>(kind), 0}, bytes));
    }
  }
  [[nodiscard]] Program take() { return std::move(program_); }

 private:
  [[nodiscard]] Op sound(Op op, Bytes& bytes) {
    constexpr Op instead{OpKind::yield, 0};
    constexpr std::uint32_t objects = 3;
    if (is_certain_ && (op.kind == OpKind::cancel || op.kind == OpKind::lock)) op.kind = OpKind::notify;
    switch (op.kind) {
      case OpKind::spawn:
        if (next_child_ >= program_.tasks.size()) return instead;
        children_.insert(op.arg = next_child_++);
        return op;
      case OpKind::join:
      case OpKind::cancel:
        if (children_.empty()) return instead;
        op.arg = one_of(children_, bytes);
        if (op.kind == OpKind::join) children_.erase(op.arg);
        return op;
      case OpKind::lock: return locks_.insert(op.arg = bytes.below(objects)).second ? op : instead;
      case OpKind::unlock:
        if (locks_.empty()) return instead;
        locks_.erase(op.arg = one_of(locks_, bytes));
        return op;
      case OpKind::notify:
      case OpKind::wait: op.arg = bytes.below(objects); return op;
      case OpKind::send:
      case OpKind::recv: {
        auto& owners = op.kind == OpKind::send ? senders_ : receivers_;
        op.arg = bytes.below(objects);
        return owners.emplace(op.arg, task_).first->second == task_ || !is_certain_ ? op : instead;
      }
      case OpKind::work:
      case OpKind::sleep:
      case OpKind::block: op.arg = bytes.wide(); return op;
      case OpKind::yield:
      case OpKind::count: break;
    }
    return instead;
  }
  [[nodiscard]] static std::uint64_t one_of(const std::set<std::uint64_t>& set, Bytes& bytes) {
    return *std::next(set.begin(), bytes.below(static_cast<std::uint32_t>(set.size())));
  }

  Program program_;
  const bool is_certain_;
  std::size_t task_ = 0;
  std::uint64_t next_child_ = 1;
  std::set<std::uint64_t> children_, locks_;                  // of this task
  std::map<std::uint64_t, std::size_t> senders_, receivers_;  // by channel, the first task that does so
};

struct ProgramInput {
  Program program;
  SimOptions options;
};

/// Rows of any numbers. Throws std::invalid_argument for most.
inline Program any_program(Bytes& bytes, std::uint32_t tasks, std::uint32_t instructions) {
  std::vector<std::int64_t> rows;
  for (std::uint32_t i = 0; i < 3 * instructions && !bytes.is_empty(); ++i)
    rows.push_back(static_cast<std::int8_t>(bytes.next()));
  return program_from_rows(tasks, rows);
}

/// Throws std::invalid_argument for what is no program, and Violation if one as it should be was refused.
inline ProgramInput read_program(Bytes bytes) {
  const std::uint8_t flags = bytes.next();
  ProgramInput input;
  SchedulerOptions& scheduler = input.options.scheduler;
  scheduler.workers = 1 + bytes.below(4);
  scheduler.seed = bytes.next();
  input.options.interleave = (flags & 1U) != 0;
  if ((flags & 2U) != 0) input.options.costs.fill(bytes.next());
  const std::uint64_t capacity = 1 + bytes.below(4);
  const std::uint32_t tasks = 1 + bytes.below(most_tasks), instructions = bytes.below(most_instructions + 1);
  if ((flags & 4U) != 0) {
    input.program = any_program(bytes, tasks, instructions);
  } else {
    ProgramWriter writer(tasks, (flags & 32U) != 0);
    for (std::uint32_t i = 0; i < instructions && !bytes.is_empty(); ++i) writer.add(bytes);
    input.program = writer.take();
    need((flags & 32U) == 0 || has_one_outcome(input.program), "a program that should have one outcome may have several");
    try {
      check_program(input.program);
    } catch (const std::invalid_argument& error) {
      throw Violation(std::string("a sound program was refused: ") + error.what());
    }
  }
  input.program.channel_capacity = capacity;
  if ((flags & 8U) != 0) change_policy(scheduler.policy, bytes);
  if ((flags & 16U) != 0) {
    for (std::uint32_t left = bytes.below(8); left > 0; --left) {
      const std::uint64_t number = bytes.next();
      input.options.choices.push_back({number, bytes.next()});
    }
  }
  input.options.schedule = bytes.rest();
  check_sim_options(input.options);
  return input;
}

struct ProgramOutcome {
  SimResult sim;
  std::vector<TaskRecord> tasks;
};

inline ProgramOutcome play(const ProgramInput& input) {
  auto run = std::make_shared<ProgramRun>(input.program);
  ProgramOutcome outcome;
  {
    SimDrive drive(input.options);
    outcome.sim = drive.run([&] { start_program(run); }, step_limit);
    need(drive.shared().alive_tasks() == 0, "a task lives after the end");
  }
  need(run.use_count() == 1, "a task's frame, or a reference from one, outlives its world");
  outcome.tasks = run->records();
  return outcome;
}

/// The same whatever the schedule: see expected_ends.hpp.
inline void check_one_outcome(const Program& program, const ProgramOutcome& outcome) {
  const SerialRun expected(program);
  need((outcome.sim.end == SimResult::End::finished) == expected.all_end(),
       expected.all_end() ? "a deadlock that the program does not have" : "it ended, though it has a deadlock in every schedule");
  for (std::size_t task = 0; task < outcome.tasks.size(); ++task) {
    const bool ends = expected.is_spawned(task) && expected.is_at_end(task);
    need(outcome.tasks[task].finished == ends,
         "task " + std::to_string(task) + (ends ? " has to reach its end" : " can never reach its end"));
  }
}

inline void check_ends(const Program& program, const ProgramOutcome& outcome) {
  need(outcome.sim.end == SimResult::End::finished || outcome.sim.end == SimResult::End::deadlock, "it does not end");
  bool is_cancelling = false, someone_waits = false;
  for (std::size_t task = 0; task < program.tasks.size(); ++task) {
    const TaskRecord& record = outcome.tasks[task];
    need(!(record.finished && record.cancelled), "a task both ended and was cancelled");
    need(!record.started || record.finished || record.cancelled, "a task that began has left in no way");
    need(!record.finished || record.started, "a task ended that never began");
    for (const Op& op : program.tasks[task]) {
      is_cancelling |= op.kind == OpKind::cancel;
      // A join alone waits for no one but a child, so it is never the reason.
      someone_waits |= record.started && !record.finished && op.kind != OpKind::join && may_wait(op.kind);
    }
  }
  if (outcome.sim.end == SimResult::End::deadlock) {
    need(someone_waits, "a deadlock, though no task that is left waits for an event, a lock or a channel");
  } else if (!is_cancelling) {
    for (const TaskRecord& record : outcome.tasks) need(!record.cancelled, "a task was cancelled by nobody");
  }
  if (has_one_outcome(program)) check_one_outcome(program, outcome);
}

inline void check_same(const ProgramOutcome& once, const ProgramOutcome& again) {
  need(once.sim.trace_hash == again.sim.trace_hash, "two runs of the same bytes have different traces");
  need(once.sim.end == again.sim.end && once.sim.now == again.sim.now && once.sim.steps == again.sim.steps &&
           once.sim.decisions == again.sim.decisions && once.sim.deviations == again.sim.deviations,
       "two runs of the same bytes have different results");
  for (std::size_t task = 0; task < once.tasks.size(); ++task) {
    need(once.tasks[task].polls == again.tasks[task].polls && once.tasks[task].finished == again.tasks[task].finished,
         "two runs of the same bytes polled task " + std::to_string(task) + " differently");
  }
}

/// What the fuzzer calls. True: the bytes were a program, and it ran; false: they were refused as they should be.
inline bool try_program(std::span<const std::uint8_t> data) {
  ProgramInput input;
  try {
    input = read_program(Bytes(data));
  } catch (const std::invalid_argument&) {
    return false;
  }
  const ProgramOutcome once = play(input);
  check_ends(input.program, once);
  check_same(once, play(input));
  return true;
}

}  // namespace rt::fuzz
