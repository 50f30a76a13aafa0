// The environment of real threads: the standard types, a clock read, a small generator, and nothing for costs.
//
// Read next: parker.hpp (how a thread sleeps), drive/threads.hpp (who turns the worker).
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <ctime>

#include "rt/env/cpu.hpp"
#include "rt/env/environment.hpp"
#include "rt/env/mutex.hpp"
#include "rt/env/parker.hpp"
#include "rt/env/tick_clock.hpp"
#include "rt/env/xorshift.hpp"

namespace rt {

/// Plain memory that a protocol protects; the model explorer's version checks that it does.
template <class T>
class PlainCell {
 public:
  PlainCell() = default;
  explicit PlainCell(T value) : value_(value) {}
  [[nodiscard]] T get() const noexcept { return value_; }
  void set(T value) noexcept { value_ = value; }

 private:
  T value_{};
};

/// Nanoseconds of the steady clock.
inline Nanos steady_now() noexcept {
  return static_cast<Nanos>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()).count());
}

/// The same clock as of the kernel's last tick: up to 10 ms behind, for a quarter of the price.
inline Nanos coarse_now() noexcept {
#if defined(__linux__)
  timespec at{};
  clock_gettime(CLOCK_MONOTONIC_COARSE, &at);
  return static_cast<Nanos>(at.tv_sec) * 1'000'000'000U + static_cast<Nanos>(at.tv_nsec);
#else
  return steady_now();
#endif
}

struct ThreadEnv {
  template <class T>
  using atomic = std::atomic<T>;
  template <class T>
  using cell = PlainCell<T>;
  using mutex = AdaptiveMutex<ThreadEnv>;
  using index = std::uint32_t;
  static constexpr std::size_t ring_capacity = 256;
  static constexpr bool simulated = false;

  /// One futex word a worker.
  using wake_slot = Parker<ThreadEnv>;

  static bool wait_on(std::atomic<std::uint32_t>& word, std::uint32_t expected, Nanos deadline) noexcept;
  static void wake_one(std::atomic<std::uint32_t>& word) noexcept;
  static void relax() noexcept { cpu_relax(); }

  class World {
   public:
    explicit World(std::uint64_t seed = 1) : random_(seed) {}
    [[nodiscard]] Nanos now() const noexcept { return steady_now(); }
    /// The same, some nanoseconds off, for half of the price.
    [[nodiscard]] Nanos quick_now() const noexcept { return quick_.now(); }
    [[nodiscard]] Ticks counter() const noexcept { return read_counter(); }
    /// What a timeline stores: a reading of the counter that is later than all that this thread did before, or nanoseconds.
    [[nodiscard]] Ticks ticks(bool by_counter) const noexcept { return by_counter ? read_counter_in_order() : steady_now(); }
    std::uint32_t choose(std::uint32_t n) noexcept { return random_.below(n); }
    void charge(Cost, std::uint32_t) noexcept {}
    void charge_steal(std::uint32_t, std::uint32_t) noexcept {}
    void charge_inject(std::uint32_t) noexcept {}
    [[nodiscard]] Nanos distance(std::uint32_t) const noexcept { return 0; }

   private:
    Xorshift random_;
    mutable QuickClock quick_;
  };
};

static_assert(Environment<ThreadEnv>);

}  // namespace rt
