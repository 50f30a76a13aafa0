// The queue under a lock, where two workers steal from each other at the same time: nothing lost, nothing twice, and no deadlock.
#include "rt/core/locked_queue.hpp"

#include <gtest/gtest.h>

#include <array>
#include <memory>

#include "holds.hpp"

namespace rt {
namespace {

struct Item {
  Item* queue_next = nullptr;
  ModelEnv::atomic<int> taken{0};
};
using Queue = LockedQueue<ModelEnv, Item>;

struct World {
  std::array<Queue, 2> queues{Queue(Policy{}), Queue(Policy{})};
  std::array<Item, 4> items;

  static void take(Item* item) {
    if (item != nullptr) MODEL_CHECK(item->taken.fetch_add(1, relaxed) == 0);  // S1
  }
  void steal(std::size_t thief) {
    std::uint32_t stolen = 0;
    take(queues[1 - thief].steal_into(queues[thief], stolen, {}));
  }
};

void robbed_by_each_other(Model& m) {
  auto w = std::make_shared<World>();
  for (std::size_t i = 0; i < 4; ++i) MODEL_CHECK(w->queues[i % 2].push(&w->items[i]).n == 0);
  for (std::size_t i : {0U, 1U}) {
    m.thread([w, i] {
      w->steal(i);
      w->take(w->queues[i].pop());
    });
  }
  m.after([w] {
    for (Queue& queue : w->queues) {
      while (Item* item = queue.pop()) w->take(item);
      MODEL_CHECK(queue.len() == 0);
    }
    for (Item& item : w->items) MODEL_CHECK(item.taken.load(relaxed) == 1);
  });
}

TEST(LockedQueueModel, S1_two_that_rob_each_other_neither_wait_for_each_other_nor_lose_a_task) {
  expect_holds("rob each other", robbed_by_each_other);
}

}  // namespace
}  // namespace rt
