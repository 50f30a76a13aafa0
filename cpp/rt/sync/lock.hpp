// Who may do this now? A fair lock across awaits: a semaphore with one permit.
//
// It belongs to nobody: whoever has the right may release it, as with asyncio's. For a few lines without an await a
// std::mutex is cheaper.
// Read next: semaphore.hpp.
#pragma once

#include <memory>

#include "rt/sync/semaphore.hpp"

namespace rt {

/// A handle: copies mean the same lock. Any thread may call everything; only tasks may await.
class Lock {
 public:
  /// False if it is held, or if anybody waits.
  [[nodiscard]] bool try_acquire() { return core_->try_take(1); }
  /// `co_await lock.acquire()`; then release(), or `Permit held(lock)`.
  [[nodiscard]] AcquireLeaf acquire() { return AcquireLeaf(core_, std::size_t{1}); }
  /// Throws std::runtime_error if it is free.
  void release();

  [[nodiscard]] bool is_locked() const { return core_->free() == 0; }
  [[nodiscard]] std::size_t waiting() const { return core_->waiting(); }

 private:
  std::shared_ptr<SemaphoreCore> core_ = std::make_shared<SemaphoreCore>(1, "lock");
};

}  // namespace rt
