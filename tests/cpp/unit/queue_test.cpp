// The ring, one thread at a time: order, overflow, stealing, and the wrap of its indices. Its races: tests/cpp/model/ring_test.cpp.
#include "rt/core/queue.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "rt/env/sim_env.hpp"
#include "rt/env/thread_env.hpp"

namespace rt {
namespace {

struct Item {
  int value = 0;
  Item* queue_next = nullptr;
};

/// Stands for the injection queue.
struct Spill {
  std::vector<int> values;
  std::vector<std::size_t> batches;
  void push(Item* item) { values.push_back(item->value); }
  void push_batch(Item* first, Item* last, std::size_t n) {
    batches.push_back(n);
    Item* item = first;
    for (std::size_t i = 0; i < n; ++i, item = item->queue_next) {
      values.push_back(item->value);
      EXPECT_EQ(item == last, i + 1 == n);
    }
    EXPECT_EQ(item, nullptr);
  }
};

template <class Env>
class RingTest : public ::testing::Test {
 public:
  using TestRing = Ring<Env, Item>;
  /// Starts where the indices pass 2^32 within the test.
  static constexpr std::uint32_t before_wrap = 0xffffffffU - 100;

  RingTest() {
    for (int i = 0; i < 2000; ++i) items[static_cast<std::size_t>(i)].value = i;
  }
  Item* item(int i) { return &items[static_cast<std::size_t>(i)]; }
  void fill(TestRing& ring, int from, int to) {
    for (int i = from; i < to; ++i) ASSERT_EQ(ring.push_back_or_overflow(item(i), spill), Pushed::stored);
  }
  static std::vector<int> drain(TestRing& ring) {
    std::vector<int> values;
    while (Item* next = ring.pop()) values.push_back(next->value);
    return values;
  }
  static std::vector<int> range(int from, int to) {
    std::vector<int> values;
    for (int i = from; i < to; ++i) values.push_back(i);
    return values;
  }

  std::vector<Item> items = std::vector<Item>(2000);
  Spill spill;
};

using Worlds = ::testing::Types<ThreadEnv, SimEnv>;
TYPED_TEST_SUITE(RingTest, Worlds);

TYPED_TEST(RingTest, gives_back_in_the_order_of_pushing_across_the_wrap) {
  typename TestFixture::TestRing ring(TestFixture::before_wrap);
  EXPECT_TRUE(ring.is_empty());
  EXPECT_EQ(ring.pop(), nullptr);
  this->fill(ring, 0, 200);
  EXPECT_EQ(ring.len(), 200U);
  EXPECT_EQ(ring.remaining_slots(), 56U);
  EXPECT_EQ(this->drain(ring), this->range(0, 200));
  EXPECT_TRUE(ring.is_empty());
  EXPECT_EQ(ring.remaining_slots(), 256U);
}

TYPED_TEST(RingTest, overflow_moves_the_129_oldest_with_the_new_task_last) {
  typename TestFixture::TestRing ring(TestFixture::before_wrap);
  this->fill(ring, 0, 256);
  EXPECT_EQ(ring.push_back_or_overflow(this->item(256), this->spill), Pushed::overflowed_batch);
  EXPECT_EQ(this->spill.batches, std::vector<std::size_t>{129});
  auto expected = this->range(0, 128);
  expected.push_back(256);
  EXPECT_EQ(this->spill.values, expected);
  EXPECT_EQ(ring.len(), 128U);
  EXPECT_EQ(this->drain(ring), this->range(128, 256));
}

TYPED_TEST(RingTest, a_thief_takes_the_older_half_rounded_up_and_gets_the_youngest_of_it) {
  typename TestFixture::TestRing victim(TestFixture::before_wrap);
  typename TestFixture::TestRing thief(7);
  this->fill(victim, 0, 5);
  std::uint32_t stolen = 0;
  Item* next = victim.steal_into(thief, stolen);
  ASSERT_NE(next, nullptr);
  EXPECT_EQ(next->value, 2);
  EXPECT_EQ(stolen, 3U);
  EXPECT_EQ(this->drain(thief), this->range(0, 2));
  EXPECT_EQ(this->drain(victim), this->range(3, 5));
  EXPECT_EQ(victim.steal_into(thief, stolen), nullptr);
  EXPECT_EQ(stolen, 0U);
}

TYPED_TEST(RingTest, a_single_task_is_returned_and_not_published) {
  typename TestFixture::TestRing victim(0);
  typename TestFixture::TestRing thief(TestFixture::before_wrap);
  this->fill(victim, 0, 1);
  std::uint32_t stolen = 0;
  EXPECT_EQ(victim.steal_into(thief, stolen), this->item(0));
  EXPECT_EQ(stolen, 1U);
  EXPECT_TRUE(thief.is_empty());
  EXPECT_TRUE(victim.is_empty());
}

TYPED_TEST(RingTest, a_thief_that_is_more_than_half_full_takes_nothing) {
  typename TestFixture::TestRing victim(0);
  typename TestFixture::TestRing thief(0);
  this->fill(victim, 0, 256);
  this->fill(thief, 300, 429);
  std::uint32_t stolen = 99;
  EXPECT_EQ(victim.steal_into(thief, stolen), nullptr);
  EXPECT_EQ(stolen, 0U);
  ASSERT_NE(thief.pop(), nullptr);
  EXPECT_NE(victim.steal_into(thief, stolen), nullptr);
  EXPECT_EQ(stolen, 128U);
  EXPECT_EQ(thief.len(), 255U);
}

TYPED_TEST(RingTest, a_thief_that_takes_all_leaves_what_it_has_no_room_for) {
  typename TestFixture::TestRing victim(0);
  typename TestFixture::TestRing thief(TestFixture::before_wrap);
  this->fill(victim, 0, 256);
  this->fill(thief, 300, 428);
  std::uint32_t stolen = 0;
  EXPECT_EQ(victim.steal_into(thief, stolen, {.kind = StealAmount::Kind::all}), this->item(127));
  EXPECT_EQ(stolen, 128U);
  auto expected = this->range(300, 428);
  for (const int value : this->range(0, 127)) expected.push_back(value);
  EXPECT_EQ(this->drain(thief), expected);
  EXPECT_EQ(this->drain(victim), this->range(128, 256));
}

TYPED_TEST(RingTest, a_chain_becomes_visible_at_once) {
  typename TestFixture::TestRing ring(TestFixture::before_wrap);
  for (int i = 0; i < 128; ++i) this->item(i)->queue_next = i < 127 ? this->item(i + 1) : nullptr;
  ring.push_back(this->item(0), 128);
  EXPECT_EQ(ring.len(), 128U);
  EXPECT_EQ(this->drain(ring), this->range(0, 128));
  ring.push_back(nullptr, 0);
  EXPECT_TRUE(ring.is_empty());
}

TYPED_TEST(RingTest, agrees_with_a_deque_over_many_mixed_operations) {
  typename TestFixture::TestRing ring(TestFixture::before_wrap);
  typename TestFixture::TestRing other(TestFixture::before_wrap);
  std::deque<int> model;
  std::deque<int> model_other;
  Xorshift dice(42);
  for (int step = 0; step < 1900; ++step) {
    switch (dice.below(4)) {
      case 0:
      case 1:
        if (ring.remaining_slots() == 0) break;
        ASSERT_EQ(ring.push_back_or_overflow(this->item(step), this->spill), Pushed::stored);
        model.push_back(step);
        break;
      case 2: {
        Item* next = ring.pop();
        ASSERT_EQ(next == nullptr, model.empty());
        if (next == nullptr) break;
        EXPECT_EQ(next->value, model.front());
        model.pop_front();
        break;
      }
      default: {
        if (model_other.size() > 100) {
          EXPECT_EQ(this->drain(other).size(), model_other.size());
          model_other.clear();
        }
        std::uint32_t stolen = 0;
        Item* next = ring.steal_into(other, stolen);
        ASSERT_EQ(stolen, (model.size() + 1) / 2);
        for (std::uint32_t i = 0; i + 1 < stolen; ++i) {
          model_other.push_back(model.front());
          model.pop_front();
        }
        if (stolen == 0) break;
        EXPECT_EQ(next->value, model.front());
        model.pop_front();
      }
    }
    ASSERT_EQ(ring.len(), model.size());
    ASSERT_EQ(other.len(), model_other.size());
  }
}

// ---- a thief that is stopped between its look at the head and its exchange (Tokio #5041) ----

/// Indices of 8 bits, which one can send round; `interlude` is called once, before the next exchange.
struct StoppedEnv : ThreadEnv {
  using index = std::uint8_t;
  static constexpr std::size_t ring_capacity = 4;
  static inline std::function<void()> interlude;

