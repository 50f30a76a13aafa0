// The idle protocol, one thread: counts, the stack, and who is told. Its races: tests/cpp/model/idle_test.cpp.
#include "rt/core/idle.hpp"

#include <gtest/gtest.h>

#include "rt/env/sim_env.hpp"
#include "rt/env/thread_env.hpp"

namespace rt {
namespace {

template <class Env>
class IdleTest : public ::testing::Test {
 public:
  void expect_counts(std::uint32_t searching, std::uint32_t unparked) {
    EXPECT_EQ(idle.searching(), searching);
    EXPECT_EQ(idle.unparked(), unparked);
    EXPECT_EQ(synced.sleepers.size(), idle.workers() - unparked);  // law S17
  }
  std::optional<std::uint32_t> notify() { return idle.worker_to_notify(mutex, synced); }
  bool park(std::uint32_t worker, bool is_searching) { return idle.park(mutex, synced, worker, is_searching); }

  Idle<Env> idle{4, 2};
  typename Env::mutex mutex;
  typename Idle<Env>::Synced synced;
};

using Worlds = ::testing::Types<ThreadEnv, SimEnv>;
TYPED_TEST_SUITE(IdleTest, Worlds);

TYPED_TEST(IdleTest, nobody_is_told_while_all_are_awake) {
  this->expect_counts(0, 4);
  EXPECT_EQ(this->notify(), std::nullopt);
}

TYPED_TEST(IdleTest, the_last_to_park_is_told_first_and_counts_as_searching) {
  this->park(2, false);
  this->park(0, false);
  this->expect_counts(0, 2);
  EXPECT_EQ(this->notify(), 0U);
  this->expect_counts(1, 3);
  EXPECT_EQ(this->notify(), std::nullopt);
  EXPECT_TRUE(this->idle.stop_searching());
  EXPECT_EQ(this->notify(), 2U);
  this->expect_counts(1, 4);
}

TYPED_TEST(IdleTest, at_most_half_start_to_search) {
  EXPECT_TRUE(this->idle.try_start_searching());
  EXPECT_TRUE(this->idle.try_start_searching());
  EXPECT_FALSE(this->idle.try_start_searching());
  EXPECT_FALSE(this->idle.stop_searching());
  EXPECT_TRUE(this->idle.stop_searching());
  this->expect_counts(0, 4);
}

TYPED_TEST(IdleTest, one_worker_alone_may_search) {
  Idle<TypeParam> alone(1, 1);
  EXPECT_TRUE(alone.try_start_searching());
  EXPECT_FALSE(alone.try_start_searching());
}

TYPED_TEST(IdleTest, parking_says_who_was_the_last_searcher) {
  EXPECT_TRUE(this->idle.try_start_searching());
  EXPECT_TRUE(this->idle.try_start_searching());
  EXPECT_FALSE(this->park(0, false));
  EXPECT_FALSE(this->park(1, true));
  EXPECT_TRUE(this->park(2, true));
  this->expect_counts(0, 1);
}

TYPED_TEST(IdleTest, parking_says_that_nobody_searches_to_one_that_was_refused_too) {
  EXPECT_TRUE(this->idle.try_start_searching());
  EXPECT_FALSE(this->park(0, false));
  EXPECT_TRUE(this->idle.stop_searching());
  EXPECT_TRUE(this->park(1, false));
}

TYPED_TEST(IdleTest, a_woken_worker_learns_whether_a_peer_took_it_off_the_stack) {
  this->park(1, false);
  this->park(3, false);
  EXPECT_TRUE(this->idle.is_parked(this->mutex, this->synced, 1));
  EXPECT_TRUE(this->idle.remove_sleeper(this->mutex, this->synced, 1));
  EXPECT_FALSE(this->idle.is_parked(this->mutex, this->synced, 1));
  this->expect_counts(0, 3);
  EXPECT_EQ(this->notify(), 3U);
  EXPECT_FALSE(this->idle.remove_sleeper(this->mutex, this->synced, 3));
  this->expect_counts(1, 4);
}

}  // namespace
}  // namespace rt
