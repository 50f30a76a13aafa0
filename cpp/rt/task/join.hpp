// JoinHandle<T>: who waits for a task's end, and takes its result.
//
// Rules for the join waker's field (after Tokio 1.48's task/mod.rs): the handle may write it while JOIN_WAKER is unset
// and the task is not complete; once JOIN_WAKER is set only the task may read it, until it is complete or the handle has
// taken the bit back. A handle that is awaited lies in the waiting task's own frame, so that task cannot go without taking
// the bit back: the waker borrows it, without a reference. If the end has been published by then, the one who is about to wake
// is left a reference instead (JoinRef::drop, publish_end).
#pragma once

#include <exception>
#include <type_traits>
#include <utility>

#include "rt/task/coroutine.hpp"

namespace rt {

/// The untyped half: one join reference. Move-only; dropping it lets the task go on alone.
class JoinRef {
 public:
  JoinRef() = default;
  explicit JoinRef(Header& task) : task_(&task) {}
  JoinRef(JoinRef&& other) noexcept : task_(std::exchange(other.task_, nullptr)) {}
  JoinRef& operator=(JoinRef&& other) noexcept {
    if (this != &other) {
      drop();
      task_ = std::exchange(other.task_, nullptr);
    }
    return *this;
  }
  ~JoinRef() { drop(); }

  /// True if the task has ended; otherwise `waker` will be woken (and is dropped if it is not needed).
  [[nodiscard]] bool poll(JoinWaker waker);
  /// The same for a task that waits, which is woken by a reference of its own.
  [[nodiscard]] bool poll(Header& waiter);
  /// The same, borrowing: this object lies in a frame of `waiter`, and is polled by it alone.
  [[nodiscard]] bool poll_in_frame(Header& waiter);
  /// Waits on this thread, which must not be a worker. False if the deadline (steady clock) came first.
  bool wait_until(Nanos deadline);

  [[nodiscard]] bool done() const { return task_->state.load().is_complete(); }
  /// False if the task had ended.
  bool cancel() { return request_cancel(*task_); }
  [[nodiscard]] std::uint64_t id() const { return task_->id; }
  [[nodiscard]] Header* task() const { return task_; }
  void drop();

 private:
  Header* task_ = nullptr;
};

/// `in_frame`: it lies in a frame of the task that polls it, always the same.
template <class T, bool in_frame = false>
class JoinLeaf final : public Leaf {
 public:
  explicit JoinLeaf(JoinRef&& ref) : ref_(std::move(ref)) {}
  [[nodiscard]] bool poll(Header& task) override {
    if (!coop::proceed(task)) return false;
    if (in_frame ? ref_.poll_in_frame(task) : ref_.poll(task)) return true;
    coop::give_back();
    return false;
  }
  [[nodiscard]] const char* what() const override { return "join"; }
  T take();

 private:
  JoinRef ref_;
};

/// The result of an ended task: returned, thrown, or Cancelled thrown.
template <class T>
T take_output(Header& task) {
  if (task.outcome == Outcome::cancelled || task.outcome == Outcome::none) throw Cancelled();
  if (task.outcome == Outcome::exception) {
    std::rethrow_exception(*static_cast<std::exception_ptr*>(task.output()));
  }
  if constexpr (!std::is_void_v<T>) return std::move(*static_cast<T*>(task.output()));
}

template <class T, bool in_frame>
T JoinLeaf<T, in_frame>::take() {
  return take_output<T>(*ref_.task());
}

/// Dropping it lets the task go on alone, so a spawn's handle may be ignored.
template <class T>
class JoinHandle {
 public:
  JoinHandle() = default;
  explicit JoinHandle(Header& task) : ref_(task) {}

  /// `co_await std::move(handle)`.
  [[nodiscard]] JoinLeaf<T> into_leaf() && { return JoinLeaf<T>(std::move(ref_)); }
  /// For a coroutine's own co_await only.
  [[nodiscard]] JoinLeaf<T, true> into_frame_leaf() && { return JoinLeaf<T, true>(std::move(ref_)); }

  /// Waits on this thread, which must not be a worker, and takes the result.
  T get() {
    ref_.wait_until(no_deadline);
    return take_output<T>(*ref_.task());
  }
  bool wait_until(Nanos deadline) { return ref_.wait_until(deadline); }
  [[nodiscard]] bool done() const { return ref_.done(); }
  bool cancel() { return ref_.cancel(); }
  [[nodiscard]] std::uint64_t id() const { return ref_.id(); }
  [[nodiscard]] JoinRef into_ref() && { return std::move(ref_); }

 private:
  JoinRef ref_;
};

}  // namespace rt
