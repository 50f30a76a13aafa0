// The shared queue against its end, under every schedule: a task is taken, refused, or met by the last one that looks, once (laws S1, S15);
// and who knows that the queue is closed finds it so.
#include "rt/core/inject_shards.hpp"

#include <gtest/gtest.h>

#include <array>
#include <memory>

#include "holds.hpp"
#include "weaken.hpp"

namespace rt {
namespace {

struct Item {
  Item* queue_next = nullptr;
  ModelEnv::cell<int> payload{0};
  ModelEnv::atomic<int> ends{0};
};

template <class Env>
struct World {
  explicit World(std::uint32_t shards) : inject(shards) {}

  InjectShards<Env, Item> inject;
  std::array<Item, 4> items;
  ModelEnv::atomic<bool> closed{false};

  static void end(Item& item) {
    MODEL_CHECK(item.payload.get() == 1);  // S6, and a data race if nothing orders it
    MODEL_CHECK(item.ends.fetch_add(1, relaxed) == 0);
  }
  void push(std::size_t i, std::uint32_t producer) {
    items[i].payload.set(1);
    const bool knew = closed.load(acquire);
    const bool accepted = inject.push(&items[i], producer);
    MODEL_CHECK(!(knew && accepted));
    if (!accepted) end(items[i]);
  }
  /// A chain, as a ring's overflow is.
  void push_two(std::size_t i, std::uint32_t producer) {
    items[i].queue_next = &items[i + 1];
    for (std::size_t k : {i, i + 1}) items[k].payload.set(1);
    if (inject.push_batch(&items[i], &items[i + 1], 2, producer)) return;
    for (std::size_t k : {i, i + 1}) end(items[k]);
  }
  void take(std::uint32_t consumer) {
    if (inject.is_empty()) return;
    if (Item* const item = inject.pop(consumer)) end(*item);
  }
  /// As Shared::close(); then the last worker empties what is there.
  void close_and_clear() {
    MODEL_CHECK(inject.close());
    closed.store(true, seq_cst);
    while (Item* const item = inject.pop(0)) end(*item);
  }
  void check(std::size_t pushed) {
    for (std::size_t i = 0; i < pushed; ++i) MODEL_CHECK(items[i].ends.load(relaxed) == 1);
    MODEL_CHECK(inject.len() == 0 && inject.pop(0) == nullptr && !inject.close());
  }
};

template <class Env = ModelEnv>
ModelSetup pushes_against_close(std::uint32_t shards) {
  return [shards](Model& m) {
    auto w = std::make_shared<World<Env>>(shards);
    m.thread([w] {
      w->push(0, 0);
      w->push(1, 1);
    });
    m.thread([w] { w->push_two(2, 1); });
    m.thread([w] { w->close_and_clear(); });
    m.after([w] { w->check(4); });
  };
}

template <class Env = ModelEnv>
ModelSetup consumer_against_close(std::uint32_t shards) {
  return [shards](Model& m) {
    auto w = std::make_shared<World<Env>>(shards);
    m.thread([w] {
      w->push(0, 0);
      w->push(1, 1);
    });
    m.thread([w] {
      w->take(1);
      w->take(1);
    });
    m.thread([w] { w->close_and_clear(); });
    m.after([w] { w->check(2); });
  };
}

/// One that is asked without its lock.
class HalfMutex : public ModelEnv::mutex {
 public:
  void lock() {}
  void unlock() {}
};
struct UnlockedEnv : ModelEnv {
  using mutex = HalfMutex;
};

TEST(InjectModel, S1_S15_pushes_against_close) { expect_holds("pushes, close", pushes_against_close(1)); }
TEST(InjectModel, S1_S15_pushes_against_close_of_two_shards) { expect_holds("pushes, close, shards", pushes_against_close(2)); }
TEST(InjectModel, S1_S6_S15_a_consumer_against_close) { expect_holds("consumer, close", consumer_against_close(1)); }
TEST(InjectModel, S1_S6_S15_a_consumer_against_close_of_two_shards) {
  expect_holds("consumer, close, shards", consumer_against_close(2));
}

TEST(InjectFaults, a_queue_without_its_lock_is_found) { EXPECT_TRUE(is_found(pushes_against_close<UnlockedEnv>(1))); }

}  // namespace
}  // namespace rt
