// How does one value come from here to there, once?
//
// A channel of capacity one that closes after the first value. The receiver gets the value or, if the sender is gone
// without having sent, ChannelClosed; a receiver that is dropped while it waits leaves the value for the next recv().
// Read next: channel_core.hpp.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>

#include "rt/sync/channel_core.hpp"

namespace rt {

struct OneshotKind {
  /// A queue for at most one value, without an allocation.
  template <class T>
  class Values {
   public:
    [[nodiscard]] bool empty() const { return !value_.has_value(); }
    [[nodiscard]] std::size_t size() const { return empty() ? 0 : 1; }
    [[nodiscard]] T& front() { return *value_; }
    void push_back(T&& value) { value_.emplace(std::move(value)); }
    void pop_front() { value_.reset(); }

   private:
    std::optional<T> value_;
  };
  static constexpr const char* send_name = "oneshot send";
  static constexpr const char* receive_name = "oneshot";
};

/// The one sender. Move-only; any thread may call everything.
template <class T>
class OneshotSender {
 public:
  using Core = ChannelCore<T, OneshotKind>;
  explicit OneshotSender(std::shared_ptr<Core> core) : state_(std::make_unique<State>(std::move(core))) {}

  /// False if the receiver is gone or closed. Throws std::logic_error the second time.
  bool send(T value) {
    // relaxed: only who is the first matters; the value goes under the core's mutex.
    if (state_->used.exchange(true, relaxed)) {
      throw std::logic_error("oneshot send: sent already; one value is all it carries: use a channel for more");
    }
    const TrySend result = state_->end.core->try_send(value);
    state_->end.core->close();
    return result == TrySend::sent;
  }

  /// True if a value could no longer be sent.
  [[nodiscard]] bool is_closed() const { return state_->end.core->is_closed(); }

 private:
  struct State {
    explicit State(std::shared_ptr<Core> core) : end(std::move(core)) {}
    SenderEnd<Core> end;
    std::atomic<bool> used{false};
  };
  std::unique_ptr<State> state_;
};

/// The receiving side. A handle: copies mean the same one. Any thread may call everything; only tasks may await.
template <class T>
class OneshotReceiver {
 public:
  using Core = ChannelCore<T, OneshotKind>;
  explicit OneshotReceiver(std::shared_ptr<ReceiverEnd<Core>> end) : end_(std::move(end)) {}

  /// The value, for one; throws ChannelClosed if it will not come (any more).
  [[nodiscard]] ReceiveLeaf<Core> recv() const { return ReceiveLeaf<Core>(end_); }
  /// `T value = co_await rx`.
  [[nodiscard]] ReceiveLeaf<Core> into_leaf() const { return recv(); }
  /// Blocks a thread that is no worker. Empty: `timeout` [ns] has passed, or `give_up` said so. Throws ChannelClosed.
  [[nodiscard]] std::optional<T> recv_blocking(Nanos timeout = no_deadline, const GiveUp& give_up = {}) const {
    ReceiveWait<Core, true> wait(end_);
    if (!wait_on_thread(wait, timeout, give_up)) return std::nullopt;
    return wait.take();
  }
  /// Empty if it has not come yet. Throws ChannelClosed.
  [[nodiscard]] std::optional<T> try_recv() const {
    std::optional<T> value;
    if (end_->core->try_receive(value) == TryReceive::closed) throw ChannelClosed(OneshotKind::receive_name);
    return value;
  }

  /// From now on send() gives false; a value that was sent can still be received.
  void close() const { end_->core->close(); }

 private:
  std::shared_ptr<ReceiverEnd<Core>> end_;
};

template <class T>
[[nodiscard]] std::pair<OneshotSender<T>, OneshotReceiver<T>> oneshot() {
  using Core = ChannelCore<T, OneshotKind>;
  auto core = std::make_shared<Core>(1);
  return {OneshotSender<T>(core), OneshotReceiver<T>(std::make_shared<ReceiverEnd<Core>>(core))};
}

}  // namespace rt
