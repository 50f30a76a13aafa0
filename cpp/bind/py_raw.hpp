// At the edge of a raw type or function, where pybind11 does not stand in between: what C++ throws becomes a Python error.
#pragma once

#ifdef __GNUC__
#include <cxxabi.h>
#endif

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

template <class Function>
PyCFunction as_method(Function* function) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function));
}

}  // namespace bind
