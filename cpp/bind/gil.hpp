// The only file that names the GIL: how our threads get in and out of Python, and how references are dropped outside.
//
// Invariant: a thread of ours makes one thread state, at its first entry, and keeps it until it ends (entering afresh
// each time costs 7-11 us, re-entering about 0.1 us). On a free-threaded interpreter "entering" only attaches the
// thread: Python tasks then run in parallel.
#pragma once

#include <pybind11/pybind11.h>

#include "rt/task/lane.hpp"

namespace bind {

namespace py = pybind11;

/// The lane of every Python task.
rt::Lane& python_lane();

/// A thread of ours is about to end: drops its thread state, if it has one.
void forget_thread();

/// True if this thread may touch Python objects now.
[[nodiscard]] bool holds_gil();

/// Any thread. Drops a reference: now if this thread may, else at the next entry of any of our threads, or on the main
/// thread by a pending call, whichever comes first.
void release_later(PyObject* object);

/// Drops what release_later() has collected. GIL held.
void drain_released();

/// The GIL for a scope, on any thread: an ordinary Python thread, a worker in or out of its lane, a pool thread.
class GilScope {
 public:
  GilScope();
  ~GilScope();
  GilScope(const GilScope&) = delete;
  GilScope& operator=(const GilScope&) = delete;

 private:
  bool entered_;
};

/// Orders what two threads do to one object of ours: with a GIL that does it already, and this is nothing. Never held around Python code.
class ObjectMutex {
 public:
#ifdef Py_GIL_DISABLED
  void lock() { PyMutex_Lock(&mutex_); }  // a thread that waits here does not keep a collection waiting
  void unlock() { PyMutex_Unlock(&mutex_); }

 private:
  PyMutex mutex_{};
#else
  void lock() {}
  void unlock() {}
#endif
};

/// A scope without the GIL, for a thread that has it and is going to wait. If the interpreter exits meanwhile the thread does not
/// come back: taking the GIL would unwind it (pthread_exit), through frames that may not be unwound. The thread that runs the exit
/// keeps the GIL: nobody else can have it any more.
class WithoutGil {
 public:
  WithoutGil();
  ~WithoutGil() noexcept(false);  // the interpreter may go between the check and the entry
  WithoutGil(const WithoutGil&) = delete;
  WithoutGil& operator=(const WithoutGil&) = delete;

 private:
  PyThreadState* state_;  // null: the GIL was kept
};

/// A counted reference that may be dropped on any thread.
class PyRef {
 public:
  PyRef() = default;
  static PyRef steal(PyObject* object) { return PyRef(object); }
  static PyRef borrow(PyObject* object) {  // GIL held
    Py_XINCREF(object);
    return PyRef(object);
  }
  PyRef(PyRef&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  PyRef& operator=(PyRef&& other) noexcept {
    if (this != &other) {
      reset();
      object_ = std::exchange(other.object_, nullptr);
    }
    return *this;
  }
  ~PyRef() { reset(); }
  void reset() {
    if (object_ != nullptr) release_later(std::exchange(object_, nullptr));
  }
  [[nodiscard]] PyObject* get() const { return object_; }
  [[nodiscard]] PyObject* release() { return std::exchange(object_, nullptr); }
  [[nodiscard]] explicit operator bool() const { return object_ != nullptr; }

 private:
  explicit PyRef(PyObject* object) : object_(object) {}
  PyObject* object_ = nullptr;
};

/// For a wait without the GIL on an ordinary Python thread: true if a signal's handler has raised (the error is set).
/// Only the main thread handles signals; elsewhere always false.
[[nodiscard]] bool signal_raised();

}  // namespace bind
