// JoinHandle: who waits for a task, from Python. Any number of threads, coroutines and callbacks may wait on one.
//
// A native join reference has one waker. The first coroutine that awaits the handle is that waker itself; as soon as
// somebody else waits it is a Hub, that tells them all. Read next: py_handle.cpp (the methods that Python sees).
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "bind/runtime_state.hpp"
#include "rt/sync/event.hpp"
#include "rt/task/join.hpp"

namespace bind {

/// What a native workload's root gives.
struct RunRecord {
  std::vector<std::int64_t> answers;
  rt::Nanos started = 0;
  rt::Nanos ended = 0;
  std::vector<std::shared_ptr<std::vector<std::int64_t>>> outputs;  // of the parts that have one, in their order
};

class HandleLeaf;

class JoinHandle {
 public:
  /// Of a Python task, which knows its world.
  explicit JoinHandle(rt::Header& task) : ref_(task) {}
  JoinHandle(rt::JoinRef ref, std::shared_ptr<World> runtime, py::object transform)
      : ref_(std::move(ref)), runtime_(std::move(runtime)), transform_(PyRef::steal(transform.release().ptr())) {}
  JoinHandle(const JoinHandle&) = delete;
  JoinHandle& operator=(const JoinHandle&) = delete;
  ~JoinHandle();

  /// Waits; raises TimeoutError, or what the task raised. `timeout_ns`: no_deadline waits without limit.
  py::object result(rt::Nanos timeout_ns);
  py::object exception(rt::Nanos timeout_ns);
  [[nodiscard]] bool done() const { return ref_.done(); }
  [[nodiscard]] bool cancelled() const;
  bool cancel();
  /// `self` is the Python object that this lies in.
  void add_done_callback(const py::object& self, const py::object& function);
  py::object await(const py::object& self);
  [[nodiscard]] std::uint64_t id() const { return ref_.id(); }
  [[nodiscard]] std::string name() const;
  [[nodiscard]] py::object repr() const;

  /// The result of an ended task: a new reference, or null with an error set.
  PyObject* take(bool in_await);

 private:
  friend class HandleLeaf;
  struct Hub;
  Hub& hub();
  void make_hub();
  bool wait(HandleLeaf& leaf, rt::Header& task);
  bool wait_in_hub(HandleLeaf& leaf, rt::Header& task);
  void leave_alone(HandleLeaf& leaf);
  void wait(rt::Nanos timeout_ns, const char* call);
  [[nodiscard]] World& world() const;

  rt::JoinRef ref_;
  std::shared_ptr<World> runtime_;  // of native work
  PyRef transform_;
  ObjectMutex mutex_;  // over those below
  PyRef cached_;
  HandleLeaf* alone_ = nullptr;  // waits, and nobody else has
  std::shared_ptr<Hub> hub_;
};

/// What Python sees.
struct HandleObject {
  PyObject_HEAD PyObject* weak_references;
  JoinHandle handle;
};

[[nodiscard]] bool is_handle(PyObject* object);
[[nodiscard]] inline JoinHandle& handle_in(PyObject* object) { return reinterpret_cast<HandleObject*>(object)->handle; }

/// Room for one; null: no memory, the error is set.
HandleObject* new_handle_object();

/// A new object of Python around a handle, from its constructor's arguments.
template <class... Args>
py::object make_handle(Args&&... args) {
  HandleObject* object = new_handle_object();
  if (object == nullptr) throw py::error_already_set();
  new (&object->handle) JoinHandle(std::forward<Args>(args)...);
  return py::reinterpret_steal<py::object>(reinterpret_cast<PyObject*>(object));
}

/// Seconds as a person gives them: None is without limit. Throws ValueError for a negative number or NaN.
rt::Nanos timeout_from(const py::object& seconds);

/// Waits on this thread with the GIL released. On a worker: in a callable the core is handed on first, in a coroutine
/// RuntimeError names the await form. `wait(give_up)` returns false for a time-out; a signal's error is raised.
bool wait_where_allowed(const char* call, const std::function<bool(const std::function<bool()>&)>& wait);

void init_handle(py::module_& module);

}  // namespace bind
