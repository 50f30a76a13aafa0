// Does the timer wheel fire each entry at its tick, in order, and nothing else? A std::multimap runs beside it as the model.
#include "rt/time/wheel.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <limits>
#include <map>
#include <optional>
#include <random>
#include <utility>
#include <vector>

namespace {

using rt::TimerEntry;
using rt::Wheel;

constexpr std::uint64_t whole_turn = std::uint64_t{1} << 36;  // ticks after which the top level comes round again

TimerEntry due_at(std::uint64_t tick) {
  TimerEntry entry;
  entry.deadline_tick = tick;
  return entry;
}

/// Moves the wheel only to the ticks it asks for, as the driver does; returns at which tick each entry fired.
std::vector<std::pair<std::uint64_t, TimerEntry*>> run_dry(Wheel& wheel) {
  std::vector<std::pair<std::uint64_t, TimerEntry*>> fired;
  while (const auto next = wheel.next_expiration_tick()) {
    wheel.advance(*next, [&](TimerEntry& entry) { fired.emplace_back(*next, &entry); });
  }
  return fired;
}

TEST(WheelTicks, deadlines_are_rounded_up_and_clocks_down) {
  EXPECT_EQ(rt::deadline_tick(0), 0u);
  EXPECT_EQ(rt::deadline_tick(1), 1u);
  EXPECT_EQ(rt::deadline_tick(1'000'000), 1u);
  EXPECT_EQ(rt::deadline_tick(1'000'001), 2u);
  EXPECT_EQ(rt::clock_tick(999'999), 0u);
  EXPECT_EQ(rt::clock_tick(1'000'000), 1u);
  EXPECT_EQ(rt::deadline_tick(std::numeric_limits<std::uint64_t>::max()), 18'446'744'073'710u);
}

TEST(Wheel, an_empty_wheel_expects_nothing_and_keeps_the_time) {
  Wheel wheel;
  EXPECT_EQ(wheel.next_expiration_tick(), std::nullopt);
  EXPECT_EQ(wheel.poll(1000), nullptr);
  EXPECT_EQ(wheel.elapsed(), 1000u);
  EXPECT_EQ(wheel.poll(10), nullptr);  // the past changes nothing
  EXPECT_EQ(wheel.elapsed(), 1000u);
}

TEST(Wheel, an_entry_fires_at_its_tick_on_every_level_and_at_every_boundary) {
  for (unsigned level = 0; level < rt::tuning::wheel_levels; ++level) {
    for (const int around : {-1, 0, 1}) {
      const std::uint64_t tick = (std::uint64_t{1} << (6 * level)) * 3 + static_cast<std::uint64_t>(3 + around);
      Wheel wheel;
      TimerEntry entry = due_at(tick);
      wheel.insert(entry);
      EXPECT_EQ(wheel.poll(tick - 1), nullptr);
      EXPECT_EQ(wheel.poll(tick), &entry) << "tick " << tick;
      EXPECT_FALSE(entry.linked());
      EXPECT_EQ(wheel.size(), 0u);
    }
  }
}

TEST(Wheel, deadlines_within_the_current_64_ticks_are_expected_exactly) {
  Wheel wheel(128);
  TimerEntry entry = due_at(128 + 63);
  wheel.insert(entry);
  EXPECT_EQ(wheel.next_expiration_tick(), 191u);
}

TEST(Wheel, a_later_deadline_is_expected_at_the_start_of_its_slot_first) {
  Wheel wheel;
  TimerEntry entry = due_at(70);
  wheel.insert(entry);
  EXPECT_EQ(wheel.next_expiration_tick(), 64u);
  EXPECT_EQ(wheel.poll(64), nullptr);
  EXPECT_EQ(wheel.next_expiration_tick(), 70u);
}

TEST(Wheel, a_due_deadline_is_returned_by_the_next_poll) {
  Wheel wheel(100);
  TimerEntry past = due_at(3);
  TimerEntry present = due_at(100);
  wheel.insert(past);
  wheel.insert(present);
  EXPECT_EQ(wheel.next_expiration_tick(), 100u);
  EXPECT_EQ(wheel.poll(100), &past);
  EXPECT_EQ(wheel.poll(0), &present);
  EXPECT_EQ(wheel.poll(100), nullptr);
}

TEST(Wheel, entries_of_one_tick_fire_in_the_order_of_insertion_across_cascades) {
  constexpr std::uint64_t tick = 64 * 64 * 5 + 64 * 7 + 9;
  Wheel wheel;
  std::deque<TimerEntry> entries;
  for (const std::uint64_t now : {std::uint64_t{0}, tick - 4000, tick - 400, tick - 60, tick - 5, tick - 1}) {
    EXPECT_EQ(wheel.poll(now), nullptr);
    for (int i = 0; i < 3; ++i) wheel.insert(entries.emplace_back(due_at(tick)));
  }
  std::size_t next = 0;
  wheel.advance(tick, [&](TimerEntry& entry) { EXPECT_EQ(&entry, &entries[next++]); });
  EXPECT_EQ(next, entries.size());
}

TEST(Wheel, a_deadline_beyond_the_whole_turn_waits_for_its_own_turn) {
  for (const std::uint64_t ahead : {whole_turn - 1, whole_turn, whole_turn + 1, 5 * whole_turn + 12345}) {
    Wheel wheel(777);
    TimerEntry entry = due_at(777 + ahead);
    wheel.insert(entry);
    const auto fired = run_dry(wheel);
    ASSERT_EQ(fired.size(), 1u);
    EXPECT_EQ(fired[0].first, 777 + ahead);
  }
}

TEST(Wheel, an_entry_a_whole_turn_away_does_not_hide_a_nearer_one_of_the_top_level) {
  Wheel wheel(5);
  TimerEntry far = due_at(whole_turn + 1);  // wraps into the slot that is current now
  TimerEntry near = due_at(whole_turn / 2);
  wheel.insert(far);
  wheel.insert(near);
  const auto fired = run_dry(wheel);
  ASSERT_EQ(fired.size(), 2u);
  EXPECT_EQ(fired[0], std::pair(whole_turn / 2, &near));
  EXPECT_EQ(fired[1], std::pair(whole_turn + 1, &far));
}

TEST(Wheel, removal_is_idempotent_and_leaves_the_others) {
  Wheel wheel;
  TimerEntry first = due_at(10), middle = due_at(10), last = due_at(10), alone = due_at(500), due = due_at(0);
  wheel.remove(first);  // never linked
  for (TimerEntry* entry : {&first, &middle, &last, &alone, &due}) wheel.insert(*entry);
  for (TimerEntry* entry : {&middle, &middle, &alone, &due}) wheel.remove(*entry);
  EXPECT_EQ(wheel.size(), 2u);
  EXPECT_EQ(wheel.next_expiration_tick(), 10u);
  EXPECT_EQ(wheel.poll(1000), &first);
  EXPECT_EQ(wheel.poll(1000), &last);
  EXPECT_EQ(wheel.poll(1000), nullptr);
  EXPECT_EQ(wheel.next_expiration_tick(), std::nullopt);
}

TEST(Wheel, a_found_entry_can_be_removed_before_the_next_batch) {
  Wheel wheel;
  TimerEntry first = due_at(10), second = due_at(10);
  wheel.insert(first);
  wheel.insert(second);
  EXPECT_EQ(wheel.poll(10), &first);
  wheel.remove(second);  // cancelled while the driver's lock was free
  EXPECT_EQ(wheel.poll(10), nullptr);
  EXPECT_EQ(wheel.size(), 0u);
}

TEST(Wheel, fire_may_insert_again) {
  Wheel wheel;
  TimerEntry entry = due_at(1);
  wheel.insert(entry);
  std::vector<std::uint64_t> ticks;
  wheel.advance(300, [&](TimerEntry& fired) {
    ticks.push_back(fired.deadline_tick);
    fired.deadline_tick += 100;
    wheel.insert(fired);
  });
  EXPECT_EQ(ticks, (std::vector<std::uint64_t>{1, 101, 201}));
  EXPECT_EQ(wheel.size(), 1u);
  wheel.remove(entry);
}

/// The wheel and a multimap under the same random calls.
class Twins {
 public:
  explicit Twins(std::uint64_t seed) : random_(seed), now_(random_() >> below(64)), wheel_(now_ % (whole_turn * 8)) {
    now_ = wheel_.elapsed();
  }

  void step() {
    switch (below(8)) {
      case 0:
      case 1:
      case 2: return insert();
      case 3: return remove();
      case 4: return poll_some(now_, below(4));
      case 5: return poll_to_asked_tick();
      default: return poll_some(now_ + span(), std::numeric_limits<std::uint64_t>::max());
    }
  }

  void drain() {
    while (!model_.empty()) poll_to_asked_tick();
    EXPECT_EQ(wheel_.size(), 0u);
    EXPECT_EQ(wheel_.next_expiration_tick(), std::nullopt);
  }

 private:
  using Model = std::multimap<std::uint64_t, TimerEntry*>;

  std::uint64_t below(std::uint64_t n) { return random_() % n; }
  /// Every magnitude up to eight turns of the top level is equally likely.
  std::uint64_t span() { return (random_() % (whole_turn * 8)) >> below(40); }

  void insert() {
    const std::uint64_t back = below(16) == 0 ? below(100) : 0;
    TimerEntry& entry = entries_.emplace_back(due_at(now_ + span() - std::min(back, now_)));
    wheel_.insert(entry);
    // One that is due at its insertion counts as due now: it stands behind what was found before it.
    model_.emplace(std::max(entry.deadline_tick, wheel_.elapsed()), &entry);
  }

  void remove() {
    if (entries_.empty()) return;
    TimerEntry& entry = entries_[below(entries_.size())];
    EXPECT_EQ(std::erase_if(model_, [&](const auto& item) { return item.second == &entry; }), entry.linked() ? 1u : 0u);
    wheel_.remove(entry);
    EXPECT_FALSE(entry.linked());
  }

  void poll_some(std::uint64_t now, std::uint64_t limit) {
    now_ = std::max(now_, now);
    for (std::uint64_t i = 0; i < limit; ++i) {
      const bool due = !model_.empty() && model_.begin()->first <= now_;
      TimerEntry* expected = due ? model_.begin()->second : nullptr;
      ASSERT_EQ(wheel_.poll(now_), expected);
      if (!due) break;
      model_.erase(model_.begin());
    }
    check();
  }

  void poll_to_asked_tick() {
    check();
    if (const auto next = wheel_.next_expiration_tick()) poll_some(*next, std::numeric_limits<std::uint64_t>::max());
  }

  void check() {
    ASSERT_EQ(wheel_.size(), model_.size());
    const auto next = wheel_.next_expiration_tick();
    ASSERT_EQ(next.has_value(), !model_.empty());
    if (!next) return;
    const std::uint64_t first = model_.begin()->first;
    ASSERT_LE(*next, first);
    if (first <= wheel_.elapsed()) {
      ASSERT_EQ(*next, wheel_.elapsed());
    } else {
      ASSERT_GT(*next, wheel_.elapsed());
      if (first / 64 == wheel_.elapsed() / 64) {
        ASSERT_EQ(*next, first);
      }
    }
  }

  std::mt19937_64 random_;
  std::uint64_t now_;
  Wheel wheel_;
  Model model_;
  std::deque<TimerEntry> entries_;
};

TEST(Wheel, agrees_with_a_multimap_under_random_calls) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(testing::Message() << "replay with seed=" << seed);
    Twins twins(seed);
    for (int i = 0; i < 400 && !HasFatalFailure(); ++i) twins.step();
    if (HasFatalFailure()) return;
    twins.drain();
    if (HasFatalFailure()) return;
  }
}

}  // namespace
