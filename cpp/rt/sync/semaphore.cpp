#include "rt/sync/semaphore.hpp"

#include <limits>
#include <stdexcept>

#include "rt/sync/lock.hpp"

namespace rt {

bool SemaphoreCore::try_take(std::size_t permits) {
  const std::scoped_lock lock(mutex_);
  return permits_.try_take(permits);
}

bool SemaphoreCore::poll(WaitNode& node, const Who& who) {
  Wakeup before;
  const std::scoped_lock lock(mutex_);
  return permits_.poll(node, who, before);
}

void SemaphoreCore::leave(WaitNode& node) {
  WakeBatch batch;
  const std::scoped_lock lock(mutex_);
  permits_.leave(node, batch);
}

bool SemaphoreCore::add(std::size_t permits, std::size_t most) {
  WakeBatch batch;
  const std::scoped_lock lock(mutex_);
  if (permits > most || permits_.free() > most - permits) return false;
  permits_.add(permits, batch);
  return true;
}

std::size_t SemaphoreCore::free() {
  const std::scoped_lock lock(mutex_);
  return permits_.free();
}

std::size_t SemaphoreCore::waiting() {
  const std::scoped_lock lock(mutex_);
  return permits_.waiting();
}

std::size_t Semaphore::checked(std::size_t permits) {
  if (permits == 0) throw std::invalid_argument("semaphore: permits=0; need 1 or more");
  return permits;
}

void Semaphore::release(std::size_t permits) {
  constexpr std::size_t most = std::numeric_limits<std::size_t>::max();
  if (core_->add(checked(permits), most)) return;
  throw std::overflow_error("semaphore: release(" + std::to_string(permits) + ") with " + std::to_string(available()) +
                            " permits free; the sum must be below 2^64: release what was acquired");
}

void Lock::release() {
  if (!core_->add(1, 1)) throw std::runtime_error("lock: release() while nobody holds it; acquire it first");
}

}  // namespace rt
