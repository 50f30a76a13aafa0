// Are all of us here? Each round lets `parties` waiters through together.
//
// The arrivals are the queue itself: a waiter that is dropped before the round is full has not arrived. The one that
// fills the round goes on at once, and the next round begins.
// Read next: wait.hpp.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>

#include "rt/sync/wait.hpp"

namespace rt {

class BarrierCore {
 public:
  explicit BarrierCore(std::size_t parties) : parties_(parties) {}
  [[nodiscard]] bool poll(WaitNode& node, const Who& who);
  void leave(WaitNode& node);
  [[nodiscard]] std::size_t parties() const { return parties_; }
  [[nodiscard]] std::size_t waiting();
  [[nodiscard]] Binding& binding() { return binding_; }

 private:
  SyncMutex mutex_;
  const std::size_t parties_;
  WaitList arrived_;  // fewer than parties_
  Binding binding_;
};

class BarrierWait {
 public:
  static constexpr bool costs_budget = false;
  explicit BarrierWait(std::shared_ptr<BarrierCore> core) : core_(std::move(core)) {}
  [[nodiscard]] bool poll(const Who& who) { return core_->poll(node_, who); }
  void leave() { core_->leave(node_); }
  [[nodiscard]] std::size_t take() const { return node_.number; }
  [[nodiscard]] const char* name() const { return "barrier"; }
  [[nodiscard]] Binding& binding() const { return core_->binding(); }

 private:
  std::shared_ptr<BarrierCore> core_;
  WaitNode node_;
};
using BarrierLeaf = WaitLeaf<BarrierWait>;

/// A handle: copies mean the same barrier. Any thread may call everything; only tasks may await.
class Barrier {
 public:
  /// Throws std::invalid_argument for 0 parties.
  explicit Barrier(std::size_t parties);
  /// `co_await barrier.wait()`: the place in the round, in the order of arrival; the last has parties() - 1.
  [[nodiscard]] BarrierLeaf wait() { return BarrierLeaf(core_); }
  [[nodiscard]] std::size_t parties() const { return core_->parties(); }
  [[nodiscard]] std::size_t waiting() const { return core_->waiting(); }

 private:
  std::shared_ptr<BarrierCore> core_;
};

}  // namespace rt
