#include "rt/task/poll.hpp"

#include <cassert>
#include <utility>

#include "rt/task/branch.hpp"
#include "rt/task/context.hpp"
#include "rt/task/slots.hpp"

namespace rt {
namespace {

/// Tells what the code being polled may ask: which task am I?
class CurrentTask {
 public:
  CurrentTask(Header& task, Context* here) : context_(here) {
    if (context_ == nullptr) return;
    outer_ = context_->task;
    context_->task = &task;
  }
  ~CurrentTask() {
    if (context_ != nullptr) context_->task = outer_;
  }
  CurrentTask(const CurrentTask&) = delete;
  CurrentTask& operator=(const CurrentTask&) = delete;

 private:
  Context* context_;
  Header* outer_ = nullptr;
};

/// References that end with the task: its own, and the one of the turn that ended it, if it was in a turn.
constexpr std::size_t own = 1;
constexpr std::size_t own_and_turn = 2;

/// The outcome is stored; everything after it. `references` are dropped at the end.
[[gnu::noinline]] void publish_end(Header& task, std::size_t references, Context* here) {
  task.vtable->drop_future(task);
  if (references == own_and_turn && task.state.complete_alone()) {  // the usual end of a task that nobody joins
    task.vtable->drop_output(task);
    task.home->ended(task, here);
    free_task(task, here);
    return;
  }
  const auto snapshot = task.state.complete();
  const bool wakes = snapshot.is_join_interested() && snapshot.is_join_waker_set();
  if (!snapshot.is_join_interested()) task.vtable->drop_output(task);
  if (!wakes) {
    task.home->ended(task, here);
    if (task.state.complete_release(references)) free_task(task, here);
    return;
  }
  Header* const lender = task.join_waker.lender();
  task.join_waker.wake();
  task.home->ended(task, here);
  const OnReleaseWaker released = task.state.complete_release_waker(references);
  if (released.was_last) free_task(task, here);
  if (released.joiner_left && lender != nullptr) drop_reference(*lender);  // which it has left for us
}

[[gnu::noinline]] void cancel_and_end(Header& task, std::size_t references) {
  if (task.kind == Kind::native && !settle_forks(task)) {
    // The last of its branches ends it, for its own reference.
    if (references == own_and_turn) drop_reference(task);
    return;
  }
  Context* const here = current();
  {
    const CurrentTask scope(task, here);
    task.vtable->cancel(task);
  }
  publish_end(task, references, here);
}

/// It keeps its reference and goes on running from queue to queue: no exchange for a wake, none for a reference.
void after_yield(Header& task, Context& here) {
  if (here.worker != nullptr && here.home == task.home && task.state.may_stay_running()) {
    task.gave_way.store(true, relaxed);  // relaxed: see has_given_way()
    return here.worker->defer(task);
  }
  switch (task.state.finish_yield()) {  // woken meanwhile; or no worker polls it, or its worker was handed on
    case OnYield::requeue: task.home->schedule(task, Ready::yielded); break;
    case OnYield::cancelled: cancel_and_end(task, own_and_turn); break;
  }
}

/// Before anybody else may poll the task: it waits, and its branches do not wait with it.
[[gnu::noinline]] void clear_forks(Context& here) {
  here.has_forked = false;
  if (here.forks != nullptr && !here.forks->is_empty()) here.worker->release_forks();
}

[[gnu::noinline]] void drop_rest(Header& task) {
  task.join_waker.drop();
  if (task.extra != nullptr) std::exchange(task.extra, nullptr)->drop();
}

}  // namespace

bool end_unpolled(Header& task, OnRun instead) {
  switch (instead) {
    case OnRun::run: break;
    case OnRun::cancelled: cancel_and_end(task, own_and_turn); break;
    case OnRun::busy: break;  // someone else runs it; the transition dropped our reference
    case OnRun::dealloc: free_task(task); break;
  }
  return false;
}

void after_poll(Header& task, PollResult result, Context& here) {
  const bool yields = std::exchange(task.yields, false);
  if (result == PollResult::ready) return publish_end(task, own_and_turn, &here);
  if (here.has_forked) [[unlikely]]
    clear_forks(here);
  if (yields) return after_yield(task, here);
  switch (task.state.finish_poll()) {
    case OnIdle::idle: break;  // the transition dropped the turn's reference
    case OnIdle::requeue: task.home->schedule(task, Ready::yielded); break;
    case OnIdle::dealloc: free_task(task, &here); break;
    case OnIdle::cancelled: cancel_and_end(task, own_and_turn); break;
  }
}

void run_task(Header& task) {
  if (begin_poll(task)) static_cast<void>(finish_poll(task, *current()));
}

Polled continue_poll(Header& task) {
  Context& here = *current();
  task.working = false;
  if (task.outcome != Outcome::none) {  // it ended, and was busy for a while after that
    after_poll(task, PollResult::ready, here);
    return Polled::done;
  }
  PollResult result;
  {
    const CurrentTask scope(task, &here);
    result = task.vtable->poll(task);
  }
  if (task.working) return Polled::working;
  after_poll(task, result, here);
  return Polled::done;
}

bool run_unpublished(Header& job) {
  if (!begin_poll(job)) return false;
  job.polls.store(job.polls.load(relaxed) + 1, relaxed);  // relaxed: as above
  const CurrentTask scope(job, current());
  [[maybe_unused]] const PollResult result = job.vtable->poll(job);
  assert(result == PollResult::ready);  // a function knows no waiting
  return true;
}

void publish_job(Header& job) { publish_end(job, own_and_turn, current()); }

void cut_poll(Header& task) {
  task.working = false;
  if (task.outcome != Outcome::none) return publish_end(task, own_and_turn, current());
  cancel_and_end(task, own_and_turn);
}

void shut_down_task(Header& task) {
  if (!task.state.start_shutdown()) return;  // being polled: the poller sees the bit; or it has ended
  cancel_and_end(task, own);
}

void end_queued_task(Header& task) {
  if (has_given_way(task)) {
    task.gave_way.store(false, relaxed);             // relaxed: see has_given_way()
    static_cast<void>(task.state.start_shutdown());  // says so; we have RUNNING already
    return cancel_and_end(task, own_and_turn);
  }
  if (!task.state.load().is_complete()) shut_down_task(task);
  drop_reference(task);
}

void leave_to_shutdown(Header& task) {
  if (has_given_way(task)) {
    task.gave_way.store(false, relaxed);  // relaxed: see has_given_way()
    task.state.stop_running();
  }
  drop_reference(task);
}

void end_settled_task(Header& task) { cancel_and_end(task, own); }

bool request_cancel(Header& task) {
  if (task.vtable->request_cancel != nullptr) {
    if (task.state.load().is_complete()) return false;
    task.vtable->request_cancel(task);
    wake(task);
    return true;
  }
  if (task.state.load().is_complete()) return false;
  if (task.state.notify_and_cancel() == OnWake::submit) task.home->schedule(task, Ready::woken);
  return true;
}

void free_task(Header& task, Context* here) {
  assert(!has_given_way(task));
  if (task.join_waker.is_set() || task.extra != nullptr) [[unlikely]]
    drop_rest(task);
  SlotRegistry::give_task(task, here);
}

void free_task(Header& task) { free_task(task, current()); }

}  // namespace rt
