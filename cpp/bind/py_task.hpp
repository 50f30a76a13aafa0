// A Python callable or coroutine as a task: the payload in its slot, and its poll.
//
// Same header, same queues as a C++ task; only the functions in its vtable differ. All of them run with the GIL, since
// the task's lane is Python's. A cancelled coroutine is not dropped but told: CancelledError is thrown in at the point
// where it waits, once a request, and at shutdown at every further await too.
#pragma once

#include <atomic>
#include <memory>

#include "bind/gil.hpp"
#include "rt/core/shared.hpp"
#include "rt/task/spawn.hpp"

namespace bind {

struct World;

/// A deadline around a part of a coroutine (ss.timeout): asked at each wake of the task, cancels it when it is over.
class Deadline;

struct PyTask {
  PyObject* target = nullptr;   // callable, async function, or coroutine
  PyObject* args = nullptr;     // tuple, or null
  PyObject* context = nullptr;  // contextvars.Context
  PyObject* give_up = nullptr;  // of a callable: called with args if it is cancelled before it began
  PyObject* coroutine = nullptr;
  PyObject* waits_in = nullptr;  // the Wait whose leaf the header points to
  Deadline* deadlines = nullptr;
  std::shared_ptr<World> runtime;
  std::atomic<std::uint32_t> cancel_requests{0};  // not yet thrown in
  std::uint32_t cancelling = 0;                   // as asyncio's Task.cancelling(); GIL held
  bool shutting_down = false;
  unsigned long running_thread = 0;    // Python's number of the thread that is in its code; GIL held
  std::atomic<bool> retrieved{false};  // somebody has seen the exception
};

[[nodiscard]] inline PyTask& py_task(rt::Header& task) { return *static_cast<PyTask*>(task.body()); }
[[nodiscard]] bool is_python(const rt::Header& task);

/// As the Python side calls it.
[[nodiscard]] const char* kind_name(rt::Kind kind);

/// What a Python caller wants to spawn. References are borrowed.
struct SpawnRequest {
  PyObject* target = nullptr;
  PyObject* args = nullptr;     // tuple
  PyObject* context = nullptr;  // null: a copy of the caller's
  PyObject* give_up = nullptr;  // of a callable; null: nothing is called
  std::string name;
  std::uint32_t worker = rt::Destination::any_worker;
};

/// Checks a target and makes the task, not launched yet. GIL held; throws TypeError and RuntimeError as API.md says.
rt::Header& make_py_task(std::shared_ptr<World> runtime, rt::Home& home, const SpawnRequest& request);
/// The same for a job of the blocking pool.
rt::Header& make_py_job(std::shared_ptr<World> runtime, rt::Home& home, const SpawnRequest& request);

/// The result of an ended Python task: a new reference, or null with its exception set. GIL held.
PyObject* take_py_output(rt::Header& task, bool in_await);

/// Throws CancelledError into the task at its next turn. False if it has ended.
bool cancel_py_task(rt::Header& task);

void init_task(py::module_& module);

}  // namespace bind
