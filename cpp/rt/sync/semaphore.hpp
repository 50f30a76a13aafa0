// How many may do this at a time? A fair counting semaphore.
//
// Permits go to waiters in the order in which they came; while anybody waits try_acquire() fails, so a waiter for many
// permits is not starved by takers of few. Invariant: free permits + permits held + permits granted to waiters that have
// not looked yet = permits made; a waiter that is dropped with a grant passes it on.
// Read next: lock.hpp (one permit), waitlist.hpp (PermitQueue).
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>

#include "rt/sync/wait.hpp"

namespace rt {

class SemaphoreCore {
 public:
  SemaphoreCore(std::size_t permits, const char* name) : permits_(permits), name_(name) {}

  [[nodiscard]] bool try_take(std::size_t permits);
  [[nodiscard]] bool poll(WaitNode& node, const Who& who);
  void leave(WaitNode& node);
  /// False, and nothing done, if there would be more than `most` free permits.
  [[nodiscard]] bool add(std::size_t permits, std::size_t most);
  [[nodiscard]] std::size_t free();
  [[nodiscard]] std::size_t waiting();
  [[nodiscard]] const char* name() const { return name_; }
  [[nodiscard]] Binding& binding() { return binding_; }

 private:
  SyncMutex mutex_;
  PermitQueue permits_;
  const char* name_;
  Binding binding_;
};

class AcquireWait {
 public:
  static constexpr bool costs_budget = true;
  AcquireWait(std::shared_ptr<SemaphoreCore> core, std::size_t permits) : core_(std::move(core)), node_(permits) {}
  [[nodiscard]] bool poll(const Who& who) { return core_->poll(node_, who); }
  void leave() { core_->leave(node_); }
  void take() const {}
  [[nodiscard]] const char* name() const { return core_->name(); }
  [[nodiscard]] Binding& binding() const { return core_->binding(); }

 private:
  std::shared_ptr<SemaphoreCore> core_;
  WaitNode node_;
};
using AcquireLeaf = WaitLeaf<AcquireWait>;

/// A handle: copies mean the same semaphore. Any thread may call everything; only tasks may await.
class Semaphore {
 public:
  explicit Semaphore(std::size_t permits) : core_(std::make_shared<SemaphoreCore>(permits, "semaphore")) {}

  /// False if there are too few permits, or if anybody waits.
  [[nodiscard]] bool try_acquire(std::size_t permits = 1) { return core_->try_take(checked(permits)); }
  /// `co_await semaphore.acquire()`; then the permits are the caller's, to release() or, one, to put into a Permit.
  [[nodiscard]] AcquireLeaf acquire(std::size_t permits = 1) { return AcquireLeaf(core_, checked(permits)); }
  /// Throws std::overflow_error if the count would not fit.
  void release(std::size_t permits = 1);

  [[nodiscard]] std::size_t available() const { return core_->free(); }
  [[nodiscard]] std::size_t waiting() const { return core_->waiting(); }

 private:
  /// Throws std::invalid_argument for 0.
  static std::size_t checked(std::size_t permits);
  std::shared_ptr<SemaphoreCore> core_;
};

/// Gives back, at the end of its scope, one permit that has been acquired from a Semaphore or a Lock. Move-only.
template <class Primitive>
class [[nodiscard]] Permit {
 public:
  explicit Permit(Primitive of) : of_(std::move(of)) {}
  Permit(Permit&& other) noexcept : of_(other.of_), held_(std::exchange(other.held_, false)) {}
  Permit& operator=(Permit&&) = delete;
  ~Permit() {
    if (held_) of_.release();
  }

 private:
  Primitive of_;
  bool held_ = true;
};

}  // namespace rt
