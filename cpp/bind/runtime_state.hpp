// What the Python objects of one runtime (Runtime, Handle, JoinHandle) have in common.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "bind/gil.hpp"
#include "rt/runtime.hpp"

namespace bind {

/// What becomes of an exception that nobody has read when its task's last handle is dropped.
enum class Unhandled : std::uint8_t { report, shutdown, call };

struct RuntimeState : std::enable_shared_from_this<RuntimeState> {
  std::shared_ptr<rt::ThreadDrive> drive;
  std::string name;
  Unhandled unhandled = Unhandled::report;
  PyRef unhandled_call;               // for `call`: fn(name, id, exception)
  PyRef first_unhandled;              // for `shutdown`: raised where the runtime is left
  std::atomic<bool> refusing{false};  // shutdown has begun: outsiders may not spawn
  unsigned fork_generation = 0;
  std::uint64_t serial = 0;  // tells runtimes of this process apart

  /// Throws RuntimeClosed where this thread may not spawn: after shutdown from outside, in a forked child always.
  void check_open() const;
  [[nodiscard]] bool is_forked_copy() const;
  /// A task failed and nobody will ask. GIL held.
  void report_unread(const std::string& what, PyObject* exception);

  rt::Shared<rt::ThreadEnv>& shared() { return drive->shared(); }
};

/// Counts forks: a runtime made before the last one has no threads in this process.
void note_fork_in_child();
[[nodiscard]] unsigned current_fork_generation();

/// Throws a Python exception of stealscope.errors by name.
[[noreturn]] void throw_stealscope_error(const char* type, const std::string& message);
/// Sets it instead of throwing.
void set_stealscope_error(const char* type, const std::string& message);
/// stealscope.errors.<name>, looked up once.
PyObject* stealscope_error(const char* name);

}  // namespace bind
