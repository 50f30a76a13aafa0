// What is between the two ends of a channel?
//
// A bounded queue of values and two queues of permits: `slots_` for sending, `items_` for receiving. A permit granted to
// a waiter keeps a slot or a value for it, and a waiter that is dropped passes it on; so values move only in a poll,
// from the sender that goes on and to the receiver that goes on, and a cancelled wait has neither sent nor received.
// Invariants: free slots + granted slots + values = capacity (until closed); free items + granted items = values.
// No value is destroyed while the mutex is held, only left empty by a move.
// Read next: channel.hpp and oneshot.hpp (the ends).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include "rt/sync/wait.hpp"

namespace rt {

/// The other end is gone, or the channel was closed; for a receiver: and no value is left.
class ChannelClosed : public std::runtime_error {
 public:
  explicit ChannelClosed(const char* where) : std::runtime_error(std::string(where) + ": the channel is closed") {}
};

enum class TrySend : std::uint8_t { sent, full, closed };
enum class TryReceive : std::uint8_t { received, empty, closed };

/// `Kind` gives the container of values and the words for dumps.
template <class T, class Kind>
class ChannelCore {
  static_assert(std::is_nothrow_move_constructible_v<T>, "values are moved under the channel's mutex");

 public:
  using value_type = T;
  using kind = Kind;

  explicit ChannelCore(std::size_t capacity) : capacity_(capacity), slots_(capacity), items_(0) {}

  /// Takes `value` if it was sent; leaves it alone otherwise.
  [[nodiscard]] TrySend try_send(T& value) {
    WakeBatch batch;
    const std::scoped_lock lock(mutex_);
    if (is_closed_) return TrySend::closed;
    if (!slots_.try_take()) return TrySend::full;
    put(value, batch);
    return TrySend::sent;
  }

  [[nodiscard]] TryReceive try_receive(std::optional<T>& out) {
    WakeBatch batch;
    const std::scoped_lock lock(mutex_);
    if (is_drained()) return TryReceive::closed;
    if (!items_.try_take()) return TryReceive::empty;
    get(out, batch);
    return TryReceive::received;
  }

  /// True if it is over: then `value` is empty if it was sent, and untouched if the channel is closed.
  [[nodiscard]] bool poll_send(WaitNode& node, const Who& who, std::optional<T>& value) {
    {
      WakeBatch batch;
      Wakeup before;
      const std::scoped_lock lock(mutex_);
      if (is_closed_) return true;  // a slot granted before the end is of no use to anyone
      if (!slots_.poll(node, who, before)) return false;
      put(*value, batch);
    }
    value.reset();
    return true;
  }

  /// True if it is over: then `out` has a value, or the channel is closed and drained.
  [[nodiscard]] bool poll_receive(WaitNode& node, const Who& who, std::optional<T>& out) {
    WakeBatch batch;
    Wakeup before;
    const std::scoped_lock lock(mutex_);
    if (is_drained()) return true;
    if (!items_.poll(node, who, before)) return false;
    get(out, batch);
    return true;
  }

  void leave_send(WaitNode& node) {
    WakeBatch batch;
    const std::scoped_lock lock(mutex_);
    slots_.leave(node, batch);
  }

  void leave_receive(WaitNode& node) {
    WakeBatch batch;
    const std::scoped_lock lock(mutex_);
    items_.leave(node, batch);
  }

  /// Nothing more is sent; what is in it can still be received.
  void close() {
    WakeBatch batch;
    const std::scoped_lock lock(mutex_);
    close_locked(batch);
  }

  /// The last receiver is gone: closed, and the values are destroyed.
  void abandon() {
    typename Kind::template Values<T> values;
    WakeBatch batch;
    const std::scoped_lock lock(mutex_);
    std::swap(values, values_);
    close_locked(batch);
  }

  [[nodiscard]] bool is_closed() {
    const std::scoped_lock lock(mutex_);
    return is_closed_;
  }
  [[nodiscard]] std::size_t size() {
    const std::scoped_lock lock(mutex_);
    return values_.size();
  }
  [[nodiscard]] std::size_t capacity() const { return capacity_; }
  [[nodiscard]] Binding& binding() { return binding_; }

 private:
  // All of these: with mutex_ held.
  [[nodiscard]] bool is_drained() const { return is_closed_ && values_.empty(); }

  void put(T& value, WakeBatch& batch) {
    values_.push_back(std::move(value));
    items_.add(1, batch);
  }

  void get(std::optional<T>& out, WakeBatch& batch) {
    out.emplace(std::move(values_.front()));
    values_.pop_front();
    slots_.add(1, batch);
    if (is_drained()) items_.dismiss_all(batch);
  }

  void close_locked(WakeBatch& batch) {
    is_closed_ = true;
    slots_.dismiss_all(batch);
    // Receivers wait on while values are kept for others: one of those may yet pass its value on.
    if (values_.empty()) items_.dismiss_all(batch);
  }

