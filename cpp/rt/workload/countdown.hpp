// When have all of many tasks ended, without a join handle for each? When the last ticket of their countdown is gone.
//
// Each task holds a ticket in its frame; the ticket goes with the frame, however that ends, and hands in the credits of
// what was really done, all by one read-modify-write. One Owner waits. Invariant: the countdown lives until both the
// owner and the last ticket have gone, whichever is later; so an owner may be dropped while its tasks still run, and they
// can see that (abandoned()). Who of the two frees it is settled by an exchange of `waiter_`.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

#include "rt/task/leaf.hpp"

namespace rt::workload {

class Countdown {
 public:
  Countdown() = default;
  Countdown(const Countdown&) = delete;
  Countdown& operator=(const Countdown&) = delete;
  virtual ~Countdown() = default;

  /// True once nobody waits any more: tasks should end early.
  [[nodiscard]] bool is_abandoned() const {
    return waiter_.load(relaxed) == abandoned;  // relaxed: a hint, nothing is read on its strength
  }

 private:
  friend class Ticket;
  friend class OwnerBase;
  friend class Drained;

  // What waiter_ says, if it is not the address of the waiting task's header (of which it then holds a reference).
  static constexpr std::uintptr_t nobody = 0;
  static constexpr std::uintptr_t drained = 1;
  static constexpr std::uintptr_t abandoned = 2;

  static constexpr unsigned credit_shift = 32;
  std::atomic<std::uint64_t> word_{0};  // credits above, tickets that are out below
  std::atomic<std::uintptr_t> waiter_{nobody};
};

/// Some shares of a countdown, one for each task to come. Move-only.
class Ticket {
 public:
  /// Of no countdown.
  Ticket() = default;
  Ticket(Ticket&& other) noexcept
      : state_(std::exchange(other.state_, nullptr)), shares_(other.shares_), credits_(other.credits_) {}
  Ticket& operator=(Ticket&&) = delete;
  ~Ticket() { hand_in(); }

  /// Gives one of its shares away. There must be two at least.
  [[nodiscard]] Ticket split() {
    --shares_;
    return Ticket(*state_, 1);
  }
  void grow() {
    state_->word_.fetch_add(1, relaxed);  // relaxed: our own share keeps the count from falling to zero meanwhile
    ++shares_;
  }
  void add_credit() { ++credits_; }
  [[nodiscard]] explicit operator bool() const { return state_ != nullptr; }
  void hand_in();

  [[nodiscard]] bool is_abandoned() const { return state_->is_abandoned(); }
  template <class State>
  [[nodiscard]] State& as() const {
    return static_cast<State&>(*state_);
  }

 private:
  friend class OwnerBase;
  Ticket(Countdown& state, std::uint32_t shares) : state_(&state), shares_(shares) {}
  Countdown* state_ = nullptr;
  std::uint32_t shares_ = 0;
  std::uint32_t credits_ = 0;
};

class OwnerBase {
 public:
  OwnerBase(OwnerBase&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  OwnerBase& operator=(OwnerBase&&) = delete;
  ~OwnerBase();

  /// Call once: all shares to begin with, 1 or more. The countdown is drained when none is left.
  [[nodiscard]] Ticket issue(std::uint32_t shares) {
    state_->word_.store(shares, relaxed);  // relaxed: nobody else knows the countdown yet
    return {*state_, shares};
  }

 protected:
  explicit OwnerBase(Countdown* state) : state_(state) {}
  friend class Drained;
  Countdown* state_;
};

/// Who waits for a countdown; drop it to give up.
template <class State>
class Owner : public OwnerBase {
 public:
  explicit Owner(std::unique_ptr<State> state) : OwnerBase(state.release()) {}
  [[nodiscard]] State& state() const { return static_cast<State&>(*state_); }
};

/// Waits until the owner's countdown is drained; gives its credits. Always the same task must wait.
class Drained final : public Leaf {
 public:
  explicit Drained(OwnerBase& owner) : state_(*owner.state_) {}
  [[nodiscard]] bool poll(Header& task) override;
  [[nodiscard]] const char* what() const override { return "countdown"; }
  [[nodiscard]] std::int64_t take() const;

 private:
  Countdown& state_;
};

}  // namespace rt::workload
