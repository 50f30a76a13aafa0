// At the edge of a raw type or function, where pybind11 does not stand in between: what C++ throws becomes a Python error.
#pragma once

#ifdef __GNUC__
#include <cxxabi.h>
#endif

#include <atomic>

#include "bind/gil.hpp"

namespace bind {

/// Calls it and gives what it returned, or null with the error set. A thread that Python unwinds at its end goes on to be unwound.
template <class Call>
auto or_null(Call&& call) -> std::invoke_result_t<Call> {
  try {
    return call();
#ifdef __GLIBCXX__
  } catch (abi::__forced_unwind&) {
    throw;
#endif
  } catch (...) {
    py::detail::try_translate_exceptions();
  }
  return {};
}

/// An attribute of a module, looked up once and kept for ever. Its place is an atomic and not a static with an initialiser: an import lets
/// go of the GIL, and who then holds it would wait for the initialiser's guard, and the import for the GIL, for ever.
inline PyObject* imported(std::atomic<PyObject*>& place, const char* module, const char* name) {
  PyObject* found = place.load(std::memory_order_acquire);  // acquire: pairs with the release below
  if (found != nullptr) return found;
  py::object fresh = py::module_::import(module).attr(name);
  // release: the object is whole for who finds it.
  if (place.compare_exchange_strong(found, fresh.ptr(), std::memory_order_release, std::memory_order_acquire))
    found = fresh.release().ptr();
  return found;
}

template <class Function>
PyCFunction as_method(Function* function) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function));
}

}  // namespace bind
