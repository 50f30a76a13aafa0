// Task<T>: a C++ coroutine that is a task. Coro<T>: a coroutine that another one awaits in place.
//
// A Task's frame lies in a slot behind its header and its result (slots.hpp), so spawning allocates once. Each co_await
// records where it stands: a dump walks from the innermost promise outwards and runs nothing. Coroutines are functions
// or lambdas without captures: a capture would die with the lambda, while the coroutine goes on.
#pragma once

#include <cxxabi.h>

#include <concepts>
#include <coroutine>
#include <exception>
#include <new>
#include <optional>
#include <source_location>
#include <type_traits>
#include <utility>

#include "rt/task/branch.hpp"
#include "rt/task/frame_pool.hpp"
#include "rt/task/leaf.hpp"
#include "rt/task/promise.hpp"
#include "rt/task/slots.hpp"

namespace rt {

/// `co_await handle` of a task that was cancelled.
struct Cancelled : std::exception {
  [[nodiscard]] const char* what() const noexcept override { return "the task was cancelled"; }
};

/// Waits for a leaf: suspends to the scheduler unless it is ready at once.
template <class L>
class LeafAwaiter {
 public:
  LeafAwaiter(L& leaf, PromiseBase& promise) : leaf_(leaf), promise_(promise) {}
  [[nodiscard]] bool await_ready() { return leaf_.poll(*promise_.task); }
  void await_suspend(std::coroutine_handle<>) noexcept {
    promise_.task->leaf = &leaf_;
    promise_.task->resume_at = &promise_;
  }
  decltype(auto) await_resume() {
    if constexpr (requires { leaf_.take(); }) return leaf_.take();
  }

 private:
  L& leaf_;
  PromiseBase& promise_;
};

/// Runs the branches of a fork, and goes on when all have ended.
template <class F>
class ForkAwaiter {
 public:
  ForkAwaiter(F& fork, PromiseBase& promise) : fork_(fork), promise_(promise) {}
  [[nodiscard]] bool await_ready() const { return fork_.is_done(); }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<>) noexcept { return fork_.begin(promise_); }
  decltype(auto) await_resume() { return fork_.take(); }

 private:
  F& fork_;
  PromiseBase& promise_;
};

/// What is mostly over at once, so that a leaf is made only for a wait: `try_now(task)`, then either `take_now()` or `into_leaf()`.
template <class A>
concept Attempt = requires(A& attempt, Header& task) {
  { attempt.try_now(task) } -> std::same_as<bool>;
  attempt.take_now();
  std::move(attempt).into_leaf();
};

template <Attempt A>
class AttemptAwaiter {
 public:
  using L = decltype(std::declval<A&&>().into_leaf());
  AttemptAwaiter(A& attempt, PromiseBase& promise) : attempt_(attempt), promise_(promise) {}
  AttemptAwaiter(const AttemptAwaiter&) = delete;
  AttemptAwaiter& operator=(const AttemptAwaiter&) = delete;
  ~AttemptAwaiter() {
    if (has_leaf_) leaf_.~L();
  }
  [[nodiscard]] bool await_ready() { return attempt_.try_now(*promise_.task) || poll_leaf(); }
  void await_suspend(std::coroutine_handle<>) noexcept {
    promise_.task->leaf = &leaf_;
    promise_.task->resume_at = &promise_;
  }
  decltype(auto) await_resume() { return has_leaf_ ? leaf_.take() : attempt_.take_now(); }

 private:
  [[gnu::noinline]] bool poll_leaf() {
    new (&leaf_) L(std::move(attempt_).into_leaf());
    has_leaf_ = true;
    return leaf_.poll(*promise_.task);
  }

  A& attempt_;
  PromiseBase& promise_;
  bool has_leaf_ = false;
  union {
    L leaf_;
  };
};

template <class L> concept AwaitableLeaf = std::is_base_of_v<Leaf, L>;
template <class L> concept AwaitableFork = AwaitableLeaf<L> && std::is_base_of_v<ForkJoin, L>;

template <class T>
class Coro;
template <class T>
class CoroAwaiter;

/// The leaf that a thing turns into when a coroutine awaits it: in the coroutine's frame, where it stays.
template <class A>
auto leaf_in_frame(A&& awaitable) {
  if constexpr (requires { std::forward<A>(awaitable).into_frame_leaf(); }) {
    return std::forward<A>(awaitable).into_frame_leaf();
  } else {
    return std::forward<A>(awaitable).into_leaf();
  }
}

