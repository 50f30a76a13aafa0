// What the classes of rt/sync have in common on their way to Python: awaits whose errors are Python's, and waits that
// block a thread.
#pragma once

#include <concepts>
#include <type_traits>

#include "bind/py_join.hpp"
#include "bind/py_wait.hpp"

namespace bind {

/// In a catch block: sets the Python error for what was thrown. ChannelClosed becomes stealscope's, what was given wrongly
/// ValueError, the rest RuntimeError.
void set_sync_error() noexcept;

/// After a call that may have woken somebody: throws if that was a task of a simulation which another thread runs.
void check_wakes();

/// The same at the edge of a plain call, which may throw through pybind11.
template <class Call>
auto with_sync_errors(Call&& call) {
  try {
    if constexpr (std::is_void_v<std::invoke_result_t<Call>>) {
      call();
      check_wakes();
      return;
    } else {
      auto result = call();
      check_wakes();
      return result;
    }
  } catch (const py::error_already_set&) {
    throw;
  } catch (...) {
    set_sync_error();
    throw py::error_already_set();
  }
}

/// An await of the leaf that `make` returns; `Convert` turns what was taken into a new reference.
template <auto Convert, class Make>
py::object await_leaf(Make&& make) {
  using L = std::invoke_result_t<Make>;
  return with_sync_errors([&] {
    return make_wait(make, [](rt::Leaf& over) -> PyObject* {
      try {
        return Convert(static_cast<L&>(over));
      } catch (...) {
        set_sync_error();
        return nullptr;
      }
    });
  });
}

/// For waits that give nothing.
inline constexpr auto take_none = [](auto& leaf) {
  leaf.take();
  return Py_NewRef(Py_None);
};
/// For acquire(), which gives True, as asyncio's.
inline constexpr auto take_true = [](auto& leaf) {
  leaf.take();
  return Py_NewRef(Py_True);
};

/// Blocks this thread as a *_blocking method may: never in a coroutine, unless it stands in a blocking() region, and
/// never in a simulation. `wait(give_up)` runs without the GIL and returns false for a time-out.
bool wait_blocking(const char* call, const char* instead, const std::function<bool(const std::function<bool()>&)>& wait);

/// The rule for a wait that Python's own primitives do: raises where the thread may not block. True if it is a worker
/// whose core is to be handed on first (blocking() does it).
bool check_may_block(const char* call, const char* instead);

/// An await that is over at once.
py::object ready_wait();

}  // namespace bind
