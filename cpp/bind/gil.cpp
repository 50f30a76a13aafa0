#include "bind/gil.hpp"

#include <chrono>
#include <mutex>
#include <thread>
#include <vector>

#include "rt/core/tuning.hpp"
#include "rt/env/thread_env.hpp"

namespace bind {
namespace {

#if PY_VERSION_HEX >= 0x030D0000
bool is_finalizing() { return Py_IsFinalizing() != 0; }
#else
extern "C" int _Py_IsFinalizing(void);
bool is_finalizing() { return _Py_IsFinalizing() != 0; }
#endif

struct ThreadState {
  PyThreadState* state = nullptr;
  PyGILState_STATE made{};
  bool is_ours = false;   // not a thread that Python made, or that was in Python before
  rt::Nanos offered = 0;  // when it last let others in
};
thread_local ThreadState this_thread;

/// The interpreter is going: a thread that went in would be unwound or would crash. It never comes back instead; the
/// process is about to end.
[[noreturn]] void sleep_for_ever() {
  for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
}

class PythonLane final : public rt::Lane {
 public:
  void enter() override {
    if (is_finalizing()) sleep_for_ever();
    if (this_thread.state == nullptr) this_thread.state = PyGILState_GetThisThreadState();
    if (this_thread.state != nullptr) {
      PyEval_RestoreThread(this_thread.state);
    } else {
      this_thread.made = PyGILState_Ensure();
      this_thread.state = PyThreadState_Get();
      this_thread.is_ours = true;
    }
    this_thread.offered = rt::steady_now();
    drain_released();
  }
  void leave() override { PyEval_SaveThread(); }
  /// A thread that waits for the GIL is woken each time it is offered, and mostly comes too late for it: not more often than it
  /// takes to run a batch. Who has waited for a switch interval is let in by the interpreter itself, between two lines of Python.
  void pause() override {
    const rt::Nanos now = rt::steady_now();
    if (now - this_thread.offered < rt::tuning::lane_batch_ns) return;
    this_thread.offered = now;
    PyThreadState* state = PyEval_SaveThread();
    if (is_finalizing()) sleep_for_ever();
    PyEval_RestoreThread(state);
    drain_released();
  }
  [[nodiscard]] bool is_inside() const override { return holds_gil(); }
  [[nodiscard]] const char* what() const override { return "the GIL"; }
};

struct Released {
  std::mutex mutex;
  std::vector<PyObject*> objects;
  std::atomic<bool> any{false};
};

Released& released() {
  static auto* list = new Released;  // never destroyed: threads may outlive static objects
  return *list;
}

int drain_pending(void*) {
  drain_released();
  return 0;
}

}  // namespace

rt::Lane& python_lane() {
  static auto* lane = new PythonLane;
  return *lane;
}

void forget_thread() {
  if (!this_thread.is_ours || is_finalizing()) return;
  PyEval_RestoreThread(this_thread.state);
  drain_released();
  const PyGILState_STATE made = this_thread.made;
  this_thread = {};
  PyGILState_Release(made);
}

bool holds_gil() { return PyGILState_Check() != 0; }

void release_later(PyObject* object) {
  if (is_finalizing()) return;  // the process ends; nobody may touch it any more
  if (holds_gil()) {
    Py_DECREF(object);
    return;
  }
  Released& list = released();
  bool first = false;
  {
    const std::scoped_lock lock(list.mutex);
    first = list.objects.empty();
    list.objects.push_back(object);
    list.any.store(true, std::memory_order_relaxed);  // a hint; the mutex orders
  }
  if (first) Py_AddPendingCall(drain_pending, nullptr);  // if its queue is full, the next entry drains
}

void drain_released() {
  Released& list = released();
  // relaxed: a hint; the mutex below orders.
  if (!list.any.load(std::memory_order_relaxed)) return;
  std::vector<PyObject*> objects;
  {
    const std::scoped_lock lock(list.mutex);
    objects.swap(list.objects);
    // relaxed: under the mutex.
    list.any.store(false, std::memory_order_relaxed);
  }
  for (PyObject* object : objects) Py_DECREF(object);
}

GilScope::GilScope() : entered_(!holds_gil()) {
  if (entered_) python_lane().enter();
}

GilScope::~GilScope() {
  if (entered_) python_lane().leave();
}

WithoutGil::WithoutGil() : state_(is_finalizing() ? nullptr : PyEval_SaveThread()) {}

WithoutGil::~WithoutGil() noexcept(false) {
  if (state_ == nullptr) return;
  if (is_finalizing()) sleep_for_ever();
  PyEval_RestoreThread(state_);
}

bool signal_raised() {
  const GilScope gil;
  return PyErr_CheckSignals() != 0;
}

}  // namespace bind
