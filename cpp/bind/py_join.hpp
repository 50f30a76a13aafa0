// JoinHandle: who waits for a task, from Python. Any number of threads, coroutines and callbacks may wait on one.
//
// A native join reference has one waker; here it is a Hub, made when somebody first has to wait, that tells them all.
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

class JoinHandle {
 public:
  JoinHandle(rt::Header& task, std::shared_ptr<World> runtime) : ref_(task), runtime_(std::move(runtime)) {}
  JoinHandle(rt::JoinRef ref, std::shared_ptr<World> runtime, py::object transform)
      : ref_(std::move(ref)), runtime_(std::move(runtime)), transform_(PyRef::steal(transform.release().ptr())) {}
  ~JoinHandle();

  /// Waits; raises TimeoutError, or what the task raised. `timeout_ns`: no_deadline waits without limit.
  py::object result(rt::Nanos timeout_ns);
  py::object exception(rt::Nanos timeout_ns);
  [[nodiscard]] bool done() const { return ref_.done(); }
  [[nodiscard]] bool cancelled() const;
  bool cancel();
  static void add_done_callback(const py::object& self, py::object function);
  static py::object await(const py::object& self);
  [[nodiscard]] std::uint64_t id() const { return ref_.id(); }
  [[nodiscard]] std::string name() const;
  [[nodiscard]] py::object repr() const;

  /// The result of an ended task: a new reference, or null with an error set.
  PyObject* take(bool in_await);

 private:
  friend class HandleLeaf;
  struct Hub;
  Hub& hub();
  void wait(rt::Nanos timeout_ns, const char* call);

  rt::JoinRef ref_;
  std::shared_ptr<World> runtime_;
  PyRef transform_;
  ObjectMutex mutex_;  // over the two below
  PyRef cached_;
  std::shared_ptr<Hub> hub_;
};

/// Seconds as a person gives them: None is without limit. Throws ValueError for a negative number or NaN.
rt::Nanos timeout_from(const py::object& seconds);

/// Waits on this thread with the GIL released. On a worker: in a callable the core is handed on first, in a coroutine
/// RuntimeError names the await form. `wait(give_up)` returns false for a time-out; a signal's error is raised.
bool wait_where_allowed(const char* call, const std::function<bool(const std::function<bool()>&)>& wait);

void init_join(py::module_& module);

}  // namespace bind
