#include "rt/task/join.hpp"

#include <atomic>

#include "rt/env/thread_env.hpp"

namespace rt {
namespace {

constexpr JoinWaker::Vtable task_vtable{
    [](void* data) { wake(*static_cast<Header*>(data)); },
    [](void* data) { drop_reference(*static_cast<Header*>(data)); },
};

constexpr JoinWaker::Vtable lender_vtable{
    [](void* data) { wake(*static_cast<Header*>(data)); },
    [](void*) {},
    true,
};

/// A thread that waits. On the heap and counted, since the waker may still be in notify() when the waiter goes on.
struct ThreadWaiter {
  Parker<ThreadEnv> parker;
  std::atomic<int> references{2};
  void drop() {
    // acq_rel: the last one out must see all that the other did with the parker before it frees it.
    if (references.fetch_sub(1, acq_rel) == 1) delete this;
  }
};

constexpr JoinWaker::Vtable thread_vtable{
    [](void* data) { static_cast<ThreadWaiter*>(data)->parker.notify(); },
    [](void* data) { static_cast<ThreadWaiter*>(data)->drop(); },
};

}  // namespace

bool JoinRef::poll(Header& waiter) {
  if (done()) return true;  // before a reference is counted that would not be needed
  waiter.state.add_ref();
  return poll(JoinWaker(&task_vtable, &waiter));
}

bool JoinRef::poll_in_frame(Header& waiter) { return done() || poll(JoinWaker(&lender_vtable, &waiter)); }

bool JoinRef::poll(JoinWaker waker) {
  auto snapshot = task_->state.load();
  if (snapshot.is_complete()) {
    waker.drop();
    return true;
  }
  if (snapshot.is_join_waker_set()) {
    if (task_->join_waker.same_as(waker)) {  // reading it is allowed to all while the bit is set
      waker.drop();
      return false;
    }
    if (!task_->state.unset_join_waker()) {  // it has just ended: the field belongs to it
      waker.drop();
      return true;
    }
    task_->join_waker.drop();
  }
  task_->join_waker = waker;
  if (task_->state.set_join_waker()) return false;
  task_->join_waker.drop();  // it has just ended and has not seen the field
  return true;
}

bool JoinRef::wait_until(Nanos deadline) {
  if (done()) return true;
  auto* waiter = new ThreadWaiter;
  bool in_time = poll({&thread_vtable, waiter});
  while (!in_time) {
    in_time = waiter->parker.wait(deadline);
    if (done())
      in_time = true;
    else if (!in_time)
      break;
    else
      in_time = false;  // a token without an end does not happen; look again all the same
  }
  waiter->drop();
  return in_time;
}

namespace {

/// The runner that has published the end and has not woken the waiter yet gets a reference of it: the waiter may be gone by then.
OnDropJoin drop_borrowing(Header& task, Header& lender) {
  if (const auto ours = task.state.drop_borrowing_handle(false)) return *ours;
  lender.state.add_ref();
  const OnDropJoin ours = *task.state.drop_borrowing_handle(true);
  if (ours.drop_waker) drop_reference(lender);  // the runner was faster and does not need it
  return ours;
}

}  // namespace

void JoinRef::drop() {
  if (task_ == nullptr) return;
  Header& task = *std::exchange(task_, nullptr);
  if (task.state.is_left_to_joiner()) {  // the usual case after a wait
    task.vtable->drop_output(task);
    task.join_waker.drop();
    drop_reference(task);
    return;
  }
  if (task.state.drop_join_fast()) return;  // never polled yet, and the task keeps other references
  Header* const lender = task.join_waker.lender();
  const OnDropJoin ours = lender != nullptr ? drop_borrowing(task, *lender) : task.state.drop_join_handle();
  if (ours.drop_output) task.vtable->drop_output(task);
  if (ours.drop_waker) task.join_waker.drop();
  drop_reference(task);
}

}  // namespace rt
