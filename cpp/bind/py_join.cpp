#include "bind/py_join.hpp"

#include <pybind11/stl.h>

#include "bind/py_task.hpp"
#include "bind/py_wait.hpp"
#include "bind/py_workload.hpp"
#include "rt/task/context.hpp"
#include "rt/workload/workload.hpp"

namespace bind {

struct JoinHandle::Hub {
  rt::Event done;
  std::mutex mutex;
  bool told = false;
  std::vector<std::pair<PyRef, PyRef>> callbacks;  // function, handle

  /// On the thread that ended the task.
  void tell() {
    std::vector<std::pair<PyRef, PyRef>> now;
    {
      const std::scoped_lock lock(mutex);
      told = true;
      now.swap(callbacks);
    }
    done.set();
    if (now.empty()) return;
    const GilScope gil;
    for (auto& [function, handle] : now) call(function.get(), handle.get());
    now.clear();
  }

  static void call(PyObject* function, PyObject* handle) {
    PyObject* result = PyObject_CallOneArg(function, handle);
    if (result == nullptr) PyErr_WriteUnraisable(function);
    Py_XDECREF(result);
  }

  static const rt::JoinWaker::Vtable vtable;
};

constinit const rt::JoinWaker::Vtable JoinHandle::Hub::vtable{
    [](void* data) { (*static_cast<std::shared_ptr<Hub>*>(data))->tell(); },
    [](void* data) { delete static_cast<std::shared_ptr<Hub>*>(data); },
};

/// `await handle` in a coroutine of ours. Not bound to one runtime: a handle may be awaited from another.
class HandleLeaf final : public rt::Leaf {
 public:
  HandleLeaf(py::object self, JoinHandle& handle)
      : self_(PyRef::steal(self.release().ptr())), handle_(handle), hub_(handle.hub_), wait_(event_core()) {}
  ~HandleLeaf() override {
    if (waits_) wait_.leave();
  }
  [[nodiscard]] bool poll(rt::Header& task) override {
    if (!rt::coop::proceed(task)) return false;
    if (handle_.done()) return true;
    waits_ = !wait_.poll(rt::Who{&task});
    if (waits_) rt::coop::give_back();
    return !waits_;
  }
  [[nodiscard]] const char* what() const override { return "join"; }
  [[nodiscard]] PyObject* take() { return handle_.take(true); }

 private:
  std::shared_ptr<rt::EventCore> event_core();

