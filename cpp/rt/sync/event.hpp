// Has it happened yet? A flag that tasks and threads can wait for.
//
// set() lets all waits through, those that exist and those to come, until clear(). A wait that set() has let through
// stays so, even if clear() comes before its task runs.
// Read next: wait.hpp.
#pragma once

#include <memory>
#include <mutex>
#include <utility>

#include "rt/sync/wait.hpp"

namespace rt {

class EventCore {
 public:
  void set();
  void clear();
  [[nodiscard]] bool is_set();
  [[nodiscard]] bool poll(WaitNode& node, const Who& who);
  void leave(WaitNode& node);
  [[nodiscard]] Binding& binding() { return binding_; }

 private:
  SyncMutex mutex_;
  bool is_set_ = false;
  WaitList waiters_;  // empty while the flag is set
  Binding binding_;
};

class EventWait {
 public:
  static constexpr bool costs_budget = false;
  explicit EventWait(std::shared_ptr<EventCore> core) : core_(std::move(core)) {}
  [[nodiscard]] bool poll(const Who& who) { return core_->poll(node_, who); }
  void leave() { core_->leave(node_); }
  void take() const {}
  [[nodiscard]] const char* name() const { return "event"; }
  [[nodiscard]] Binding& binding() const { return core_->binding(); }

 private:
  std::shared_ptr<EventCore> core_;
  WaitNode node_;
};
using EventLeaf = WaitLeaf<EventWait>;

/// A handle: copies mean the same event. Any thread may call everything; only tasks may await.
class Event {
 public:
  void set() { core_->set(); }
  void clear() { core_->clear(); }
  [[nodiscard]] bool is_set() const { return core_->is_set(); }
  [[nodiscard]] const std::shared_ptr<EventCore>& core() const { return core_; }
  /// `co_await event.wait()`.
  [[nodiscard]] EventLeaf wait() { return EventLeaf(core_); }
  /// Blocks a thread that is no worker. False: `timeout` [ns] has passed, or `give_up` said so.
  bool wait_blocking(Nanos timeout = no_deadline, const GiveUp& give_up = {}) {
    EventWait wait(core_);
    return wait_on_thread(wait, timeout, give_up);
  }

 private:
  std::shared_ptr<EventCore> core_ = std::make_shared<EventCore>();
};

}  // namespace rt