  SyncMutex mutex_;
  const std::size_t capacity_;
  bool is_closed_ = false;
  typename Kind::template Values<T> values_;
  PermitQueue slots_;
  PermitQueue items_;
  Binding binding_;
};

/// All senders of a channel share one of these, as do all its receivers, and each wait holds it too. The last one out
/// closes.
template <class Core>
struct SenderEnd {
  explicit SenderEnd(std::shared_ptr<Core> of) : core(std::move(of)) {}
  SenderEnd(const SenderEnd&) = delete;
  SenderEnd& operator=(const SenderEnd&) = delete;
  ~SenderEnd() { core->close(); }
  const std::shared_ptr<Core> core;
};

template <class Core>
struct ReceiverEnd {
  explicit ReceiverEnd(std::shared_ptr<Core> of) : core(std::move(of)) {}
  ReceiverEnd(const ReceiverEnd&) = delete;
  ReceiverEnd& operator=(const ReceiverEnd&) = delete;
  ~ReceiverEnd() { core->abandon(); }
  const std::shared_ptr<Core> core;
};

template <class Core>
class SendWait {
 public:
  using T = typename Core::value_type;
  static constexpr bool costs_budget = true;
  SendWait(std::shared_ptr<SenderEnd<Core>> end, T&& value) : end_(std::move(end)), value_(std::move(value)) {}
  [[nodiscard]] bool poll(const Who& who) { return end_->core->poll_send(node_, who, value_); }
  void leave() { end_->core->leave_send(node_); }
  /// Throws ChannelClosed.
  void take() const {
    if (value_) throw ChannelClosed(name());
  }
  /// What has not been sent.
  [[nodiscard]] std::optional<T>& value() { return value_; }
  [[nodiscard]] const char* name() const { return Core::kind::send_name; }
  [[nodiscard]] Binding& binding() const { return end_->core->binding(); }

 private:
  std::shared_ptr<SenderEnd<Core>> end_;
  std::optional<T> value_;
  WaitNode node_;
};

/// `Throws`: take() gives a T and throws ChannelClosed at the end; otherwise it gives an optional, empty at the end.
template <class Core, bool Throws>
class ReceiveWait {
 public:
  using T = typename Core::value_type;
  static constexpr bool costs_budget = true;
  explicit ReceiveWait(std::shared_ptr<ReceiverEnd<Core>> end) : end_(std::move(end)) {}
  [[nodiscard]] bool poll(const Who& who) { return end_->core->poll_receive(node_, who, value_); }
  void leave() { end_->core->leave_receive(node_); }
  [[nodiscard]] std::conditional_t<Throws, T, std::optional<T>> take() {
    if constexpr (!Throws) {
      return std::move(value_);
    } else {
      if (!value_) throw ChannelClosed(name());
      return std::move(*value_);
    }
  }
  [[nodiscard]] const char* name() const { return Core::kind::receive_name; }
  [[nodiscard]] Binding& binding() const { return end_->core->binding(); }

 private:
  std::shared_ptr<ReceiverEnd<Core>> end_;
  std::optional<T> value_;
  WaitNode node_;
};

template <class Core>
using SendLeaf = WaitLeaf<SendWait<Core>>;
template <class Core>
using ReceiveLeaf = WaitLeaf<ReceiveWait<Core, true>>;
template <class Core>
using NextLeaf = WaitLeaf<ReceiveWait<Core, false>>;

/// `co_await sender.send(value)`: borrows the handle, which has to be there until the wait begins, so that a send that need not wait
/// counts no reference.
template <class Core>
class SendAttempt {
 public:
  using T = typename Core::value_type;
  SendAttempt(const std::shared_ptr<SenderEnd<Core>>& end, T&& value) : end_(end), value_(std::move(value)) {}
  [[nodiscard]] bool try_now(Header& task) {
    Core& core = *end_->core;
    if (!core.binding().is_for(*task.home) || !coop::take_if_plenty(task)) return false;
    result_ = core.try_send(value_);
    if (result_ != TrySend::full) return true;
    coop::give_back();
    return false;
  }
  void take_now() const {
    if (result_ == TrySend::closed) throw ChannelClosed(Core::kind::send_name);
  }
  [[nodiscard]] SendLeaf<Core> into_leaf() && { return SendLeaf<Core>(end_, std::move(value_)); }

 private:
  const std::shared_ptr<SenderEnd<Core>>& end_;
  T value_;
  TrySend result_ = TrySend::full;
};

/// The same for `receiver.recv()` and `next()`.
template <class Core, bool Throws>
class ReceiveAttempt {
 public:
  using T = typename Core::value_type;
  explicit ReceiveAttempt(const std::shared_ptr<ReceiverEnd<Core>>& end) : end_(end) {}
  [[nodiscard]] bool try_now(Header& task) {
    Core& core = *end_->core;
    if (!core.binding().is_for(*task.home) || !coop::take_if_plenty(task)) return false;
    if (core.try_receive(value_) != TryReceive::empty) return true;
    coop::give_back();
    return false;
  }
  [[nodiscard]] std::conditional_t<Throws, T, std::optional<T>> take_now() {
    if constexpr (!Throws) {
      return std::move(value_);
    } else {
      if (!value_) throw ChannelClosed(Core::kind::receive_name);
      return std::move(*value_);
    }
  }
  [[nodiscard]] WaitLeaf<ReceiveWait<Core, Throws>> into_leaf() && { return WaitLeaf<ReceiveWait<Core, Throws>>(end_); }

 private:
  const std::shared_ptr<ReceiverEnd<Core>>& end_;
  std::optional<T> value_;
};

}  // namespace rt
