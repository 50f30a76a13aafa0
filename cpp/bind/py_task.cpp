#include "bind/py_task.hpp"

#include "bind/py_deadline.hpp"
#include "bind/py_raw.hpp"
#include "bind/py_region.hpp"
#include "bind/py_target.hpp"
#include "bind/py_wait.hpp"
#include "bind/runtime_state.hpp"
#include "rt/task/poll.hpp"

namespace bind {
namespace {

using rt::Outcome;
using rt::PollResult;

PyObject** output_of(rt::Header& task) { return static_cast<PyObject**>(task.output()); }

/// The exception class thrown into a coroutine: asyncio.CancelledError, a BaseException.
PyObject* cancelled_in_coroutine() {
  static std::atomic<PyObject*> type{nullptr};
  return imported(type, "asyncio", "CancelledError");
}

PollResult end_with_value(rt::Header& task, PyObject* value) {
  *output_of(task) = value;
  task.outcome = Outcome::value;
  return PollResult::ready;
}

/// The Python error that is set becomes the outcome.
PollResult end_with_error(rt::Header& task) {
  PyObject *type = nullptr, *value = nullptr, *trace = nullptr;
  PyErr_Fetch(&type, &value, &trace);
  PyErr_NormalizeException(&type, &value, &trace);
  if (trace != nullptr) PyException_SetTraceback(value, trace);
  Py_XDECREF(type);
  Py_XDECREF(trace);
  if (task.kind == rt::Kind::coroutine && PyErr_GivenExceptionMatches(value, cancelled_in_coroutine())) {
    Py_DECREF(value);
    task.outcome = Outcome::cancelled;
    return PollResult::ready;
  }
  if (task.kind == rt::Kind::coroutine) explain_missing_loop(value);
  if (PyErr_GivenExceptionMatches(value, PyExc_KeyboardInterrupt) || PyErr_GivenExceptionMatches(value, PyExc_SystemExit)) {
    py_task(task).runtime->note_interrupt(value);
  }
  *output_of(task) = value;
  task.outcome = Outcome::exception;
  return PollResult::ready;
}

/// Marks the thread that runs the task's own code, for a dump that wants to know what it is doing.
class Running {
 public:
  explicit Running(PyTask& python) : python_(python) { python_.running_thread = PyThread_get_thread_ident(); }
  ~Running() { python_.running_thread = 0; }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

