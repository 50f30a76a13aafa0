#include "rt/env/pace.hpp"

#include <algorithm>

namespace rt {

Pace::Pace(double speed, const std::vector<Disturbance>& disturbances) {
  std::vector<Nanos> changes{0};
  for (const Disturbance& span : disturbances) {
    changes.push_back(span.from);
    changes.push_back(span.from + span.length);
  }
  std::ranges::sort(changes);
  changes.erase(std::ranges::unique(changes).begin(), changes.end());
  for (const Nanos from : changes) {
    double slower = 1;
    for (const Disturbance& span : disturbances) {
      if (span.from <= from && from < span.from + span.length) slower *= span.slower;
    }
    const double scale = static_cast<double>(std::uint64_t{1} << fraction_bits);
    // A division and a product of doubles are rounded alike everywhere (IEEE 754); half of one is added for the nearest.
    spans_.push_back({from, static_cast<std::uint64_t>(scale / speed * slower + (slower > 0 ? 0.5 : 0.0))});
  }
}

std::size_t Pace::span_at(Nanos at) const {
  const auto after = std::ranges::upper_bound(spans_, at, {}, &Span::from);
  return static_cast<std::size_t>(after - spans_.begin()) - 1;
}

Nanos Pace::after(Nanos start, Nanos work) {
  if (work == 0) return start;
  constexpr Wide one_ns = Wide{1} << fraction_bits;
  Nanos clock = start;
  Wide left = 0;               // of the clock's time, in 2^-44 ns, at `slowness`
  std::uint64_t slowness = 0;  // 0: no span in which it moves was met yet
  for (std::size_t span = span_at(start);; ++span) {
    const Nanos end = end_of(span);
    if (const std::uint64_t here = spans_[span].slowness; here != 0) {
      if (slowness == 0) {
        left = Wide{work} * here;
      } else if (here != slowness) {
        left = left / slowness * here + left % slowness * here / slowness;
      }
      slowness = here;
      const Wide rounded = left + carry_;
      if ((rounded >> fraction_bits) <= end - clock) {
        carry_ = static_cast<std::uint64_t>(rounded % one_ns);
        return clock + static_cast<Nanos>(rounded >> fraction_bits);
      }
      if (end == no_deadline) return no_deadline - 1;  // beyond every clock
      left -= (end - clock) * one_ns;
    }
    clock = end;
  }
}

Nanos Pace::next_moving(Nanos at) const {
  for (std::size_t span = span_at(at); spans_[span].slowness == 0; ++span) at = end_of(span);
  return at;
}

}  // namespace rt
