// What happened on each worker, and when? Records of fixed size, in one buffer that is read where it lies.
//
// One lane a worker, and one for those who are none; a lane has one writer at a time, which stores its records and then publishes
// their number. Nothing that is published changes any more, so a reader needs no copy and no lock. A full lane drops what comes and
// counts it: a record of how something began is worth more than one of how it ended. In a simulation all share one lane, in the
// order of the steps. Invariant: the first size() records of a lane are complete.
// Read next: core/worker.hpp (record()), bind/py_timeline.cpp (as NumPy arrays).
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <new>

#include "rt/core/tuning.hpp"
#include "rt/env/environment.hpp"

namespace rt {
using enum std::memory_order;

enum class EventKind : std::uint8_t {
  none,
  poll_begin,   // task
  poll_end,     // task; a poll whose worker went on without it in block_in_place has none
  spawn,        // task
  wake,         // task; count 1: woken while it ran
  steal_try,    // other: the victim, which had nothing
  steal,        // other: the victim; count: tasks taken; task: the one that runs at once
  park,         //
  unpark,       // awake again, for whatever reason
  inject_push,  // task: the first of them; count
  inject_pop,   // task: the first of them; count
  overflow,     // task: the one that did not fit
  block_begin,  // task: it is in block_in_place
  block_end,    // task: it has its worker again
  dump,         // the worker went to a dump
  timers,       // count: timers that were due
  lane_wait,    // count: ns that the worker has waited for a lane, at most 2^32 - 1
  count
};

struct TimelineEvent {
  static constexpr std::uint32_t nobody = ~std::uint32_t{0};
  Nanos at = 0;  // on the world's clock
  std::uint64_t task = 0;
  std::uint32_t worker = nobody;  // nobody: outside the workers
  std::uint32_t other = nobody;
  std::uint32_t count = 0;
  EventKind kind = EventKind::none;
  std::uint8_t unused[3] = {};
};
static_assert(sizeof(TimelineEvent) == 32, "NumPy reads it: see py_timeline.cpp");

class Timeline {
 public:
  class alignas(128) Lane {
   public:
    /// The lane's writer only.
    void add(const TimelineEvent& event) noexcept {
      if (next_ == capacity_) {
        dropped_.store(dropped_.load(relaxed) + 1, relaxed);  // relaxed: a figure, with one writer
        return;
      }
      events_[next_++] = event;
      // release: pairs with the acquire in size(): who sees the number sees the records.
      size_.store(next_, release);
    }
    /// Any thread.
    [[nodiscard]] std::size_t size() const noexcept { return size_.load(acquire); }  // see add()
    [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_.load(relaxed); }
    [[nodiscard]] const TimelineEvent* events() const noexcept { return events_; }
    [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }

   private:
    friend class Timeline;
    TimelineEvent* events_ = nullptr;
    std::size_t capacity_ = 0;
    std::size_t next_ = 0;  // the writer's
    std::atomic<std::size_t> size_{0};
    std::atomic<std::uint64_t> dropped_{0};
  };

  /// `capacity`: records a lane. Memory is zero, and the system gives it page by page as it is written.
  Timeline(std::uint32_t lanes, std::size_t capacity)
      : lane_count_(lanes),
        lanes_(std::make_unique<Lane[]>(lanes)),
        memory_(static_cast<TimelineEvent*>(std::calloc(lanes * capacity, sizeof(TimelineEvent)))) {
    if (memory_ == nullptr) throw std::bad_alloc();
    for (std::uint32_t i = 0; i < lanes; ++i) {
      lanes_[i].events_ = memory_.get() + i * capacity;
      lanes_[i].capacity_ = capacity;
    }
  }

  [[nodiscard]] std::uint32_t lanes() const noexcept { return lane_count_; }
  /// Of a worker. The last lane is for outsiders, or for everybody.
  [[nodiscard]] Lane& lane(std::uint32_t worker) noexcept { return lanes_[std::min(worker, lane_count_ - 1)]; }
  /// Any thread that is no worker: they take turns.
  void add_outside(const TimelineEvent& event) {
    const std::lock_guard lock(outside_);
    lane(lane_count_ - 1).add(event);
  }

 private:
  struct Free {
    void operator()(TimelineEvent* memory) const noexcept { std::free(memory); }
  };
  const std::uint32_t lane_count_;
  const std::unique_ptr<Lane[]> lanes_;
  const std::unique_ptr<TimelineEvent[], Free> memory_;
  std::mutex outside_;
};

/// Which timeline is being written, if any: on and off at run time. Workers look at the epoch in their upkeep and as they wake up;
/// each then holds the timeline that it writes to, so an old one lives as long as somebody needs it.
class TimelineSwitch {
 public:
  /// Any thread, both. A new timeline each time.
  std::shared_ptr<Timeline> turn_on(std::uint32_t lanes, std::size_t capacity) {
    auto made = std::make_shared<Timeline>(lanes, capacity);
    set(made);
    return made;
  }
  void turn_off() { set(nullptr); }

  [[nodiscard]] std::shared_ptr<Timeline> current() const {
    const std::lock_guard lock(mutex_);
    return timeline_;
  }
  /// Changes with each switch.
  [[nodiscard]] std::uint32_t epoch() const noexcept {
    return epoch_.load(relaxed);  // relaxed: only a reason to ask, under the lock
  }
  [[nodiscard]] bool is_on() const noexcept { return is_on_.load(relaxed); }  // relaxed: as epoch()

 private:
  void set(std::shared_ptr<Timeline> next) {
    const std::lock_guard lock(mutex_);
    timeline_ = std::move(next);
    is_on_.store(timeline_ != nullptr, relaxed);      // relaxed: as epoch()
    epoch_.store(epoch_.load(relaxed) + 1, relaxed);  // relaxed: written under the lock
  }

  mutable std::mutex mutex_;
  std::shared_ptr<Timeline> timeline_;
  std::atomic<std::uint32_t> epoch_{0};
  std::atomic<bool> is_on_{false};
};

}  // namespace rt
