#include "rt/sync/event.hpp"

namespace rt {

void EventCore::set() {
  WakeBatch batch;
  const std::scoped_lock lock(mutex_);
  is_set_ = true;
  waiters_.release_all(WaitState::granted, batch);
}

void EventCore::clear() {
  const std::scoped_lock lock(mutex_);
  is_set_ = false;
}

bool EventCore::is_set() {
  const std::scoped_lock lock(mutex_);
  return is_set_;
}

bool EventCore::poll(WaitNode& node, const Who& who) {
  Wakeup before;
  const std::scoped_lock lock(mutex_);
  if (is_set_ || node.state == WaitState::granted) {
    node.state = WaitState::idle;  // it was not queued: nobody is while the flag is set
    return true;
  }
  before = waiters_.wait(node, who);
  return false;
}

void EventCore::leave(WaitNode& node) {
  const std::scoped_lock lock(mutex_);
  if (node.state == WaitState::queued) waiters_.remove(node);
}

}  // namespace rt
