#include "rt/task/branch.hpp"

#include <stdexcept>
#include <string>
#include <utility>

#include "rt/task/coroutine.hpp"
#include "rt/task/fork_join.hpp"
#include "rt/task/poll.hpp"
#include "rt/task/spawn.hpp"

namespace rt {

void Branch::drop_task() noexcept {
  JoinRef(*task.load(relaxed)).drop();  // relaxed: as in the destructor
}

/// A branch that is a task: its poll resumes the child's frame, which the parent owns.
struct BranchTask {
  static Branch& of(Header& task) { return **static_cast<Branch**>(task.body()); }

  /// The branch leaves its fork. Behind leave() the parent may go on on another thread, and take everything with it.
  static void drop_future(Header& task) {
    task.leaf = nullptr;
    Branch& branch = of(task);
    if (!task.finished) std::exchange(branch.child, nullptr)->self.destroy();
    ForkJoin& fork = *branch.fork;
    Header& parent = *fork.parent_->task;
    switch (fork.count_away_.leave()) {
      case OnLeave::nothing: drop_reference(parent); break;
      case OnLeave::wake: Waker::take_over(parent).wake(); break;
      case OnLeave::end:
        fork.ending_ = ForkJoin::Ending::settled;
        end_settled_task(parent);
        drop_reference(parent);
        break;
    }
  }
  static void drop_output(Header& task) { task.outcome = Outcome::none; }

  static constexpr TaskVtable vtable{detail::poll_coroutine, detail::cancel_coroutine, drop_future, drop_output, nullptr};
};

Header& ForkJoin::make_task(Branch& branch, Home& home) noexcept {
  constexpr SlotPlan plan = slot_plan(0, sizeof(Branch*));
  Header& task = detail::take_slot(plan);
  prepare_header(task, home, {}, branch.fork->parent_->awaits_at);
  task.vtable = &BranchTask::vtable;
  task.kind = Kind::native;
  task.resume_at = branch.child;
  *static_cast<Branch**>(task.body()) = &branch;
  branch.fork->parent_->task->state.add_ref();  // for the wake at the end
  branch.child->task = &task;
  // Claimed, so that no walk of a shutdown ends it before we have done with the branch.
  task.state.init_claimed();
  branch.task.store(&task, seq_cst);                                                       // seq_cst: see JoinCount::hold()
  if (branch.fork->count_away_.is_held()) static_cast<void>(task.state.start_shutdown());  // it ends when it is taken up
  return task;
}

void ForkJoin::queue_task(Branch& branch, Home& home) noexcept {
  Header& task = make_task(branch, home);
  task.state.release_queued();
  home.submit_new(task, {});
}

/// Every so many forks. False: the task goes behind all that is ready, and takes with it what it has not begun: a task for each
/// would be many more tasks than are needed, and in a queue first in first out they would fork breadth first.
bool ForkJoin::may_go_on(Context& here) noexcept {
  Header& task = *parent_->task;
  here.forks_until_look = here.worker->forks_between_looks();
  if (here.worker->keeps_on(task)) return true;
  while (Branch* branch = here.forks->pop()) {
    branch->next = set_aside_;
    set_aside_ = branch;
  }
  task.leaf = this;
  task.resume_at = parent_;
  defer(task);
  return false;
}

/// All that the parent's task could begin has ended. False: it waits for others.
bool ForkJoin::is_over() noexcept {
  const std::uint32_t away = count_ - begun_;
  Header& task = *parent_->task;
  waits_ = true;
  task.leaf = this;
  task.resume_at = parent_;
  if (!count_away_.wait_for(away)) return false;
  task.leaf = nullptr;
  return true;
}

void detail::throw_no_room(std::size_t room) {
  throw std::length_error("Branches: there is room for " + std::to_string(room) +
                          "; give the constructor the number of children");
}

std::coroutine_handle<> ForkJoin::end_of_task(Header& task) noexcept {
  task.outcome = Outcome::value;  // what it returned or threw lies in its frame
  task.finished = true;
  return std::noop_coroutine();
}

bool ForkJoin::poll(Header& task) {
  if (begun_ != 0) return count_away_.is_over();
  Context& here = *current();
  while (set_aside_ != nullptr) {
    keep(*std::exchange(set_aside_, set_aside_->next), here);
  }
  task.resume_at = launch(here);
  return true;
}

void ForkJoin::hold() noexcept {
  while (set_aside_ != nullptr) forget(*std::exchange(set_aside_, set_aside_->next));
  if (ending_ != Ending::not_asked) return;
  const std::uint32_t away = begun_ == 0 || waits_ ? 0 : count_ - begun_;
  if ((away == 0 && !waits_) || count_away_.hold(away)) {
    ending_ = Ending::settled;
    return;
  }
  ending_ = Ending::held;
  for (std::uint32_t i = 0; i < count_; ++i) {
    if (Header* own = branches_[i].task.load(seq_cst)) shut_down_task(*own);  // seq_cst: see JoinCount::hold()
  }
}

bool ForkJoin::let_go() noexcept {
  if (ending_ == Ending::held && !count_away_.let_go()) return false;
  ending_ = Ending::settled;
  return true;
}

bool settle_forks(Header& task) noexcept {
  const auto for_each_fork = [&task](auto&& ask) {
    if (ForkJoin* fork = task.leaf != nullptr ? task.leaf->as_fork_join() : nullptr; fork != nullptr && !ask(*fork)) return false;
    for (auto* frame = static_cast<PromiseBase*>(task.resume_at); frame != nullptr; frame = caller_in(task, *frame)) {
      const bool in_fork = frame->caller.is_branch() && caller_in(task, *frame) != nullptr;
      if (in_fork && !ask(*frame->caller.branch().fork)) return false;
    }
    return true;
  };
  static_cast<void>(for_each_fork([](ForkJoin& fork) {
    fork.hold();
    return true;
  }));
  return for_each_fork([](ForkJoin& fork) { return fork.let_go(); });
}

}  // namespace rt
