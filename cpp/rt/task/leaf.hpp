// What does a suspended task wait for? One Leaf, which can say whether the wait is over.
//
// A wake does not mean that the wait is over (another leaf may have woken the task, or a cancellation); so a poll asks
// the leaf first, and only a leaf that is ready lets the coroutine go on. The same leaf serves a C++ coroutine, in whose
// frame it lies, and a Python one, which keeps it in an awaitable. Destroying a leaf takes its waker back.
#pragma once

#include <cstdint>
#include <source_location>

#include "rt/task/context.hpp"
#include "rt/task/waker.hpp"

namespace rt {

class ForkJoin;

class Leaf {
 public:
  Leaf() = default;
  Leaf(const Leaf&) = delete;
  Leaf& operator=(const Leaf&) = delete;
  virtual ~Leaf() = default;

  /// True if the wait is over. Otherwise the task's waker is registered, and a wake will follow.
  [[nodiscard]] virtual bool poll(Header& task) = 0;

  /// A word for a person who reads a dump: "sleep", "semaphore", "join".
  [[nodiscard]] virtual const char* what() const = 0;

  /// Itself, if it is one: a task that waits there is not dropped before its branches (branch.hpp).
  [[nodiscard]] virtual ForkJoin* as_fork_join() { return nullptr; }
};

namespace coop {

/// Takes one unit of the budget. False: there is none left, and the task is deferred; the leaf is to return pending.
[[nodiscard]] bool proceed(Header& task);

/// A leaf that ends pending gives its unit back.
void give_back();

/// As proceed(), where that is a subtraction and no more: it is not the last unit, and nothing holds the task back.
[[nodiscard]] inline bool take_if_plenty(const Header& task) {
  Context* const context = current();
  if (context == nullptr || context->budget.left < 2 || task.working) return false;
  if (context->budget.is_limited()) --context->budget.left;
  return true;
}

}  // namespace coop

/// In the task's poll, which then ends pending: it is ready again after the worker's next look at the driver; outside a worker at once.
inline void defer(Header& task) { task.yields = true; }

/// Ready at the second poll: in between everything else that is ready had a turn. Source: Tokio task/yield_now.rs.
class YieldNow final : public Leaf {
 public:
  [[nodiscard]] bool poll(Header& task) override {
    if (yielded_) return true;
    yielded_ = true;
    defer(task);
    return false;
  }
  [[nodiscard]] const char* what() const override { return "yield_now"; }

 private:
  bool yielded_ = false;
};

/// Ready at once, for one unit of the budget. Source: Tokio task/coop/consume_budget.rs.
class ConsumeBudget final : public Leaf {
 public:
  [[nodiscard]] bool poll(Header& task) override;
  [[nodiscard]] const char* what() const override { return "consume_budget"; }
};

/// Busy for a span of time. On threads it spins there and then; in a simulation the poll stays open meanwhile.
class Work final : public Leaf {
 public:
  explicit Work(Nanos span) : span_(span) {}
  [[nodiscard]] bool poll(Header& task) override;
  [[nodiscard]] const char* what() const override { return "work"; }

 private:
  Nanos span_;
  bool begun_ = false;
};

[[nodiscard]] inline YieldNow yield_now() { return {}; }
[[nodiscard]] inline ConsumeBudget consume_budget() { return {}; }
[[nodiscard]] inline Work work(Nanos span) { return Work(span); }

/// Keeps this thread busy for that long, outside virtual time.
void spin_for(Nanos span);

}  // namespace rt
