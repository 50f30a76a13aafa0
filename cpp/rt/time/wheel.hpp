// Which timers are due at a tick, and at which tick is the next look worth it?
// Invariant: no entry outside `pending` is due at `elapsed()`, and on every level all entries lie in slots after the current one
// (on the top level, where farther deadlines wrap, the current slot counts as one whole turn away).
// Read next: the timer driver, which owns the lock and the clock; here is neither.
//
// A hashed hierarchical wheel (Varghese and Lauck, 1987) with the shape of Tokio 1.48's runtime/time/wheel. We differ in two
// points: an entry that is already due is accepted (the next poll returns it), and the top level never looks at its current
// slot first, so a timer one whole turn away cannot hide a nearer one.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>

#include "rt/core/tuning.hpp"

namespace rt {

/// The tick of a deadline: rounded up, so that no timer fires early.
constexpr std::uint64_t deadline_tick(std::uint64_t deadline_ns) noexcept {
  return deadline_ns / tuning::wheel_tick_ns + (deadline_ns % tuning::wheel_tick_ns != 0 ? 1 : 0);
}

/// The tick of a clock: rounded down, for the same reason.
constexpr std::uint64_t clock_tick(std::uint64_t now_ns) noexcept { return now_ns / tuning::wheel_tick_ns; }

/// The links of one timer, embedded in whatever waits. Its owner keeps it alive and in place while it is linked.
struct TimerEntry {
  static constexpr std::uint8_t not_linked = 0xff;

  TimerEntry* prev = nullptr;
  TimerEntry* next = nullptr;
  std::uint64_t deadline_tick = 0;  ///< set before insert, constant while linked
  std::uint8_t level = not_linked;  ///< the wheel's own note of where the entry is
  std::uint8_t slot = 0;

  bool linked() const noexcept { return level != not_linked; }
};

/// Pure timer wheel: the caller brings the lock and the time.
///
/// Entries of one tick fire in the order of their insertion: a slot's list keeps that order, a cascade moves a whole list, and
/// an entry can only be placed on a lower level directly after the cascade of the slot it would have shared. Entries that were
/// due at their insertion fire in the order of insertion, behind those already found due.
class Wheel {
 public:
  explicit Wheel(std::uint64_t start_tick = 0) noexcept : elapsed_(start_tick) {}
  Wheel(const Wheel&) = delete;
  Wheel& operator=(const Wheel&) = delete;

  /// Links an entry that is in no wheel. One that is already due is returned by the next poll.
  void insert(TimerEntry& entry) noexcept {
    ++size_;
    place(entry);
  }

  /// Unlinks the entry; nothing happens if it is not linked.
  void remove(TimerEntry& entry) noexcept {
    if (!entry.linked()) return;
    unlink(entry);
    --size_;
  }

  /// The next due entry, unlinked, or null: then the wheel has reached `now_tick`. Between two calls the caller may drop its
  /// lock. A `now_tick` in the past is taken as `elapsed()`.
  TimerEntry* poll(std::uint64_t now_tick) noexcept {
    while (pending_.empty()) {
      const auto next = next_expiration();
      if (!next || next->tick > now_tick) {
        if (now_tick > elapsed_) elapsed_ = now_tick;
        return nullptr;
      }
      expire(*next);
    }
    TimerEntry& due = *pending_.head;
    remove(due);
    return &due;
  }

  /// Calls `fire(entry)` for each entry due at `now_tick`, unlinked, in order. `fire` may insert and remove, also in the past
  /// of `now_tick` (such an entry is fired by the same call, so re-inserting a due deadline for ever would never end).
  template <class F>
  void advance(std::uint64_t now_tick, F&& fire) {
    while (TimerEntry* due = poll(now_tick)) fire(*due);
  }

  /// The earliest tick at which poll has something to do: exact for deadlines of the current 64 ticks, else the tick of the
  /// next cascade, which is never later than a deadline. Nothing if the wheel is empty.
  std::optional<std::uint64_t> next_expiration_tick() const noexcept {
    if (!pending_.empty()) return elapsed_;
    const auto next = next_expiration();
    return next ? std::optional(next->tick) : std::nullopt;
  }

  /// The tick up to which everything was found due.
  std::uint64_t elapsed() const noexcept { return elapsed_; }

  /// Linked entries, those due included.
  std::size_t size() const noexcept { return size_; }