  PyRef self_;
  JoinHandle& handle_;
  std::shared_ptr<JoinHandle::Hub> hub_;
  rt::EventWait wait_;
  bool waits_ = false;
};

std::shared_ptr<rt::EventCore> HandleLeaf::event_core() { return hub_->done.core(); }

JoinHandle::~JoinHandle() {
  if (ref_.task() != nullptr && cached_ && is_python(*ref_.task())) {
    // relaxed: a note for drop_output(), which comes after it on whatever thread drops the last reference.
    py_task(*ref_.task()).retrieved.store(true, std::memory_order_relaxed);
  }
}

JoinHandle::Hub& JoinHandle::hub() {
  const std::scoped_lock lock(mutex_);
  if (hub_) return *hub_;
  hub_ = std::make_shared<Hub>();
  if (ref_.poll({&Hub::vtable, new std::shared_ptr<Hub>(hub_)})) hub_->tell();  // it ended before
  return *hub_;
}

bool JoinHandle::cancelled() const { return ref_.done() && ref_.task()->outcome == rt::Outcome::cancelled; }

bool JoinHandle::cancel() {
  if (!ref_.done()) runtime_->check_touch("cancel()");
  if (is_python(*ref_.task())) return ref_.cancel();
  const bool lived = !ref_.done();
  rt::stop_workload(ref_);  // a tree of tasks is ended at once, not level by level
  return lived;
}

std::string JoinHandle::name() const {
  const rt::Header& task = *ref_.task();
  return task.extra != nullptr ? task.extra->name : std::string();
}

py::object JoinHandle::repr() const {
  const char* state = !ref_.done() ? "pending" : cancelled() ? "cancelled" : "done";
  const std::string named = name().empty() ? "" : " '" + name() + "'";
  return py::str("<stealscope.JoinHandle " + std::to_string(id()) + named + " " + state + ">");
}

void JoinHandle::wait(rt::Nanos timeout_ns, const char* call) {
  if (ref_.done()) return;
  runtime_->check_wait();
  Hub& waits = hub();
  const bool in_time = wait_where_allowed(
      call, [&](const std::function<bool()>& give_up) { return waits.done.wait_blocking(timeout_ns, give_up); });
  if (in_time || ref_.done()) return;
  PyErr_Format(PyExc_TimeoutError, "task %llu has not ended in time", static_cast<unsigned long long>(id()));
  throw py::error_already_set();
}

namespace {

/// Sets the Python error for an exception of native code.
void set_native_error(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::invalid_argument& e) {
    PyErr_SetString(PyExc_ValueError, e.what());
  } catch (const std::exception& e) {
    PyErr_SetString(PyExc_RuntimeError, e.what());
  }
}

PyObject* take_record(rt::Header& task, bool in_await) {
  try {
    return record_tuple(rt::take_output<RunRecord>(task)).release().ptr();
  } catch (const rt::Cancelled&) {
    if (in_await)
      PyErr_SetString(py::module_::import("asyncio").attr("CancelledError").ptr(), "the task was cancelled");
    else
      PyErr_SetString(stealscope_error("CancelledError"), "the task was cancelled");
  } catch (...) {
    set_native_error(std::current_exception());
  }
  return nullptr;
}

}  // namespace

PyObject* JoinHandle::take(bool in_await) {
  {
    const std::scoped_lock lock(mutex_);
    if (cached_) return Py_NewRef(cached_.get());
  }
  rt::Header& task = *ref_.task();
  PyObject* value = is_python(task) ? take_py_output(task, in_await) : take_record(task, in_await);
  if (value == nullptr || !transform_) return value;
  PyObject* made = PyObject_CallOneArg(transform_.get(), value);
  Py_DECREF(value);
  if (made == nullptr) return nullptr;
  PyObject* kept = nullptr;
  {
    const std::scoped_lock lock(mutex_);
    if (!cached_) cached_ = PyRef::borrow(made);  // else another thread asked too, and was first
    kept = Py_NewRef(cached_.get());
  }
  Py_DECREF(made);
  return kept;
}

py::object JoinHandle::result(rt::Nanos timeout_ns) {
  wait(timeout_ns, "result()");
  PyObject* value = take(false);
  if (value == nullptr) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(value);
}

py::object JoinHandle::exception(rt::Nanos timeout_ns) {
  wait(timeout_ns, "exception()");
  PyObject* value = take(false);
  if (value != nullptr) {
    Py_DECREF(value);
    return py::none();
  }
  if (cancelled()) throw py::error_already_set();
  PyObject *type = nullptr, *error = nullptr, *trace = nullptr;
  PyErr_Fetch(&type, &error, &trace);
  PyErr_NormalizeException(&type, &error, &trace);
  Py_XDECREF(type);
  Py_XDECREF(trace);
  return py::reinterpret_steal<py::object>(error);
}

void JoinHandle::add_done_callback(const py::object& self, py::object function) {
  if (PyCallable_Check(function.ptr()) == 0) {
    throw py::type_error("add_done_callback() needs a callable, not " + std::string(py::repr(function)));
  }
  auto& handle = self.cast<JoinHandle&>();
  Hub& hub = handle.hub();
  {
    const std::scoped_lock lock(hub.mutex);
    if (!hub.told) {
      hub.callbacks.emplace_back(PyRef::borrow(function.ptr()), PyRef::borrow(self.ptr()));
      return;
    }
  }
  Hub::call(function.ptr(), self.ptr());
}

