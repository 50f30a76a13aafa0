// What `await` gets from our awaitables: a Python object around one Leaf.
//
// Its iterator yields itself once, to the poll of the task it runs in (py_task.cpp); that poll keeps it, asks the leaf
// at each wake, and sends None when the leaf is ready. A raw type, because every await goes through it.
#pragma once

#include <memory>
#include <utility>

#include "bind/gil.hpp"
#include "rt/task/leaf.hpp"

namespace bind {

/// Turns a ready leaf into the value of the await: a new reference, or null with an error set.
using TakeValue = PyObject* (*)(rt::Leaf&);

/// A new awaitable without a leaf, with so much room for one.
py::object make_empty_wait(std::size_t room, TakeValue take);
/// Where its leaf is to be made.
[[nodiscard]] void* room_in(PyObject* wait);
void set_leaf(PyObject* wait, rt::Leaf* leaf);

/// A new awaitable around the leaf that `make` returns. `take` null: the value is None.
template <class Make>
py::object make_wait(Make&& make, TakeValue take = nullptr) {
  using L = std::invoke_result_t<Make>;
  static_assert(alignof(L) <= alignof(std::max_align_t), "Python's memory is aligned no better");
  py::object wait = make_empty_wait(sizeof(L), take);
  set_leaf(wait.ptr(), new (room_in(wait.ptr())) L(make()));
  return wait;
}

[[nodiscard]] bool is_wait(PyObject* object);
/// The leaf of an awaitable that waits for this task and yielded itself; null if it belongs to another, or is over.
[[nodiscard]] rt::Leaf* wait_leaf(PyObject* object, const rt::Header& task);
/// Its leaf was ready: the next step takes the value.
void end_wait(PyObject* object);
/// The wait is given up: takes the leaf's waker back.
void drop_wait_leaf(PyObject* object);

void init_wait(py::module_& module);

/// The task of ours that runs this thread's Python code as a coroutine, or null.
[[nodiscard]] rt::Header* current_coroutine();

}  // namespace bind
