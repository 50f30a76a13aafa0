// The environment of virtual time: plain memory, one clock a worker, and choices that have numbers.
//
// One host thread plays all workers (drive/simulate.hpp). Every open decision goes through one Chooser, so a run is a
// function of its arguments: the seed answers, and a schedule may answer otherwise where it wants to.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "rt/env/environment.hpp"
#include "rt/env/plain_atomic.hpp"
#include "rt/env/thread_env.hpp"

namespace rt {

/// Numbers each decision and answers it: the seed's answer, moved on by what the schedule says.
///
/// A schedule byte 0 keeps the seed's answer, k takes the k-th option after it, modulo their number; where the schedule
/// ends, everything is 0. So a shorter schedule with more zeros is nearer to the ordinary run, and shrinks to it.
class Chooser {
 public:
  explicit Chooser(std::uint64_t seed = 0, std::vector<std::uint8_t> schedule = {})
      : seed_(seed), schedule_(std::move(schedule)) {}

  std::uint32_t choose(std::uint32_t n) {
    if (n <= 1) return 0;  // no decision, so no number
    const std::uint64_t step = step_++;
    // Counter-based: the answer to decision k does not depend on how the others were answered (Salmon et al.,
    // "Parallel random numbers: as easy as 1, 2, 3", 2011), so a deviation leaves later answers as they were.
    const std::uint64_t mixed = SplitMix(seed_ ^ (step * 0xd1342543de82ef95U)).next();
    const auto own = static_cast<std::uint32_t>(((mixed >> 32U) * n) >> 32U);
    const std::uint32_t deviation = step < schedule_.size() ? schedule_[step] : 0;
    return (own + deviation) % n;
  }

  [[nodiscard]] std::uint64_t decisions() const { return step_; }

 private:
  std::uint64_t seed_;
  std::uint64_t step_ = 0;
  std::vector<std::uint8_t> schedule_;
};

/// What happened, folded into one number: two runs with the same number took the same steps (law S25).
class SimTrace {
 public:
  template <class... Words>
  void add(Words... words) {
    (fold(static_cast<std::uint64_t>(words)), ...);
  }
  [[nodiscard]] std::uint64_t hash() const { return hash_; }

 private:
  // FNV-1a by words, with a shift so that high bits reach low ones too.
  void fold(std::uint64_t word) {
    hash_ = (hash_ ^ word) * 0x100000001b3U;
    hash_ ^= hash_ >> 29U;
  }
  std::uint64_t hash_ = 0xcbf29ce484222325U;
};

/// Virtual nanoseconds for each Cost; all zero unless told otherwise.
using CostTable = std::array<Nanos, static_cast<std::size_t>(Cost::count)>;

/// Whom a virtual wake-up is reported to: the driver that owns the calendar.
class WakeListener {
 public:
  virtual void on_wake(std::uint32_t worker) = 0;

 protected:
  ~WakeListener() = default;
};

struct SimEnv {
  template <class T>
  using atomic = PlainAtomic<T>;
  template <class T>
  using cell = PlainCell<T>;
  using index = std::uint32_t;
  static constexpr std::size_t ring_capacity = 256;
  static constexpr bool simulated = true;

  class mutex {
   public:
    void lock() noexcept {}
    void unlock() noexcept {}
    bool try_lock() noexcept { return true; }
  };

  /// A token, and word to the driver that there is one.
  class wake_slot {
   public:
    void bind(WakeListener* listener, std::uint32_t worker) {
      listener_ = listener;
      worker_ = worker;
    }
    void notify() {
      if (token_) return;  // tokens do not add up (law S21)
      token_ = true;
      if (listener_ != nullptr) listener_->on_wake(worker_);
    }
    bool take_token() {
      const bool had = token_;
      token_ = false;
      return had;
    }
    [[nodiscard]] bool has_token() const { return token_; }

   private:
    WakeListener* listener_ = nullptr;
    std::uint32_t worker_ = 0;
    bool token_ = false;
  };

  static void relax() noexcept {}

  /// One virtual worker's clock. The dice and the price list are shared by all of them.
  class World {
   public:
    World() = default;
    World(Chooser* chooser, const CostTable* costs, SimTrace* trace = nullptr)
        : chooser_(chooser), costs_(costs), trace_(trace) {}
    [[nodiscard]] Nanos now() const noexcept { return clock_; }
    std::uint32_t choose(std::uint32_t n) { return chooser_ == nullptr ? 0 : chooser_->choose(n); }
    void charge(Cost cost, std::uint32_t units) noexcept {
      if (costs_ != nullptr) clock_ += (*costs_)[static_cast<std::size_t>(cost)] * units;
    }
    void advance_to(Nanos at) noexcept {
      if (at > clock_) clock_ = at;
    }
    /// A poll begins: it is part of what happened.
    void note_poll(std::uint64_t task) {
      if (trace_ != nullptr) trace_->add(task);
    }

   private:
    Nanos clock_ = 0;
    Chooser* chooser_ = nullptr;
    const CostTable* costs_ = nullptr;
    SimTrace* trace_ = nullptr;
  };
};

static_assert(Environment<SimEnv>);

}  // namespace rt