 private:
  static constexpr unsigned digit_bits = std::countr_zero(tuning::wheel_slots);
  static constexpr std::uint64_t slot_mask = tuning::wheel_slots - 1;
  static constexpr std::uint8_t pending_level = tuning::wheel_levels;
  static_assert(tuning::wheel_slots == 64, "the occupancy of a level is one 64-bit word");

  struct List {
    TimerEntry* head = nullptr;
    TimerEntry* tail = nullptr;

    bool empty() const noexcept { return head == nullptr; }
    void push_back(TimerEntry& entry) noexcept {
      entry.prev = tail;
      entry.next = nullptr;
      (tail ? tail->next : head) = &entry;
      tail = &entry;
    }
    void erase(TimerEntry& entry) noexcept {
      (entry.prev ? entry.prev->next : head) = entry.next;
      (entry.next ? entry.next->prev : tail) = entry.prev;
    }
  };

  struct Level {
    std::uint64_t occupied = 0;  ///< bit s: slot s is not empty
    std::array<List, tuning::wheel_slots> slots;
  };

  struct Expiration {
    unsigned level;
    unsigned slot;
    std::uint64_t tick;  ///< where the slot begins
  };

  static constexpr unsigned slot_of(std::uint64_t tick, unsigned level) noexcept {
    return static_cast<unsigned>(tick >> (level * digit_bits) & slot_mask);
  }

  /// The level of the highest digit (base 64) in which the deadline differs from the present.
  unsigned level_of(std::uint64_t deadline) const noexcept {
    const auto highest_bit = static_cast<unsigned>(std::bit_width((elapsed_ ^ deadline) | slot_mask)) - 1;
    const unsigned level = highest_bit / digit_bits;
    return level < tuning::wheel_levels ? level : tuning::wheel_levels - 1;
  }

  void place(TimerEntry& entry) noexcept {
    if (entry.deadline_tick <= elapsed_) {
      entry.level = pending_level;
      pending_.push_back(entry);
      return;
    }
    const unsigned level = level_of(entry.deadline_tick);
    const unsigned slot = slot_of(entry.deadline_tick, level);
    entry.level = static_cast<std::uint8_t>(level);
    entry.slot = static_cast<std::uint8_t>(slot);
    levels_[level].slots[slot].push_back(entry);
    levels_[level].occupied |= std::uint64_t{1} << slot;
  }

  void unlink(TimerEntry& entry) noexcept {
    if (entry.level == pending_level) {
      pending_.erase(entry);
    } else {
      Level& level = levels_[entry.level];
      level.slots[entry.slot].erase(entry);
      if (level.slots[entry.slot].empty()) level.occupied &= ~(std::uint64_t{1} << entry.slot);
    }
    entry.prev = entry.next = nullptr;
    entry.level = TimerEntry::not_linked;
  }

  /// The first slot to come. Lower levels end before a slot of a higher one begins, so the first level that has any decides.
  std::optional<Expiration> next_expiration() const noexcept {
    for (unsigned level = 0; level < tuning::wheel_levels; ++level) {
      const std::uint64_t occupied = levels_[level].occupied;
      if (occupied == 0) continue;
      const unsigned current = slot_of(elapsed_, level);
      // Start looking one slot on: the current one holds entries on the top level only, and they are a whole turn away.
      const auto distance =
          static_cast<unsigned>(std::countr_zero(std::rotr(occupied, static_cast<int>((current + 1) & slot_mask)))) + 1;
      const unsigned shift = level * digit_bits;
      const std::uint64_t begin = ((elapsed_ >> shift) + distance) << shift;
      return Expiration{level, static_cast<unsigned>((current + distance) & slot_mask), begin};
    }
    return std::nullopt;
  }

  /// Moves time to the slot's begin and its entries to where they now belong: to `pending`, or to a lower level (or, wrapped,
  /// the same slot).
  void expire(const Expiration& at) noexcept {
    elapsed_ = at.tick;
    Level& level = levels_[at.level];
    const List due = std::exchange(level.slots[at.slot], List{});
    level.occupied &= ~(std::uint64_t{1} << at.slot);
    for (TimerEntry* entry = due.head; entry != nullptr;) {
      TimerEntry& moved = *entry;
      entry = entry->next;
      place(moved);
    }
  }

  std::uint64_t elapsed_;
  std::size_t size_ = 0;
  List pending_;
  std::array<Level, tuning::wheel_levels> levels_;
};

}  // namespace rt
