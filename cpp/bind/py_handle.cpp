// JoinHandle as Python sees it: a raw type, since every spawn makes one and nearly every one is asked for its result.
//
// Only the edge to C is here: arguments in, errors out. Read next: py_join.cpp (what the methods do).
#include <structmember.h>

#include <cstddef>

#include "bind/py_join.hpp"
#include "bind/py_raw.hpp"

namespace bind {
namespace {

PyTypeObject* handle_type = nullptr;

void dealloc(PyObject* self) {
  auto* object = reinterpret_cast<HandleObject*>(self);
  if (object->weak_references != nullptr) PyObject_ClearWeakRefs(self);
  object->handle.~JoinHandle();
  PyTypeObject* type = Py_TYPE(self);
  type->tp_free(self);
  Py_DECREF(type);
}

/// The one argument `timeout`, by position or by name: borrowed, None if it is left out. Null: the error is set.
PyObject* timeout_argument(const char* call, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  const Py_ssize_t named = names != nullptr ? PyTuple_GET_SIZE(names) : 0;
  if (count + named == 0) return Py_None;
  if (count + named > 1) {
    PyErr_Format(PyExc_TypeError, "%s takes one argument, timeout, but %zd were given", call, count + named);
    return nullptr;
  }
  if (named == 1 && PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(names, 0), "timeout") != 0) {
    PyErr_Format(PyExc_TypeError, "%s has no argument %R; it has timeout", call, PyTuple_GET_ITEM(names, 0));
    return nullptr;
  }
  return args[0];
}

PyObject* result(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  PyObject* timeout = timeout_argument("result()", args, count, names);
  if (timeout == nullptr) return nullptr;
  JoinHandle& handle = handle_in(self);
  if (timeout == Py_None && handle.done()) return handle.take(false);
  return or_null([&] { return handle.result(timeout_from(py::reinterpret_borrow<py::object>(timeout))).release().ptr(); });
}

PyObject* exception(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  PyObject* timeout = timeout_argument("exception()", args, count, names);
  if (timeout == nullptr) return nullptr;
  return or_null(
      [&] { return handle_in(self).exception(timeout_from(py::reinterpret_borrow<py::object>(timeout))).release().ptr(); });
}

PyObject* done(PyObject* self, PyObject*) { return PyBool_FromLong(handle_in(self).done()); }
PyObject* cancelled(PyObject* self, PyObject*) { return PyBool_FromLong(handle_in(self).cancelled()); }
PyObject* cancel(PyObject* self, PyObject*) {
  return or_null([&] { return PyBool_FromLong(handle_in(self).cancel()); });
}

PyObject* add_done_callback(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  const Py_ssize_t named = names != nullptr ? PyTuple_GET_SIZE(names) : 0;
  if (count + named != 1 || (named == 1 && PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(names, 0), "fn") != 0)) {
    PyErr_SetString(PyExc_TypeError, "add_done_callback() takes one argument, fn");
    return nullptr;
  }
  return or_null([&] {
    handle_in(self).add_done_callback(py::reinterpret_borrow<py::object>(self), py::reinterpret_borrow<py::object>(args[0]));
    return Py_NewRef(Py_None);
  });
}

PyObject* await(PyObject* self) {
  return or_null([&] { return handle_in(self).await(py::reinterpret_borrow<py::object>(self)).release().ptr(); });
}
PyObject* id(PyObject* self, void*) { return PyLong_FromUnsignedLongLong(handle_in(self).id()); }
PyObject* name(PyObject* self, void*) {
  return or_null([&] { return py::str(handle_in(self).name()).release().ptr(); });
}
PyObject* repr(PyObject* self) {
  return or_null([&] { return handle_in(self).repr().release().ptr(); });
}

constexpr int by_name = METH_FASTCALL | METH_KEYWORDS;

PyMethodDef methods[] = {
    {"result", as_method(result), by_name,
     "result($self, /, timeout=None)\n--\n\nWaits for the end and returns the task's value, or raises what it raised.\n\n"
     "``timeout``: seconds; None waits without limit. Raises TimeoutError, or CancelledError if it was cancelled."},
    {"exception", as_method(exception), by_name,
     "exception($self, /, timeout=None)\n--\n\nAs result(), but returns the exception, or None if there was none."},
    {"done", done, METH_NOARGS, "done($self, /)\n--\n\nTrue once the task has ended, in whatever way."},
    {"cancel", cancel, METH_NOARGS,
     "cancel($self, /)\n--\n\nAsks the task to end. False if it had ended. A coroutine gets CancelledError where it waits; a "
     "callable that runs is not interrupted."},
    {"cancelled", cancelled, METH_NOARGS, "cancelled($self, /)\n--\n\nTrue if the task ended by being cancelled."},
    {"add_done_callback", as_method(add_done_callback), by_name,
     "add_done_callback($self, /, fn)\n--\n\nCalls ``fn(handle)`` once the task has ended: on the thread that ended it, or at "
     "once."},
    {nullptr, nullptr, 0, nullptr},
};

PyGetSetDef properties[] = {
    {"id", id, nullptr, "The task's number, unique in this process.", nullptr},
    {"name", name, nullptr, "The name given at spawn, or an empty string.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

PyMemberDef members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(HandleObject, weak_references), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr},
};

PyType_Slot slots[] = {
    {Py_tp_doc, const_cast<char*>("A task that was spawned: wait for it, await it, cancel it.")},
    {Py_tp_dealloc, reinterpret_cast<void*>(dealloc)},
    {Py_tp_methods, methods},
    {Py_tp_getset, properties},
    {Py_tp_members, members},
    {Py_tp_repr, reinterpret_cast<void*>(repr)},
    {Py_am_await, reinterpret_cast<void*>(await)},
    {0, nullptr},
};

PyType_Spec spec = {"stealscope._core.JoinHandle", sizeof(HandleObject), 0,
                    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};

}  // namespace

bool is_handle(PyObject* object) { return Py_IS_TYPE(object, handle_type); }

HandleObject* new_handle_object() {
  auto* object = PyObject_New(HandleObject, handle_type);
  if (object != nullptr) object->weak_references = nullptr;
  return object;
}

void init_handle(py::module_& module) {
  handle_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  if (handle_type == nullptr) throw py::error_already_set();
  module.add_object("JoinHandle", reinterpret_cast<PyObject*>(handle_type));
}

}  // namespace bind