/// What all our promises have: which things may be awaited.
struct AwaitingPromise : PromiseBase {
  template <AwaitableLeaf L>
  auto await_transform(L&& leaf, std::source_location at = std::source_location::current()) {
    awaits_at = at;
    return LeafAwaiter<L>(leaf, *this);
  }
  template <AwaitableLeaf L>
  auto await_transform(L& leaf, std::source_location at = std::source_location::current()) {
    awaits_at = at;
    return LeafAwaiter<L>(leaf, *this);
  }
  template <AwaitableFork F>
  auto await_transform(F& fork, std::source_location at = std::source_location::current()) {
    awaits_at = at;
    return ForkAwaiter<F>(fork, *this);
  }
  /// Bind it to a name: the fork has to stay where it is, and some compilers move or forget temporaries of a co_await.
  template <AwaitableFork F>
  void await_transform(F&& temporary) = delete;
  template <class T>
  auto await_transform(Coro<T>&& child, std::source_location at = std::source_location::current()) {
    awaits_at = at;
    return CoroAwaiter<T>(std::move(child), *this);
  }
  template <Attempt A>
  auto await_transform(A&& attempt, std::source_location at = std::source_location::current()) {
    awaits_at = at;
    return AttemptAwaiter<std::remove_reference_t<A>>(attempt, *this);
  }
  /// Things that turn into a leaf: a JoinHandle.
  template <class A>
    requires(!Attempt<A> && requires(A&& a) { std::forward<A>(a).into_leaf(); })
  auto await_transform(A&& awaitable, std::source_location at = std::source_location::current()) {
    awaits_at = at;
    return OwningAwaiter<decltype(leaf_in_frame(std::forward<A>(awaitable)))>(std::forward<A>(awaitable), *this);
  }

  template <class L>
  class OwningAwaiter {
   public:
    template <class A>
    OwningAwaiter(A&& awaitable, PromiseBase& promise) : leaf_(leaf_in_frame(std::forward<A>(awaitable))), promise_(promise) {}
    [[nodiscard]] bool await_ready() { return leaf_.poll(*promise_.task); }
    void await_suspend(std::coroutine_handle<>) noexcept {
      promise_.task->leaf = &leaf_;
      promise_.task->resume_at = &promise_;
    }
    decltype(auto) await_resume() { return leaf_.take(); }

   private:
    L leaf_;
    PromiseBase& promise_;
  };
};

/// Rethrows what ends the thread, keeps everything else.
inline std::exception_ptr keep_exception() {
  try {
    throw;
  } catch (abi::__forced_unwind&) {
    throw;  // pthread_exit, as at interpreter exit: the thread is being unwound and must not be stopped
  } catch (...) {
    return std::current_exception();
  }
}

// ---- Task ---------------------------------------------------------------------------------------------------------

namespace detail {

/// A slot for a task's frame in the current runtime. Throws std::logic_error outside every runtime.
[[nodiscard]] Header& take_slot(SlotPlan plan);
/// The header of a frame that lies in a slot.
void give_up_slot(Header& header) noexcept;

template <class T>
using Stored = std::conditional_t<std::is_void_v<T>, char, T>;

template <class T>
void drop_stored(Header& task) {
  if (task.outcome == Outcome::value) {
    if constexpr (!std::is_void_v<T>) static_cast<T*>(task.output())->~T();
  } else if (task.outcome == Outcome::exception) {
    using std::exception_ptr;
    static_cast<exception_ptr*>(task.output())->~exception_ptr();
  }
  task.outcome = Outcome::none;
}

PollResult poll_coroutine(Header& task);
void cancel_coroutine(Header& task);
void destroy_frame(Header& task);

template <class T>
inline constexpr TaskVtable coroutine_vtable{poll_coroutine, cancel_coroutine, destroy_frame, drop_stored<T>, nullptr};

}  // namespace detail

template <class T>
class [[nodiscard]] Task {
 public:
  struct promise_type;
  using value_type = T;

  Task(Task&& other) noexcept : task_(std::exchange(other.task_, nullptr)) {}
  Task& operator=(Task&&) = delete;
  ~Task() {
    if (task_ == nullptr) return;
    detail::destroy_frame(*task_);  // never spawned
    detail::give_up_slot(*task_);
  }
  [[nodiscard]] Header* release() { return std::exchange(task_, nullptr); }

 private:
  explicit Task(Header& task) : task_(&task) {}
  Header* task_;
};

