// Does the explorer find what it must, and nothing that cannot be? Litmus tests with known answers.
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>

#include "rt/drive/explore.hpp"

namespace rt {
namespace {

using Atomic = ModelEnv::atomic<std::uint32_t>;
constexpr ExploreOptions quiet{.print = false};

/// All outcomes of two threads, each with one result.
template <class First, class Second>
std::set<std::string> outcomes(First first, Second second, ExploreOptions options = quiet) {
  std::set<std::string> seen;
  const auto result = explore(options, [&](Model& m) {
    struct State {
      Atomic x{0}, y{0};
      std::array<std::uint32_t, 2> r{};
    };
    auto s = std::make_shared<State>();
    m.thread([s, first] { s->r[0] = first(s->x, s->y); });
    m.thread([s, second] { s->r[1] = second(s->x, s->y); });
    m.after([s, &seen] { seen.insert(std::to_string(s->r[0]) + std::to_string(s->r[1])); });
  });
  EXPECT_TRUE(result.complete) << result.failure;
  return seen;
}

std::set<std::string> store_buffering(std::memory_order store, std::memory_order load, ExploreOptions options = quiet) {
  return outcomes(
      [=](Atomic& x, Atomic& y) {
        x.store(1, store);
        return y.load(load);
      },
      [=](Atomic& x, Atomic& y) {
        y.store(1, store);
        return x.load(load);
      },
      options);
}

TEST(Explorer, store_buffering_shows_both_stale_unless_all_four_are_seq_cst) {
  EXPECT_TRUE(store_buffering(relaxed, relaxed).contains("00"));
  EXPECT_TRUE(store_buffering(release, acquire).contains("00"));
  EXPECT_TRUE(store_buffering(seq_cst, acquire).contains("00"));
  EXPECT_TRUE(store_buffering(release, seq_cst).contains("00"));
  EXPECT_EQ(store_buffering(seq_cst, seq_cst), (std::set<std::string>{"01", "10", "11"}));
}

TEST(Explorer, without_stale_loads_only_interleavings_remain) {
  EXPECT_EQ(store_buffering(relaxed, relaxed, {.stale_loads = false, .print = false}), (std::set<std::string>{"01", "10", "11"}));
}

std::set<std::string> message_passing(std::memory_order store, std::memory_order load) {
  return outcomes(
      [=](Atomic& x, Atomic& y) {
        x.store(1, relaxed);
        y.store(1, store);
        return 0U;
      },
      [=](Atomic& x, Atomic& y) { return y.load(load) == 1 ? x.load(relaxed) : 2; });
}

TEST(Explorer, message_passing_is_stale_when_relaxed_and_not_with_release_and_acquire) {
  EXPECT_TRUE(message_passing(relaxed, acquire).contains("00"));
  EXPECT_TRUE(message_passing(release, relaxed).contains("00"));
  EXPECT_EQ(message_passing(release, acquire), (std::set<std::string>{"01", "02"}));
}

TEST(Explorer, a_release_sequence_goes_on_through_a_relaxed_exchange) {
  const auto result = explore(quiet, [](Model& m) {
    struct State {
      Atomic data{0}, flag{0};
    };
    auto s = std::make_shared<State>();
    m.thread([s] {
      s->data.store(1, relaxed);
      s->flag.store(1, release);
    });
    m.thread([s] { s->flag.fetch_add(1, relaxed); });
    m.thread([s] {
      if (s->flag.load(acquire) == 2) MODEL_CHECK(s->data.load(relaxed) == 1);
    });
  });
  EXPECT_TRUE(result.complete) << result.failure;
}

TEST(Explorer, a_thread_never_reads_backwards) {
  const auto seen = outcomes(
      [](Atomic& x, Atomic&) {
        x.store(1, relaxed);
        x.store(2, relaxed);
        return 0U;
      },
      [](Atomic& x, Atomic&) {
        const auto first = x.load(relaxed);
        return first * 10 + x.load(relaxed);
      });
  EXPECT_EQ(seen, (std::set<std::string>{"00", "01", "02", "011", "012", "022"}));
}

/// Two writers, two readers that may disagree on the order.
bool readers_may_disagree(std::memory_order store, std::memory_order load) {
  bool found = false;
  const auto result = explore({.preemptions = 3, .print = false}, [&](Model& m) {
    struct State {
      Atomic x{0}, y{0};
      std::array<std::uint32_t, 4> r{};
    };
    auto s = std::make_shared<State>();
    m.thread([=] { s->x.store(1, store); });
    m.thread([=] { s->y.store(1, store); });
    m.thread([=] { s->r[0] = s->x.load(load), s->r[1] = s->y.load(load); });
    m.thread([=] { s->r[2] = s->y.load(load), s->r[3] = s->x.load(load); });
    m.after([s, &found] { found = found || s->r == std::array<std::uint32_t, 4>{1, 0, 1, 0}; });
  });
  EXPECT_TRUE(result.complete) << result.failure;
  return found;
}

TEST(Explorer, independent_readers_disagree_with_acquire_and_not_with_seq_cst) {
  EXPECT_TRUE(readers_may_disagree(release, acquire));
  EXPECT_FALSE(readers_may_disagree(seq_cst, seq_cst));
}

/// Two threads go for one cell: each raises its flag, then looks at the other's.
Exploration dekker(std::memory_order order) {
  return explore(quiet, [order](Model& m) {
    struct State {
      std::array<Atomic, 2> flag;
      ModelEnv::cell<int> owned{0};
    };
    auto s = std::make_shared<State>();
    for (const std::size_t self : {0U, 1U}) {
      m.thread([=] {
        s->flag[self].store(1, order == seq_cst ? seq_cst : release);
        if (s->flag[1 - self].load(order) == 0) s->owned.set(1);
      });
    }
  });
}

TEST(Explorer, dekker_holds_with_seq_cst_and_races_with_less) {
  EXPECT_TRUE(dekker(seq_cst).complete);
  EXPECT_NE(dekker(acquire).failure.find("data race"), std::string::npos);
}

TEST(Explorer, an_unordered_cell_is_a_data_race_and_a_mutex_orders_it) {
  const auto world = [](bool locked) {
    return [locked](Model& m) {
      struct State {
        ModelEnv::mutex mutex;
        ModelEnv::cell<int> value{0};
      };
      auto s = std::make_shared<State>();
      for (int i = 0; i < 2; ++i) {
        m.thread([=] {
          if (locked) s->mutex.lock();
          s->value.set(s->value.get() + 1);
          if (locked) s->mutex.unlock();
        });
      }
      if (locked) m.after([s] { MODEL_CHECK(s->value.get() == 2); });
    };
  };
  EXPECT_NE(explore(quiet, world(false)).failure.find("data race"), std::string::npos);
  EXPECT_TRUE(explore(quiet, world(true)).complete);
}

void lose_an_update(Model& m) {
  auto counter = std::make_shared<Atomic>(0);
  for (int i = 0; i < 2; ++i) {
    m.thread([=] { counter->store(counter->load(seq_cst) + 1, seq_cst); });
  }
  m.after([=] { MODEL_CHECK(counter->load(relaxed) == 2); });
}

TEST(Explorer, a_lost_update_is_found_and_its_schedule_replays_it) {
  const auto found = explore(quiet, lose_an_update);
  ASSERT_TRUE(found.failed());
  const auto again = replay(found.schedule, quiet, lose_an_update);
  EXPECT_EQ(again.failure, found.failure);
  EXPECT_EQ(again.schedules, 1U);
  EXPECT_FALSE(replay("0", quiet, lose_an_update).failed()) << "one after the other is right";
  EXPECT_TRUE(explore({.preemptions = 0, .stale_loads = false, .print = false}, lose_an_update).complete);
}

TEST(Explorer, two_locks_in_two_orders_deadlock) {
  const auto result = explore(quiet, [](Model& m) {
    auto locks = std::make_shared<std::array<ModelEnv::mutex, 2>>();
    for (const std::size_t first : {0U, 1U}) {
      m.thread([=] {
        (*locks)[first].lock();
        (*locks)[1 - first].lock();
        (*locks)[1 - first].unlock();
        (*locks)[first].unlock();
      });
    }
  });
  EXPECT_NE(result.failure.find("deadlock"), std::string::npos);
}

TEST(Explorer, a_spinning_thread_lets_others_run_and_one_that_waits_for_nothing_is_reported) {
  const auto world = [](bool hopeless) {
    return [hopeless](Model& m) {
      auto flag = std::make_shared<Atomic>(0);
      m.thread([=] {
        while (flag->load(relaxed) == 0) ModelEnv::relax();
      });
      m.thread([=] { flag->store(hopeless ? 0 : 1, relaxed); });
    };
  };
  EXPECT_TRUE(explore(quiet, world(false)).complete);
  EXPECT_NE(explore(quiet, world(true)).failure.find("no progress"), std::string::npos);
}

TEST(Explorer, a_time_out_is_a_choice) {
  std::set<bool> seen;
  const auto result = explore(quiet, [&seen](Model& m) {
    struct State {
      Atomic word{0};
      bool in_time = false;
    };
    auto s = std::make_shared<State>();
    m.thread([s] { s->in_time = ModelEnv::wait_on(s->word, 0, 1000); });
    m.thread([s] {
      s->word.store(1, release);
      ModelEnv::wake_one(s->word);
    });
    m.after([s, &seen] { seen.insert(s->in_time); });
  });
  EXPECT_TRUE(result.complete) << result.failure;
  EXPECT_EQ(seen, (std::set<bool>{false, true}));
}

TEST(Explorer, an_exception_ends_the_run_and_a_choice_is_a_digit_of_the_schedule) {
  const auto thrown = explore(quiet, [](Model& m) { m.thread([] { throw std::runtime_error("on purpose"); }); });
  EXPECT_EQ(thrown.failure, "exception: on purpose");
  const auto choice = explore(quiet, [](Model& m) { m.thread([] { MODEL_CHECK(ModelEnv::World().choose(3) != 2); }); });
  EXPECT_EQ(choice.schedule, "2");
}

}  // namespace
}  // namespace rt
