// What is between the two ends of a one-shot?
//
// One allocation, which both sides own, with one word that both change (oneshot_state.hpp): neither a send nor the wait of a single
// receiver takes a lock. Receivers that wait behind another one stand in a list under a mutex; its first member has the next turn.
// A receiver that is dropped with the value kept for it passes it on.
// Invariant: the core is freed when the sender and the last of the receivers and their waits are gone.
// Read next: oneshot.hpp (the ends).
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>

#include "rt/sync/channel_core.hpp"
#include "rt/sync/oneshot_state.hpp"
#include "rt/task/frame_pool.hpp"

namespace rt {

/// One wait for a one-shot: it has the turn, or stands in the list behind others (until somebody takes it out), or neither.
struct OneshotTurn {
  enum class Is : std::uint8_t { none, holder, listed };
  Is is = Is::none;  // its owner's; the list's own view is node.state
  WaitNode node;
};

template <class T>
class OneshotCore : public Pooled {
  static_assert(std::is_nothrow_move_constructible_v<T>, "a value that has been taken must reach its receiver");

 public:
  /// Only the first caller may send.
  [[nodiscard]] bool claim_send() { return state_.claim_send(); }

  /// Takes the value. False: closed, and the value is gone. Nothing can be sent afterwards.
  [[nodiscard]] bool send(T&& value) {
    value_.emplace(std::move(value));
    OneshotNews news;
    if (state_.send(news) == OnSend::closed) {
      value_.reset();
      return false;
    }
    Wakeup::take_over(news.waiter).run();
    return true;
  }

  [[nodiscard]] TryReceive try_receive(std::optional<T>& out) {
    OneshotNews news;
    switch (state_.take(0, OneshotPlace::newcomer, news)) {
      case OnTake::received: get(out, news); return TryReceive::received;
      case OnTake::ended: return TryReceive::closed;
      default: return TryReceive::empty;
    }
  }

  /// True if it is over: then `out` has the value, or it will not come.
  [[nodiscard]] bool poll_receive(OneshotTurn& turn, const Who& who, std::optional<T>& out) {
    if (turn.is == OneshotTurn::Is::listed) return poll_in_crowd(turn, who, out);
    const OneshotPlace place = turn.is == OneshotTurn::Is::holder ? OneshotPlace::holder : OneshotPlace::newcomer;
    for (;;) {
      OneshotNews news;
      switch (state_.take(Wakeup::word_of(who), place, news)) {
        case OnTake::received: get(out, news); [[fallthrough]];
        case OnTake::ended: turn.is = OneshotTurn::Is::none; return true;
        case OnTake::waiting: return false;
        case OnTake::behind: return poll_in_crowd(turn, who, out);
        case OnTake::nothing: break;
      }
      if (start_wait(turn, who, place)) return false;
    }
  }

  void leave_receive(OneshotTurn& turn) {
    const auto was = std::exchange(turn.is, OneshotTurn::Is::none);
    if (was == OneshotTurn::Is::listed) {
      WakeBatch batch;
      const std::scoped_lock lock(mutex_);
      if (turn.node.state != WaitState::queued) return;  // sent away meanwhile
      const bool was_first = crowd_.front() == &turn.node;
      remove_from_crowd(turn.node);
      if (was_first) wake_first(batch);
    } else if (was == OneshotTurn::Is::holder) {
      OneshotNews news;
      state_.leave(news);
      static_cast<void>(Wakeup::take_over(news.waiter));  // drops the reference
      if (!news.crowd) return;
      WakeBatch batch;
      const std::scoped_lock lock(mutex_);
      wake_first(batch);
    }
  }

  /// No value will come; one that was sent can still be received.
  void close() {
    OneshotNews news;
    state_.close(news);
    Wakeup::take_over(news.waiter).run();
    if (news.crowd) dismiss_crowd();
  }

  [[nodiscard]] bool is_closed() const { return state_.is_closed(); }
  [[nodiscard]] Binding& binding() { return binding_; }

  // ---- who owns it: the sender, and all receivers together ----

  void sender_leaves() {
    if (!state_.is_claimed()) close();
    if (owners_.sender_leaves()) delete this;
  }
  void add_receiver() { owners_.add_receiver(); }
  void receiver_leaves() {
    using enum OnReceiverLeaves;
    switch (owners_.receiver_leaves()) {
      case others_left: return;
      case all: delete this; return;
      case last: break;
    }
    if (state_.abandon()) value_.reset();
    if (owners_.drop_last_receiver()) delete this;
  }

