// How fast does one virtual worker get on, and when does it stand still?
//
// Its speed and its faults make a list of spans, each with one slowness: how long a nanosecond of work takes, in fixed point; 0
// stands for a span in which nothing happens at all. Fractions of a nanosecond are carried over, so many small pieces of work take
// as long as one large one. Integers only, but for the one division that makes a slowness of a speed.
// Read next: sim_env.hpp (the clock that follows it), drive/sim_options.hpp (Fault).
#pragma once

#include <cstdint>
#include <vector>

#include "rt/env/costs.hpp"

namespace rt {

class Pace {
 public:
  /// Another pace from `from` on, for `length`; both at most most_time. Such spans may overlap: their factors multiply.
  struct Disturbance {
    Nanos from = 0;
    Nanos length = 0;
    double slower = 0;  // takes so many times as long; 0: stands still
  };

  static constexpr Nanos most_time = Nanos{1} << 62;

  Pace(double speed, const std::vector<Disturbance>& disturbances);

  /// Where the clock will stand when a worker that begins at `start` has done `work`.
  [[nodiscard]] Nanos after(Nanos start, Nanos work);
  /// The first instant, from `at` on, at which the worker does not stand still.
  [[nodiscard]] Nanos next_moving(Nanos at) const;

 private:
  static constexpr unsigned fraction_bits = 44;  // a second of work at any speed allowed is exact to the nanosecond
  struct Span {
    Nanos from;
    std::uint64_t slowness;  // [2^-44 ns of the clock for a ns of work]; 0: stands still
  };
  [[nodiscard]] std::size_t span_at(Nanos at) const;
  [[nodiscard]] Nanos end_of(std::size_t span) const { return span + 1 < spans_.size() ? spans_[span + 1].from : no_deadline; }

  std::vector<Span> spans_;  // the first one begins at 0; the last one never ends, and is no standstill
  std::uint64_t carry_ = std::uint64_t{1} << (fraction_bits - 1);  // a half: sums are rounded to the nearest
};

}  // namespace rt
