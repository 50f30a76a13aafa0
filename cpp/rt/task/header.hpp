// What is a task? The 128 bytes that every task has, whatever it runs.
//
// A header stands at the start of its slot (slots.hpp) and is constructed once, when the slot is carved: a handle or a
// walk of the registry may look at it at any time, and the state word tells whether a task is in it. Invariant: a
// header with a reference count of zero is free; only its slot's owner writes to it.
// Read next: state.hpp (the word), poll.hpp (one poll from start to end), leaf.hpp (what a suspended task waits for).
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <source_location>
#include <string>

#include "rt/env/environment.hpp"
#include "rt/env/thread_env.hpp"
#include "rt/task/home.hpp"
#include "rt/task/state.hpp"

namespace rt {

struct Header;
class Leaf;
class Lane;

/// What a task runs. "native" is a C++ coroutine or function; the Python kinds are polled by the binding.
enum class Kind : std::uint8_t { native, coroutine, callable, blocking };

/// How a task ended. Written by the poll before COMPLETE is published, read by the joiner after it saw COMPLETE.
enum class Outcome : std::uint8_t { none, value, exception, cancelled };

enum class PollResult : std::uint8_t {
  pending,  // it waits: its waker is registered somewhere
  ready,    // it ended: the outcome is stored
};

/// What differs between kinds of task.
struct TaskVtable {
  /// One poll. May throw only a forced unwind of the thread.
  PollResult (*poll)(Header&);
  /// Ends a task that waits: native frames are destroyed, a Python coroutine is unwound. Leaves an outcome.
  void (*cancel)(Header&);
  /// Destroys what poll runs (frame, callable). Called once, after `ready` or within cancel's caller.
  void (*drop_future)(Header&);
  /// Destroys a stored value that nobody will take.
  void (*drop_output)(Header&);
  /// For tasks that want to be told of a cancellation at their next poll instead of being dropped; else null.
  void (*request_cancel)(Header&);
};

/// Whom the end of a task is told to: a waiting task, a waiting thread, a callback list. One word says what, one whom.
class JoinWaker {
 public:
  struct Vtable {
    void (*wake)(void*);
    void (*drop)(void*);
    bool borrows = false;  // the data is the waiting task, without a reference: see join.hpp
  };
  JoinWaker() = default;
  JoinWaker(const Vtable* vtable, void* data) : vtable_(vtable), data_(data) {}
  void wake() const { vtable_->wake(data_); }
  void drop() {
    if (vtable_ != nullptr) vtable_->drop(data_);
    vtable_ = nullptr;
  }
  [[nodiscard]] bool is_set() const { return vtable_ != nullptr; }
  /// The waiting task that is borrowed, if any.
  [[nodiscard]] Header* lender() const { return vtable_ != nullptr && vtable_->borrows ? static_cast<Header*>(data_) : nullptr; }
  [[nodiscard]] bool same_as(const JoinWaker& other) const { return vtable_ == other.vtable_ && data_ == other.data_; }

 private:
  const Vtable* vtable_ = nullptr;
  void* data_ = nullptr;
};

/// Where a task was spawned: in C++ the call's source line, from Python one that the tasks of that line share.
struct SpawnPlace {
  std::string file;
  std::string function;
  std::uint32_t line = 0;
};

/// What is known about few tasks only, so it is kept outside the header. Counted: tasks without a name share one a place.
struct TaskExtra {
  TaskExtra(std::string called, std::shared_ptr<const SpawnPlace> from) : name(std::move(called)), place(std::move(from)) {}

  std::string name;
  std::shared_ptr<const SpawnPlace> place;  // null: not from Python

  [[nodiscard]] TaskExtra* hold() noexcept {
    holders_.fetch_add(1, relaxed);  // relaxed: who holds one may make another
    return this;
  }
  void drop() noexcept {
    // acq_rel: the last one out must see all that the others did with it before it frees it.
    if (holders_.fetch_sub(1, acq_rel) == 1) delete this;
  }

 private:
  std::atomic<std::uint32_t> holders_{1};
};

struct alignas(64) Header {
  // First line: what a wake, a queue and a poll touch.
  TaskState<ThreadEnv> state;
  Header* queue_next = nullptr;  // in inject, in a batch, or in a free list
  const TaskVtable* vtable = nullptr;
  Home* home = nullptr;
  Leaf* leaf = nullptr;       // what it waits for; null: go on at resume_at
  void* resume_at = nullptr;  // the innermost coroutine's handle
  std::uint64_t id = 0;
  std::atomic<std::uint32_t> polls{0};  // written by the worker that polls
  std::atomic<std::uint16_t> last_worker{0};
  Kind kind = Kind::native;
  Outcome outcome = Outcome::none;
  // Second line: the ends of a life.
  JoinWaker join_waker;
  Lane* lane = nullptr;  // the lock its polls need held, if any
  TaskExtra* extra = nullptr;
  std::source_location spawned_at;
  std::atomic<Nanos> born{0};         // the spawning world's clock
  std::atomic<Nanos> ready_since{0};  // set at a wake when latency is measured
  std::uint16_t size_class = 0;       // of its slot, fixed
  std::uint16_t body_offset = 0;      // from the header to the frame or payload
  bool finished = false;              // the coroutine reached its end in this poll
  bool working = false;               // simulation: this poll is not over, whatever it returned: it is busy for a while
  bool yields = false;                // this poll gives way: the task is ready again once its worker has looked at the driver
  std::atomic<bool> gave_way{false};  // it stands in a queue and says RUNNING; written and read by its holder, and by a dump

  /// The room for the result, right behind the header.
  [[nodiscard]] void* output() noexcept { return this + 1; }
  /// The coroutine frame, or the payload of another kind of task.
  [[nodiscard]] void* body() noexcept { return reinterpret_cast<std::byte*>(this) + body_offset; }
};

static_assert(sizeof(Header) == 128, "two cache lines: the memory of an idle task is counted in them");

}  // namespace rt
