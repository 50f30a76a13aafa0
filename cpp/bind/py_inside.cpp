// What code inside a task asks for: sleep, yield, work, the budget, the current task, block_in_place.
#include "bind/classes.hpp"
#include "bind/py_join.hpp"
#include "bind/py_region.hpp"
#include "bind/py_task.hpp"
#include "bind/py_wait.hpp"
#include "rt/task/blocking.hpp"
#include "rt/task/context.hpp"
#include "rt/time/driver.hpp"

namespace bind {
namespace {

/// A task, as the code that runs in it sees itself. Holds a reference, so it may be kept.
class CurrentTask {
 public:
  explicit CurrentTask(rt::Header& task) : waker_(task) {}
  [[nodiscard]] std::uint64_t id() const { return waker_.task()->id; }
  [[nodiscard]] std::string name() const { return waker_.task()->extra != nullptr ? waker_.task()->extra->name : std::string(); }
  bool cancel() { return rt::request_cancel(*waker_.task()); }
  [[nodiscard]] std::uint32_t cancelling() const {
    const PyTask* task = python();
    // relaxed: the GIL orders those who count.
    return task == nullptr ? 0 : task->cancelling + task->cancel_requests.load(std::memory_order_relaxed);
  }
  /// One that has been thrown in before one that has not; with `pending_first` the other way round, for who may take back
  /// a request that never arrived.
  std::uint32_t uncancel(bool pending_first) {
    PyTask* task = python();
    if (task == nullptr) return 0;
    if (task->cancelling > 0 && !(pending_first && take_back_pending(*task))) {
      --task->cancelling;
    } else if (task->cancelling == 0) {
      static_cast<void>(take_back_pending(*task));
    }
    return cancelling();
  }
  [[nodiscard]] bool shutting_down() const {
    const PyTask* task = python();
    return task != nullptr && task->shutting_down;
  }
  [[nodiscard]] bool same_as(const CurrentTask& other) const { return waker_.task() == other.waker_.task(); }

 private:
  static bool take_back_pending(PyTask& task) {
    // relaxed: a count; the exchange below decides.
    std::uint32_t pending = task.cancel_requests.load(std::memory_order_relaxed);
    // relaxed: a request carries nothing but itself.
    while (pending > 0 && !task.cancel_requests.compare_exchange_weak(pending, pending - 1, std::memory_order_relaxed)) {
    }
    return pending > 0;
  }
  [[nodiscard]] PyTask* python() const { return is_python(*waker_.task()) ? &py_task(*waker_.task()) : nullptr; }
  rt::Waker waker_;
};

std::unique_ptr<CurrentTask> current_task() {
  rt::Context* context = rt::current();
  if (context == nullptr || context->task == nullptr) return nullptr;
  return std::make_unique<CurrentTask>(*context->task);
}

/// The world's clock, or an error outside every runtime.
rt::Nanos now() {
  rt::Context* context = rt::current();
  if (context == nullptr || context->home == nullptr) {
    throw std::runtime_error("outside every stealscope runtime there is no clock to ask");
  }
  return context->home->now();
}

py::object block_in_place(rt::Nanos cost, const py::function& function, const py::tuple& args) {
  rt::Context* context = rt::current();
  if (context == nullptr || context->worker == nullptr) {
    const RegionMark region;
    return function(*args);
  }
  const RegionMark region;
  py::object result;
  std::optional<py::error_already_set> error;
  {
    const WithoutGil unlocked;  // the hand-over wakes tasks and may make a thread
    context->home->block_in_place(
        [&] {
          const GilScope locked;
          try {
            result = function(*args);
          } catch (py::error_already_set& raised) {
            error = std::move(raised);
          }
        },
        cost);
  }
  if (error) throw std::move(*error);
  return result;
}

}  // namespace

void init_inside(py::module_& module) {
  py::class_<CurrentTask>(module, "CurrentTask", "The task whose code runs: its number, its name, and its cancellation.")
      .def_property_readonly("id", &CurrentTask::id)
      .def_property_readonly("name", &CurrentTask::name)
      .def("cancel", &CurrentTask::cancel, "Asks this task to end; False if it had ended.")
      .def("cancelling", &CurrentTask::cancelling, "Requests to cancel that have not been taken back.")
      .def("uncancel", &CurrentTask::uncancel, py::arg("pending_first") = false,
           "Takes one request back; returns how many are left.")
      .def_property_readonly("shutting_down", &CurrentTask::shutting_down,
                             "True while the scheduler ends this task: every await is cancelled, and no other task runs.")
      .def("__eq__", &CurrentTask::same_as)
      .def("__hash__", &CurrentTask::id);
  module.def("current_task", &current_task);
  module.def("now_ns", &now);
  module.def("sleep_ns", [](rt::Nanos span) { return make_wait([&] { return rt::Sleep::for_span(span); }); });
  module.def("sleep_until_ns", [](rt::Nanos at) { return make_wait([&] { return rt::Sleep::until(at); }); });
  module.def("yield_now", [] { return make_wait([] { return rt::YieldNow(); }); });
  module.def("consume_budget", [] { return make_wait([] { return rt::ConsumeBudget(); }); });
  module.def("work_ns", [](rt::Nanos span) { return make_wait([&] { return rt::Work(span); }); });
  module.def("spin_ns", &rt::spin_for, py::call_guard<WithoutGil>());
  module.def("block_in_place", &block_in_place, py::arg("cost_ns"), py::arg("function"), py::arg("args"));
  module.def("enters_coroutine", [] { return current_coroutine() != nullptr; });
}

}  // namespace bind
