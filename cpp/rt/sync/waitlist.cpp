#include "rt/sync/waitlist.hpp"

namespace rt {

Wakeup WaitList::wait(WaitNode& node, const Who& who) {
  if (node.state == WaitState::queued) {
    if (node.wakeup.is_for(who)) return {};
    return std::exchange(node.wakeup, Wakeup(who));
  }
  node.state = WaitState::queued;
  node.previous = back_;
  node.next = nullptr;
  (back_ == nullptr ? front_ : back_->next) = &node;
  back_ = &node;
  ++size_;
  return std::exchange(node.wakeup, Wakeup(who));
}

void WaitList::remove(WaitNode& node) {
  (node.previous == nullptr ? front_ : node.previous->next) = node.next;
  (node.next == nullptr ? back_ : node.next->previous) = node.previous;
  --size_;
  node.state = WaitState::idle;
}

WaitNode& WaitList::release_front(WaitState state, WakeBatch& batch) {
  WaitNode& node = *front_;
  remove(node);
  node.state = state;
  batch.push(std::move(node.wakeup));
  return node;
}

bool PermitQueue::poll(WaitNode& node, const Who& who, Wakeup& before) {
  if (node.state == WaitState::granted || (node.state == WaitState::idle && try_take(node.wants))) {
    node.state = WaitState::idle;
    return true;
  }
  before = waiters_.wait(node, who);
  return false;
}

void PermitQueue::leave(WaitNode& node, WakeBatch& batch) {
  if (node.state == WaitState::queued) waiters_.remove(node);
  if (node.state == WaitState::granted) free_ += node.wants;
  node.state = WaitState::idle;
  grant(batch);  // also after mere queueing: one who wanted many may have held up others who want few
}

void PermitQueue::grant(WakeBatch& batch) {
  while (!waiters_.empty() && waiters_.front()->wants <= free_) {
    free_ -= waiters_.front()->wants;
    waiters_.release_front(WaitState::granted, batch);
  }
}

}  // namespace rt
