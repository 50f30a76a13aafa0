// What did a worker do with its time? Busy, searching or parked: one of them at every instant, so the three add up.
//
// Busy is what the metric busy_duration_total says. Parked is sleeping, and standing still for a dump. Searching is all the rest:
// looking for work elsewhere, at the timers, and going to sleep. Invariant: the sum at any instant is that instant minus the
// start (law A9). In virtual time a step runs ahead of the calendar, so its changes are kept until the next step: the book can
// then be read at any instant from the step's begin on.
// Read next: observe/batch.hpp (who tells), drive/simulate.cpp (who reads).
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "rt/env/environment.hpp"

namespace rt {

enum class Doing : std::uint8_t { busy, searching, parked };

struct TimeSpent {
  Nanos busy = 0;
  Nanos searching = 0;
  Nanos parked = 0;
  friend bool operator==(const TimeSpent&, const TimeSpent&) = default;

  [[nodiscard]] Nanos& of(Doing doing) { return doing == Doing::busy ? busy : doing == Doing::searching ? searching : parked; }
  [[nodiscard]] Nanos sum() const { return busy + searching + parked; }
};

class TimeBook {
 public:
  void begin_step() {
    if (!changes_.empty()) fold();
  }

  /// From `at` on, which is not before the last change.
  void turn_to(Doing doing, Nanos at) { changes_.push_back({at, doing}); }

  /// At an instant that is not before the begin of the last step.
  [[nodiscard]] TimeSpent at(Nanos when) const {
    TimeSpent spent = spent_;
    Change last = last_;
    for (const Change& change : changes_) {
      if (change.at > when) break;
      spent.of(last.doing) += change.at - last.at;
      last = change;
    }
    spent.of(last.doing) += when > last.at ? when - last.at : 0;
    return spent;
  }

 private:
  struct Change {
    Nanos at;
    Doing doing;
  };

  void fold() {
    for (const Change& change : changes_) {
      spent_.of(last_.doing) += change.at - last_.at;
      last_ = change;
    }
    changes_.clear();
  }

  TimeSpent spent_;  // up to last_.at
  Change last_{0, Doing::busy};
  std::vector<Change> changes_;  // of the last step
};

}  // namespace rt
