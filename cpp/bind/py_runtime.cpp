// The native half of ss.Runtime: making one, spawning on it, driving a coroutine, stopping it.
#include <pybind11/stl.h>

#include <map>

#include "bind/classes.hpp"
#include "bind/py_join.hpp"
#include "bind/py_metrics.hpp"
#include "bind/py_task.hpp"
#include "bind/py_workload.hpp"
#include "rt/drive/block_on.hpp"
#include "rt/env/os_thread.hpp"

namespace bind {
namespace {

using Shared = std::shared_ptr<RuntimeState>;

/// Which RuntimeState a scheduler belongs to; GIL held.
std::map<const void*, std::weak_ptr<RuntimeState>>& runtimes_by_world() {
  static auto* map = new std::map<const void*, std::weak_ptr<RuntimeState>>;
  return *map;
}

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
  scheduler.seed = options["seed"].cast<std::uint64_t>();
  scheduler.hooks = hooks_from(options["hooks"]);
  const auto histograms = options["histograms"].cast<py::tuple>();
  scheduler.histograms = {histogram_from(histograms[0]), histogram_from(histograms[1]), histogram_from(histograms[2])};
  scheduler.watch_polls = options["watch_polls"].cast<bool>();
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
  static std::uint64_t made = 0;  // under the GIL
  state->serial = ++made;
  state->name = threads.name;
  state->fork_generation = current_fork_generation();
  {
    const WithoutGil unlocked;  // a thread-start hook may want the GIL
    state->drive = rt::ThreadDrive::start(scheduler, std::move(threads));
  }
  runtimes_by_world()[state->shared().world()] = state;
  return state;
}

/// A worker of this runtime keeps its own context; anybody else gets one that only knows the home.
template <class F>
auto in_context(RuntimeState& runtime, F&& function) {
  rt::Context* here = rt::current();
  if (here != nullptr && here->home == &runtime.shared()) return function();
  rt::Context context;
  context.home = &runtime.shared();
  const rt::ContextScope scope(context);
  return function();
}

SpawnRequest request_of(const py::object& target, const py::tuple& args, const py::object& name, const py::object& context) {
  SpawnRequest request{target.ptr(), args.ptr(), context.is_none() ? nullptr : context.ptr(), {}, rt::Destination::any_worker};
  if (!name.is_none()) request.name = name.cast<std::string>();
  return request;
}

std::unique_ptr<JoinHandle> spawn(const Shared& runtime, const py::object& target, const py::tuple& args, const py::object& name,
                                  const py::object& context, std::int64_t worker) {
  runtime->check_open();
  SpawnRequest request = request_of(target, args, name, context);
  if (worker != -1) {
    check_worker(*runtime, worker);
    request.worker = static_cast<std::uint32_t>(worker);
  }
  return in_context(*runtime, [&] {
    rt::Header& task = make_py_task(runtime, runtime->shared(), request);
    auto handle = std::make_unique<JoinHandle>(task, runtime);
    task.state.init_new();
    runtime->shared().submit_new(task, {.worker = request.worker});
    return handle;
  });
}

std::unique_ptr<JoinHandle> spawn_blocking(const Shared& runtime, const py::object& target, const py::tuple& args,
                                           const py::object& name, const py::object& context, rt::Nanos cost) {
  runtime->check_open();
  return in_context(*runtime, [&] {
    rt::Header& job = make_py_job(runtime, runtime->shared(), request_of(target, args, name, context));
    auto handle = std::make_unique<JoinHandle>(job, runtime);
    job.state.init_new();
    runtime->shared().submit_blocking(job, cost);
    return handle;
  });
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
  JoinHandle handle(task, runtime);
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
    return runtime.drive->wait_drained(timeout_ns > rt::no_deadline - now ? rt::no_deadline : now + timeout_ns, give_up);
  });
}

