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
  Nanos clock = start;
  for (std::size_t span = span_at(start); work > 0; ++span) {
    const Nanos end = end_of(span);
    const std::uint64_t slowness = spans_[span].slowness;
    if (slowness != 0) {
      const Wide needed = Wide{work} * slowness + carry_;
      const Wide whole = needed >> fraction_bits;
      if (whole <= end - clock) {
        carry_ = static_cast<std::uint64_t>(needed) & ((std::uint64_t{1} << fraction_bits) - 1);
        return clock + static_cast<Nanos>(whole);
      }
      if (end == no_deadline) return no_deadline - 1;  // beyond every clock
      work -= static_cast<Nanos>((Wide{end - clock} << fraction_bits) / slowness);
    }
    clock = end;
  }
  return clock;
}

Nanos Pace::next_moving(Nanos at) const {
  for (std::size_t span = span_at(at); spans_[span].slowness == 0; ++span) at = end_of(span);
  return at;
}

}  // namespace rt
