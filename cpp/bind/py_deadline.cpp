#include "bind/py_deadline.hpp"

#include "bind/py_wait.hpp"

namespace bind {

void Deadline::enter(rt::Nanos at) {
  rt::Header* task = current_coroutine();
  if (task == nullptr) throw std::runtime_error("timeout() needs a stealscope task around it; spawn the coroutine on a Runtime");
  task_ = task;
  PyTask& python = py_task(*task);
  next_ = python.deadlines;
  python.deadlines = this;
  reschedule(at);
}

void Deadline::reschedule(rt::Nanos at) {
  at_ = at;
  if (task_ == nullptr) return;
  sleep_.reset();
  if (at == rt::no_deadline) return;
  sleep_.reset(new rt::Sleep(rt::Sleep::until(at)));
  // A deadline in the past is over at once, but it is thrown in at the next await, as in asyncio.
  if (sleep_->is_over(*task_)) rt::wake(*task_);
}

bool Deadline::leave() {
  if (task_ == nullptr) return expired_;
  Deadline** link = &py_task(*task_).deadlines;
  while (*link != nullptr && *link != this) link = &(*link)->next_;
  if (*link == this) *link = next_;
  task_ = nullptr;
  sleep_.reset();
  return expired_;
}

std::uint32_t Deadline::count_expired(rt::Header& task, PyTask& python) {
  std::uint32_t expired = 0;
  for (Deadline* deadline = python.deadlines; deadline != nullptr; deadline = deadline->next_) {
    if (deadline->expired_ || deadline->sleep_ == nullptr || !deadline->sleep_->is_over(task)) continue;
    deadline->expired_ = true;
    ++expired;
  }
  return expired;
}

void Deadline::detach_all(PyTask& python) {
  while (python.deadlines != nullptr) python.deadlines->leave();
}

void init_deadline(py::module_& module) {
  py::class_<Deadline>(module, "Deadline", "A point in time that cancels the coroutine it was entered in.")
      .def(py::init<>())
      .def("enter", &Deadline::enter, py::arg("at_ns"))
      .def("reschedule", &Deadline::reschedule, py::arg("at_ns"))
      .def("leave", &Deadline::leave)
      .def_property_readonly("expired", &Deadline::expired)
      .def_property_readonly("entered", &Deadline::entered);
}

}  // namespace bind
