// What happened on each worker, and when? Records of one or two slots of 16 bytes, packed by the worker and unpacked by the reader.
//
// One lane a worker, and one for those who are none; a lane has one writer at a time, which stores a record and then publishes it.
// Nothing that is published changes any more, so a reader needs no lock. A full lane drops what comes and counts it: a record of how
// something began is worth more than one of how it ended. In a simulation all share one lane, in the order of the steps.
//
// What it costs the worker decides the form (docs/nanoseconds.md). A worker's polls, spawns and wakes are one slot each; the end of a
// poll is only noted, and told by the record of what follows: the next poll takes its begin from there, so the clock is read once for
// both. Invariant: a lane's slots up to next_ are complete, and what is noted is later than all of them.
// Read next: core/worker/record.hpp (who writes), timeline.cpp (who reads), env/tick_clock.hpp, bind/py_timeline.cpp (as NumPy arrays).
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "rt/env/tick_clock.hpp"

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

/// An event as a reader gets it.
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
  /// When, and what: a tag above a task. A wide record has a second slot with the event's other fields.
  struct Slot {
    Ticks at;
    std::uint64_t what;
  };
  /// A number of tasks that no process gets to; above it there is room for the tag.
  static constexpr unsigned task_bits = 56;
  static constexpr std::uint64_t tag(EventKind kind) { return std::uint64_t(kind) << task_bits; }
  static constexpr std::uint64_t next_poll_tag = 0;  // EventKind::none: the end of one poll and the begin of the next
  static constexpr std::uint64_t counts_one = std::uint64_t{0x40} << task_bits;
  static constexpr std::uint64_t is_wide = std::uint64_t{0x80} << task_bits;

  class alignas(128) Lane {
   public:
    // ---- the lane's writer only ----

    /// The end of a poll, and with its instant the begin of this task's; false: no end was noted, or there is no room.
    [[nodiscard]] bool go_on_to(std::uint64_t task) noexcept {
      Slot* const to = next_.load(relaxed);  // relaxed, here and below: our own
      if (ended_ == 0 || to == short_end_) return false;
      // Stored one after the other: to put both into one register first takes more instructions.
      to->at = ended_;
      ended_ = 0;
      to->what = next_poll_tag | task;
      next_.store(to + 1, release);  // release: as in put()
      return true;
    }
    void note_end(Ticks at) noexcept { ended_ = at; }
    /// An event with no other fields than its task, and a count of 0 or 1; settle() goes before it. False: there is no room, or no
    /// counter to read.
    [[nodiscard]] bool add_short(Ticks at, std::uint64_t what) noexcept {
      Slot* const to = next_.load(relaxed);
      if (to == short_end_) return false;
      put(to, at, what);
      return true;
    }
    /// Any event at any time; `at` is in the lane's ticks.
    void add(const TimelineEvent& event) noexcept;
    /// Writes down the end that was noted, if one was.
    void settle() noexcept {
      if (ended_ != 0) [[unlikely]]
        write_end();
    }

    /// Times are readings of the counter, otherwise nanoseconds.
    [[nodiscard]] bool uses_counter() const noexcept { return uses_counter_; }

    // ---- any thread ----

    /// How many events found no room.
    [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_.load(relaxed); }

   private:
    friend class Timeline;
    void put(Slot* to, Ticks at, std::uint64_t what) noexcept {
      to->at = at;
      to->what = what;
      // release: pairs with the acquire in published(): who sees the slot's place sees the slot.
      next_.store(to + 1, release);
    }
    void write_end() noexcept;
    void drop() noexcept;
    [[nodiscard]] std::pair<const Slot*, const Slot*> published() const noexcept {
      return {begin_, next_.load(acquire)};  // acquire: pairs with the release in put()
    }

    std::atomic<Slot*> next_{nullptr};  // only its writer stores
    Slot* short_end_ = nullptr;         // end_; begin_ if `at` cannot be the counter's, so that all records take the long way
    Ticks ended_ = 0;                   // the end of a poll that is not told yet; 0: there is none
    bool uses_counter_ = false;
    std::uint32_t worker_ = 0;
    Slot* end_ = nullptr;
    Slot* begin_ = nullptr;
    std::atomic<std::uint64_t> dropped_{0};
  };

  enum class Times : std::uint8_t {
    nanoseconds,  // of whatever clock
    cheapest,     // of the steady clock, by the counter if there is one
  };
  enum class Lanes : std::uint8_t { of_workers, common };

  /// `capacity`: events for which a lane has room in any case. The system gives memory page by page, as it is written.
  Timeline(std::uint32_t lanes, std::size_t capacity, Times times = Times::nanoseconds, Lanes whose = Lanes::of_workers);

  [[nodiscard]] std::uint32_t lanes() const noexcept { return lane_count_; }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  /// Of a worker. The last lane is for outsiders, or for everybody.
  [[nodiscard]] Lane& lane(std::uint32_t worker) noexcept { return lanes_[std::min(worker, lane_count_ - 1)]; }
  /// Any thread that is no worker: they take turns. `now(uses_counter)` gives the time.
  template <class Now>
  void add_outside(EventKind kind, std::uint64_t task, std::uint32_t count, Now&& now) {
    const std::lock_guard lock(outside_);
    Lane& own = lane(lane_count_ - 1);
    own.add({now(own.uses_counter()), task, TimelineEvent::nobody, TimelineEvent::nobody, count, kind});
  }

  /// Any thread. A lane's events so far. Of two readings the longer begins with the shorter; a lane of one worker ascends.
  [[nodiscard]] std::vector<TimelineEvent> events(std::uint32_t lane);
  /// Any thread. How many those are.
  [[nodiscard]] std::size_t size(std::uint32_t lane) const;

 private:
  struct Free {
    void operator()(Slot* memory) const noexcept { std::free(memory); }
  };
  const std::uint32_t lane_count_;
  const std::size_t capacity_;
  const std::unique_ptr<Lane[]> lanes_;
  const std::unique_ptr<Slot[], Free> memory_;
  std::unique_ptr<TickScale> scale_;  // of the counter; null: times are nanoseconds
  std::mutex outside_;
};

/// Which timeline is being written, if any: on and off at run time. Workers look at the epoch in their upkeep and as they wake up;
/// each then holds the timeline that it writes to, so an old one lives as long as somebody needs it.
class TimelineSwitch {
 public:
  /// Any thread, both. A new timeline each time.
  std::shared_ptr<Timeline> turn_on(std::uint32_t lanes, std::size_t capacity, Timeline::Times times, Timeline::Lanes whose) {
    auto made = std::make_shared<Timeline>(lanes, capacity, times, whose);
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
