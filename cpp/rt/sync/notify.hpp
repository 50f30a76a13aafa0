// Tell one waiter, or all of them, that something has changed. It carries no value.
//
// notify_one() without a waiter is kept for the next one, once: any number of them lets one wait through. notify_all()
// reaches the waits that exist (also those not polled yet) and is not kept. A waiter that is dropped after notify_one()
// had chosen it hands the notification on. Low level: Event is harder to use wrongly.
// Source of the rules: Tokio sync/notify.rs.
// Read next: event.hpp.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

#include "rt/sync/wait.hpp"

namespace rt {

class NotifyCore {
 public:
  void notify_one();
  void notify_all();
  /// `born`: broadcasts() when the wait was made.
  [[nodiscard]] bool poll(WaitNode& node, const Who& who, std::uint64_t born);
  void leave(WaitNode& node);
  [[nodiscard]] std::uint64_t broadcasts();
  [[nodiscard]] Binding& binding() { return binding_; }

 private:
  /// What a node's `number` says about its grant.
  enum : std::size_t { by_broadcast, by_one };
  void choose_one(WakeBatch& batch);

  SyncMutex mutex_;
  bool kept_ = false;  // a notify_one() that found nobody
  std::uint64_t broadcasts_ = 0;
  WaitList waiters_;
  Binding binding_;
};

class NotifiedWait {
 public:
  static constexpr bool costs_budget = false;
  explicit NotifiedWait(std::shared_ptr<NotifyCore> core) : core_(std::move(core)), born_(core_->broadcasts()) {}
  [[nodiscard]] bool poll(const Who& who) { return core_->poll(node_, who, born_); }
  void leave() { core_->leave(node_); }
  void take() const {}
  [[nodiscard]] const char* name() const { return "notify"; }
  [[nodiscard]] Binding& binding() const { return core_->binding(); }

 private:
  std::shared_ptr<NotifyCore> core_;
  std::uint64_t born_;
  WaitNode node_;
};
using NotifiedLeaf = WaitLeaf<NotifiedWait>;

/// A handle: copies mean the same Notify. Any thread may call everything; only tasks may await.
class Notify {
 public:
  void notify_one() { core_->notify_one(); }
  void notify_all() { core_->notify_all(); }
  /// `co_await notify.notified()`. A notify_all() from now on reaches it, even before it is awaited.
  [[nodiscard]] NotifiedLeaf notified() { return NotifiedLeaf(core_); }

 private:
  std::shared_ptr<NotifyCore> core_ = std::make_shared<NotifyCore>();
};

}  // namespace rt
