// How does a coroutine run several others at once, without a task and a join handle for each? As branches of a ForkJoin.
//
// The branches are coroutines whose frames belong to the parent. All but the first go onto the worker's fork stack; the first runs
// at once, as a part of the parent's own task, and each one that ends goes on to the next that it still finds on the stack. So a
// branch that nobody takes costs a push, a pop and a call. A branch becomes a task of its own (make_task) when a thief takes it,
// and when the task that forked it waits or blocks while the branch has not begun: what waits never keeps its siblings from
// running.
// Invariants: the fork stack is empty between two polls. A parent goes on, and is dropped, only when all of its branches have ended.
// Read next: fork_stack.hpp, join_count.hpp (the two protocols), branch.cpp (the slow paths), fork_join.hpp (how to write it).
#pragma once

#include <atomic>
#include <cassert>
#include <coroutine>
#include <cstdint>

#include "rt/env/thread_env.hpp"
#include "rt/task/context.hpp"
#include "rt/task/fork_stack.hpp"
#include "rt/task/join_count.hpp"
#include "rt/task/leaf.hpp"
#include "rt/task/promise.hpp"

namespace rt {

class ForkJoin;
class Home;

/// One child of a fork; it lies in a frame of the parent, and owns the child's frame.
struct Branch {
  Branch() = default;
  Branch(const Branch&) = delete;
  Branch& operator=(const Branch&) = delete;
  ~Branch() {
    // relaxed: it has ended, and its end was ordered before this
    if (task.load(relaxed) != nullptr) [[unlikely]]
      drop_task();
    if (child != nullptr) child->self.destroy();
  }
  void drop_task() noexcept;

  PromiseBase* child = nullptr;  // null: it was ended before its time
  ForkJoin* fork = nullptr;
  Branch* next = nullptr;              // in ForkJoin::set_aside_
  std::atomic<Header*> task{nullptr};  // since it is a task of its own; the task's join reference
};

class ForkJoin : public Leaf {
 public:
  /// True if there is nothing to run.
  [[nodiscard]] bool is_done() const { return count_ == 0; }
  /// The parent suspends here; what is to run next on this thread.
  [[nodiscard]] std::coroutine_handle<> begin(PromiseBase& parent) noexcept {
    assert(begun_ == 0);  // a fork is awaited once
    parent_ = &parent;
    Context* const here = current();
    for (std::uint32_t i = 0; i < count_; ++i) {
      branches_[i].child->task = parent.task;
      branches_[i].child->caller = Caller(branches_[i]);
      branches_[i].fork = this;
    }
    if (here->forks != nullptr && --here->forks_until_look == 0) [[unlikely]] {
      if (!may_go_on(*here)) return std::noop_coroutine();
    }
    return launch(*here)->self;
  }
  /// A branch has ended; what is to run next on this thread. Not inlined: coroutines that are no branches should not pay for it.
  [[nodiscard]] [[gnu::noinline]] std::coroutine_handle<> after(Branch& branch) noexcept {
    if (branch.child->task != parent_->task) [[unlikely]]
      return end_of_task(*branch.child->task);
    if (begun_ < count_) {
      if (Branch* next = kept_ != 0 ? take_back(*current()) : nullptr) return next->child->self;
      if (!is_over()) return std::noop_coroutine();
    }
    return parent_->self;
  }

  // ---- Leaf: the parent's task waits for branches that are tasks, or for its turn ----
  [[nodiscard]] bool poll(Header& task) override;
  [[nodiscard]] const char* what() const override { return "fork_join"; }
  [[nodiscard]] ForkJoin* as_fork_join() override { return this; }

  // ---- branch.cpp ----
  /// A branch that nobody has begun becomes a task, which has not been queued: a reference of the queue is there. Not on a worker's
  /// stack any more. Without memory for it there is no way on, so the process ends.
  [[nodiscard]] static Header& make_task(Branch& branch, Home& home) noexcept;
  /// The same, and queues it.
  static void queue_task(Branch& branch, Home& home) noexcept;
  /// Of a frame that is a branch: the parent's, if it is the same task that runs both.
  [[nodiscard]] static PromiseBase* parent_in(const Header& task, const Branch& branch) {
    PromiseBase* const parent = branch.fork->parent_;
    return parent->task == &task ? parent : nullptr;
  }
  /// A simulation that is given up: a branch that has not begun, and never will.
  static void forget(Branch& branch) noexcept { ++branch.fork->begun_; }

 protected:
  ForkJoin() = default;
  ~ForkJoin() override = default;
  Branch* branches_ = nullptr;
  std::uint32_t count_ = 0;

 private:
  friend bool settle_forks(Header& task) noexcept;
  friend struct BranchTask;

  /// Of a parent that is to be dropped.
  enum class Ending : std::uint8_t { not_asked, held, settled };

  PromiseBase* launch(Context& here) noexcept {
    auto* const stack = here.forks;
    here.has_forked = true;
    kept_ = count_ - 1;
    for (std::uint32_t i = count_ - 1; i > 0; --i) keep(branches_[i], here);
    begun_ = 1;
    if (stack != nullptr) {
      if (here.charges_forks) [[unlikely]]
        here.worker->charge_forks(count_ - 1);
      if (stack->must_share()) [[unlikely]]
        here.worker->share_forks();
    }
    return branches_[0].child;
  }

  /// Onto the worker's stack, if there is one with room.
  static void keep(Branch& branch, Context& here) noexcept {
    if (here.forks != nullptr && here.forks->push(&branch)) [[likely]]
      return;
    --branch.fork->kept_;
    queue_task(branch, *here.home);
  }
  /// The youngest branch of this fork that is still on the stack, or null. If a thief has taken it, it has taken all older ones too, so
  /// what the stack gives is never another fork's.
  Branch* take_back(Context& here) noexcept {
    Branch* const next = here.forks != nullptr ? here.forks->pop() : nullptr;
    if (next == nullptr) return nullptr;
    assert(next->fork == this);
    --kept_;
    ++begun_;
    if (here.forks->must_share()) [[unlikely]]
      here.worker->share_forks();
    return next;
  }
  [[nodiscard]] bool may_go_on(Context& here) noexcept;
  [[nodiscard]] bool is_over() noexcept;
  [[nodiscard]] static std::coroutine_handle<> end_of_task(Header& task) noexcept;
  void hold() noexcept;
  [[nodiscard]] bool let_go() noexcept;

  PromiseBase* parent_ = nullptr;
  /// While the task waits for its turn: what it had on its worker's stack, of any fork, oldest first.
  Branch* set_aside_ = nullptr;
  std::uint32_t begun_ = 0;  // by the parent's own task; 0: not launched
  std::uint32_t kept_ = 0;   // put onto the stack and not taken back; a full stack keeps none
  bool waits_ = false;       // the count knows how many are away
  Ending ending_ = Ending::not_asked;
  JoinCount<ThreadEnv> count_away_;
};

/// The next frame outwards of the same task, or null.
[[nodiscard]] inline PromiseBase* caller_in(const Header& task, const PromiseBase& frame) {
  if (!frame.caller.is_branch()) return frame.caller.frame();
  return ForkJoin::parent_in(task, frame.caller.branch());
}

/// Holder of RUNNING of a task that waits and is to be dropped. Asks all branches that it waits for to end. True: they have, and
/// the task may be dropped. False: some are being polled; the last of them ends the task, which is not the caller's any more.
[[nodiscard]] bool settle_forks(Header& task) noexcept;

}  // namespace rt
