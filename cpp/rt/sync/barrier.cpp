#include "rt/sync/barrier.hpp"

#include <stdexcept>

namespace rt {

Barrier::Barrier(std::size_t parties) {
  if (parties == 0) throw std::invalid_argument("barrier: parties=0; need 1 or more");
  core_ = std::make_shared<BarrierCore>(parties);
}

bool BarrierCore::poll(WaitNode& node, const Who& who) {
  WakeBatch batch;
  Wakeup before;
  const std::scoped_lock lock(mutex_);
  if (node.state == WaitState::granted) {
    node.state = WaitState::idle;
    return true;
  }
  if (node.state == WaitState::idle && arrived_.size() + 1 == parties_) {
    // Numbered only now: someone may have left in between.
    for (std::size_t place = 0; !arrived_.empty(); ++place) {
      arrived_.release_front(WaitState::granted, batch).number = place;
    }
    node.number = parties_ - 1;
    return true;
  }
  before = arrived_.wait(node, who);
  return false;
}

void BarrierCore::leave(WaitNode& node) {
  const std::scoped_lock lock(mutex_);
  if (node.state == WaitState::queued) arrived_.remove(node);
}

std::size_t BarrierCore::waiting() {
  const std::scoped_lock lock(mutex_);
  return arrived_.size();
}

}  // namespace rt
