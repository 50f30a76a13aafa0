// What Runtime and Machine have in common towards Python: spawning, and who the code that runs now belongs to.
#pragma once

#include "bind/py_join.hpp"
#include "bind/py_task.hpp"

namespace bind {

/// A worker of this world keeps its own context; anybody else gets one that only knows the home.
template <class F>
auto in_context(World& world, F&& function) {
  rt::Context* here = rt::current();
  if (here != nullptr && here->home == &world.home()) return function();
  rt::Context context;
  context.home = &world.home();
  const rt::ContextScope scope(context);
  return function();
}

/// The world in a `_core.Runtime` or a `_core.Machine`; null if it is neither.
std::shared_ptr<World> world_in(PyObject* native);

/// Spawns here; throws what the caller's thread and the target are refused with.
py::object spawn_on(std::shared_ptr<World> world, const SpawnRequest& request);

SpawnRequest request_of(const py::object& target, const py::tuple& args, const py::object& name, const py::object& context);

py::object spawn(const std::shared_ptr<World>& world, const py::object& target, const py::tuple& args, const py::object& name,
                 const py::object& context, std::int64_t worker);

}  // namespace bind
