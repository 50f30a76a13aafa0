#include "rt/sync/notify.hpp"

namespace rt {

void NotifyCore::choose_one(WakeBatch& batch) {
  if (waiters_.empty()) {
    kept_ = true;
    return;
  }
  waiters_.release_front(WaitState::granted, batch).number = by_one;
}

void NotifyCore::notify_one() {
  WakeBatch batch;
  const std::scoped_lock lock(mutex_);
  choose_one(batch);
}

void NotifyCore::notify_all() {
  WakeBatch batch;
  const std::scoped_lock lock(mutex_);
  ++broadcasts_;
  while (!waiters_.empty()) waiters_.release_front(WaitState::granted, batch).number = by_broadcast;
}

bool NotifyCore::poll(WaitNode& node, const Who& who, std::uint64_t born) {
  Wakeup before;
  const std::scoped_lock lock(mutex_);
  if (node.state == WaitState::granted) {
    node.state = WaitState::idle;
    return true;
  }
  if (node.state == WaitState::idle) {
    if (broadcasts_ != born) return true;
    if (std::exchange(kept_, false)) return true;
  }
  before = waiters_.wait(node, who);
  return false;
}

void NotifyCore::leave(WaitNode& node) {
  WakeBatch batch;
  const std::scoped_lock lock(mutex_);
  if (node.state == WaitState::queued) waiters_.remove(node);
  if (node.state == WaitState::granted && node.number == by_one) choose_one(batch);
  node.state = WaitState::idle;
}

std::uint64_t NotifyCore::broadcasts() {
  const std::scoped_lock lock(mutex_);
  return broadcasts_;
}

}  // namespace rt
