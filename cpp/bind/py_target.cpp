#include "bind/py_target.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_set>
#include <utility>

#include "bind/py_join.hpp"
#include "bind/py_raw.hpp"
#include "bind/runtime_state.hpp"

namespace bind {
namespace {

/// Coroutine objects that were spawned and have not begun. GIL held.
std::unordered_set<PyObject*>& pending() {
  static auto* set = new std::unordered_set<PyObject*>;
  return *set;
}

[[noreturn]] void throw_type_error(const std::string& message) { throw py::type_error(message); }

std::string type_name(PyObject* object) { return Py_TYPE(object)->tp_name; }

std::string short_repr(PyObject* object) {
  PyObject* text = PyObject_Repr(object);
  if (text == nullptr) {
    PyErr_Clear();
    return "<" + type_name(object) + ">";
  }
  std::string result = py::reinterpret_steal<py::str>(text);
  if (result.size() > 80) result = result.substr(0, 77) + "...";
  return result;
}

bool has_flag(PyObject* function, int flag) {
  return PyFunction_Check(function) && (reinterpret_cast<PyCodeObject*>(PyFunction_GET_CODE(function))->co_flags & flag) != 0;
}

/// As inspect.iscoroutinefunction, quick for the usual kinds of callable.
bool is_coroutine_function(PyObject* target) {
  if (PyFunction_Check(target)) {
    if (has_flag(target, CO_COROUTINE)) return true;
    // inspect.markcoroutinefunction() makes a note in the function's own dict. To ask for the attribute would raise, and forget, an
    // AttributeError at nearly every spawn: two thirds of what a spawn cost.
    PyObject* const notes = reinterpret_cast<PyFunctionObject*>(target)->func_dict;
    if (notes == nullptr) return false;
    static PyObject* const mark = PyUnicode_InternFromString("_is_coroutine_marker");
    if (PyDict_Contains(notes, mark) != 1) {
      PyErr_Clear();
      return false;
    }
  }
  if (PyMethod_Check(target)) return is_coroutine_function(PyMethod_GET_FUNCTION(target));
  if (PyCFunction_Check(target) || PyType_Check(target)) return false;
  static std::atomic<PyObject*> says{nullptr};
  if (py::handle(imported(says, "inspect", "iscoroutinefunction"))(py::handle(target)).cast<bool>()) return true;
  // An object with an async __call__.
  const py::object call = py::getattr(py::type::handle_of(target), "__call__", py::none());
  return has_flag(call.ptr(), CO_COROUTINE);
}

void check_coroutine_object(const SpawnRequest& request) {
  PyObject* coroutine = request.target;
  if (request.args != nullptr && PyTuple_GET_SIZE(request.args) > 0) {
    throw_type_error("a coroutine object takes no arguments, but " + std::to_string(PyTuple_GET_SIZE(request.args)) +
                     " were given; pass the async function itself with its arguments");
  }
  static PyObject* const created = PyUnicode_InternFromString("CORO_CREATED");
  static std::atomic<PyObject*> state{nullptr};
  const py::object now = py::handle(imported(state, "inspect", "getcoroutinestate"))(py::handle(coroutine));
  if (PyObject_RichCompareBool(now.ptr(), created, Py_EQ) != 1) {
    PyErr_Format(PyExc_RuntimeError, "%s was already started; a coroutine object runs once: call the async function again",
                 short_repr(coroutine).c_str());
    throw py::error_already_set();
  }
  if (!pending().insert(coroutine).second) {
    PyErr_Format(PyExc_RuntimeError, "%s was already spawned; a coroutine object runs once: call the async function again",
                 short_repr(coroutine).c_str());
    throw py::error_already_set();
  }
}

/// Code of this package: the user's own line is what is wanted.
bool is_of_package(PyFrameObject* frame) {
  static PyObject* const folder = [] {
    const py::object file = py::module_::import("stealscope").attr("__file__");
    return py::object(py::module_::import("os.path").attr("dirname")(file)).release().ptr();
  }();
  PyCodeObject* code = PyFrame_GetCode(frame);
  const bool is_ours = PyUnicode_Tailmatch(code->co_filename, folder, 0, PY_SSIZE_T_MAX, -1) == 1;
  Py_DECREF(code);
  return is_ours;
}

using Extra = rt::TaskExtra;

/// Places that spawn, each with its text, which is made once: a program spawns from few places. Tasks without a name share one record
/// of their place. There is room for so many; a new one takes the room of another. The lock is for interpreters without a GIL; under
/// it nothing of Python is called.
class KnownPlaces {
 public:
  /// Held for the caller. Null: not known.
  [[nodiscard]] Extra* find(const PyCodeObject* code, int offset) {
    const std::scoped_lock lock(mutex_);
    const Place& place = room_for(code, offset);
    return place.code.get() == as_object(code) && place.offset == offset ? place.extra->hold() : nullptr;
  }
  /// Gives the reference to the code that has to go, to be dropped last: its end may run anything.
  [[nodiscard]] PyRef add(const PyCodeObject* code, int offset, Extra* extra) {
    const std::scoped_lock lock(mutex_);
    Place old = std::exchange(room_for(code, offset), Place{PyRef::borrow(as_object(code)), offset, extra->hold()});
    if (old.extra != nullptr) old.extra->drop();
    return std::move(old.code);
  }

