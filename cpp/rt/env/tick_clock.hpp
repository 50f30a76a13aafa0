// What time is it, for a fraction of a clock's price? The processor's counter of ticks, and what its readings are in nanoseconds.
//
// The counter is used only where the kernel itself keeps time by it: there it runs at one rate, and alike on all processors. It is
// read without a fence, so a reading may be some tens of nanoseconds early. Invariant of TickScale: what a reading was converted to
// once it is converted to for ever, and a later one to no earlier time.
// Read next: thread_env.hpp (World::ticks(), quick_now()), observe/timeline.hpp (who stores ticks).
#pragma once

#include <algorithm>
#include <cstdint>
#include <mutex>
#include <vector>

#include "rt/env/environment.hpp"

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace rt {

/// A reading of the counter, or nanoseconds of a clock.
using Ticks = std::uint64_t;

/// One instant, by both clocks.
struct TickAnchor {
  Ticks ticks;
  Nanos at;
};

/// Whether read_counter() may be used here; asks the kernel once.
[[nodiscard]] bool has_tick_counter();

inline Ticks read_counter() noexcept {
#if defined(__x86_64__)
  return __rdtsc();
#else
  return 0;  // nobody asks: has_tick_counter() is false
#endif
}

/// After everything before it.
inline Ticks read_counter_in_order() noexcept {
#if defined(__x86_64__)
  _mm_lfence();
#endif
  return read_counter();
}

/// The steady clock for one reader, by way of the counter: it looks at the clock itself every so often, and goes on by the counter's
/// rate in between. Never goes back. Without a counter, and until its rate is known, every reading is one of the clock.
class QuickClock {
 public:
  [[nodiscard]] Nanos now() noexcept {
    if (rate_ != 0) {
      const Ticks since = read_counter() - anchor_.ticks;
      if (since < longest_) return last_ = std::max(last_, anchor_.at + ((since * rate_) >> fraction_bits));
    }
    return look();
  }

 private:
  [[gnu::noinline]] Nanos look() noexcept;

  static constexpr unsigned fraction_bits = 24;      // of rate_: finer than the counter's own rate is known
  static constexpr Ticks longest_ = Ticks{1} << 19;  // between two looks, 100 to 250 us; times rate_ it fits into a word
  Ticks rate_ = 0;                                   // nanoseconds a tick, fixed point; 0: not known
  TickAnchor first_{};
  TickAnchor anchor_{};
  Nanos last_ = 0;
};

/// Readings of the counter as times of the steady clock, on lines between instants at which both were read. Any thread.
class TickScale {
 public:
  using Anchor = TickAnchor;

  TickScale() { static_cast<void>(up_to(~Ticks{0})); }
  /// Instants that ascend, from when this was made to `newest`, a reading of the past, or later.
  [[nodiscard]] std::vector<Anchor> up_to(Ticks newest);

 private:
  std::mutex mutex_;
  std::vector<Anchor> anchors_;
};

/// Converts readings that were taken between the first and the last of these instants; fastest in ascending order.
class TickReader {
 public:
  explicit TickReader(std::vector<TickScale::Anchor> anchors) : anchors_(std::move(anchors)) {}
  [[nodiscard]] Nanos operator()(Ticks ticks);

 private:
  std::vector<TickScale::Anchor> anchors_;
  std::size_t segment_ = 0;
};

}  // namespace rt
