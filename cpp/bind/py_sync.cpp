// Event, Notify, Semaphore, Lock and Barrier: rt/sync for Python. stealscope/sync.py checks arguments and has the words.
//
// Any thread may call the plain methods; the GIL stays held, since they take a mutex for a few instructions and never
// wait. Read next: py_channels.cpp.
#include "bind/py_sync.hpp"

#include "bind/classes.hpp"
#include "bind/py_region.hpp"
#include "rt/drive/simulate.hpp"
#include "rt/sync/barrier.hpp"
#include "rt/sync/channel_core.hpp"
#include "rt/sync/event.hpp"
#include "rt/sync/lock.hpp"
#include "rt/sync/notify.hpp"
#include "rt/task/context.hpp"

namespace bind {
namespace {

class ReadyLeaf final : public rt::Leaf {
 public:
  [[nodiscard]] bool poll(rt::Header&) override { return true; }
  [[nodiscard]] const char* what() const override { return "ready"; }
};

PyObject* place_in_round(rt::BarrierLeaf& leaf) { return PyLong_FromSize_t(leaf.take()); }

void refuse_in_coroutine(const char* call, const char* instead) {
  if (current_coroutine() == nullptr) return;
  const bool is_simulated = rt::current()->home->simulated();
  if (in_region() && !is_simulated) return;
  PyErr_Format(PyExc_RuntimeError, "%s in a coroutine would block its thread; use `await %s` instead%s", call, instead,
               is_simulated ? "" : ", or call it inside block_in_place()");
  throw py::error_already_set();
}

void refuse_in_simulation(const char* call) {
  rt::Context* context = rt::current();
  if (context == nullptr || context->task == nullptr || !context->home->simulated()) return;
  PyErr_Format(PyExc_RuntimeError, "%s would stop virtual time; in a simulation make the caller a coroutine and await", call);
  throw py::error_already_set();
}

void init_event(py::module_& module) {
  py::class_<rt::Event>(module, "Event")
      .def(py::init<>())
      .def("set", [](rt::Event& event) { with_sync_errors([&] { event.set(); }); })
      .def("clear", &rt::Event::clear)
      .def("is_set", &rt::Event::is_set)
      .def("wait", [](rt::Event& event) { return await_leaf<take_none>([&] { return event.wait(); }); })
      .def("wait_blocking", [](rt::Event& event, rt::Nanos timeout_ns) {
        rt::Event kept = event;  // the Python object may go while the GIL is free
        return wait_blocking("Event.wait_blocking()", "event.wait()",
                             [&](const auto& give_up) { return kept.wait_blocking(timeout_ns, give_up); });
      });
}

void init_notify(py::module_& module) {
  py::class_<rt::Notify>(module, "Notify")
      .def(py::init<>())
      .def("notify_one", [](rt::Notify& notify) { with_sync_errors([&] { notify.notify_one(); }); })
      .def("notify_all", [](rt::Notify& notify) { with_sync_errors([&] { notify.notify_all(); }); })
      .def("notified", [](rt::Notify& notify) { return await_leaf<take_none>([&] { return notify.notified(); }); });
}

/// What a semaphore and a lock share; `async with` gives the permit back at once, without a turn in between.
template <class Primitive>
void add_acquire(py::class_<Primitive>& type) {
  type.def("acquire", [](Primitive& of) { return await_leaf<take_true>([&] { return of.acquire(); }); })
      .def("try_acquire", [](Primitive& of) { return of.try_acquire(); })
      .def("release", [](Primitive& of) { with_sync_errors([&] { of.release(); }); })
      .def("enter", [](Primitive& of) { return await_leaf<take_none>([&] { return of.acquire(); }); })
      .def("leave",
           [](Primitive& of) {
             with_sync_errors([&] { of.release(); });
             return ready_wait();
           })
      .def("waiting", &Primitive::waiting);
}

void init_semaphore_and_lock(py::module_& module) {
  py::class_<rt::Semaphore> semaphore(module, "Semaphore");
  semaphore.def(py::init<std::size_t>()).def("available", &rt::Semaphore::available);
  add_acquire(semaphore);
  py::class_<rt::Lock> lock(module, "Lock");
  lock.def(py::init<>()).def("is_locked", &rt::Lock::is_locked);
  add_acquire(lock);
}

void init_barrier(py::module_& module) {
  py::class_<rt::Barrier>(module, "Barrier")
      .def(py::init([](std::size_t parties) { return with_sync_errors([&] { return std::make_unique<rt::Barrier>(parties); }); }))
      .def("wait", [](rt::Barrier& barrier) { return await_leaf<place_in_round>([&] { return barrier.wait(); }); })
      .def("parties", &rt::Barrier::parties)
      .def("waiting", &rt::Barrier::waiting);
}

}  // namespace

void check_wakes() {
  if (!rt::SimDrive::had_foreign_wake()) return;
  throw std::runtime_error(
      "this woke a task of a simulation from another thread than the one that runs it, which comes at no time of its clock; wake "
      "it "
      "from a task of the simulation");
}

void set_sync_error() noexcept {
  try {
    throw;
  } catch (py::error_already_set& error) {
    error.restore();
  } catch (const rt::ChannelClosed& error) {
    set_stealscope_error("ChannelClosed", error.what());
  } catch (const std::invalid_argument& error) {
    PyErr_SetString(PyExc_ValueError, error.what());
  } catch (const std::exception& error) {
    PyErr_SetString(PyExc_RuntimeError, error.what());
  }
}

bool wait_blocking(const char* call, const char* instead, const std::function<bool(const std::function<bool()>&)>& wait) {
  refuse_in_coroutine(call, instead);
  refuse_in_simulation(call);
  return with_sync_errors([&] { return wait_where_allowed(call, wait); });
}

bool check_may_block(const char* call, const char* instead) {
  refuse_in_simulation(call);
  rt::Context* context = rt::current();
  const bool on_worker = context != nullptr && context->worker != nullptr;
  if (on_worker) refuse_in_coroutine(call, instead);
  return on_worker;
}

py::object ready_wait() {
  return make_wait([] { return ReadyLeaf(); });
}

void init_sync(py::module_& module) {
  init_event(module);
  init_notify(module);
  init_semaphore_and_lock(module);
  init_barrier(module);
  module.def("check_may_block", &check_may_block, py::arg("call"), py::arg("instead"));
}

}  // namespace bind
