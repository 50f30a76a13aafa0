// What a user may be told as it happens. Hooks run on the thread where it happens, without scheduler locks.
//
// No hook set means one test of a flag on the poll path. A hook must not throw: the binding reports what a Python hook
// raises and goes on.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "rt/task/header.hpp"

namespace rt {

/// A task, as a hook is told of it.
struct TaskMeta {
  std::uint64_t id = 0;
  std::string name;
  Kind kind = Kind::native;
  SpawnPlace spawned_at;
};

[[nodiscard]] TaskMeta describe(const Header& task);

struct Hooks {
  /// A worker's index, or no_worker for a thread of the blocking pool.
  static constexpr std::uint32_t no_worker = ~std::uint32_t{0};
  using ThreadHook = std::function<void(std::uint32_t worker)>;
  using TaskHook = std::function<void(const TaskMeta&)>;

  ThreadHook on_thread_start;
  ThreadHook on_thread_stop;
  ThreadHook on_thread_park;
  ThreadHook on_thread_unpark;
  TaskHook on_task_spawn;
  TaskHook on_before_task_poll;
  TaskHook on_after_task_poll;
  TaskHook on_task_terminate;

  [[nodiscard]] bool has_poll_hook() const { return on_before_task_poll || on_after_task_poll; }
};

}  // namespace rt
