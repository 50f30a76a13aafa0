// What is a scheduler, as seen by a task, a wait or a handle?
//
// The face that tasks, wakers, timers and sync primitives know, compiled once; Shared<Env> (core/shared.hpp) is the
// scheduler behind it, in each world. A task reaches its home through one pointer in its header.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>

#include "rt/env/environment.hpp"
#include "rt/policy/placement.hpp"

namespace rt {

struct Context;
class DumpFace;
struct HandedOver;
struct Header;
struct Hooks;
class SlotRegistry;
class TimeDriver;

/// How a task that is ready came to be so; it decides where it is put (BEHAVIOUR: yields go behind everything).
enum class Ready : std::uint8_t {
  woken,    // from elsewhere: may take the LIFO slot
  yielded,  // woken while it ran: to the back of the queue
};

/// Where a new task is to start; all optional.
struct Destination {
  static constexpr std::uint32_t any_worker = ~std::uint32_t{0};
  std::uint32_t worker = any_worker;     // on this one and no other
  std::optional<Placement> placement{};  // else as the policy says
  bool child_first = false;              // a fork whose parent steps aside: see forks_child_first()
  [[nodiscard]] bool is_by_policy() const { return worker == any_worker && !placement && !child_first; }
};

class Home {
 public:
  Home(const Home&) = delete;
  Home& operator=(const Home&) = delete;
  virtual ~Home() = default;

  /// Any thread. Takes over one reference of a task that is marked notified, and queues it.
  virtual void schedule(Header& task, Ready how) = 0;

  /// Any thread. The number of the next task; before its word says "new", since a shutdown's walk may end it from then on.
  [[nodiscard]] virtual std::uint64_t next_id() { return 0; }

  /// Any thread. Counts, reports and queues a new task whose word says "new" (its queue reference is passed on).
  virtual void submit_new(Header& task, const Destination& to) = 0;

  /// Any thread. The same for a chain of n >= 1 tasks, of which others hold no queue reference; they become ready at once.
  virtual void submit_batch(Header& first, Header& last, std::size_t n);

  /// True on a worker that runs a forked child before its parent (policy: fork). Then submit_new() takes child_first, and the
  /// parent, which ends its poll there, is queued behind what is ready.
  [[nodiscard]] virtual bool forks_child_first() const { return false; }

  /// Any thread. Hands a new blocking job to the pool (in a simulation: runs it at once).
  virtual void submit_blocking(Header& task, Nanos cost) = 0;

  /// Any thread, whose context is `here`. The joiner has been woken: run the terminate hook, take the task off the books.
  virtual void ended(Header& task, Context* here) = 0;

  /// This world's clock: on a worker its own, elsewhere that of the world.
  [[nodiscard]] virtual Nanos now() = 0;

  [[nodiscard]] virtual TimeDriver& timers() = 0;
  [[nodiscard]] virtual SlotRegistry& slots() = 0;

  /// True where time is virtual: work() suspends instead of spinning, and nothing may block.
  [[nodiscard]] virtual bool simulated() const = 0;

  /// +1 when a poll has used up its budget (metric budget_forced_yield_count). Any thread.
  virtual void count_forced_yield() = 0;

  /// Runs `blocking` with the worker's core handed on, if this thread has one; `cost` is charged in a simulation.
  virtual void block_in_place(const std::function<void()>& blocking, Nanos cost) = 0;

  /// The same in two halves, for a scope that is no function: gives this thread's core away, if it has one (a simulation
  /// keeps it: nothing blocks there). Throws std::runtime_error if no thread is left for it.
  [[nodiscard]] virtual HandedOver hand_over();
  /// The same thread, after each hand_over(), in reverse order. The core may have gone for good.
  virtual void take_back(const HandedOver& given);

  /// Which runtime or simulation this is, also through a wrapper: what may wait together has the same one.
  [[nodiscard]] const void* world() const { return world_; }

  /// Calls it once, outside every task, when this world's clock has come to `when`; what it spawns comes from outside. On threads
  /// as close to that as a thread of its own can come; in a simulation exactly then. It is not called if the world ends before.
  virtual void call_at(Nanos when, std::function<void()> call);

  /// Any thread. Between the two the workers rest as soon as they have time for their upkeep, so that a tree of tasks can be ended from
  /// its root while nobody makes it grow. They need not be waited for. In a simulation nobody moves meanwhile anyway.
  virtual void pause_workers() {}
  virtual void resume_workers() {}

  /// Who makes the dumps of this world; null if nobody does.
  [[nodiscard]] virtual DumpFace* dumps() { return nullptr; }

 protected:
  Home() = default;
  /// A wrapper, of that world.
  explicit Home(const void* world) : world_(world) {}

 private:
  const void* const world_ = this;
};

}  // namespace rt
