// Dumps for Python: takes one, and reads the frames of Python tasks under the GIL.
//
// The core's dump polls nothing and names Python tasks by slot and poll count; their frames are read here, afterwards. A
// task that has been polled since is marked as moved and has no frames.
#include <pybind11/stl.h>

#include <memory>
#include <optional>
#include <utility>

#include "bind/classes.hpp"
#include "bind/py_join.hpp"
#include "bind/py_metrics.hpp"
#include "bind/py_task.hpp"
#include "bind/py_wait.hpp"
#include "rt/features.hpp"
#include "rt/observe/taskdump.hpp"

namespace bind {
namespace {

py::object attribute(const py::object& object, const char* name) {
  PyObject* value = PyObject_GetAttrString(object.ptr(), name);
  if (value == nullptr) {
    PyErr_Clear();
    return py::none();
  }
  return py::reinterpret_steal<py::object>(value);
}

py::object first_of(const py::object& object, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    py::object value = attribute(object, name);
    if (!value.is_none()) return value;
  }
  return py::none();
}

py::tuple frame_tuple(const py::object& frame) {
  const py::object code = attribute(frame, "f_code");
  return py::make_tuple(attribute(code, "co_filename"), attribute(frame, "f_lineno"), attribute(code, "co_qualname"));
}

/// A suspended coroutine and what it awaits, root first: coroutines, generators and asynchronous generators.
py::list suspended_frames(py::object awaited) {
  py::list frames;
  constexpr int deepest = 1000;
  for (int depth = 0; depth < deepest && !awaited.is_none(); ++depth) {
    const py::object frame = first_of(awaited, {"cr_frame", "gi_frame", "ag_frame"});
    if (frame.is_none()) break;
    frames.append(frame_tuple(frame));
    awaited = first_of(awaited, {"cr_await", "gi_yieldfrom", "ag_await"});
  }
  return frames;
}

/// What a thread is doing in Python now, root first.
py::list running_frames(unsigned long thread) {
  std::vector<py::tuple> innermost_first;
  const py::dict all = py::module_::import("sys").attr("_current_frames")();
  const py::object key = py::int_(thread);
  py::object frame = all.contains(key) ? py::object(all[key]) : py::object(py::none());
  for (; !frame.is_none(); frame = attribute(frame, "f_back")) innermost_first.push_back(frame_tuple(frame));
  py::list frames;
  for (auto it = innermost_first.rbegin(); it != innermost_first.rend(); ++it) frames.append(*it);
  return frames;
}

/// The frames of a Python task, if what it says now is what it said at the dump.
py::list python_frames(const rt::TraceEntry& entry, bool& moved) {
  rt::Header* task = entry.python.get();
  PyTask& python = py_task(*task);
  const bool runs = entry.state == rt::TraceState::running || entry.state == rt::TraceState::blocking;
  if (runs && python.running_thread != 0) return running_frames(python.running_thread);
  moved = entry.moved();
  if (moved || python.coroutine == nullptr) return py::list();
  return suspended_frames(py::reinterpret_borrow<py::object>(python.coroutine));
}

const char* state_name(rt::TraceState state) {
  switch (state) {
    case rt::TraceState::running: return "running";
    case rt::TraceState::scheduled: return "scheduled";
    case rt::TraceState::idle: return "idle";
    case rt::TraceState::blocking: return "blocking";
  }
  return "idle";
}

py::dict entry_dict(const rt::TraceEntry& entry, rt::Nanos started_at) {
  bool moved = false;
  py::list frames;
  if (entry.python.get() != nullptr && is_python(*entry.python.get())) {
    frames = python_frames(entry, moved);
  } else {
    for (const rt::Frame& frame : entry.frames) frames.append(py::make_tuple(frame.file, frame.line, frame.function));
  }
  py::dict result;
  result["id"] = entry.id;
  result["name"] = entry.name;
  result["kind"] = kind_name(entry.kind);
  result["state"] = state_name(entry.state);
  result["where"] = entry.where;
  result["spawned_at"] = py::make_tuple(entry.spawned_at.file, entry.spawned_at.line, entry.spawned_at.function);
  result["age"] = entry.age;
  result["polls"] = entry.polls;
  result["last_worker"] = entry.last_worker ? py::object(py::int_(*entry.last_worker)) : py::object(py::none());
  result["in_poll_since"] =
      entry.in_poll_since ? py::object(py::int_(rt::saturating_sub(*entry.in_poll_since, started_at))) : py::object(py::none());
  result["frames"] = frames;
  result["waits_for"] = entry.waits_for;
  result["moved"] = moved;
  return result;
}

py::dict dump_dict(const rt::DumpResult& dump, rt::Nanos started_at) {
  py::list tasks;
  for (const rt::TraceEntry& entry : dump.tasks) tasks.append(entry_dict(entry, started_at));
  py::dict missing;
  for (const rt::MissingWorker& worker : dump.missing) missing[py::int_(worker.index)] = worker.line;
  py::dict result;
  result["complete"] = dump.complete;
  result["tasks"] = tasks;
  result["missing_workers"] = missing;
  result["at"] = rt::saturating_sub(dump.at, started_at);
  return result;
}

py::dict take_dump(World& runtime, rt::Nanos limit) {
  need_feature(rt::taskdump, "dump()", "TASKDUMP");
  rt::Context* context = rt::current();
  if (context != nullptr && context->worker != nullptr) {
    PyErr_SetString(PyExc_RuntimeError,
                    "dump() on a worker would wait for that worker; in a coroutine use `await handle.dump_async()`");
    throw py::error_already_set();
  }
  runtime.check_touch("dump()");
  rt::DumpResult dump;
  {
    const WithoutGil unlocked;
    dump = runtime.dump(limit);
  }
  return dump_dict(dump, runtime.started_at());
}

/// A dump that one thread waits for and another may call off.
class ThreadDump {
 public:
  ThreadDump(std::shared_ptr<World> world, rt::Nanos limit) : world_(std::move(world)), dump_(face_of(*world_), limit) {}

