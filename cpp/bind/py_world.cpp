#include "bind/py_world.hpp"

#include <pybind11/stl.h>

#include "bind/classes.hpp"
#include "bind/py_metrics.hpp"
#include "bind/py_workload.hpp"

namespace bind {
namespace {

using Shared = std::shared_ptr<World>;

py::object spawn_blocking(const Shared& world, const py::object& target, const py::tuple& args, const py::object& name,
                          const py::object& context, rt::Nanos cost) {
  world->check_open();
  return in_context(*world, [&] {
    rt::Header& job = make_py_job(world, world->home(), request_of(target, args, name, context));
    py::object handle = make_handle(job);
    job.state.init_new();
    world->home().submit_blocking(job, cost);
    return handle;
  });
}

py::object spawn_native(const Shared& world, const py::list& preorder, const py::object& name, const py::object& transform,
                        std::int64_t worker) {
  world->check_open();
  rt::SpawnOptions options;
  const auto text = name.is_none() ? std::string() : name.cast<std::string>();
  options.name = text;
  if (worker != -1) {
    check_worker(*world, worker);
    options.to.worker = static_cast<std::uint32_t>(worker);
  }
  return in_context(*world, [&] { return spawn_workload(world, preorder, options, transform); });
}

py::object current_world() {
  rt::Context* context = rt::current();
  if (context == nullptr || context->home == nullptr) return py::none();
  return py::cast(world_of(*context->home));
}

/// True in a task, a blocking job or a block_on of this world.
bool inside_world(World& world) {
  rt::Context* context = rt::current();
  return context != nullptr && context->home != nullptr && context->task != nullptr &&
         context->home->world() == world.home().world();
}

bool is_worker_thread() {
  rt::Context* context = rt::current();
  return context != nullptr && context->worker != nullptr;
}

}  // namespace

SpawnRequest request_of(const py::object& target, const py::tuple& args, const py::object& name, const py::object& context) {
  SpawnRequest request;
  request.target = target.ptr();
  request.args = args.ptr();
  if (!context.is_none()) request.context = context.ptr();
  if (!name.is_none()) request.name = name.cast<std::string>();
  return request;
}

py::object spawn(const Shared& world, const py::object& target, const py::tuple& args, const py::object& name,
                 const py::object& context, std::int64_t worker) {
  SpawnRequest request = request_of(target, args, name, context);
  if (worker != -1) {
    check_worker(*world, worker);
    request.worker = static_cast<std::uint32_t>(worker);
  }
  return spawn_on(world, request);
}

py::object spawn_on(std::shared_ptr<World> world, const SpawnRequest& request) {
  World& there = *world;  // the task keeps it
  there.check_open();
  return in_context(there, [&] {
    rt::Header& task = make_py_task(std::move(world), there.home(), request);
    py::object handle = make_handle(task);
    task.state.init_new();
    there.home().submit_new(task, {.worker = request.worker});
    return handle;
  });
}

/// A task that nobody joins: run(*args), or give_up(*args) if it is cancelled before it began.
void spawn_call(const Shared& world, const py::function& run, const py::function& give_up, const py::tuple& args) {
  SpawnRequest request;
  request.target = run.ptr();
  request.args = args.ptr();
  request.give_up = give_up.ptr();
  spawn_on(world, request);
}

std::shared_ptr<World> world_in(PyObject* native) {
  static PyObject* const runtime = py::type::of<RuntimeState>().release().ptr();
  if (Py_IS_TYPE(native,
                 reinterpret_cast<PyTypeObject*>(runtime))) {  // by far the most, so without a look into pybind11's tables
    return reinterpret_cast<py::detail::instance*>(native)->get_value_and_holder().holder<std::shared_ptr<RuntimeState>>();
  }
  return py::isinstance<World>(native) ? py::cast<Shared>(py::handle(native)) : nullptr;
}

void init_world(py::module_& module) {
  py::class_<World, Shared>(module, "World", "What a Runtime and a Machine have in common.")
      .def("spawn", &spawn)
      .def("spawn_call", &spawn_call)
      .def("spawn_blocking", &spawn_blocking)
      .def("spawn_workload", &spawn_native)
      .def_property_readonly("simulated", [](World& w) { return w.home().simulated(); })
      .def_readwrite("policy", &World::policy)
      .def_property_readonly("name", [](const World& w) { return w.name; })
      .def_property_readonly("key", [](const World& w) { return w.serial; });
  module.def("current_world", &current_world, "The native runtime or machine whose code runs on this thread, or None.");
  module.def("inside_world", &inside_world, "True in a task, a blocking job or a block_on of this world.");
  module.def("is_worker_thread", &is_worker_thread, "True on a worker that has its core.");
}

}  // namespace bind
