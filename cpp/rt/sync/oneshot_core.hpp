// What is between the two ends of a one-shot?
//
// As a channel (channel_core.hpp) with one slot that never makes a sender wait: so it needs one queue of permits only, for
// receivers, and one allocation, which both sides own. A permit is the value; a receiver that is dropped with it passes it on.
// Invariant: the core is freed when the sender and the last of the receivers and their waits are gone.
// Read next: oneshot.hpp (the ends).
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>

#include "rt/sync/channel_core.hpp"
#include "rt/task/frame_pool.hpp"

namespace rt {

template <class T>
class OneshotCore : public Pooled {
  static_assert(std::is_nothrow_move_constructible_v<T>, "the value is moved under the one-shot's mutex");

 public:
  /// Only the first caller may send.
  [[nodiscard]] bool claim_send() {
    // relaxed: only who is the first matters; the value goes under the mutex.
    return !sent_.exchange(true, relaxed);
  }

  /// False: closed, and the value is still the caller's. Nothing can be sent afterwards.
  [[nodiscard]] bool send(T& value) {
    WakeBatch batch;
    const std::scoped_lock lock(mutex_);
    if (is_closed_) return false;
    value_.emplace(std::move(value));
    is_closed_ = true;
    items_.add(1, batch);
    return true;
  }

  [[nodiscard]] TryReceive try_receive(std::optional<T>& out) {
    WakeBatch batch;
    const std::scoped_lock lock(mutex_);
    if (is_drained()) return TryReceive::closed;
    if (!items_.try_take()) return TryReceive::empty;
    get(out, batch);
    return TryReceive::received;
  }

  /// True if it is over: then `out` has the value, or it will not come.
  [[nodiscard]] bool poll_receive(WaitNode& node, const Who& who, std::optional<T>& out) {
    WakeBatch batch;
    Wakeup before;
    const std::scoped_lock lock(mutex_);
    if (is_drained()) return true;
    if (!items_.poll(node, who, before)) return false;
    get(out, batch);
    return true;
  }

  void leave_receive(WaitNode& node) {
    WakeBatch batch;
    const std::scoped_lock lock(mutex_);
    items_.leave(node, batch);
  }

  /// No value will come; one that was sent can still be received.
  void close() {
    WakeBatch batch;
    const std::scoped_lock lock(mutex_);
    is_closed_ = true;
    if (!value_) items_.dismiss_all(batch);
  }

  [[nodiscard]] bool is_closed() {
    const std::scoped_lock lock(mutex_);
    return is_closed_;
  }
  [[nodiscard]] Binding& binding() { return binding_; }

  // ---- who owns it: the sender, and all receivers together ----

  void sender_leaves() {
    // relaxed: read by the thread that sent, or after the sender was handed to this one in some ordered way.
    if (!sent_.load(relaxed)) close();
    drop_owner();
  }
  void add_receiver() { receivers_.fetch_add(1, relaxed); }  // relaxed: whoever has one may make another
  void receiver_leaves() {
    // acq_rel: the last one must see all that the others did before it destroys the value.
    if (receivers_.fetch_sub(1, acq_rel) != 1) return;
    abandon();
    drop_owner();
  }

 private:
  // All of these: with mutex_ held.
  [[nodiscard]] bool is_drained() const { return is_closed_ && !value_; }

  void get(std::optional<T>& out, WakeBatch& batch) {
    out.emplace(std::move(*value_));
    value_.reset();
    items_.dismiss_all(batch);
  }

  /// No receiver is left: nothing can be sent, and a value that nobody took is destroyed, unlocked.
  void abandon() {
    std::optional<T> value;
    const std::scoped_lock lock(mutex_);
    std::swap(value, value_);
    is_closed_ = true;
  }

  void drop_owner() {
    // acq_rel: as in receiver_leaves().
    if (owners_.fetch_sub(1, acq_rel) == 1) delete this;
  }

  std::mutex mutex_;
  bool is_closed_ = false;
  std::atomic<bool> sent_{false};
  std::atomic<std::uint32_t> owners_{2};
  std::atomic<std::uint32_t> receivers_{1};
  std::optional<T> value_;
  PermitQueue items_{0};
  Binding binding_;
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
  [[nodiscard]] bool poll(const Who& who) { return end_->poll_receive(node_, who, value_); }
  void leave() { end_->leave_receive(node_); }
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
  WaitNode node_;
};

}  // namespace rt