namespace detail {

template <class T>
struct TaskPromiseBase : AwaitingPromise {
  static void* operator new(std::size_t bytes) { return take_slot(slot_plan(sizeof(Stored<T>), bytes)).body(); }
  // The slot outlives the frame: the handle reads the result from it. Whoever drops the last reference frees it.
  static void operator delete(void*, std::size_t) noexcept {}

  std::suspend_always initial_suspend() noexcept { return {}; }

  struct Final {
    bool await_ready() noexcept { return false; }
    template <class P>
    void await_suspend(std::coroutine_handle<P> frame) noexcept {
      frame.promise().task->finished = true;
    }
    void await_resume() noexcept {}
  };
  Final final_suspend() noexcept { return {}; }

  void unhandled_exception() {
    new (task->output()) std::exception_ptr(keep_exception());
    task->outcome = Outcome::exception;
  }
};

template <class T>
struct TaskPromise : TaskPromiseBase<T> {
  template <class U>
  void return_value(U&& value) {
    new (this->task->output()) T(std::forward<U>(value));
    this->task->outcome = Outcome::value;
  }
};
template <>
struct TaskPromise<void> : TaskPromiseBase<void> {
  void return_void() { task->outcome = Outcome::value; }
};

/// The header in front of a frame: the slot is found from the frame's own address and the fixed room before it.
template <class T>
Header& header_of_frame(void* frame) {
  constexpr std::size_t room = (std::max<std::size_t>(sizeof(Stored<T>), 16) + 15) / 16 * 16;
  return *reinterpret_cast<Header*>(static_cast<std::byte*>(frame) - room - sizeof(Header));
}

}  // namespace detail

template <class T>
struct Task<T>::promise_type : detail::TaskPromise<T> {
  Task get_return_object() {
    this->self = std::coroutine_handle<promise_type>::from_promise(*this);
    Header& header = detail::header_of_frame<T>(this->self.address());
    this->task = &header;
    header.vtable = &detail::coroutine_vtable<T>;
    header.kind = Kind::native;
    header.resume_at = static_cast<PromiseBase*>(this);
    return Task(header);
  }
};

// ---- Coro ---------------------------------------------------------------------------------------------------------

namespace detail {

struct CoroPromiseBase : AwaitingPromise, Pooled {
  std::suspend_always initial_suspend() noexcept { return {}; }
  struct Final {
    bool await_ready() noexcept { return false; }
    template <class P>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<P> frame) noexcept {
      const Caller caller = frame.promise().caller;
      if (caller.is_branch()) return caller.branch().fork->after(caller.branch());
      return caller.frame()->self;
    }
    void await_resume() noexcept {}
  };
  Final final_suspend() noexcept { return {}; }
  void unhandled_exception() { error = keep_exception(); }
  std::exception_ptr error;
};

template <class T>
struct CoroPromise : CoroPromiseBase {
  template <class U>
  void return_value(U&& value) {
    result.emplace(std::forward<U>(value));
  }
  T take() {
    if (error) std::rethrow_exception(error);
    return std::move(*result);
  }
  std::optional<T> result;
};
template <>
struct CoroPromise<void> : CoroPromiseBase {
  void return_void() {}
  void take() {
    if (error) std::rethrow_exception(error);
  }
};

}  // namespace detail

template <class T>
class [[nodiscard]] Coro {
 public:
  struct promise_type : detail::CoroPromise<T> {
    Coro get_return_object() {
      auto frame = std::coroutine_handle<promise_type>::from_promise(*this);
      this->self = frame;
      return Coro(frame);
    }
  };
  Coro(Coro&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  Coro& operator=(Coro&&) = delete;
  ~Coro() {
    if (frame_) frame_.destroy();
  }

  /// Gives the frame away: it has not begun.
  [[nodiscard]] PromiseBase* release() { return &std::exchange(frame_, nullptr).promise(); }

 private:
  friend class CoroAwaiter<T>;
  explicit Coro(std::coroutine_handle<promise_type> frame) : frame_(frame) {}
  std::coroutine_handle<promise_type> frame_;
};

template <class T>
class CoroAwaiter {
 public:
  CoroAwaiter(Coro<T>&& child, PromiseBase& awaiter) : child_(std::move(child)), awaiter_(awaiter) {}
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<>) noexcept {
    auto& promise = child_.frame_.promise();
    promise.task = awaiter_.task;
    promise.caller = Caller(awaiter_);
    return child_.frame_;
  }
  T await_resume() { return child_.frame_.promise().take(); }

 private:
  Coro<T> child_;
  PromiseBase& awaiter_;
};

}  // namespace rt
