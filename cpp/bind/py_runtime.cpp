// The native half of ss.Runtime: making one, spawning on it, driving a coroutine, stopping it.
#include <pybind11/stl.h>

#include "bind/classes.hpp"
#include "bind/py_join.hpp"
#include "bind/py_metrics.hpp"
#include "bind/py_policy.hpp"
#include "bind/py_task.hpp"
#include "bind/py_world.hpp"
#include "rt/drive/block_on.hpp"
#include "rt/env/os_thread.hpp"

namespace bind {
namespace {

using Shared = std::shared_ptr<RuntimeState>;

rt::Hooks::ThreadHook thread_hook(const py::object& function) {
  if (function.is_none()) return {};
  auto kept = std::make_shared<PyRef>(PyRef::borrow(function.ptr()));
  return [kept](std::uint32_t worker) {
    const GilScope gil;
    PyObject* index = worker == rt::Hooks::no_worker ? Py_NewRef(Py_None) : PyLong_FromUnsignedLong(worker);
    PyObject* result = PyObject_CallOneArg(kept->get(), index);
    if (result == nullptr) PyErr_WriteUnraisable(kept->get());
    Py_XDECREF(result);
    Py_XDECREF(index);
  };
}

rt::Hooks::TaskHook task_hook(const py::object& function) {
  if (function.is_none()) return {};
  auto kept = std::make_shared<PyRef>(PyRef::borrow(function.ptr()));
  return [kept](const rt::TaskMeta& meta) {
    const GilScope gil;
    PyObject* result = PyObject_CallFunction(kept->get(), "Ksss(sIs)", static_cast<unsigned long long>(meta.id),
                                             meta.name.c_str(), kind_name(meta.kind), "", meta.spawned_at.file.c_str(),
                                             meta.spawned_at.line, meta.spawned_at.function.c_str());
    if (result == nullptr) PyErr_WriteUnraisable(kept->get());
    Py_XDECREF(result);
  };
}

rt::Hooks hooks_from(const py::dict& given) {
  const auto get = [&](const char* name) { return given.contains(name) ? py::object(given[name]) : py::object(py::none()); };
  rt::Hooks hooks;
  hooks.on_thread_start = thread_hook(get("on_thread_start"));
  hooks.on_thread_park = thread_hook(get("on_thread_park"));
  hooks.on_thread_unpark = thread_hook(get("on_thread_unpark"));
  hooks.on_task_spawn = task_hook(get("on_task_spawn"));
  hooks.on_before_task_poll = task_hook(get("on_before_task_poll"));
  hooks.on_after_task_poll = task_hook(get("on_after_task_poll"));
  hooks.on_task_terminate = task_hook(get("on_task_terminate"));
  const auto stop = thread_hook(get("on_thread_stop"));
  hooks.on_thread_stop = [stop](std::uint32_t worker) {
    if (stop) stop(worker);
    forget_thread();
  };
  return hooks;
}

std::optional<rt::HistogramConfig> histogram_from(const py::object& given) {
  if (given.is_none()) return std::nullopt;
  const auto parts = given.cast<py::tuple>();
  const auto kind = parts[0].cast<std::string>();
  if (kind == "linear") {
    return rt::HistogramConfig(rt::Linear{parts[1].cast<std::uint64_t>(), parts[2].cast<std::uint32_t>()});
  }
  return rt::HistogramConfig(
      rt::H2{parts[1].cast<std::uint64_t>(), parts[2].cast<std::uint64_t>(), parts[3].cast<std::uint32_t>()});
}

/// `options`: plain values that the Python layer has checked; see stealscope/runtime.py.
Shared make_runtime(const py::dict& options) {
  auto state = std::make_shared<RuntimeState>();
  rt::SchedulerOptions scheduler;
  scheduler.workers = options["workers"].cast<std::uint32_t>();
  scheduler.policy = policy_from(options["policy"].cast<py::dict>());
  scheduler.seed = options["seed"].cast<std::uint64_t>();
  scheduler.hooks = hooks_from(options["hooks"]);
  const auto histograms = options["histograms"].cast<py::tuple>();
  scheduler.histograms = {histogram_from(histograms[0]), histogram_from(histograms[1]), histogram_from(histograms[2])};
  scheduler.watch_polls = options["watch_polls"].cast<bool>();
  scheduler.timeline_capacity = options["timeline"].cast<std::size_t>();
  scheduler.timeline = scheduler.timeline_capacity > 0;
  rt::ThreadOptions threads;
  threads.name = options["name"].cast<std::string>();
  threads.max_blocking_threads = options["max_blocking_threads"].cast<std::uint32_t>();
  threads.keep_alive = options["keep_alive_ns"].cast<std::uint64_t>();
  threads.pin = options["pin"].cast<bool>();
  const py::object unhandled = options["unhandled_exception"];
  if (py::isinstance<py::str>(unhandled)) {
    state->unhandled = unhandled.cast<std::string>() == "shutdown" ? Unhandled::shutdown : Unhandled::report;
  } else {
    state->unhandled = Unhandled::call;
    state->unhandled_call = PyRef::borrow(unhandled.ptr());
  }
  state->name = threads.name;
  state->fork_generation = current_fork_generation();
  {
    const WithoutGil unlocked;  // a thread-start hook may want the GIL
    state->drive = rt::ThreadDrive::start(scheduler, std::move(threads));
  }
  register_world(state);
  return state;
}

py::object block_on(const Shared& runtime, const py::object& target, const py::tuple& args) {
  runtime->check_open();
  if (rt::Context* context = rt::current(); context != nullptr && context->worker != nullptr) {
    PyErr_SetString(PyExc_RuntimeError,
                    "block_on() on a worker would keep it from its other tasks; in a coroutine use `await`, in a callable "
                    "spawn it and take result()");
    throw py::error_already_set();
  }
  rt::Context context;
  context.home = &runtime->shared();
  const rt::ContextScope scope(context);
  rt::ThreadHome home(runtime->shared());
  rt::Header& task = make_py_task(runtime, home, request_of(target, args, py::none(), py::none()));
  JoinHandle handle(task);
  task.state.init_new();
  bool interrupted = false;
  {
    const WithoutGil unlocked;
    home.drive(task, [&interrupted] {
      interrupted = signal_raised();
      if (interrupted) {
        const GilScope gil;
        PyErr_Clear();  // raised below as KeyboardInterrupt, after the coroutine has been unwound
      }
      return interrupted;
    });
  }
  if (interrupted && handle.cancelled()) {
    PyErr_SetNone(PyExc_KeyboardInterrupt);
    throw py::error_already_set();
  }
  return handle.result(0);
}

/// False: something still lives at the deadline. Raises what a signal's handler raised.
bool wait_drained(RuntimeState& runtime, rt::Nanos timeout_ns) {
  return wait_where_allowed("shutdown()", [&](const std::function<bool()>& give_up) {
    const rt::Nanos now = rt::steady_now();
    return runtime.drive->wait_drained(rt::later_by(timeout_ns, now), give_up);
  });
}

bool wait_ended(RuntimeState& runtime, rt::Nanos timeout_ns) {
  return wait_where_allowed("shutdown()", [&](const std::function<bool()>& give_up) {
    const rt::Nanos now = rt::steady_now();
    return runtime.drive->wait_ended(rt::later_by(timeout_ns, now), give_up);
  });
}

void close(RuntimeState& runtime) {
  runtime.refusing.store(true, std::memory_order_release);  // release: pairs with check_open()
  const WithoutGil unlocked;
  runtime.drive->close();
}

py::object take_first_unhandled(RuntimeState& runtime) {
  PyObject* error = runtime.first_unhandled.release();
  return error == nullptr ? py::object(py::none()) : py::reinterpret_steal<py::object>(error);
}

}  // namespace

void init_runtime(py::module_& module) {
  py::class_<RuntimeState, World, Shared> runtime(module, "Runtime", "The native half of stealscope.Runtime.");
  runtime.def(py::init(&make_runtime), py::arg("options"))
      .def("block_on", &block_on)
      .def("refuse_outsiders", [](RuntimeState& r) { r.refusing.store(true, std::memory_order_release); })  // see close()
      .def("wait_drained", &wait_drained, py::arg("timeout_ns"))
      .def("close", &close)
      .def("wait_ended", &wait_ended, py::arg("timeout_ns"))
      .def("take_first_unhandled", &take_first_unhandled)
      .def_property_readonly("is_forked_copy", &RuntimeState::is_forked_copy)
      .def_property_readonly("unfinished_jobs", [](RuntimeState& r) { return r.drive->pool().unfinished(); });
  add_metrics(runtime);
  module.def("usable_cpus", &rt::usable_cpus, "The CPUs this process may use.");
  module.def("note_fork_in_child", &note_fork_in_child, "Runtimes made before have no threads in this process.");
}

}  // namespace bind
