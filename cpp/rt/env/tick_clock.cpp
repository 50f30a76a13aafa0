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
TickScale::Anchor read_both() {
  constexpr int tries = 8;
  TickScale::Anchor best{};
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

std::vector<TickScale::Anchor> TickScale::up_to(Ticks newest) {
  const std::lock_guard lock(mutex_);
  if (anchors_.empty()) {
    anchors_.push_back(read_both());
  } else if (newest > anchors_.back().ticks) {
    const Anchor now = read_both();
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
