// Where am I? What the code that runs now on this thread may reach: its scheduler, its worker, its task, its budget.
//
// One Context lies on the stack of each thread that turns a worker (in a simulation: one for each virtual worker), and
// one for each block_on; a thread-local pointer finds it. Never keep the result of current() over a co_await: a
// coroutine may go on on another thread, and compilers keep thread-local addresses.
#pragma once

#include <atomic>
#include <cstdint>

#include "rt/env/environment.hpp"
#include "rt/env/thread_env.hpp"

namespace rt {

struct Branch;
struct Header;
template <Environment Env, class T>
class ForkStack;
class Home;
class Lane;
class SlotCache;
struct IdBlock;

/// A worker, as the code it polls sees it.
class WorkerFace {
 public:
  virtual void schedule_local(Header& task, bool is_yield) = 0;
  /// This task is the next one that the worker polls. One at a time.
  virtual void run_next(Header& task) = 0;
  /// Queues the task after the next look at the driver. It says notified; takes over the queue's reference.
  virtual void defer(Header& task) = 0;
  /// Simulation: the poll stays open and goes on when the worker's clock has come to `until`.
  virtual void busy_until(Nanos until) = 0;
  [[nodiscard]] virtual Nanos now() const = 0;
  /// The last time that it was told, without asking a clock: up to a turn's upkeep old.
  [[nodiscard]] virtual Nanos last_clock() const = 0;
  [[nodiscard]] virtual std::uint32_t index() const = 0;
  /// The worker's dice: a number in [0, n).
  [[nodiscard]] virtual std::uint32_t choose(std::uint32_t n) = 0;

  // For forks (branch.hpp). What lies on the fork stack is shown to thieves, and they are told.
  virtual void share_forks() = 0;
  /// What lies on the fork stack becomes tasks: the task that forked it is about to wait or to block.
  virtual void release_forks() = 0;
  /// Whether a task that has forked often enough for a look around may go on: nothing else waits for this worker.
  [[nodiscard]] virtual bool keeps_on(Header& task) = 0;
  [[nodiscard]] virtual std::uint32_t forks_between_looks() const = 0;
  /// Simulation.
  virtual void charge_forks(std::uint32_t branches) = 0;

 protected:
  ~WorkerFace() = default;
};

/// Cooperative budget of one turn (Tokio: task/coop). Unconstrained outside a turn and inside block_in_place.
struct Budget {
  static constexpr std::uint32_t unlimited = ~std::uint32_t{0};
  std::uint32_t left = unlimited;
  [[nodiscard]] bool is_limited() const { return left != unlimited; }
};

/// Tasks made and ended by one worker: written by it alone, read by anybody.
struct alignas(64) TaskCounts {
  std::atomic<std::uint64_t> spawned{0};
  std::atomic<std::uint64_t> ended{0};
};

struct Context {
  Home* home = nullptr;
  WorkerFace* worker = nullptr;  // null: no worker here, or its core was handed on
  SlotCache* slots = nullptr;
  TaskCounts* counts = nullptr;
  IdBlock* ids = nullptr;
  Header* task = nullptr;  // the task being polled
  Budget budget;
  std::uint32_t forks_until_look = 0;
  bool has_forked = false;                        // since release_forks() or the end of a poll last looked
  bool charges_forks = false;                     // simulation
  ForkStack<ThreadEnv, Branch>* forks = nullptr;  // with `worker`
  Lane* lane = nullptr;                           // the lane this thread is in
  Context* outer = nullptr;                       // the context that this one covers (block_on within block_in_place)
};

/// What was given away by Home::hand_over(): where the task goes on if the thread gets its core back.
struct HandedOver {
  WorkerFace* worker = nullptr;  // null: there was no core to give
  Header* task = nullptr;
  Budget budget;
};

/// This thread's context, or null outside every runtime.
[[nodiscard]] Context* current() noexcept;
void set_current(Context* context) noexcept;

/// Enters a context for the length of a scope.
class ContextScope {
 public:
  explicit ContextScope(Context& context) {
    context.outer = current();
    set_current(&context);
    context_ = &context;
  }
  ~ContextScope() { set_current(context_->outer); }
  ContextScope(const ContextScope&) = delete;
  ContextScope& operator=(const ContextScope&) = delete;

 private:
  Context* context_;
};

}  // namespace rt