  /// None: it was called off.
  py::object take() {
    world_->check_touch("dump()");
    std::optional<rt::DumpResult> dump;
    {
      const WithoutGil unlocked;
      dump = dump_.take();
    }
    if (!dump) return py::none();
    return dump_dict(*dump, world_->started_at());
  }
  void call_off() {
    const WithoutGil unlocked;
    dump_.call_off();
  }

 private:
  static rt::DumpFace& face_of(World& world) {
    need_feature(rt::taskdump, "dump_async()", "TASKDUMP");
    world.check_touch("dump_async()");
    return *world.home().dumps();
  }

  const std::shared_ptr<World> world_;
  rt::ThreadDump dump_;
};

/// A dump that is awaited, and the start of the clock it is told on.
struct AsyncDump final : rt::Leaf {
  AsyncDump(rt::Nanos limit, rt::Nanos start) : inner(limit), started_at(start) {}
  [[nodiscard]] bool poll(rt::Header& task) override { return inner.poll(task); }
  [[nodiscard]] const char* what() const override { return inner.what(); }
  rt::DumpLeaf inner;
  rt::Nanos started_at;
};

/// `await` form, inside a task of this runtime: the value is the same dict.
py::object take_dump_async(World& runtime, rt::Nanos limit) {
  need_feature(rt::taskdump, "dump_async()", "TASKDUMP");
  return make_wait([&] { return AsyncDump(limit, runtime.started_at()); },
                   [](rt::Leaf& ready) -> PyObject* {
                     auto& wait = static_cast<AsyncDump&>(ready);
                     try {
                       return dump_dict(wait.inner.take(), wait.started_at).release().ptr();
                     } catch (py::error_already_set& error) {
                       error.restore();
                     } catch (const std::exception& error) {
                       PyErr_SetString(PyExc_RuntimeError, error.what());
                     }
                     return nullptr;
                   });
}

}  // namespace

void init_dump(py::module_& module) {
  module.def("dump", &take_dump, py::arg("runtime"), py::arg("limit_ns"));
  py::class_<ThreadDump>(module, "ThreadDump", "A dump that one thread waits for; another may call it off.")
      .def(py::init<std::shared_ptr<World>, rt::Nanos>(), py::arg("runtime"), py::arg("limit_ns"))
      .def("take", &ThreadDump::take)
      .def("call_off", &ThreadDump::call_off);
  module.def("dump_async", &take_dump_async, py::arg("runtime"), py::arg("limit_ns"));
}

}  // namespace bind
