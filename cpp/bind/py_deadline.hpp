// ss.timeout's native half: a timer that, when it is over, throws CancelledError into the coroutine it stands in.
//
// It is asked at each wake of its task, so it needs no task and no callback of its own: the sleep's waker is the task's.
#pragma once

#include <memory>

#include "bind/py_task.hpp"
#include "rt/time/driver.hpp"

namespace bind {

class Deadline {
 public:
  ~Deadline() { leave(); }

  /// Inside a coroutine of ours. `at`: on the runtime's clock, or no_deadline.
  void enter(rt::Nanos at);
  /// A new point in time, while entered.
  void reschedule(rt::Nanos at);
  /// Ends it; true if it had expired.
  bool leave();
  [[nodiscard]] bool expired() const { return expired_; }
  [[nodiscard]] bool entered() const { return task_ != nullptr; }
  [[nodiscard]] rt::Nanos when() const { return at_; }

  /// The task's poll asks all of its deadlines: how many have expired just now. Each counts as a request to cancel, and
  /// takes its own back when it is left.
  static std::uint32_t count_expired(rt::Header& task, PyTask& python);
  /// The task has ended: those that were never left are left behind.
  static void detach_all(PyTask& python);

 private:
  rt::Header* task_ = nullptr;
  Deadline* next_ = nullptr;
  std::unique_ptr<rt::Sleep> sleep_;
  rt::Nanos at_ = rt::no_deadline;
  bool expired_ = false;
};

void init_deadline(py::module_& module);

}  // namespace bind
