// When does a visitor get a lock that others want too? In virtual time, where visits are not made in the order of their times.
//
// A worker's step runs ahead of the calendar by what it has cost so far, so a visit may be asked for after one that comes later.
// Each visit takes the first gap that it fits into, from its own time on; whoever would have had to wait, waits.
// Invariant: the busy spans are disjoint, in order, and do not touch; so a lock that is always busy is one span.
#pragma once

#include <algorithm>
#include <vector>

#include "rt/env/environment.hpp"

namespace rt {

class LockQueue {
 public:
  /// The lock is wanted at `at`, for `length`; returns when it is got. `horizon`: no later visit begins before this.
  [[nodiscard]] Nanos visit(Nanos at, Nanos length, Nanos horizon) {
    if (length == 0) return at;
    const auto is_over = [](Nanos by) { return [by](const Span& span) { return span.end <= by; }; };
    busy_.erase(busy_.begin(), std::ranges::find_if_not(busy_, is_over(std::min(horizon, at))));
    auto next = std::ranges::find_if_not(busy_, is_over(at));
    while (next != busy_.end() && next->begin < at + length) {
      at = std::max(at, next->end);
      ++next;
    }
    enter(next, {at, at + length});
    return at;
  }

 private:
  struct Span {
    Nanos begin;
    Nanos end;
  };

  /// Before `next`; what it touches becomes one span with it.
  void enter(std::vector<Span>::iterator next, Span span) {
    const bool touches_before = next != busy_.begin() && std::prev(next)->end == span.begin;
    const bool touches_next = next != busy_.end() && next->begin == span.end;
    if (touches_before && touches_next) {
      std::prev(next)->end = next->end;
      busy_.erase(next);
    } else if (touches_before) {
      std::prev(next)->end = span.end;
    } else if (touches_next) {
      next->begin = span.begin;
    } else {
      busy_.insert(next, span);
    }
  }

  std::vector<Span> busy_;
};

}  // namespace rt
