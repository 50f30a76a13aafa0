// spawn() and yield_now() on their way from Python: the usual call goes straight into the scheduler.
//
// A Quick call stands in for a function of Python that does the same for every call there can be, and has its name, its words and
// its signature. Invariant: what is not surely a usual call is handed on to that function, as it came. Read next: py_world.cpp.
#include <structmember.h>

#include <cstddef>

#include "bind/classes.hpp"
#include "bind/py_raw.hpp"
#include "bind/py_wait.hpp"
#include "bind/py_world.hpp"
#include "rt/task/context.hpp"

namespace bind {
namespace {

struct Quick {
  PyObject_HEAD vectorcallfunc call;
  PyObject* function;
};

PyTypeObject* quick_type = nullptr;

PyObject* function_of(PyObject* self) { return reinterpret_cast<Quick*>(self)->function; }

/// Surely no Workload, and nothing that could be one.
bool is_usual_target(PyObject* target) {
  return PyFunction_Check(target) || PyMethod_Check(target) || PyCFunction_Check(target) || PyCoro_CheckExact(target);
}

/// Fills in what was given by name. False: anything that the Python function is to look at.
bool take_named(SpawnRequest& request, PyObject* const* values, PyObject* names) {
  static PyObject* const name = PyUnicode_InternFromString("name");
  static PyObject* const context = PyUnicode_InternFromString("context");
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(names); ++i) {
    PyObject* const given = PyTuple_GET_ITEM(names, i);
    PyObject* const value = values[i];
    if (value == Py_None && (given == name || given == context)) continue;
    if (given == context && PyContext_CheckExact(value)) {
      request.context = value;
    } else if (given == name && PyUnicode_Check(value)) {
      const char* text = PyUnicode_AsUTF8(value);
      if (text == nullptr) PyErr_Clear();
      if (text == nullptr) return false;
      request.name = text;
    } else {
      return false;
    }
  }
  return true;
}

/// Null: not a call that is usual enough.
PyObject* spawn_usual(std::shared_ptr<World> world, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  SpawnRequest request;
  request.target = args[0];
  if (names != nullptr && !take_named(request, args + count, names)) return nullptr;
  py::object rest;
  if (count > 1) {
    rest = py::reinterpret_steal<py::object>(PyTuple_New(count - 1));
    if (!rest) throw py::error_already_set();
    for (Py_ssize_t i = 1; i < count; ++i) PyTuple_SET_ITEM(rest.ptr(), i - 1, Py_NewRef(args[i]));
    request.args = rest.ptr();
  }
  return spawn_on(std::move(world), request).release().ptr();
}

PyObject* hand_on(PyObject* self, PyObject* const* args, std::size_t flagged, PyObject* names) {
  return PyObject_Vectorcall(function_of(self), args, flagged, names);
}

/// A method of something with a `_native`: Runtime.spawn, Handle.spawn.
PyObject* call_method(PyObject* self, PyObject* const* args, std::size_t flagged, PyObject* names) {
  const Py_ssize_t count = PyVectorcall_NARGS(flagged);
  if (count < 2 || !is_usual_target(args[1])) return hand_on(self, args, flagged, names);
  static PyObject* const attribute = PyUnicode_InternFromString("_native");
  PyObject* const native = PyObject_GetAttr(args[0], attribute);
  if (native == nullptr) return nullptr;
  PyObject* handle = or_null([&] {
    std::shared_ptr<World> world = world_in(native);
    return world ? spawn_usual(std::move(world), args + 1, count - 1, names) : nullptr;
  });
  Py_DECREF(native);
  return handle != nullptr || PyErr_Occurred() != nullptr ? handle : hand_on(self, args, flagged, names);
}

/// In a task: spawn() beside it.
PyObject* call_here(PyObject* self, PyObject* const* args, std::size_t flagged, PyObject* names) {
  const Py_ssize_t count = PyVectorcall_NARGS(flagged);
  rt::Context* const here = rt::current();
  if (count < 1 || here == nullptr || here->task == nullptr || !is_python(*here->task) || !is_usual_target(args[0])) {
    return hand_on(self, args, flagged, names);
  }
  PyObject* handle = or_null([&] {
    std::shared_ptr<World> world = py_task(*here->task).runtime;
    return here->home == &world->home() ? spawn_usual(std::move(world), args, count, names) : nullptr;
  });
  return handle != nullptr || PyErr_Occurred() != nullptr ? handle : hand_on(self, args, flagged, names);
}

/// yield_now()
PyObject* call_yield(PyObject* self, PyObject* const* args, std::size_t flagged, PyObject* names) {
  if (PyVectorcall_NARGS(flagged) != 0 || names != nullptr) return hand_on(self, args, flagged, names);
  return or_null([] { return make_wait([] { return rt::YieldNow(); }).release().ptr(); });
}

void dealloc(PyObject* self) {
  Py_DECREF(function_of(self));
  PyTypeObject* type = Py_TYPE(self);
  type->tp_free(self);
  Py_DECREF(type);
}

PyObject* bind_to(PyObject* self, PyObject* object, PyObject*) {
  return object == nullptr || object == Py_None ? Py_NewRef(self) : PyMethod_New(self, object);
}

/// Everything but __wrapped__ is the function's.
PyObject* attribute(PyObject* self, PyObject* name) {
  if (PyUnicode_CompareWithASCIIString(name, "__wrapped__") == 0) return Py_NewRef(function_of(self));
  return PyObject_GetAttr(function_of(self), name);
}

PyObject* repr(PyObject* self) { return PyObject_Repr(function_of(self)); }

PyMemberDef members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(Quick, call), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr},
};

PyType_Slot slots[] = {
    {Py_tp_doc, const_cast<char*>("A function of Python whose usual calls take a short way.")},
    {Py_tp_dealloc, reinterpret_cast<void*>(dealloc)},
    {Py_tp_call, reinterpret_cast<void*>(PyVectorcall_Call)},
    {Py_tp_descr_get, reinterpret_cast<void*>(bind_to)},
    {Py_tp_getattro, reinterpret_cast<void*>(attribute)},
    {Py_tp_repr, reinterpret_cast<void*>(repr)},
    {Py_tp_members, members},
    {0, nullptr},
};

PyType_Spec spec = {
    "stealscope._core.Quick", sizeof(Quick), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_METHOD_DESCRIPTOR, slots};

py::object quick(const py::object& function, vectorcallfunc call) {
  auto* made = PyObject_New(Quick, quick_type);
  if (made == nullptr) throw py::error_already_set();
  made->call = call;
  made->function = Py_NewRef(function.ptr());
  return py::reinterpret_steal<py::object>(reinterpret_cast<PyObject*>(made));
}

}  // namespace

void init_spawn(py::module_& module) {
  quick_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  if (quick_type == nullptr) throw py::error_already_set();
  module.def("quick_spawn", [](const py::object& function) { return quick(function, call_method); });
  module.def("quick_yield", [](const py::object& function) { return quick(function, call_yield); });
  module.def("quick_spawn_here", [](const py::object& function) { return quick(function, call_here); });
}

}  // namespace bind
