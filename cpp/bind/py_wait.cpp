#include "bind/py_wait.hpp"

#include "bind/py_region.hpp"
#include "rt/task/context.hpp"

namespace bind {
namespace {

enum class Phase : std::uint8_t { fresh, waiting, ready };

struct alignas(std::max_align_t) Wait {
  PyObject_HEAD rt::Leaf* leaf;  // right behind this object; null: over
  TakeValue take;
  const rt::Header* owner;  // the task that waits; only compared
  Phase phase;
};

PyTypeObject* wait_type = nullptr;

Wait* as_wait(PyObject* object) { return reinterpret_cast<Wait*>(object); }

void drop_leaf(Wait* wait) {
  if (wait->leaf != nullptr) std::destroy_at(std::exchange(wait->leaf, nullptr));
}

/// False: a Python error says why this task may not await it now.
bool may_step(const Wait* wait, const rt::Header* task) {
  if (end_regions()) {
    PyErr_SetString(PyExc_RuntimeError,
                    "await inside `with blocking()`: the worker's core was handed on, and has been taken back now; await "
                    "outside the block, or use the blocking form in it");
  } else if (task == nullptr) {
    PyErr_SetString(PyExc_RuntimeError,
                    "a stealscope awaitable was awaited outside a stealscope task; spawn the coroutine on a Runtime, or "
                    "pass it to block_on()");
  } else if (wait->leaf == nullptr) {
    PyErr_SetString(PyExc_RuntimeError, "this awaitable was awaited before; call the function again for a new one");
  } else if (wait->phase == Phase::waiting) {
    PyErr_SetString(PyExc_RuntimeError, "this awaitable is being awaited already; call the function again for another one");
  } else {
    return true;
  }
  return false;
}

/// 1: suspended, the awaitable is the yielded value; 0: ready, *value is new; -1: an error is set.
int step(Wait* wait, PyObject** value) {
  rt::Header* task = current_coroutine();
  if (!may_step(wait, task)) return -1;
  if (wait->phase == Phase::fresh) {
    bool ready = false;
    try {
      ready = wait->leaf->poll(*task);
    } catch (const std::exception& error) {
      drop_leaf(wait);
      PyErr_SetString(PyExc_RuntimeError, error.what());
      return -1;
    }
    wait->owner = task;
    wait->phase = Phase::waiting;
    if (!ready) return 1;
  }
  *value = wait->take != nullptr ? wait->take(*wait->leaf) : Py_NewRef(Py_None);
  drop_leaf(wait);
  return *value == nullptr ? -1 : 0;
}

PyObject* wait_self(PyObject* self) { return Py_NewRef(self); }

PyObject* wait_next(PyObject* self) {
  PyObject* value = nullptr;
  switch (step(as_wait(self), &value)) {
    case 1: return Py_NewRef(self);
    case 0: break;
    default: return nullptr;
  }
  if (value != Py_None) {
    // An instance, since a tuple passed as the value would be taken for the arguments.
    PyObject* stop = PyObject_CallOneArg(PyExc_StopIteration, value);
    if (stop != nullptr) {
      PyErr_SetObject(PyExc_StopIteration, stop);
      Py_DECREF(stop);
    }
  }
  Py_DECREF(value);
  return nullptr;
}

PySendResult wait_send(PyObject* self, PyObject*, PyObject** result) {
  switch (step(as_wait(self), result)) {
    case 1: *result = Py_NewRef(self); return PYGEN_NEXT;
    case 0: return PYGEN_RETURN;
    default: *result = nullptr; return PYGEN_ERROR;
  }
}

void wait_dealloc(PyObject* self) {
  drop_leaf(as_wait(self));
  PyTypeObject* type = Py_TYPE(self);
  type->tp_free(self);
  Py_DECREF(type);
}

PyObject* wait_repr(PyObject* self) {
  const Wait* wait = as_wait(self);
  return PyUnicode_FromFormat("<stealscope wait: %s>", wait->leaf == nullptr ? "over" : wait->leaf->what());
}

PyType_Slot wait_slots[] = {
    {Py_tp_doc, const_cast<char*>("Something a task can await once. Made by sleep(), Event.wait() and the like.")},
    {Py_am_await, reinterpret_cast<void*>(wait_self)},
    {Py_am_send, reinterpret_cast<void*>(wait_send)},
    {Py_tp_iter, reinterpret_cast<void*>(wait_self)},
    {Py_tp_iternext, reinterpret_cast<void*>(wait_next)},
    {Py_tp_dealloc, reinterpret_cast<void*>(wait_dealloc)},
    {Py_tp_repr, reinterpret_cast<void*>(wait_repr)},
    {0, nullptr},
};

PyType_Spec wait_spec = {"stealscope._core.Wait", sizeof(Wait), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                         wait_slots};

}  // namespace

py::object make_empty_wait(std::size_t room, TakeValue take) {
  auto* wait = static_cast<Wait*>(PyObject_Malloc(sizeof(Wait) + room));
  if (wait == nullptr) throw std::bad_alloc();
  PyObject_Init(reinterpret_cast<PyObject*>(wait), wait_type);
  wait->leaf = nullptr;
  wait->take = take;
  wait->owner = nullptr;
  wait->phase = Phase::fresh;
  return py::reinterpret_steal<py::object>(reinterpret_cast<PyObject*>(wait));
}

void* room_in(PyObject* wait) { return as_wait(wait) + 1; }
void set_leaf(PyObject* wait, rt::Leaf* leaf) { as_wait(wait)->leaf = leaf; }

bool is_wait(PyObject* object) { return Py_IS_TYPE(object, wait_type); }

rt::Leaf* wait_leaf(PyObject* object, const rt::Header& task) {
  const Wait* wait = as_wait(object);
  return wait->owner == &task && wait->phase == Phase::waiting ? wait->leaf : nullptr;
}

void end_wait(PyObject* object) { as_wait(object)->phase = Phase::ready; }

void drop_wait_leaf(PyObject* object) { drop_leaf(as_wait(object)); }

void init_wait(py::module_& module) {
  wait_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&wait_spec));
  if (wait_type == nullptr) throw py::error_already_set();
  module.add_object("Wait", reinterpret_cast<PyObject*>(wait_type));
}

rt::Header* current_coroutine() {
  rt::Context* context = rt::current();
  if (context == nullptr || context->task == nullptr) return nullptr;
  return context->task->kind == rt::Kind::coroutine ? context->task : nullptr;
}

}  // namespace bind
