// Litmus tests: small programs whose outcomes are known. The explorer has to show exactly the allowed ones: one too few and it
// misses bugs, one too many and it reports bugs that no machine has. Names as in Alglave, Maranget and Tautschnig, "Herding cats",
// 2014; Batty et al., "Mathematizing C++ concurrency", 2011. Chase-Lev is here with its two ends only; deque_test.cpp has ours.
#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "rt/drive/explore.hpp"

namespace rt {
namespace {

using Atomic = ModelEnv::atomic<std::uint32_t>;
using Outcomes = std::set<std::string>;

/// Every interleaving: these programs have fewer operations than that.
constexpr ExploreOptions all{.preemptions = 12, .print = false};

struct World {
  Atomic x{0}, y{0};
  std::array<std::uint32_t, 4> r{};
};
using Steps = std::vector<std::function<void(World&)>>;  // one a thread

/// What each run showed, the digits of `look` in a row; `look` runs when all have ended, so a load there is a final value.
Outcomes outcomes(const Steps& threads, const std::function<std::vector<std::uint32_t>(World&)>& look) {
  Outcomes seen;
  const Exploration result = explore(all, [&](Model& m) {
    auto w = std::make_shared<World>();
    for (const auto& steps : threads) m.thread([w, &steps] { steps(*w); });
    m.after([w, &look, &seen] {
      std::string digits;
      for (const std::uint32_t value : look(*w)) digits += std::to_string(value);
      seen.insert(digits);
    });
  });
  EXPECT_TRUE(result.complete) << result.failure;
  return seen;
}

template <std::size_t n>
std::vector<std::uint32_t> registers(World& w) {
  return {w.r.begin(), w.r.begin() + n};
}
std::vector<std::uint32_t> finals(World& w) { return {w.x.load(relaxed), w.y.load(relaxed)}; }

struct Orders {
  std::memory_order store, load;
};
constexpr Orders weak{relaxed, relaxed};
constexpr Orders paired{release, acquire};
constexpr Orders single{seq_cst, seq_cst};

// ---- a store and a load in each thread

Outcomes store_buffering(Orders o) {
  return outcomes({[=](World& w) { w.x.store(1, o.store), w.r[0] = w.y.load(o.load); },
                   [=](World& w) { w.y.store(1, o.store), w.r[1] = w.x.load(o.load); }},
                  registers<2>);
}
TEST(Litmus, SB_both_may_miss_the_other_unless_all_is_seq_cst) {
  const Outcomes any{"00", "01", "10", "11"};
  for (const Orders o : {weak, paired, Orders{seq_cst, acquire}, Orders{release, seq_cst}}) EXPECT_EQ(store_buffering(o), any);
  EXPECT_EQ(store_buffering(single), (Outcomes{"01", "10", "11"}));
}

Outcomes load_buffering(Orders o) {
  return outcomes({[=](World& w) { w.r[0] = w.x.load(o.load), w.y.store(1, o.store); },
                   [=](World& w) { w.r[1] = w.y.load(o.load), w.x.store(1, o.store); }},
                  registers<2>);
}
TEST(Litmus, LB_is_never_shown_which_is_a_limit_of_the_model_where_all_is_relaxed) {
  for (const Orders o : {weak, paired, single}) EXPECT_EQ(load_buffering(o), (Outcomes{"00", "01", "10"}));
}

// ---- a message and its flag

Outcomes message_passing(Orders o) {
  return outcomes({[=](World& w) { w.x.store(1, relaxed), w.y.store(1, o.store); },
                   [=](World& w) { w.r[0] = w.y.load(o.load), w.r[1] = w.x.load(relaxed); }},
                  registers<2>);
}
TEST(Litmus, MP_the_flag_brings_the_message_by_release_and_acquire) {
  const Outcomes any{"00", "01", "10", "11"};
  for (const Orders o : {weak, Orders{release, relaxed}, Orders{relaxed, acquire}}) EXPECT_EQ(message_passing(o), any);
  for (const Orders o : {paired, single}) EXPECT_EQ(message_passing(o), (Outcomes{"00", "01", "11"}));
}

/// The reader has waited for something else before: what it then reads may be old all the same.
Outcomes message_passing_after_a_spin(Orders o) {
  return outcomes({[=](World& w) { w.x.store(1, relaxed), w.y.store(1, o.store); },
                   [=](World& w) {
                     ModelEnv::relax();
                     w.r[0] = w.y.load(o.load), w.r[1] = w.x.load(relaxed);
                   }},
                  registers<2>);
}
TEST(Litmus, MP_a_spin_of_the_reader_does_not_order_what_it_reads_afterwards) {
  EXPECT_EQ(message_passing_after_a_spin(weak), (Outcomes{"00", "01", "10", "11"}));
  EXPECT_EQ(message_passing_after_a_spin(paired), (Outcomes{"00", "01", "11"}));
}

/// The flag goes through a third thread's read-modify-write, or through what replaces it.
Outcomes release_sequence(const std::function<void(World&)>& middle) {
  return outcomes({[](World& w) { w.x.store(1, relaxed), w.y.store(1, release); }, middle,
                   [](World& w) { w.r[0] = w.y.load(acquire), w.r[1] = w.x.load(relaxed); }},
                  registers<2>);
}
TEST(Litmus, a_release_sequence_goes_on_through_a_relaxed_read_modify_write_and_ends_at_a_store) {
  // 20: the exchange came first. Behind the release store it writes 3, and then x is known.
  EXPECT_EQ(release_sequence([](World& w) { w.y.fetch_add(2, relaxed); }), (Outcomes{"00", "01", "11", "20", "21", "31"}));
  EXPECT_EQ(release_sequence([](World& w) { w.y.store(2, relaxed); }), (Outcomes{"00", "01", "11", "20", "21"}));
}
TEST(Litmus, a_relaxed_store_of_the_same_thread_ends_its_release_sequence) {  // since C++20
  const Outcomes seen = outcomes({[](World& w) { w.x.store(1, relaxed), w.y.store(1, release), w.y.store(2, relaxed); },
                                  [](World& w) { w.r[0] = w.y.load(acquire), w.r[1] = w.x.load(relaxed); }},
                                 registers<2>);
  EXPECT_EQ(seen, (Outcomes{"00", "01", "11", "20", "21"}));
}

Outcomes write_to_read_causality(Orders o) {
  return outcomes({[=](World& w) { w.x.store(1, o.store); }, [=](World& w) { w.r[0] = w.x.load(o.load), w.y.store(1, o.store); },
                   [=](World& w) { w.r[1] = w.y.load(o.load), w.r[2] = w.x.load(o.load); }},
                  registers<3>);
}
TEST(Litmus, WRC_causes_add_up_by_release_and_acquire) {
  EXPECT_TRUE(write_to_read_causality(weak).contains("110"));
  for (const Orders o : {paired, single}) {
    EXPECT_EQ(write_to_read_causality(o), (Outcomes{"000", "001", "010", "011", "100", "101", "111"}));
  }
}

// ---- one location: its modification order

TEST(Litmus, CoRR_a_thread_never_reads_backwards) {
  for (const Orders o : {weak, paired, single}) {
    const Outcomes seen = outcomes({[=](World& w) { w.x.store(1, o.store), w.x.store(2, o.store); },
                                    [=](World& w) { w.r[0] = w.x.load(o.load), w.r[1] = w.x.load(o.load); }},
                                   registers<2>);
    EXPECT_EQ(seen, (Outcomes{"00", "01", "02", "11", "12", "22"}));
  }
}
TEST(Litmus, CoRR_two_readers_agree_on_the_order_of_two_writers) {
  for (const Orders o : {weak, paired}) {
    const Outcomes seen = outcomes({[=](World& w) { w.x.store(1, o.store); }, [=](World& w) { w.x.store(2, o.store); },
                                    [=](World& w) { w.r[0] = w.x.load(o.load), w.r[1] = w.x.load(o.load); },
                                    [=](World& w) { w.r[2] = w.x.load(o.load), w.r[3] = w.x.load(o.load); }},
                                   registers<4>);
    EXPECT_TRUE(seen.contains("1212") && seen.contains("2121") && seen.contains("0022"));
    EXPECT_FALSE(seen.contains("1221") || seen.contains("2112"));
  }
}
TEST(Litmus, CoWW_the_last_store_of_a_thread_stays) {
  const Outcomes seen =
      outcomes({[](World& w) { w.x.store(1, relaxed), w.x.store(2, relaxed); }, [](World& w) { w.x.store(3, relaxed); }},
               [](World& w) { return std::vector{w.x.load(relaxed)}; });
  EXPECT_EQ(seen, (Outcomes{"2", "3"}));
}
TEST(Litmus, CoWR_what_a_thread_reads_after_its_store_is_not_older_than_it) {
  const Outcomes seen =
      outcomes({[](World& w) { w.x.store(1, relaxed), w.r[0] = w.x.load(relaxed); }, [](World& w) { w.x.store(2, relaxed); }},
               [](World& w) { return std::vector{w.r[0], w.x.load(relaxed)}; });
  EXPECT_EQ(seen, (Outcomes{"11", "12", "22"}));
}
TEST(Litmus, CoRW_a_thread_writes_behind_what_it_has_read) {
  const Outcomes seen =
      outcomes({[](World& w) { w.r[0] = w.x.load(relaxed), w.x.store(2, relaxed); }, [](World& w) { w.x.store(1, relaxed); }},
               [](World& w) { return std::vector{w.r[0], w.x.load(relaxed)}; });
  EXPECT_EQ(seen, (Outcomes{"01", "02", "12"}));
}
TEST(Litmus, read_modify_writes_of_one_location_lose_nothing) {
  const Outcomes seen =
      outcomes({[](World& w) { w.r[0] = w.x.fetch_add(1, relaxed); }, [](World& w) { w.r[1] = w.x.fetch_add(1, relaxed); }},
               [](World& w) { return std::vector{w.r[0], w.r[1], w.x.load(relaxed)}; });
  EXPECT_EQ(seen, (Outcomes{"012", "102"}));
}

// ---- stores that arrive in another order than they were made

Outcomes two_and_two_writes(std::memory_order store) {
  return outcomes(
      {[=](World& w) { w.x.store(1, store), w.y.store(2, store); }, [=](World& w) { w.y.store(1, store), w.x.store(2, store); }},
      finals);
}
TEST(Litmus, 2_2W_both_first_stores_may_stay_unless_all_is_seq_cst) {
  for (const auto store : {relaxed, release}) EXPECT_EQ(two_and_two_writes(store), (Outcomes{"11", "12", "21", "22"}));
  EXPECT_EQ(two_and_two_writes(seq_cst), (Outcomes{"12", "21", "22"}));
}

/// x's final value is the digit behind the register.
Outcomes store_behind_a_flag(Orders o) {
  return outcomes({[=](World& w) { w.x.store(2, o.store), w.y.store(1, o.store); },
                   [=](World& w) { w.r[0] = w.y.load(o.load), w.x.store(1, o.store); }},
                  [](World& w) { return std::vector{w.r[0], w.x.load(relaxed)}; });
}
TEST(Litmus, S_a_store_comes_behind_those_that_happened_before) {
  EXPECT_EQ(store_behind_a_flag(weak), (Outcomes{"01", "02", "11", "12"}));
  for (const Orders o : {paired, single}) EXPECT_EQ(store_behind_a_flag(o), (Outcomes{"01", "02", "11"}));
}

/// y's final value is the digit before the register.
Outcomes store_before_a_look(Orders o) {
  return outcomes({[=](World& w) { w.x.store(1, o.store), w.y.store(1, o.store); },
                   [=](World& w) { w.y.store(2, o.store), w.r[0] = w.x.load(o.load); }},
                  [](World& w) { return std::vector{w.y.load(relaxed), w.r[0]}; });
}
TEST(Litmus, R_the_last_writer_may_miss_what_came_before_unless_all_is_seq_cst) {
  for (const Orders o : {weak, paired}) EXPECT_EQ(store_before_a_look(o), (Outcomes{"10", "11", "20", "21"}));
  EXPECT_EQ(store_before_a_look(single), (Outcomes{"10", "11", "21"}));
}

/// A read-modify-write that learns of y only by a relaxed load may still come before the store to x.
Outcomes change_behind_a_flag(Orders o) {
  return outcomes({[=](World& w) { w.x.store(4, o.store), w.y.store(1, o.store); },
                   [=](World& w) { w.r[0] = w.y.load(o.load), w.r[1] = w.x.fetch_add(1, relaxed); }},
                  [](World& w) { return std::vector{w.r[0], w.r[1], w.x.load(relaxed)}; });
}
TEST(Litmus, a_read_modify_write_reads_the_store_before_its_own_and_nothing_comes_between) {
  EXPECT_EQ(change_behind_a_flag(weak), (Outcomes{"004", "045", "104", "145"}));
  EXPECT_EQ(change_behind_a_flag(paired), (Outcomes{"004", "045", "145"}));
}

/// A compare-exchange that fails is a load: r[1] is what it found.
Outcomes failed_compare_exchange(std::memory_order failure) {
  return outcomes({[](World& w) { w.x.store(1, relaxed), w.y.store(1, release); },
                   [=](World& w) {
                     w.r[0] = w.y.load(failure);
                     w.r[1] = 9;  // x is never 9, so it fails
                     w.x.compare_exchange_strong(w.r[1], 2, failure, failure);
                   }},
                  registers<2>);
}
TEST(Litmus, a_compare_exchange_that_fails_may_read_an_old_value) {
  EXPECT_EQ(failed_compare_exchange(relaxed), (Outcomes{"00", "01", "10", "11"}));
  EXPECT_EQ(failed_compare_exchange(acquire), (Outcomes{"00", "01", "11"}));
}

// ---- independent readers

Outcomes independent_reads(Orders o) {
  return outcomes({[=](World& w) { w.x.store(1, o.store); }, [=](World& w) { w.y.store(1, o.store); },
                   [=](World& w) { w.r[0] = w.x.load(o.load), w.r[1] = w.y.load(o.load); },
                   [=](World& w) { w.r[2] = w.y.load(o.load), w.r[3] = w.x.load(o.load); }},
                  registers<4>);
}
TEST(Litmus, IRIW_readers_may_disagree_unless_all_loads_are_seq_cst) {
  for (const Orders o : {weak, paired, Orders{seq_cst, acquire}}) EXPECT_EQ(independent_reads(o).size(), 16U);
  for (const Orders o : {single, Orders{release, seq_cst}}) {
    const Outcomes seen = independent_reads(o);
    EXPECT_EQ(seen.size(), 15U);
    EXPECT_FALSE(seen.contains("1010"));
  }
}

// ---- mutual exclusion: the section is a cell, so two inside are a data race

struct Section {
  std::array<Atomic, 2> flag;
  Atomic turn{0};
  ModelEnv::cell<int> inside{0};
};

/// True: never two inside. Bounded, since each waits for the other.
bool excludes(const std::function<void(Section&, std::uint32_t)>& enter) {
  const Exploration result = explore({.preemptions = 4, .print = false}, [&enter](Model& m) {
    auto s = std::make_shared<Section>();
    for (const std::uint32_t self : {0U, 1U}) {
      m.thread([s, self, &enter] { enter(*s, self); });
    }
  });
  EXPECT_TRUE(result.complete || result.failure.find("data race") != std::string::npos) << result.failure;
  return result.complete;
}

void dekker(Section& s, std::uint32_t self, Orders o) {
  s.flag[self].store(1, o.store);
  while (s.flag[1 - self].load(o.load) != 0) {
    if (s.turn.load(o.load) == self) {
      ModelEnv::relax();
      continue;
    }
    s.flag[self].store(0, o.store);
    while (s.turn.load(o.load) != self) ModelEnv::relax();
    s.flag[self].store(1, o.store);
  }
  s.inside.set(1);
  s.turn.store(1 - self, o.store);
  s.flag[self].store(0, o.store);
}
TEST(Litmus, Dekker_excludes_with_seq_cst_only) {
  EXPECT_FALSE(excludes([](Section& s, std::uint32_t self) { dekker(s, self, weak); }));
  EXPECT_FALSE(excludes([](Section& s, std::uint32_t self) { dekker(s, self, paired); }));
  EXPECT_TRUE(excludes([](Section& s, std::uint32_t self) { dekker(s, self, single); }));
}

void peterson(Section& s, std::uint32_t self, Orders o, bool exchanges) {
  s.flag[self].store(1, o.store);
  if (exchanges) {
    s.turn.exchange(1 - self, acq_rel);
  } else {
    s.turn.store(1 - self, o.store);
  }
  while (s.flag[1 - self].load(o.load) != 0 && s.turn.load(o.load) == 1 - self) ModelEnv::relax();
  s.inside.set(1);
  s.flag[self].store(0, o.store);
}
TEST(Litmus, Peterson_excludes_with_seq_cst_or_with_an_exchange_of_the_turn) {
  const auto with = [](Orders o, bool exchanges) {
    return excludes([=](Section& s, std::uint32_t self) { peterson(s, self, o, exchanges); });
  };
  EXPECT_FALSE(with(weak, false));
  EXPECT_FALSE(with(paired, false));
  EXPECT_TRUE(with(single, false));
  EXPECT_FALSE(with(weak, true)) << "leaving without release";
  EXPECT_TRUE(with(paired, true)) << "the second exchange reads the first and so sees its flag";
}

// ---- Chase-Lev: the owner lowers the bottom and looks at the top, the thief looks at the top and then at the bottom. Lê et al.,
// "Correct and efficient work-stealing for weak memory models", 2013, put a full fence between each pair; without bare fences the
// two stores and loads in question are seq_cst.

/// True: each of the tasks 1 and 2 is taken by one of them, never by both.
bool tasks_are_taken_once(Orders ends) {
  const Exploration result = explore(all, [ends](Model& m) {
    struct Deque {
      Atomic top{1}, bottom{3};
      std::array<Atomic, 3> taken{};
    };
    auto d = std::make_shared<Deque>();
    m.thread([=] {  // the owner
      d->bottom.store(2, ends.store);
      std::uint32_t top = d->top.load(ends.load);
      if (top < 2) {
        d->taken[2].fetch_add(1, relaxed);
        return;
      }
      if (top == 2 && d->top.compare_exchange_strong(top, 3, seq_cst, relaxed)) d->taken[2].fetch_add(1, relaxed);
      d->bottom.store(3, relaxed);
    });
    m.thread([=] {  // a thief
      for (int i = 0; i < 2; ++i) {
        std::uint32_t top = d->top.load(ends.load);
        if (top >= d->bottom.load(ends.load)) return;
        if (d->top.compare_exchange_strong(top, top + 1, seq_cst, relaxed)) d->taken[top].fetch_add(1, relaxed);
      }
    });
    m.after([=] { MODEL_CHECK(d->taken[1].load(relaxed) <= 1 && d->taken[2].load(relaxed) <= 1); });
  });
  EXPECT_TRUE(result.complete || result.failed());
  return result.complete;
}
TEST(Litmus, Chase_Lev_needs_the_full_order_between_the_two_ends) {
  EXPECT_TRUE(tasks_are_taken_once(single));
  EXPECT_FALSE(tasks_are_taken_once({release, seq_cst})) << "the owner's store may arrive after its look";
  EXPECT_FALSE(tasks_are_taken_once({seq_cst, acquire})) << "the looks may be old";
  EXPECT_FALSE(tasks_are_taken_once(paired));
  EXPECT_FALSE(tasks_are_taken_once(weak));
}

}  // namespace
}  // namespace rt
