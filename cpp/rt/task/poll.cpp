#include "rt/task/poll.hpp"

#include <cassert>
#include <utility>

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
void publish_end(Header& task, std::size_t references) {
  task.vtable->drop_future(task);
  if (references == own_and_turn && task.state.complete_alone()) {  // the usual end of a task that nobody joins
    task.vtable->drop_output(task);
    task.home->ended(task);
    free_task(task);
    return;
  }
  const auto snapshot = task.state.complete();
  const bool wakes = snapshot.is_join_interested() && snapshot.is_join_waker_set();
  if (!snapshot.is_join_interested()) task.vtable->drop_output(task);
  if (!wakes) {
    task.home->ended(task);
    if (task.state.complete_release(references)) free_task(task);
    return;
  }
  Header* const lender = task.join_waker.lender();
  task.join_waker.wake();
  task.home->ended(task);
  const OnReleaseWaker released = task.state.complete_release_waker(references);
  if (released.was_last) free_task(task);
  if (released.joiner_left && lender != nullptr) drop_reference(*lender);  // which it has left for us
}

void cancel_and_end(Header& task, std::size_t references) {
  {
    const CurrentTask scope(task, current());
    task.vtable->cancel(task);
  }
  publish_end(task, references);
}

/// It keeps its reference and stays notified until its worker queues it: no exchange for a wake, none for a reference.
void after_yield(Header& task, Context* here) {
  switch (task.state.finish_yield()) {
    case OnYield::deferred:
      if (here != nullptr && here->worker != nullptr) {
        here->worker->defer(task);
        break;
      }
      [[fallthrough]];  // its worker was handed on
    case OnYield::requeue: task.home->schedule(task, Ready::yielded); break;
    case OnYield::cancelled: cancel_and_end(task, own_and_turn); break;
  }
}

Polled after_poll(Header& task, PollResult result, Context* here) {
  const bool yields = std::exchange(task.yields, false);
  if (result == PollResult::ready) {
    publish_end(task, own_and_turn);
    return Polled::done;
  }
  if (yields) {
    after_yield(task, here);
    return Polled::done;
  }
  switch (task.state.finish_poll()) {
    case OnIdle::idle: break;  // the transition dropped the turn's reference
    case OnIdle::requeue: task.home->schedule(task, Ready::yielded); break;
    case OnIdle::dealloc: free_task(task); break;
    case OnIdle::cancelled: cancel_and_end(task, own_and_turn); break;
  }
  return Polled::done;
}

Polled poll_now(Header& task, Context* here) {
  PollResult result;
  {
    const CurrentTask scope(task, here);
    result = task.vtable->poll(task);
  }
  if (task.working) return Polled::working;
  return after_poll(task, result, here);
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

Polled finish_poll(Header& task, Context* here) {
  // relaxed: only the poller writes, a dump reads a count that may lag.
  task.polls.store(task.polls.load(relaxed) + 1, relaxed);
  return poll_now(task, here);
}

Polled continue_poll(Header& task) {
  task.working = false;
  if (task.outcome != Outcome::none)
    return after_poll(task, PollResult::ready, nullptr);  // it ended, and was busy for a while after that
  return poll_now(task, current());
}

bool run_unpublished(Header& job) {
  if (!begin_poll(job)) return false;
  job.polls.store(job.polls.load(relaxed) + 1, relaxed);  // relaxed: as above
  const CurrentTask scope(job, current());
  [[maybe_unused]] const PollResult result = job.vtable->poll(job);
  assert(result == PollResult::ready);  // a function knows no waiting
  return true;
}

void publish_job(Header& job) { static_cast<void>(after_poll(job, PollResult::ready, nullptr)); }

void cut_poll(Header& task) {
  task.working = false;
  if (task.outcome != Outcome::none) return publish_end(task, own_and_turn);
  cancel_and_end(task, own_and_turn);
}

void shut_down_task(Header& task) {
  if (!task.state.start_shutdown()) return;  // being polled: the poller sees the bit; or it has ended
  cancel_and_end(task, own);
}

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

void free_task(Header& task) {
  task.join_waker.drop();
  delete std::exchange(task.extra, nullptr);
  SlotRegistry::give_task(task, current());
}

}  // namespace rt
