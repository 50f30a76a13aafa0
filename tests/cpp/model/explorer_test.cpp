// Does the explorer find what it must in small programs whose faults are known, and can each be replayed? What its loads may return
// is litmus_test.cpp's question.
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>

#include "faulty.hpp"
#include "rt/drive/explore.hpp"

namespace rt {
namespace {

using Atomic = ModelEnv::atomic<std::uint32_t>;
constexpr ExploreOptions quiet{.print = false};

/// Two threads that each store and look at the other's: true if both may miss the other.
bool both_may_miss(ExploreOptions options) {
  bool found = false;
  const auto result = explore(options, [&found](Model& m) {
    struct State {
      std::array<Atomic, 2> flag;
      std::array<std::uint32_t, 2> saw{};
    };
    auto s = std::make_shared<State>();
    for (const std::size_t self : {0U, 1U}) {
      m.thread([=] {
        s->flag[self].store(1, relaxed);
        s->saw[self] = s->flag[1 - self].load(relaxed);
      });
    }
    m.after([s, &found] { found = found || (s->saw[0] == 0 && s->saw[1] == 0); });
  });
  EXPECT_TRUE(result.complete) << result.failure;
  return found;
}

TEST(Explorer, without_weak_memory_only_interleavings_remain) {
  EXPECT_TRUE(both_may_miss(quiet));
  EXPECT_FALSE(both_may_miss({.weak_memory = false, .print = false}));
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

TEST(Explorer, a_lost_update_is_found_and_its_schedule_replays_it) {
  const auto found = explore(quiet, lose_an_update);
  ASSERT_TRUE(found.failed());
  const auto again = replay(found.schedule, quiet, lose_an_update);
  EXPECT_EQ(again.failure, found.failure);
  EXPECT_EQ(again.schedules, 1U);
  EXPECT_FALSE(replay("0", quiet, lose_an_update).failed()) << "one after the other is right";
  EXPECT_TRUE(explore({.preemptions = 0, .weak_memory = false, .print = false}, lose_an_update).complete);
}

TEST(Explorer, a_line_of_another_program_is_refused) {
  EXPECT_NE(replay("z", quiet, lose_an_update).failure.find("does not belong"), std::string::npos);
  EXPECT_NE(replay("0z", quiet, lose_an_update).failure.find("does not belong"), std::string::npos);
}

TEST(Explorer, two_locks_in_two_orders_deadlock) {
  const auto result = explore(quiet, deadlock);
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
