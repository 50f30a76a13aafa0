// The environment of virtual time: plain memory, one clock a worker, and choices that have numbers.
//
// One host thread plays all workers (drive/simulate.hpp). Every open decision goes through one Chooser, every price through one
// table, so a run is a function of its arguments.
// Read next: chooser.hpp (who decides), costs.hpp (what a step costs), pace.hpp (speeds and faults), lock_queue.hpp.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "rt/env/chooser.hpp"
#include "rt/env/costs.hpp"
#include "rt/env/environment.hpp"
#include "rt/env/lock_queue.hpp"
#include "rt/env/pace.hpp"
#include "rt/env/plain_atomic.hpp"
#include "rt/env/thread_env.hpp"
#include "rt/env/time_book.hpp"

namespace rt {

/// What all virtual workers have in common.
struct SimCommon {
  std::uint64_t seed = 0;
  Chooser chooser{};
  CostTable costs{};
  std::uint32_t workers = 1;
  std::vector<Nanos> topology{};  // workers x workers, row by row, a row for each thief; empty: all are equally near
  std::vector<LockQueue> inject_locks{};
  Nanos horizon = 0;  // no step begins before it any more
  SimTrace trace{};
};

/// What the last step did, for those who watch.
struct StepNotes {
  static constexpr std::uint32_t nobody = ~std::uint32_t{0};
  std::uint64_t task = 0;  // the last one polled; 0: none
  std::uint32_t victim = nobody;
  std::uint32_t stolen = 0;
};

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

  /// One virtual worker's clock, its pace and its bill. Dice, prices and distances are common to all of them.
  class World {
   public:
    /// `pace`: null for a worker that is always as fast as the prices say.
    World(SimCommon& common, std::uint32_t index, Pace* pace) : common_(&common), index_(index), pace_(pace) {}
    [[nodiscard]] Nanos now() const noexcept { return clock_; }
    [[nodiscard]] Nanos quick_now() const noexcept { return clock_; }
    [[nodiscard]] Nanos ticks(bool) const noexcept { return clock_; }
    std::uint32_t choose(std::uint32_t n) { return common_->chooser.choose(n, index_); }

    void charge(Cost cost, std::uint32_t units) { work(price(cost, units)); }
    void charge_steal(std::uint32_t victim, std::uint32_t stolen) {
      notes_.victim = victim;
      notes_.stolen = stolen;
      clock_ += distance(victim);
      charge(stolen == 0 ? Cost::steal_miss : Cost::steal_hit, 1);
      if (stolen != 0) charge(Cost::move, stolen);
    }
    /// Waits while somebody else is at this lock.
    void charge_inject(std::uint32_t shard) {
      const Nanos start = clock_;
      work(price(Cost::inject, 1));
      clock_ += common_->inject_locks[shard].visit(start, clock_ - start, common_->horizon) - start;
    }
    [[nodiscard]] Nanos distance(std::uint32_t victim) const noexcept {
      return common_->topology.empty() ? 0 : common_->topology[std::size_t{index_} * common_->workers + victim];
    }

    // ---- for the driver ----
    void begin_step(Nanos at) {
      advance_to(at);
      notes_ = {};
      book_.begin_step();
    }
    void advance_to(Nanos at) noexcept {
      if (at > clock_) clock_ = at;
    }
    /// The clock after so much work from now on; the clock itself stays.
    [[nodiscard]] Nanos after(Nanos nominal) { return pace_ == nullptr ? clock_ + nominal : pace_->after(clock_, nominal); }
    /// The first instant from `at` on at which this worker does not stand still.
    [[nodiscard]] Nanos next_moving(Nanos at) const { return pace_ == nullptr ? at : pace_->next_moving(at); }
    [[nodiscard]] Nanos price(Cost cost, std::uint32_t units) {
      const CostLaw& law = common_->costs[static_cast<std::size_t>(cost)];
      return law.is_constant() ? law.constant * units : drawn_price(law, cost, units);
    }
    /// A poll begins: it is part of what happened.
    void note_poll(std::uint64_t task) {
      notes_.task = task;
      common_->trace.add(task);
    }
    [[nodiscard]] const StepNotes& notes() const noexcept { return notes_; }
    [[nodiscard]] TimeBook& book() noexcept { return book_; }

   private:
    void work(Nanos nominal) { clock_ = after(nominal); }
    Nanos drawn_price(const CostLaw& law, Cost cost, std::uint32_t units);

    Nanos clock_ = 0;
    SimCommon* common_;
    std::uint32_t index_;
    Pace* pace_;
    StepNotes notes_;
    TimeBook book_;
    std::array<std::uint32_t, static_cast<std::size_t>(Cost::count)> draws_{};
  };
};

inline Nanos SimEnv::World::drawn_price(const CostLaw& law, Cost cost, std::uint32_t units) {
  const auto kind = static_cast<std::size_t>(cost);
  const std::uint64_t stream = std::uint64_t{index_} * static_cast<std::size_t>(Cost::count) + kind;
  Nanos sum = 0;
  for (; units > 0; --units) sum += law.draw(random_bits(common_->seed, stream, ++draws_[kind]));
  return sum;
}

static_assert(Environment<SimEnv>);

}  // namespace rt