 private:
  PyTask& python_;
};

PyObject* call_in_context(PyTask& python) {
  if (PyContext_Enter(python.context) != 0) return nullptr;
  PyObject* result =
      python.args != nullptr ? PyObject_Call(python.target, python.args, nullptr) : PyObject_CallNoArgs(python.target);
  if (PyContext_Exit(python.context) != 0) Py_CLEAR(result);
  return result;
}

/// A callable that never began.
void call_give_up(const PyTask& python) {
  if (python.give_up == nullptr || python.args == nullptr) return;
  PyObject* result = PyObject_Call(python.give_up, python.args, nullptr);
  if (result == nullptr) PyErr_WriteUnraisable(python.give_up);
  Py_XDECREF(result);
}

PollResult poll_callable(rt::Header& task) {
  PyTask& python = py_task(task);
  // acquire: pairs with cancel_py_task().
  if (python.cancel_requests.load(std::memory_order_acquire) != 0) {
    task.outcome = Outcome::cancelled;
    call_give_up(python);
    return PollResult::ready;
  }
  const Running running(python);
  PyObject* result = call_in_context(python);
  end_regions();  // one that was entered by hand and not left
  if (result == nullptr) return end_with_error(task);
  if (refuse_awaitable_result(result)) {
    Py_DECREF(result);
    return end_with_error(task);
  }
  return end_with_value(task, result);
}

/// What the coroutine yielded: one of our waits, or a mistake. True if the task waits now.
bool accept_yielded(rt::Header& task, PyTask& python, PyObject* yielded) {
  end_regions();  // of a wait that was not ours: it must not suspend inside one
  if (rt::Leaf* leaf = is_wait(yielded) ? wait_leaf(yielded, task) : nullptr) {
    python.waits_in = yielded;  // the reference is ours
    task.leaf = leaf;
    return true;
  }
  set_foreign_await_error(yielded);
  Py_DECREF(yielded);
  return false;
}

void stop_waiting(rt::Header& task, PyTask& python) {
  task.leaf = nullptr;
  if (python.waits_in == nullptr) return;
  drop_wait_leaf(python.waits_in);
  Py_CLEAR(python.waits_in);
}

/// As a step of the coroutine ends, with or without an error set.
void leave_context(PyTask& python, bool failed) {
  if (!failed) {
    if (PyContext_Exit(python.context) != 0) PyErr_Clear();
    return;
  }
  PyObject *type = nullptr, *value = nullptr, *trace = nullptr;
  PyErr_Fetch(&type, &value, &trace);
  if (PyContext_Exit(python.context) != 0) PyErr_Clear();
  PyErr_Restore(type, value, trace);
}

/// One step of the coroutine, in its context.
PySendResult send_in_context(PyTask& python, PyObject** result) {
  const bool entered = PyContext_Enter(python.context) == 0;
  if (!entered) PyErr_Clear();
  const PySendResult sent = PyIter_Send(python.coroutine, Py_None, result);
  if (entered) leave_context(python, sent == PYGEN_ERROR);
  return sent;
}

/// Throws what is set as the Python error. The context is entered.
PySendResult throw_error(PyTask& python, PyObject** result);

/// One step that begins where it waits, with the Python error that is set.
PySendResult throw_in_context(PyTask& python, PyObject** result) {
  PyObject *type = nullptr, *value = nullptr, *trace = nullptr;
  PyErr_Fetch(&type, &value, &trace);  // entering a context with an error set is not allowed
  const bool entered = PyContext_Enter(python.context) == 0;
  PyErr_Restore(type, value, trace);
  const PySendResult sent = throw_error(python, result);
  if (entered) leave_context(python, sent == PYGEN_ERROR);
  return sent;
}

PySendResult throw_error(PyTask& python, PyObject** result) {
  PyObject *type = nullptr, *value = nullptr, *trace = nullptr;
  PyErr_Fetch(&type, &value, &trace);
  PyErr_NormalizeException(&type, &value, &trace);
  *result = PyObject_CallMethod(python.coroutine, "throw", "O", value);
  Py_XDECREF(type);
  Py_XDECREF(value);
  Py_XDECREF(trace);
  if (*result != nullptr) return PYGEN_NEXT;
  if (!PyErr_ExceptionMatches(PyExc_StopIteration)) return PYGEN_ERROR;
  PyErr_Fetch(&type, &value, &trace);
  PyErr_NormalizeException(&type, &value, &trace);
  *result = PyObject_GetAttrString(value, "value");
  Py_XDECREF(type);
  Py_XDECREF(value);
  Py_XDECREF(trace);
  return *result != nullptr ? PYGEN_RETURN : PYGEN_ERROR;
}

/// Runs the coroutine until it waits or ends. A Python error that is set on entry is thrown in first.
PollResult run_coroutine(rt::Header& task, PyTask& python) {
  const Running running(python);
  for (;;) {
    PyObject* result = nullptr;
    const PySendResult sent = PyErr_Occurred() == nullptr ? send_in_context(python, &result) : throw_in_context(python, &result);
    if (sent != PYGEN_NEXT) end_regions();
    if (sent == PYGEN_RETURN) return end_with_value(task, result);
    if (sent == PYGEN_ERROR) return end_with_error(task);
    if (!accept_yielded(task, python, result)) continue;  // the error is thrown in
    // What came before it waited, or comes at every await during a cancelling shutdown. A poll that is not over yet goes on by itself.
    const bool is_asked = python.shutting_down || python.cancel_requests.load(std::memory_order_acquire) != 0;
    if (is_asked && !task.working) rt::wake(task);
    return PollResult::pending;
  }
}

/// The coroutine object, made in the task's context if an async function was spawned. False: the error is set.
bool ensure_coroutine(PyTask& python) {
  if (python.coroutine != nullptr) return true;
  if (python.args == nullptr && PyCoro_CheckExact(python.target)) {
    python.coroutine = Py_NewRef(python.target);
    forget_pending_coroutine(python.target);
  } else {
    python.coroutine = call_in_context(python);
  }
  return python.coroutine != nullptr;
}

/// Takes one request to cancel, if there is one: sets CancelledError.
bool take_cancel_request(rt::Header& task, PyTask& python) {
  // acquire: pairs with cancel_py_task(). The load first: nearly always there is none, and an exchange costs a locked instruction.
  std::uint32_t requests = Deadline::count_expired(task, python);
  if (python.cancel_requests.load(std::memory_order_acquire) != 0) {
    requests += python.cancel_requests.exchange(0, std::memory_order_acquire);  // acquire: as above
  }
  if (requests == 0) return false;
  python.cancelling += requests;
  PyErr_SetNone(cancelled_in_coroutine());
  return true;
}

PollResult poll_coroutine(rt::Header& task) {
  PyTask& python = py_task(task);
  // acquire: pairs with request_cancel().
  if (python.coroutine == nullptr && python.cancel_requests.load(std::memory_order_acquire) != 0) {
    task.outcome = Outcome::cancelled;  // before its first step: it never runs
    return PollResult::ready;
  }
  if (!ensure_coroutine(python)) return end_with_error(task);
  if (take_cancel_request(task, python)) {
    stop_waiting(task, python);
  } else if (task.leaf != nullptr) {
    if (!task.leaf->poll(task)) return PollResult::pending;
    task.leaf = nullptr;
    end_wait(python.waits_in);
    Py_CLEAR(python.waits_in);  // the coroutine itself holds it until it has taken the value
  }
  return run_coroutine(task, python);
}

/// Shutdown: the coroutine is unwound here and now, with CancelledError at every await.
void cancel_now(rt::Header& task) {
  PyTask& python = py_task(task);
  task.outcome = Outcome::cancelled;
  if (task.kind != rt::Kind::coroutine) return call_give_up(python);
  if (python.coroutine == nullptr) return;
  python.shutting_down = true;
  constexpr int patience = 1000;  // awaits in its cleanup; more is taken for a loop that catches everything
  for (int awaits = 0; awaits < patience; ++awaits) {
    stop_waiting(task, python);
    python.cancelling += 1;
    // relaxed: the requests are taken back, whoever made them.
    python.cancel_requests.store(0, std::memory_order_relaxed);
    PyErr_SetNone(cancelled_in_coroutine());
    task.outcome = Outcome::none;
    if (run_coroutine(task, python) == PollResult::ready) return;
  }
  PyErr_Format(PyExc_RuntimeError, "task %llu awaited again after %d cancellations at shutdown; it is dropped",
               static_cast<unsigned long long>(task.id), patience);
  PyErr_WriteUnraisable(python.coroutine);
  task.outcome = Outcome::cancelled;
}

void drop_future(rt::Header& task) {
  PyTask& python = py_task(task);
  stop_waiting(task, python);
  Deadline::detach_all(python);
  if (python.coroutine == nullptr && python.target != nullptr && PyCoro_CheckExact(python.target)) {
    forget_pending_coroutine(python.target);  // never begun: close it, so that Python does not warn
    PyObject* closed = PyObject_CallMethod(python.target, "close", nullptr);
    if (closed == nullptr) PyErr_Clear();
    Py_XDECREF(closed);
  }
  Py_CLEAR(python.coroutine);
  Py_CLEAR(python.target);
  Py_CLEAR(python.args);
  Py_CLEAR(python.give_up);
  Py_CLEAR(python.context);
}

std::string label(const rt::Header& task) {
  const std::string number = std::to_string(task.id);
  return task.extra != nullptr && !task.extra->name.empty() ? "'" + task.extra->name + "' (" + number + ")" : number;
}

/// Called at the end with the GIL, or by whoever drops the last handle. Also ends the payload.
void drop_output(rt::Header& task) {
  PyTask& python = py_task(task);
  const auto outcome = std::exchange(task.outcome, Outcome::none);
  // relaxed: see ~JoinHandle() and take_py_output(); the references order it.
  if (outcome == Outcome::exception && !python.retrieved.load(std::memory_order_relaxed) && python.runtime) {
    const GilScope gil;
    python.runtime->report_unread(label(task), *output_of(task));
  }
  if (outcome == Outcome::value || outcome == Outcome::exception) release_later(*output_of(task));
  python.runtime.reset();
}

void request_cancel(rt::Header& task) {
  // release: pairs with the acquire in the poll.
  py_task(task).cancel_requests.fetch_add(1, std::memory_order_release);
}

constexpr rt::TaskVtable callable_vtable{poll_callable, cancel_now, drop_future, drop_output, request_cancel};
constexpr rt::TaskVtable coroutine_vtable{poll_coroutine, cancel_now, drop_future, drop_output, request_cancel};

rt::Header& make(std::shared_ptr<World> runtime, rt::Home& home, const SpawnRequest& request, bool as_coroutine) {
  rt::Context* here = rt::current();
  rt::Header& task = home.slots().take(sizeof(PyObject*), sizeof(PyTask), here != nullptr ? here->slots : nullptr);
  task.vtable = as_coroutine ? &coroutine_vtable : &callable_vtable;
  task.kind = as_coroutine ? rt::Kind::coroutine : rt::Kind::callable;
  rt::prepare_header(task, home, {request.name, request.worker}, {});
  task.lane = &runtime->lane();
  auto* python = new (task.body()) PyTask;
  python->target = Py_NewRef(request.target);
  python->args = request.args != nullptr && PyTuple_GET_SIZE(request.args) > 0 ? Py_NewRef(request.args) : nullptr;
  python->give_up = Py_XNewRef(request.give_up);
  python->context = request.context != nullptr ? Py_NewRef(request.context) : PyContext_CopyCurrent();
  python->runtime = std::move(runtime);
  remember_spawn_place(task);
  return task;
}

}  // namespace

const char* kind_name(rt::Kind kind) {
  switch (kind) {
    case rt::Kind::native: return "native";
    case rt::Kind::coroutine: return "coroutine";
    case rt::Kind::callable: return "callable";
    case rt::Kind::blocking: return "blocking";
  }
  return "native";
}

bool is_python(const rt::Header& task) { return task.vtable == &callable_vtable || task.vtable == &coroutine_vtable; }

rt::Header& make_py_task(std::shared_ptr<World> runtime, rt::Home& home, const SpawnRequest& request) {
  return make(std::move(runtime), home, request, check_target(request));
}

rt::Header& make_py_job(std::shared_ptr<World> runtime, rt::Home& home, const SpawnRequest& request) {
  check_job_target(request);
  rt::Header& task = make(std::move(runtime), home, request, false);
  task.kind = rt::Kind::blocking;
  return task;
}

PyObject* take_py_output(rt::Header& task, bool in_await) {
  PyTask& python = py_task(task);
  switch (task.outcome) {
    case Outcome::value: return Py_NewRef(*output_of(task));
    case Outcome::exception: {
      python.retrieved.store(true, std::memory_order_relaxed);  // a note for drop_output(), which comes later
      PyObject* error = *output_of(task);
      PyErr_Restore(Py_NewRef(reinterpret_cast<PyObject*>(Py_TYPE(error))), Py_NewRef(error), PyException_GetTraceback(error));
      return nullptr;
    }
    case Outcome::cancelled:
    case Outcome::none: break;
  }
  PyErr_SetString(in_await ? cancelled_in_coroutine() : stealscope_error("CancelledError"), "the task was cancelled");
  return nullptr;
}

bool cancel_py_task(rt::Header& task) { return rt::request_cancel(task); }

}  // namespace bind