  template <class T>
  struct atomic : std::atomic<T> {
    using std::atomic<T>::atomic;
    bool compare_exchange_weak(T& expected, T desired, std::memory_order success, std::memory_order failure) {
      if (const auto now = std::exchange(interlude, nullptr)) now();
      return std::atomic<T>::compare_exchange_weak(expected, desired, success, failure);
    }
  };
};

/// The thief has seen four tasks and wants two; before it claims them, the owner takes `pops` tasks and pushes three fewer.
bool each_is_taken_once_after(int pops) {
  std::vector<Item> items(static_cast<std::size_t>(pops) + 4);
  std::vector<int> taken(items.size(), 0);
  Ring<StoppedEnv, Item> ring;
  Ring<StoppedEnv, Item> thief;
  std::size_t pushed = 0;
  const auto push = [&] { return ring.push_if_room(&items[pushed++]); };
  const auto take = [&](Item* item) { return ++taken[static_cast<std::size_t>(item - items.data())] == 1; };
  bool is_right = push() && push() && push() && push();
  StoppedEnv::interlude = [&] {
    for (int i = 0; i < pops; ++i) {
      is_right = take(ring.pop()) && is_right;
      if (i < pops - 3) is_right = push() && is_right;
    }
  };
  std::uint32_t stolen = 0;
  if (Item* item = ring.steal_into(thief, stolen)) is_right = take(item) && is_right;
  for (auto* from : {&ring, &thief}) {
    while (Item* item = is_right ? from->pop() : nullptr) is_right = take(item);
  }
  for (std::size_t i = 0; i < pushed; ++i) is_right = is_right && taken[i] == 1;
  return is_right;
}

TEST(RingAba, S1_S2_a_stopped_thief_is_fooled_only_when_the_index_has_gone_round) {
  for (int pops = 3; pops < 256; ++pops) ASSERT_TRUE(each_is_taken_once_after(pops)) << pops;
  EXPECT_FALSE(each_is_taken_once_after(256)) << "this test would miss it";
  EXPECT_GE(sizeof(ThreadEnv::index), 4U) << "2^32 tasks while a thief stands still; with 2^16 it did happen";
}

}  // namespace
}  // namespace rt
