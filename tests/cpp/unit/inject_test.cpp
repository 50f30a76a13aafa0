// The shared queue, one thread: order, batches, closing.
#include "rt/core/inject.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "rt/core/inject_shards.hpp"
#include "rt/env/sim_env.hpp"
#include "rt/env/thread_env.hpp"

namespace rt {
namespace {

struct Item {
  int value = 0;
  Item* queue_next = nullptr;
};

template <class Env>
class InjectTest : public ::testing::Test {
 public:
  InjectTest() {
    for (int i = 0; i < 10; ++i) items[static_cast<std::size_t>(i)].value = i;
  }
  Item* item(int i) { return &items[static_cast<std::size_t>(i)]; }
  Item* chain(int from, int to) {
    for (int i = from; i + 1 < to; ++i) item(i)->queue_next = item(i + 1);
    return item(from);
  }
  static std::vector<int> values(Item* first) {
    std::vector<int> found;
    for (; first != nullptr; first = first->queue_next) found.push_back(first->value);
    return found;
  }

  Inject<Env, Item> inject;
  typename Inject<Env, Item>::Synced synced;
  std::vector<Item> items = std::vector<Item>(10);
};

using Worlds = ::testing::Types<ThreadEnv, SimEnv>;
TYPED_TEST_SUITE(InjectTest, Worlds);

TYPED_TEST(InjectTest, singles_and_batches_leave_in_the_order_they_came) {
  EXPECT_TRUE(this->inject.is_empty());
  EXPECT_TRUE(this->inject.push(this->synced, this->item(0)));
  EXPECT_TRUE(this->inject.push_batch(this->synced, this->chain(1, 4), this->item(3), 3));
  EXPECT_TRUE(this->inject.push(this->synced, this->item(4)));
  EXPECT_EQ(this->inject.len(), 5U);
  std::uint32_t got = 0;
  EXPECT_EQ(this->values(this->inject.pop_n(this->synced, 3, got)), (std::vector<int>{0, 1, 2}));
  EXPECT_EQ(got, 3U);
  EXPECT_EQ(this->inject.pop(this->synced), this->item(3));
  EXPECT_EQ(this->inject.len(), 1U);
  EXPECT_EQ(this->values(this->inject.pop_n(this->synced, 8, got)), (std::vector<int>{4}));
  EXPECT_EQ(got, 1U);
  EXPECT_EQ(this->inject.pop(this->synced), nullptr);
  EXPECT_EQ(this->inject.pop_n(this->synced, 8, got), nullptr);
  EXPECT_EQ(got, 0U);
  EXPECT_TRUE(this->inject.is_empty());
}

TYPED_TEST(InjectTest, asking_for_none_takes_none) {
  EXPECT_TRUE(this->inject.push(this->synced, this->item(0)));
  std::uint32_t got = 7;
  EXPECT_EQ(this->inject.pop_n(this->synced, 0, got), nullptr);
  EXPECT_EQ(got, 0U);
  EXPECT_EQ(this->inject.len(), 1U);
}

TYPED_TEST(InjectTest, takes_nothing_after_close_and_gives_what_it_has) {
  EXPECT_TRUE(this->inject.push(this->synced, this->item(0)));
  EXPECT_FALSE(this->inject.is_closed(this->synced));
  EXPECT_TRUE(this->inject.close(this->synced));
  EXPECT_FALSE(this->inject.close(this->synced));
  EXPECT_TRUE(this->inject.is_closed(this->synced));
  EXPECT_FALSE(this->inject.push(this->synced, this->item(1)));
  EXPECT_FALSE(this->inject.push_batch(this->synced, this->chain(2, 4), this->item(3), 2));
  EXPECT_EQ(this->inject.pop(this->synced), this->item(0));
  EXPECT_EQ(this->inject.pop(this->synced), nullptr);
}

TYPED_TEST(InjectTest, refills_after_it_was_emptied) {
  for (int round = 0; round < 3; ++round) {
    EXPECT_TRUE(this->inject.push(this->synced, this->item(round)));
    EXPECT_EQ(this->inject.pop(this->synced), this->item(round));
    EXPECT_EQ(this->synced.head, nullptr);
    EXPECT_EQ(this->synced.tail, nullptr);
  }
}

TYPED_TEST(InjectTest, F3_shards_keep_the_order_of_each_producer_and_close_together) {
  InjectShards<TypeParam, Item> shards(3);
  for (int i = 0; i < 9; ++i) EXPECT_TRUE(shards.push(this->item(i), static_cast<std::uint32_t>(i % 3)));
  EXPECT_EQ(shards.len(), 9U);
  std::vector<std::vector<int>> by_producer(3);
  for (std::uint32_t consumer = 0; !shards.is_empty(); ++consumer) {
    Item* const item = shards.pop(consumer);
    ASSERT_NE(item, nullptr);
    by_producer[static_cast<std::size_t>(item->value % 3)].push_back(item->value);
  }
  EXPECT_EQ(by_producer, (std::vector<std::vector<int>>{{0, 3, 6}, {1, 4, 7}, {2, 5, 8}}));
  EXPECT_TRUE(shards.close());
  EXPECT_FALSE(shards.close());
  for (std::uint32_t producer = 0; producer < 3; ++producer) EXPECT_FALSE(shards.push(this->item(0), producer));
}

}  // namespace
}  // namespace rt