 private:
  struct Place {
    PyRef code;      // so that no other code gets its address
    int offset = 0;  // of the instruction in it
    Extra* extra = nullptr;
  };
  static PyObject* as_object(const PyCodeObject* code) { return reinterpret_cast<PyObject*>(const_cast<PyCodeObject*>(code)); }
  [[nodiscard]] Place& room_for(const PyCodeObject* code, int offset) {
    return places_[(reinterpret_cast<std::uintptr_t>(code) / alignof(std::max_align_t) + static_cast<unsigned>(offset)) %
                   places_.size()];
  }

  ObjectMutex mutex_;
  std::array<Place, 256> places_;
};

KnownPlaces& known_places() {
  static auto* const known = new KnownPlaces;
  return *known;
}

Extra* new_place(PyFrameObject* frame, const PyCodeObject* code) {
  auto place = std::make_shared<rt::SpawnPlace>();
  place->line = static_cast<std::uint32_t>(PyFrame_GetLineNumber(frame));
  if (const char* file = PyUnicode_AsUTF8(code->co_filename)) place->file = file;
  if (const char* function = PyUnicode_AsUTF8(code->co_qualname)) place->function = function;
  PyErr_Clear();  // text that is no UTF-8
  return new Extra({}, std::move(place));
}

/// Of this very frame, if it has spawned before. Held for the caller; null: look closer.
Extra* known_place(PyFrameObject* frame) {
  PyCodeObject* const code = PyFrame_GetCode(frame);
  Extra* const extra = known_places().find(code, PyFrame_GetLasti(frame));
  Py_DECREF(code);
  return extra;
}

/// Of the first frame outwards that is not this package's. Held for the caller.
Extra* find_place(PyFrameObject* frame) {
  Py_INCREF(frame);
  bool is_ours = is_of_package(frame);
  while (is_ours) {
    PyFrameObject* caller = PyFrame_GetBack(frame);  // new, or null at the bottom
    if (caller == nullptr) break;
    Py_DECREF(frame);
    frame = caller;
    is_ours = is_of_package(frame);
  }
  Extra* extra = is_ours ? nullptr : known_place(frame);
  PyRef replaced;
  if (extra == nullptr) {
    PyCodeObject* const code = PyFrame_GetCode(frame);
    extra = new_place(frame, code);
    if (!is_ours) replaced = known_places().add(code, PyFrame_GetLasti(frame), extra);
    Py_DECREF(code);
  }
  Py_DECREF(frame);
  return extra;
}

}  // namespace

bool check_target(const SpawnRequest& request) {
  if (PyCoro_CheckExact(request.target)) {
    check_coroutine_object(request);
    return true;
  }
  if (!PyCallable_Check(request.target)) {
    throw_type_error("cannot spawn " + short_repr(request.target) +
                     "; need a callable, an async function, a coroutine object or a Workload");
  }
  return is_coroutine_function(request.target);
}

void check_job_target(const SpawnRequest& request) {
  if (!PyCallable_Check(request.target)) {
    throw_type_error("spawn_blocking needs a callable, not " + short_repr(request.target));
  }
  if (is_coroutine_function(request.target)) {
    throw_type_error("spawn_blocking runs a plain function on a thread; " + short_repr(request.target) +
                     " is an async function: use spawn()");
  }
}

void forget_pending_coroutine(PyObject* coroutine) {
  if (coroutine != nullptr) pending().erase(coroutine);
}

bool refuse_awaitable_result(PyObject* result) {
  const PyAsyncMethods* methods = Py_TYPE(result)->tp_as_async;
  const bool awaitable = PyCoro_CheckExact(result) || (methods != nullptr && methods->am_await != nullptr);
  // A join handle may be returned: its task runs whether anybody awaits it or not.
  if (!awaitable || is_handle(result)) return false;
  if (PyCoro_CheckExact(result)) {
    PyObject* closed = PyObject_CallMethod(result, "close", nullptr);  // so that Python does not warn
    if (closed == nullptr) PyErr_Clear();
    Py_XDECREF(closed);
  }
  PyErr_Format(PyExc_TypeError,
               "the callable returned something to await (%s), which nobody would; pass the async function itself",
               short_repr(result).c_str());
  return true;
}

void set_foreign_await_error(PyObject* yielded) {
  if (yielded == Py_None) {
    PyErr_SetString(PyExc_TypeError,
                    "the coroutine yielded a bare None, as asyncio.sleep(0) does; await stealscope's own yield_now()");
    return;
  }
  PyErr_Format(PyExc_TypeError,
               "a stealscope task cannot await %s (of type %s); await stealscope's own awaitables, or run it on its own "
               "loop with from_asyncio()",
               short_repr(yielded).c_str(), type_name(yielded).c_str());
}

void explain_missing_loop(PyObject* error) {
  if (!Py_IS_TYPE(error, reinterpret_cast<PyTypeObject*>(PyExc_RuntimeError))) return;
  try {
    py::module_::import("stealscope._asyncio_bridge").attr("explain_missing_loop")(py::handle(error));
  } catch (py::error_already_set& raised) {
    raised.discard_as_unraisable("stealscope: a note for an error");
  }
}

void remember_spawn_place(rt::Header& task) {
  PyFrameObject* frame = PyEval_GetFrame();  // borrowed; null outside Python code
  if (frame == nullptr) return;
  Extra* extra = known_place(frame);
  if (extra == nullptr) extra = find_place(frame);
  if (task.extra == nullptr) {
    task.extra = extra;
    return;
  }
  task.extra->place = extra->place;
  extra->drop();
}

}  // namespace bind
