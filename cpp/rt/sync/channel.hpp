// How do tasks hand values to each other? A bounded channel with any number of senders and receivers.
//
// Values come out in the order in which they went in; senders and receivers that wait go on in the order in which they
// came. It closes by close() on either end or when an end's last handle and wait are gone: sending then fails at once,
// receiving when no value is left.
// Read next: channel_core.hpp (how it works), oneshot.hpp.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>

#include "rt/sync/channel_core.hpp"

namespace rt {

struct ChannelKind {
  template <class T>
  using Values = std::deque<T>;
  static constexpr const char* send_name = "channel send";
  static constexpr const char* receive_name = "channel recv";
};

/// A handle; copies send into the same channel. Any thread may call everything; only tasks may await. After being moved
/// from it may only be destroyed or assigned to. `T`'s moved-from state must own nothing.
template <class T>
class Sender {
 public:
  using Core = ChannelCore<T, ChannelKind>;
  explicit Sender(std::shared_ptr<SenderEnd<Core>> end) : end_(std::move(end)) {}

  /// True if sent, false if full (or if others wait to send); `value` is taken only if it was sent. Throws ChannelClosed.
  [[nodiscard]] bool try_send(T&& value) const {
    const TrySend result = end_->core->try_send(value);
    if (result == TrySend::closed) throw ChannelClosed(ChannelKind::send_name);
    return result == TrySend::sent;
  }
  /// `co_await tx.send(value)`; throws ChannelClosed. Dropped while it waits, it has sent nothing. This handle has to be there until
  /// the wait begins.
  [[nodiscard]] SendAttempt<Core> send(T value) const { return SendAttempt<Core>(end_, std::move(value)); }
  /// The same for a wait that may begin after this handle has gone.
  [[nodiscard]] SendLeaf<Core> send_later(T value) const { return SendLeaf<Core>(end_, std::move(value)); }
  /// Blocks a thread that is no worker. False: `timeout` [ns] has passed, or `give_up` said so; `value` is taken only if
  /// it was sent (unless `give_up` throws). Throws ChannelClosed.
  bool send_blocking(T&& value, Nanos timeout = no_deadline, const GiveUp& give_up = {}) const {
    SendWait<Core> wait(end_, std::move(value));
    const bool is_over = wait_on_thread(wait, timeout, give_up);
    if (wait.value()) value = std::move(*wait.value());
    if (is_over) wait.take();
    return is_over;
  }

  void close() const { end_->core->close(); }
  [[nodiscard]] bool is_closed() const { return end_->core->is_closed(); }
  [[nodiscard]] std::size_t size() const { return end_->core->size(); }
  [[nodiscard]] std::size_t capacity() const { return end_->core->capacity(); }

 private:
  std::shared_ptr<SenderEnd<Core>> end_;
};

/// A handle; copies receive from the same channel. Otherwise as Sender.
template <class T>
class Receiver {
 public:
  using Core = ChannelCore<T, ChannelKind>;
  explicit Receiver(std::shared_ptr<ReceiverEnd<Core>> end) : end_(std::move(end)) {}

  /// Empty if there is no value that is not kept for a waiter. Throws ChannelClosed when closed and drained.
  [[nodiscard]] std::optional<T> try_recv() const {
    std::optional<T> value;
    if (end_->core->try_receive(value) == TryReceive::closed) throw ChannelClosed(ChannelKind::receive_name);
    return value;
  }
  /// `T value = co_await rx.recv()`; throws ChannelClosed when closed and drained. This handle has to be there until the wait begins.
  [[nodiscard]] ReceiveAttempt<Core, true> recv() const { return ReceiveAttempt<Core, true>(end_); }
  /// `while (auto value = co_await rx.next())`: empty when closed and drained.
  [[nodiscard]] ReceiveAttempt<Core, false> next() const { return ReceiveAttempt<Core, false>(end_); }
  /// The same for a wait that may begin after this handle has gone.
  [[nodiscard]] ReceiveLeaf<Core> recv_later() const { return ReceiveLeaf<Core>(end_); }
  [[nodiscard]] NextLeaf<Core> next_later() const { return NextLeaf<Core>(end_); }
  /// Blocks a thread that is no worker. Empty: `timeout` [ns] has passed, or `give_up` said so. Throws ChannelClosed.
  [[nodiscard]] std::optional<T> recv_blocking(Nanos timeout = no_deadline, const GiveUp& give_up = {}) const {
    ReceiveWait<Core, true> wait(end_);
    if (!wait_on_thread(wait, timeout, give_up)) return std::nullopt;
    return wait.take();
  }

  /// What has been sent can still be received.
  void close() const { end_->core->close(); }
  [[nodiscard]] bool is_closed() const { return end_->core->is_closed(); }
  [[nodiscard]] std::size_t size() const { return end_->core->size(); }
  [[nodiscard]] std::size_t capacity() const { return end_->core->capacity(); }

 private:
  std::shared_ptr<ReceiverEnd<Core>> end_;
};

/// Throws std::invalid_argument for capacity 0.
template <class T>
[[nodiscard]] std::pair<Sender<T>, Receiver<T>> channel(std::size_t capacity) {
  using Core = ChannelCore<T, ChannelKind>;
  if (capacity == 0) throw std::invalid_argument("channel: capacity=0; need 1 or more");
  auto core = std::make_shared<Core>(capacity);
  return {Sender<T>(std::make_shared<SenderEnd<Core>>(core)), Receiver<T>(std::make_shared<ReceiverEnd<Core>>(core))};
}

}  // namespace rt
