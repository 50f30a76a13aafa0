// How does one value come from here to there, once?
//
// A channel of capacity one that closes after the first value. The receiver gets the value or, if the sender is gone
// without having sent, ChannelClosed; a receiver that is dropped while it waits leaves the value for the next recv().
// Read next: oneshot_core.hpp.
#pragma once

#include <optional>
#include <stdexcept>
#include <utility>

#include "rt/sync/oneshot_core.hpp"

namespace rt {

/// The one sender. Move-only; any thread may call everything. After being moved from it may only be destroyed or
/// assigned to, as a receiver.
template <class T>
class OneshotSender {
 public:
  explicit OneshotSender(OneshotCore<T>& core) : core_(&core) {}
  OneshotSender(OneshotSender&& other) noexcept : core_(std::exchange(other.core_, nullptr)) {}
  OneshotSender& operator=(OneshotSender other) noexcept {
    std::swap(core_, other.core_);
    return *this;
  }
  ~OneshotSender() {
    if (core_ != nullptr) core_->sender_leaves();
  }

  /// False if the receiver is gone or closed. Throws std::logic_error the second time.
  bool send(T value) {
    if (!core_->claim_send()) {
      throw std::logic_error("oneshot send: sent already; one value is all it carries: use a channel for more");
    }
    return core_->send(std::move(value));
  }

  /// True if a value could no longer be sent.
  [[nodiscard]] bool is_closed() const { return core_->is_closed(); }

 private:
  OneshotCore<T>* core_;
};

/// The receiving side. A handle: copies mean the same one. Any thread may call everything; only tasks may await.
template <class T>
class OneshotReceiver {
 public:
  using RecvLeaf = WaitLeaf<OneshotWait<T>>;
  explicit OneshotReceiver(OneshotReceiverEnd<T> end) : end_(std::move(end)) {}

  /// The value, for one; throws ChannelClosed if it will not come (any more).
  [[nodiscard]] RecvLeaf recv() const { return RecvLeaf(end_); }
  /// `T value = co_await rx`.
  [[nodiscard]] RecvLeaf into_leaf() const { return recv(); }
  /// Blocks a thread that is no worker. Empty: `timeout` [ns] has passed, or `give_up` said so. Throws ChannelClosed.
  [[nodiscard]] std::optional<T> recv_blocking(Nanos timeout = no_deadline, const GiveUp& give_up = {}) const {
    OneshotWait<T> wait(end_);
    if (!wait_on_thread(wait, timeout, give_up)) return std::nullopt;
    return wait.take();
  }
  /// Empty if it has not come yet. Throws ChannelClosed.
  [[nodiscard]] std::optional<T> try_recv() const {
    std::optional<T> value;
    if (end_->try_receive(value) == TryReceive::closed) throw ChannelClosed("oneshot");
    return value;
  }

  /// From now on send() gives false; a value that was sent can still be received.
  void close() const { end_->close(); }

 private:
  OneshotReceiverEnd<T> end_;
};

template <class T>
[[nodiscard]] std::pair<OneshotSender<T>, OneshotReceiver<T>> oneshot() {
  auto* core = new OneshotCore<T>;
  return {OneshotSender<T>(*core), OneshotReceiver<T>(OneshotReceiverEnd<T>(*core))};
}

}  // namespace rt