bool wait_ended(RuntimeState& runtime, rt::Nanos timeout_ns) {
  return wait_where_allowed("shutdown()", [&](const std::function<bool()>& give_up) {
    const rt::Nanos now = rt::steady_now();
    return runtime.drive->wait_ended(timeout_ns > rt::no_deadline - now ? rt::no_deadline : now + timeout_ns, give_up);
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

py::object current_runtime() {
  rt::Context* context = rt::current();
  if (context == nullptr || context->home == nullptr) return py::none();
  const auto found = runtimes_by_world().find(context->home->world());
  if (found == runtimes_by_world().end()) return py::none();
  return py::cast(found->second.lock());
}

/// True in a task, a blocking job or a block_on of this runtime.
bool inside_runtime(const RuntimeState& runtime) {
  rt::Context* context = rt::current();
  return context != nullptr && context->home != nullptr && context->task != nullptr &&
         context->home->world() == runtime.drive->shared().world();
}

/// Who sleeps and how many search, read together under the lock: for a runtime at rest.
py::dict idle_state(RuntimeState& runtime) {
  auto& shared = runtime.shared();
  std::vector<std::uint32_t> sleepers;
  std::uint32_t unparked = 0;
  std::uint32_t searching = 0;
  {
    const std::scoped_lock lock(shared.mutex);
    sleepers = shared.idle_synced.sleepers;
    unparked = shared.idle.unparked();
    searching = shared.idle.searching();
  }
  py::dict result;
  result["sleepers"] = sleepers;
  result["unparked"] = unparked;
  result["searching"] = searching;
  return result;
}

bool is_worker_thread() {
  rt::Context* context = rt::current();
  return context != nullptr && context->worker != nullptr;
}

}  // namespace

void init_runtime(py::module_& module) {
  py::class_<RuntimeState, Shared> runtime(module, "Runtime", "The native half of stealscope.Runtime.");
  runtime.def(py::init(&make_runtime), py::arg("options"))
      .def("spawn", &spawn)
      .def("spawn_blocking", &spawn_blocking)
      .def("spawn_workload",
           [](const Shared& r, const py::list& preorder, const py::object& name, const py::object& transform,
              std::int64_t worker) {
             r->check_open();
             rt::SpawnOptions options;
             const auto text = name.is_none() ? std::string() : name.cast<std::string>();
             options.name = text;
             if (worker != -1) {
               check_worker(*r, worker);
               options.to.worker = static_cast<std::uint32_t>(worker);
             }
             return in_context(*r, [&] { return spawn_workload(r, preorder, options, transform); });
           })
      .def("block_on", &block_on)
      .def("refuse_outsiders", [](RuntimeState& r) { r.refusing.store(true, std::memory_order_release); })  // see close()
      .def("wait_drained", &wait_drained, py::arg("timeout_ns"))
      .def("close", &close)
      .def("wait_ended", &wait_ended, py::arg("timeout_ns"))
      .def("take_first_unhandled", &take_first_unhandled)
      .def("idle_state", &idle_state)
      .def_property_readonly("name", [](const RuntimeState& r) { return r.name; })
      .def_property_readonly("is_closed", [](RuntimeState& r) { return r.shared().is_closed(); })
      .def_property_readonly("is_forked_copy", &RuntimeState::is_forked_copy)
      .def_property_readonly("unfinished_jobs", [](RuntimeState& r) { return r.drive->pool().unfinished(); })
      .def_property_readonly("key", [](const RuntimeState& r) { return r.serial; });
  init_metrics(module, runtime);
  module.def("current_runtime", &current_runtime, "The native runtime whose code runs on this thread, or None.");
  module.def("inside_runtime", &inside_runtime, "True in a task, a blocking job or a block_on of this runtime.");
  module.def("is_worker_thread", &is_worker_thread, "True on a worker that has its core.");
  module.def("usable_cpus", &rt::usable_cpus, "The CPUs this process may use.");
  module.def("note_fork_in_child", &note_fork_in_child, "Runtimes made before have no threads in this process.");
}

}  // namespace bind