py::object JoinHandle::await(const py::object& self) {
  auto& handle = self.cast<JoinHandle&>();
  if (current_coroutine() == nullptr) {
    return py::module_::import("stealscope._asyncio_bridge").attr("await_handle")(self).attr("__await__")();
  }
  handle.hub();
  return make_wait(std::make_unique<HandleLeaf>(self, handle),
                   [](rt::Leaf& leaf) { return static_cast<HandleLeaf&>(leaf).take(); });
}

rt::Nanos timeout_from(const py::object& seconds) {
  if (seconds.is_none()) return rt::no_deadline;
  const double value = PyFloat_AsDouble(seconds.ptr());
  if (value == -1.0 && PyErr_Occurred() != nullptr) throw py::error_already_set();
  if (!(value >= 0)) {
    throw py::value_error("timeout=" + std::string(py::repr(seconds)) + "; need seconds >= 0, or None for no limit");
  }
  constexpr double most = 9e9;  // seconds; more is no limit, and infinity too
  return value > most ? rt::no_deadline : static_cast<rt::Nanos>(value * 1e9 + 0.5);
}

bool wait_where_allowed(const char* call, const std::function<bool(const std::function<bool()>&)>& wait) {
  rt::Context* context = rt::current();
  const bool on_worker = context != nullptr && context->worker != nullptr;
  if (context != nullptr && context->task != nullptr && context->home->simulated()) {
    throw_runtime_error(std::string(call) + " would stop virtual time; in a simulation make the caller a coroutine and await");
  }
  if (on_worker && context->task != nullptr && context->task->kind == rt::Kind::coroutine) {
    PyErr_Format(PyExc_RuntimeError, "%s would block this worker inside a coroutine; use `await` instead, or block_in_place()",
                 call);
    throw py::error_already_set();
  }
  bool interrupted = false;
  const auto give_up = [&interrupted] {
    interrupted = signal_raised();
    return interrupted;
  };
  bool in_time = false;
  {
    const WithoutGil unlocked;
    if (on_worker) {
      context->home->block_in_place([&] { in_time = wait(give_up); }, 0);
    } else {
      in_time = wait(give_up);
    }
  }
  if (interrupted) throw py::error_already_set();
  return in_time;
}

void init_join(py::module_& module) {
  py::class_<JoinHandle>(module, "JoinHandle", "A task that was spawned: wait for it, await it, cancel it.")
      .def(
          "result", [](JoinHandle& self, const py::object& timeout) { return self.result(timeout_from(timeout)); },
          py::arg("timeout") = py::none(),
          "Waits for the end and returns the task's value, or raises what it raised.\n\n"
          "``timeout``: seconds; None waits without limit. Raises TimeoutError, or CancelledError if it was cancelled.")
      .def(
          "exception", [](JoinHandle& self, const py::object& timeout) { return self.exception(timeout_from(timeout)); },
          py::arg("timeout") = py::none(), "As result(), but returns the exception, or None if there was none.")
      .def("done", &JoinHandle::done, "True once the task has ended, in whatever way.")
      .def("cancel", &JoinHandle::cancel,
           "Asks the task to end. False if it had ended. A coroutine gets CancelledError where it waits; a callable that "
           "runs is not interrupted.")
      .def("cancelled", &JoinHandle::cancelled, "True if the task ended by being cancelled.")
      .def(
          "add_done_callback", [](const py::object& self, py::object fn) { JoinHandle::add_done_callback(self, std::move(fn)); },
          py::arg("fn"), "Calls ``fn(handle)`` once the task has ended: on the thread that ended it, or at once.")
      .def("__await__", [](const py::object& self) { return JoinHandle::await(self); })
      .def_property_readonly("id", &JoinHandle::id, "The task's number, unique in this process.")
      .def_property_readonly("name", &JoinHandle::name, "The name given at spawn, or an empty string.")
      .def("__repr__", &JoinHandle::repr);
}

}  // namespace bind
