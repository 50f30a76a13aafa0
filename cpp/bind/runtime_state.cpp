#include "bind/runtime_state.hpp"

#include <map>

namespace bind {
namespace {

std::atomic<unsigned> forks{0};

/// Which World a scheduler belongs to; GIL held.
std::map<const void*, std::weak_ptr<World>>& worlds() {
  static auto* map = new std::map<const void*, std::weak_ptr<World>>;
  return *map;
}

}  // namespace

void register_world(const std::shared_ptr<World>& world) {
  static std::uint64_t made = 0;  // under the GIL
  world->serial = ++made;
  worlds()[world->home().world()] = world;
}

std::shared_ptr<World> world_of(const rt::Home& home) {
  const auto found = worlds().find(home.world());
  return found == worlds().end() ? nullptr : found->second.lock();
}

void note_fork_in_child() { forks.fetch_add(1); }
unsigned current_fork_generation() { return forks.load(); }

bool RuntimeState::is_forked_copy() const { return fork_generation != current_fork_generation(); }

void RuntimeState::check_open() const {
  if (is_forked_copy()) {
    throw_stealscope_error("RuntimeClosed",
                           "this runtime belongs to the parent process: a forked child has none of its threads; make a "
                           "new Runtime in the child");
  }
  if (!refusing.load(std::memory_order_acquire)) return;  // acquire: pairs with the store in shutdown
  rt::Context* context = rt::current();
  const bool inside = context != nullptr && context->home != nullptr && context->home->world() == drive->shared().world();
  if (!inside) throw_stealscope_error("RuntimeClosed", "the runtime is shut down: it takes no new work from outside");
}

void RuntimeState::check_wait() const {
  if (is_forked_copy()) check_open();  // raises: nobody in this process would ever end it
}

void RuntimeState::report_unread(const std::string& what, PyObject* exception) {
  if (unhandled == Unhandled::call && unhandled_call) {
    PyObject* result = PyObject_CallFunction(unhandled_call.get(), "sO", what.c_str(), exception);
    if (result == nullptr) PyErr_WriteUnraisable(unhandled_call.get());
    Py_XDECREF(result);
    return;
  }
  if (unhandled == Unhandled::shutdown) {
    if (!first_unhandled) first_unhandled = PyRef::borrow(exception);
    refusing.store(true, std::memory_order_release);  // release: pairs with check_open()
    drive->shared().close();
    return;
  }
  report_unraisable(what, exception);
}

void report_unraisable(const std::string& what, PyObject* exception) {
  PyObject* text = PyUnicode_FromFormat("stealscope task %s, whose exception nobody read", what.c_str());
  PyObject* type = reinterpret_cast<PyObject*>(Py_TYPE(exception));
  PyErr_Restore(Py_NewRef(type), Py_NewRef(exception), PyException_GetTraceback(exception));
  PyErr_WriteUnraisable(text);
  Py_XDECREF(text);
}

PyObject* stealscope_error(const char* name) {
  static auto* known = new std::map<std::string, PyObject*>;
  PyObject*& type = (*known)[name];
  if (type == nullptr) {
    type = py::object(py::module_::import("stealscope.errors").attr(name)).release().ptr();  // kept for the process
  }
  return type;
}

void set_stealscope_error(const char* type, const std::string& message) {
  PyErr_SetString(stealscope_error(type), message.c_str());
}

void throw_runtime_error(const std::string& message) {
  PyErr_SetString(PyExc_RuntimeError, message.c_str());
  throw py::error_already_set();
}

void throw_stealscope_error(const char* type, const std::string& message) {
  set_stealscope_error(type, message);
  throw py::error_already_set();
}

}  // namespace bind
