// What does a dump say? Plain values, the same in every build.
//
// Read next: taskdump.hpp (how it is made), core/DUMP.md (why it may be made while everything runs).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "rt/task/hooks.hpp"
#include "rt/task/waker.hpp"

namespace rt {

enum class TraceState : std::uint8_t { running, scheduled, idle, blocking };

/// Where a ready task stands.
struct TracePlace {
  enum class Kind : std::uint8_t { nowhere, slot, queue, deferred, inbox, inject };
  Kind kind = Kind::nowhere;
  std::uint32_t worker = 0;
};

/// One suspended frame: where it goes on.
struct Frame {
  std::string file;
  std::uint32_t line = 0;
  std::string function;
};

/// One reference of a task, copyable: the slot stays this task's while there is one. Any thread.
class TaskRef {
 public:
  TaskRef() = default;
  /// Takes a reference of its own.
  explicit TaskRef(Header& task) : task_(&task) { task.state.add_ref(); }
  /// Takes over one that the caller has.
  static TaskRef adopt(Header& task) {
    TaskRef ref;
    ref.task_ = &task;
    return ref;
  }
  TaskRef(const TaskRef& other) : task_(other.task_) {
    if (task_ != nullptr) task_->state.add_ref();
  }
  TaskRef(TaskRef&& other) noexcept : task_(std::exchange(other.task_, nullptr)) {}
  TaskRef& operator=(TaskRef other) noexcept {
    std::swap(task_, other.task_);
    return *this;
  }
  ~TaskRef() {
    if (task_ != nullptr) drop_reference(*task_);
  }
  [[nodiscard]] Header* get() const { return task_; }

 private:
  Header* task_ = nullptr;
};

struct TraceEntry {
  std::uint64_t id = 0;
  std::string name;
  Kind kind = Kind::native;
  TraceState state = TraceState::idle;
  std::string where;  // "worker 2: queue", "inject", "blocking pool", ...; empty for an idle task
  SpawnPlace spawned_at;
  Nanos age = 0;
  std::uint32_t polls = 0;
  std::optional<std::uint32_t> last_worker;  // none: no worker has polled it
  std::optional<Nanos> in_poll_since;        // on the runtime's clock, of a task that a worker polls
  std::vector<Frame> frames;                 // root first; empty for Python tasks, and for those that run
  std::string waits_for;                     // Leaf::what() of the innermost frame
  TaskRef python;  // of a Python task: its frames are to be read in its lane, if it has not moved meanwhile

  /// Polled again since the dump (or being polled): what its coroutine says now is not what it said then.
  [[nodiscard]] bool moved() const {
    const Header* task = python.get();
    // relaxed: the lane, in which such tasks are polled and this is asked, orders it.
    return task != nullptr && (task->polls.load(relaxed) != polls || task->state.load().is_complete());
  }
};

struct MissingWorker {
  std::uint32_t index = 0;
  std::string line;  // what it runs or waits for, and since when
};

struct DumpResult {
  bool complete = false;  // every worker stood still for it
  std::vector<TraceEntry> tasks;
  std::vector<MissingWorker> missing;
  Nanos at = 0;
};

}  // namespace rt
