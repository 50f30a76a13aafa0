// Which tasks of a program have to reach their end, whatever the schedule?
//
// Events stay set, joins wait for ends, and a channel with one sending and one receiving task is an edge of a Kahn network: such
// programs come to the same tasks in every schedule (Kahn, "The semantics of a simple language for parallel programming", 1974;
// bounded channels add edges back). A lock changes nothing if nobody waits while holding one. For all others nothing is said.
// Read next: program_input.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "rt/workload/program.hpp"

namespace rt::fuzz {

inline bool may_wait(OpKind kind) {
  return kind == OpKind::join || kind == OpKind::wait || kind == OpKind::lock || kind == OpKind::send || kind == OpKind::recv;
}

/// True if every schedule brings the same tasks to their ends.
inline bool has_one_outcome(const Program& program) {
  std::map<std::uint64_t, std::set<std::size_t>> senders, receivers;
  for (std::size_t task = 0; task < program.tasks.size(); ++task) {
    std::size_t held = 0;
    for (const Op& op : program.tasks[task]) {
      if (op.kind == OpKind::cancel || (held != 0 && may_wait(op.kind))) return false;
      if (op.kind == OpKind::lock) ++held;
      if (op.kind == OpKind::unlock) --held;
      if (op.kind == OpKind::send) senders[op.arg].insert(task);
      if (op.kind == OpKind::recv) receivers[op.arg].insert(task);
    }
  }
  for (const auto& ends : {senders, receivers}) {
    for (const auto& [channel, tasks] : ends) {
      if (tasks.size() > 1) return false;
    }
  }
  return true;
}

/// Goes on with each task in turn until none can: for each, whether it was spawned, and where it stands.
class SerialRun {
 public:
  explicit SerialRun(const Program& program) : program_(program), spawned_(program.tasks.size()), at_(program.tasks.size()) {
    spawned_[0] = true;
    for (bool moved = true; moved;) {
      moved = false;
      for (std::size_t task = 0; task < at_.size(); ++task) {
        while (spawned_[task] && !is_at_end(task) && can_go_on(program_.tasks[task][at_[task]])) {
          follow(program_.tasks[task][at_[task]++]);
          moved = true;
        }
      }
    }
  }

  [[nodiscard]] bool is_spawned(std::size_t task) const { return spawned_[task]; }
  [[nodiscard]] bool is_at_end(std::size_t task) const { return at_[task] == program_.tasks[task].size(); }
  [[nodiscard]] bool all_end() const {
    for (std::size_t task = 0; task < at_.size(); ++task) {
      if (spawned_[task] && !is_at_end(task)) return false;
    }
    return true;
  }

 private:
  [[nodiscard]] bool can_go_on(const Op& op) {
    if (op.kind == OpKind::join) return is_at_end(op.arg);
    if (op.kind == OpKind::wait) return events_.contains(op.arg);
    if (op.kind == OpKind::send) return buffered_[op.arg] < program_.channel_capacity;
    if (op.kind == OpKind::recv) return buffered_[op.arg] > 0;
    return true;
  }
  void follow(const Op& op) {
    if (op.kind == OpKind::spawn) spawned_[op.arg] = true;
    if (op.kind == OpKind::notify) events_.insert(op.arg);
    if (op.kind == OpKind::send) ++buffered_[op.arg];
    if (op.kind == OpKind::recv) --buffered_[op.arg];
  }

  const Program& program_;
  std::vector<bool> spawned_;
  std::vector<std::size_t> at_;
  std::set<std::uint64_t> events_;
  std::map<std::uint64_t, std::uint64_t> buffered_;  // by channel
};

}  // namespace rt::fuzz
