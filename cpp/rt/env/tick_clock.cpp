#include "rt/env/tick_clock.hpp"

#include <algorithm>
#include <fstream>
#include <string>

#include "rt/env/thread_env.hpp"

namespace rt {
namespace {

bool kernel_trusts_the_counter() {
#if defined(__x86_64__) && defined(__linux__)
  std::string source;
  std::ifstream("/sys/devices/system/clocksource/clocksource0/current_clocksource") >> source;
  return source == "tsc";
#else
  return false;
#endif
}

/// Both clocks at one instant: of a few tries the one with the least time between its two readings of the counter.
TickAnchor read_both(int tries) {
  TickAnchor best{};
  Ticks least = ~Ticks{0};
  for (int i = 0; i < tries; ++i) {
    const Ticks before = read_counter_in_order();
    const Nanos at = steady_now();
    const Ticks between = read_counter_in_order() - before;
    if (between >= least) continue;
    least = between;
    best = {before + between / 2, at};
  }
  return best;
}

}  // namespace

bool has_tick_counter() {
  static const bool answer = kernel_trusts_the_counter();
  return answer;
}

Nanos QuickClock::look() noexcept {
  constexpr Nanos long_enough =
      1'000'000;  // 1 ms: a reading of both that is 50 ns off makes the rate 0.005 % wrong, 10 ns at the next look
  if (!has_tick_counter()) return steady_now();
  const TickAnchor before = anchor_;
  anchor_ = read_both(3);
  if (first_.at == 0 || anchor_.ticks <= before.ticks) {
    first_ = anchor_;  // the first look; or the counter began anew, as after a machine was moved
    rate_ = 0;
  } else if (anchor_.at - first_.at >= long_enough) {
    const double rate = static_cast<double>(anchor_.at - first_.at) / static_cast<double>(anchor_.ticks - first_.ticks);
    rate_ = static_cast<Ticks>(rate * static_cast<double>(Ticks{1} << fraction_bits));
  }
  return last_ = std::max(last_, anchor_.at);
}

std::vector<TickScale::Anchor> TickScale::up_to(Ticks newest) {
  const std::lock_guard lock(mutex_);
  if (anchors_.empty()) {
    anchors_.push_back(read_both(8));
  } else if (newest > anchors_.back().ticks) {
    const Anchor now = read_both(8);
    anchors_.push_back({std::max(now.ticks, newest), std::max(now.at, anchors_.back().at)});
  }
  return anchors_;
}

Nanos TickReader::operator()(Ticks ticks) {
  if (segment_ + 1 < anchors_.size() && (ticks < anchors_[segment_].ticks || ticks > anchors_[segment_ + 1].ticks)) {
    const auto next = std::ranges::lower_bound(anchors_.begin() + 1, anchors_.end() - 1, ticks, {}, &TickScale::Anchor::ticks);
    segment_ = static_cast<std::size_t>(next - anchors_.begin()) - 1;
  }
  const TickScale::Anchor& from = anchors_[segment_];
  if (ticks <= from.ticks) return from.at;  // of the first instant, read a little early
  const TickScale::Anchor& to = anchors_[segment_ + 1];
  const double share = static_cast<double>(ticks - from.ticks) / static_cast<double>(to.ticks - from.ticks);
  return from.at + static_cast<Nanos>(share * static_cast<double>(to.at - from.at));
}

}  // namespace rt
