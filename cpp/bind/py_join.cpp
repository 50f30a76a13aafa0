#include "bind/py_join.hpp"

#include <optional>

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
  HandleLeaf(const py::object& self, JoinHandle& handle) : self_(PyRef::borrow(self.ptr())), handle_(handle) {}
  ~HandleLeaf() override {
    if (task_ != nullptr) handle_.leave_alone(*this);
    if (waits_in_hub_) in_hub_->leave();
  }
  [[nodiscard]] bool poll(rt::Header& task) override {
    if (!rt::coop::proceed(task)) return false;
    if (handle_.done()) return true;
    const bool is_over = handle_.wait(*this, task);
    if (!is_over) rt::coop::give_back();
    return is_over;
  }
  [[nodiscard]] const char* what() const override { return "join"; }
  [[nodiscard]] PyObject* take() { return handle_.take(true); }

 private:
  friend class JoinHandle;

  PyRef self_;
  JoinHandle& handle_;
  // Under the handle's mutex:
  rt::Header* task_ = nullptr;  // waits alone, or has
  std::optional<rt::EventWait> in_hub_;
  bool waits_in_hub_ = false;
};

JoinHandle::~JoinHandle() {
  if (ref_.task() != nullptr && cached_ && is_python(*ref_.task())) {
    // relaxed: a note for drop_output(), which comes after it on whatever thread drops the last reference.
    py_task(*ref_.task()).retrieved.store(true, std::memory_order_relaxed);
  }
}

World& JoinHandle::world() const { return runtime_ ? *runtime_ : *py_task(*ref_.task()).runtime; }

JoinHandle::Hub& JoinHandle::hub() {
  const std::scoped_lock lock(mutex_);
  if (!hub_) make_hub();
  return *hub_;
}

/// With the mutex held. Who waits alone goes over into it.
void JoinHandle::make_hub() {
  hub_ = std::make_shared<Hub>();
  if (alone_ != nullptr) wait_in_hub(*alone_, *alone_->task_);
  alone_ = nullptr;
  if (ref_.poll({&Hub::vtable, new std::shared_ptr<Hub>(hub_)})) hub_->tell();  // it ended before
}

/// With the mutex held. True: it has ended.
bool JoinHandle::wait_in_hub(HandleLeaf& leaf, rt::Header& task) {
  if (!leaf.in_hub_) leaf.in_hub_.emplace(hub_->done.core());
  leaf.waits_in_hub_ = !leaf.in_hub_->poll(rt::Who{&task});
  return !leaf.waits_in_hub_;
}

/// True: it has ended. The first to wait is woken by the task's end itself, with nothing in between.
bool JoinHandle::wait(HandleLeaf& leaf, rt::Header& task) {
  const std::scoped_lock lock(mutex_);
  if (!hub_ && (alone_ == nullptr || alone_ == &leaf)) {
    leaf.task_ = &task;
    alone_ = ref_.poll(task) ? nullptr : &leaf;
    return alone_ == nullptr;
  }
  if (!hub_) make_hub();
  return wait_in_hub(leaf, task);
}

void JoinHandle::leave_alone(HandleLeaf& leaf) {
  const std::scoped_lock lock(mutex_);
  if (alone_ != &leaf) return;
  alone_ = nullptr;
  rt::Header& task = *ref_.task();
  if (task.state.unset_join_waker()) task.join_waker.drop();
}

bool JoinHandle::cancelled() const { return ref_.done() && ref_.task()->outcome == rt::Outcome::cancelled; }

bool JoinHandle::cancel() {
  if (!ref_.done()) world().check_touch("cancel()");
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
  world().check_wait();
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

void JoinHandle::add_done_callback(const py::object& self, const py::object& function) {
  if (PyCallable_Check(function.ptr()) == 0) {
    throw py::type_error("add_done_callback() needs a callable, not " + std::string(py::repr(function)));
  }
  Hub& told = hub();
  {
    const std::scoped_lock lock(told.mutex);
    if (!told.told) {
      told.callbacks.emplace_back(PyRef::borrow(function.ptr()), PyRef::borrow(self.ptr()));
      return;
    }
  }
  Hub::call(function.ptr(), self.ptr());
}

py::object JoinHandle::await(const py::object& self) {
  if (current_coroutine() == nullptr) {
    return py::module_::import("stealscope._asyncio_bridge").attr("await_handle")(self).attr("__await__")();
  }
  return make_wait([&] { return HandleLeaf(self, *this); }, [](rt::Leaf& leaf) { return static_cast<HandleLeaf&>(leaf).take(); });
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

}  // namespace bind
