// Typed references to a task: holding one is the proof of a right.
//
// Notified: a task that is ready, with the right to queue or run it. Waker: the right to make it ready. Each carries one
// reference; both are move-only, and neither allocates.
#pragma once

#include <utility>

#include "rt/task/header.hpp"

namespace rt {

/// The last reference is gone: clean up and free the slot.
void free_task(Header& task);
/// The same where this thread's context is at hand.
void free_task(Header& task, Context* here);

inline void drop_reference(Header& task) {
  if (task.state.drop_ref()) free_task(task);
}

/// Any thread. Makes the task ready if it is not; true if this call did it.
inline bool wake(Header& task) {
  if (task.state.wake_by_ref() != OnWake::submit) return false;
  task.home->schedule(task, Ready::woken);
  return true;
}

class Waker {
 public:
  Waker() = default;
  /// Takes a reference of its own.
  explicit Waker(Header& task) : task_(&task) { task.state.add_ref(); }
  /// Takes over a reference that has been counted.
  [[nodiscard]] static Waker take_over(Header& task) {
    Waker waker;
    waker.task_ = &task;
    return waker;
  }
  Waker(Waker&& other) noexcept : task_(std::exchange(other.task_, nullptr)) {}
  Waker& operator=(Waker&& other) noexcept {
    if (this != &other) {
      clear();
      task_ = std::exchange(other.task_, nullptr);
    }
    return *this;
  }
  ~Waker() { clear(); }

  /// Any thread. Uses the waker up.
  void wake() && {
    if (task_ == nullptr) return;
    Header& task = *std::exchange(task_, nullptr);
    switch (task.state.wake_by_value()) {
      case OnWake::submit: task.home->schedule(task, Ready::woken); break;  // our reference becomes the queue's
      case OnWake::dealloc: free_task(task); break;
      case OnWake::nothing: break;  // the transition has dropped our reference
    }
  }

  void clear() {
    if (task_ != nullptr) drop_reference(*std::exchange(task_, nullptr));
  }
  [[nodiscard]] Header* task() const { return task_; }
  [[nodiscard]] explicit operator bool() const { return task_ != nullptr; }

  /// Passes the reference on without dropping it.
  [[nodiscard]] Header* release() { return std::exchange(task_, nullptr); }

 private:
  Header* task_ = nullptr;
};

/// Any thread. Asks the task to end: at its next turn it is dropped where it waits, or told (Python coroutines).
/// False if it had ended.
bool request_cancel(Header& task);

}  // namespace rt