 private:
  /// After OnTake::received: the value is ours alone, and nobody else will get one.
  void get(std::optional<T>& out, const OneshotNews& news) {
    out.emplace(std::move(*value_));
    value_.reset();
    if (news.crowd) dismiss_crowd();
  }

  /// False: something has changed, look again.
  [[nodiscard]] bool start_wait(OneshotTurn& turn, const Who& who, OneshotPlace place) {
    Wakeup mine(who);
    Wakeup::Word before = 0;
    if (!state_.wait(mine.word(), place, before)) return false;
    static_cast<void>(mine.release());             // the word has it now, or the sender already
    static_cast<void>(Wakeup::take_over(before));  // drops the reference
    turn.is = OneshotTurn::Is::holder;
    return true;
  }

  /// Behind others, or the first of those: one that has the turn leaves the list.
  [[nodiscard]] bool poll_in_crowd(OneshotTurn& turn, const Who& who, std::optional<T>& out) {
    OneshotNews news;
    Wakeup before;  // both are dropped unlocked
    Wakeup listed;
    {
      const std::scoped_lock lock(mutex_);
      before = crowd_.wait(turn.node, who);
      state_.set_crowd();
      const OneshotPlace place = crowd_.front() == &turn.node ? OneshotPlace::front : OneshotPlace::newcomer;
      OnTake taken = state_.take(Wakeup::word_of(who), place, news);
      while (taken == OnTake::nothing && !start_wait(turn, who, place)) {
        taken = state_.take(Wakeup::word_of(who), place, news);
      }
      if (taken == OnTake::behind) {
        turn.is = OneshotTurn::Is::listed;
        return false;
      }
      remove_from_crowd(turn.node);
      listed = std::move(turn.node.wakeup);
      if (taken == OnTake::nothing) return false;  // it is the holder now
      turn.is = OneshotTurn::Is::none;
      if (taken == OnTake::ended) return true;
    }
    get(out, news);
    return true;
  }

  // These three with mutex_ held, the last takes it.
  void remove_from_crowd(WaitNode& node) {
    crowd_.remove(node);
    if (crowd_.empty()) state_.clear_crowd();
  }
  void wake_first(WakeBatch& batch) {
    if (!crowd_.empty()) batch.push(std::move(crowd_.front()->wakeup));
  }
  void dismiss_crowd() {
    WakeBatch batch;
    const std::scoped_lock lock(mutex_);
    crowd_.release_all(WaitState::idle, batch);
    state_.clear_crowd();
  }

  OneshotState<ThreadEnv> state_;
  OneshotOwners<ThreadEnv> owners_;
  std::optional<T> value_;
  Binding binding_;
  SyncMutex mutex_;
  WaitList crowd_;  // receivers that wait behind another one
};

/// One share of the receiving side.
template <class T>
class OneshotReceiverEnd {
 public:
  /// Takes over a share that has been counted.
  explicit OneshotReceiverEnd(OneshotCore<T>& core) : core_(&core) {}
  OneshotReceiverEnd(const OneshotReceiverEnd& other) : core_(other.core_) {
    if (core_ != nullptr) core_->add_receiver();
  }
  OneshotReceiverEnd(OneshotReceiverEnd&& other) noexcept : core_(std::exchange(other.core_, nullptr)) {}
  OneshotReceiverEnd& operator=(OneshotReceiverEnd other) noexcept {
    std::swap(core_, other.core_);
    return *this;
  }
  ~OneshotReceiverEnd() {
    if (core_ != nullptr) core_->receiver_leaves();
  }
  [[nodiscard]] OneshotCore<T>* operator->() const { return core_; }

 private:
  OneshotCore<T>* core_;
};

/// See wait.hpp.
template <class T>
class OneshotWait {
 public:
  static constexpr bool costs_budget = true;
  explicit OneshotWait(const OneshotReceiverEnd<T>& end) : end_(end) {}
  [[nodiscard]] bool poll(const Who& who) { return end_->poll_receive(turn_, who, value_); }
  void leave() { end_->leave_receive(turn_); }
  /// Throws ChannelClosed.
  [[nodiscard]] T take() {
    if (!value_) throw ChannelClosed(name());
    return std::move(*value_);
  }
  [[nodiscard]] const char* name() const { return "oneshot"; }
  [[nodiscard]] Binding& binding() const { return end_->binding(); }

 private:
  OneshotReceiverEnd<T> end_;
  std::optional<T> value_;
  OneshotTurn turn_;
};

}  // namespace rt
