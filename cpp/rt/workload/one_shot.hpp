// A message from one task to one other, at most once: what ping_pong needs, with nothing that a user's channel adds.
//
// Sender and receiver share a cell on the heap. Invariant: one word says who may touch the cell: nobody waits, a task
// waits (its header's address, with a reference), the value is there, or one side has gone. The later side frees it.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <utility>

#include "rt/task/leaf.hpp"

namespace rt::workload {

struct OneShotCell {
  static constexpr std::uintptr_t nobody = 0;
  static constexpr std::uintptr_t closed = 1;  // the sender has gone, after sending or without
  static constexpr std::uintptr_t unheard = 2;  // the receiver has gone
  std::atomic<std::uintptr_t> word{nobody};
  std::optional<std::int64_t> value;  // written before `closed`, read after it
};

class OneShotSender {
 public:
  explicit OneShotSender(OneShotCell* cell) : cell_(cell) {}
  OneShotSender(OneShotSender&& other) noexcept : cell_(std::exchange(other.cell_, nullptr)) {}
  OneShotSender& operator=(OneShotSender&&) = delete;
  ~OneShotSender() { close(); }

  void send(std::int64_t value) && {
    cell_->value = value;
    close();
  }

 private:
  void close();
  OneShotCell* cell_;
};

class OneShotReceiver {
 public:
  explicit OneShotReceiver(OneShotCell* cell) : cell_(cell) {}
  OneShotReceiver(OneShotReceiver&& other) noexcept : cell_(std::exchange(other.cell_, nullptr)) {}
  OneShotReceiver& operator=(OneShotReceiver&&) = delete;
  ~OneShotReceiver();

 private:
  friend class OneShotReceive;
  OneShotCell* cell_;
};

/// Waits for the message; gives it, or nothing if the sender has gone without. The receiver must outlive it.
class OneShotReceive final : public Leaf {
 public:
  explicit OneShotReceive(OneShotReceiver& receiver) : cell_(*receiver.cell_) {}
  [[nodiscard]] bool poll(Header& task) override;
  [[nodiscard]] const char* what() const override { return "one-shot"; }
  [[nodiscard]] std::optional<std::int64_t> take() const { return cell_.value; }

 private:
  OneShotCell& cell_;
};

struct OneShot {
  OneShotSender sender;
  OneShotReceiver receiver;
};

[[nodiscard]] inline OneShot make_one_shot() {
  auto* cell = new OneShotCell;
  return {OneShotSender(cell), OneShotReceiver(cell)};
}

}  // namespace rt::workload
