// The Chase-Lev deque under every schedule with at most two pre-emptions: the owner at the bottom, thieves at the top, the last
// task between them. Laws: S1 (no item lost or invented), S6 (what was written before the push is seen by the taker).
#include "rt/core/deque.hpp"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <vector>

#include "holds.hpp"
#include "weaken.hpp"

namespace rt {
namespace {

struct Item {
  Item* queue_next = nullptr;
  ModelEnv::cell<int> payload;
  ModelEnv::atomic<int> taken{0};
};

constexpr StealAmount one{.kind = StealAmount::Kind::one};

template <class Env>
struct World {
  Deque<Env, Item> deque{2};
  Deque<Env, Item> own{2};    // a thief's
  Deque<Env, Item> other{2};  // another one's
  std::array<Item, 6> items;
  int pushed = 0;

  void push() {
    Item& item = items[static_cast<std::size_t>(pushed)];
    item.payload.set(++pushed);
    MODEL_CHECK(deque.push(&item).n == 0);  // it grows
  }
  void take(Item* item) {
    if (item == nullptr) return;
    MODEL_CHECK(item->payload.get() != 0);                // S6, and a data race if nothing orders it
    MODEL_CHECK(item->taken.fetch_add(1, relaxed) == 0);  // S1
  }
  void steal(Deque<Env, Item>& dst, const StealAmount& amount) {
    std::uint32_t stolen = 0;
    Item* const item = deque.steal_into(dst, stolen, amount);
    MODEL_CHECK((item == nullptr) == (stolen == 0));
    take(item);
    drain(dst);
  }
  void drain(Deque<Env, Item>& from) {
    while (Item* item = from.pop()) take(item);
  }
  void check_all_taken_once() {
    drain(deque);
    for (int i = 0; i < pushed; ++i) MODEL_CHECK(items[static_cast<std::size_t>(i)].taken.load(relaxed) == 1);
    MODEL_CHECK(deque.len() == 0);
  }
};

/// Owner and thief meet at the last task.
template <class Env>
void last_task(Model& m) {
  auto w = std::make_shared<World<Env>>();
  m.thread([w] {
    w->push();
    w->take(w->deque.pop());
    w->push();
    w->push();
    w->take(w->deque.pop());
    w->take(w->deque.pop());
  });
  m.thread([w] {
    w->steal(w->own, one);
    w->steal(w->own, one);
  });
  m.after([w] { w->check_all_taken_once(); });
}

/// Two thieves and the owner at two tasks.
template <class Env>
void two_thieves(Model& m) {
  auto w = std::make_shared<World<Env>>();
  w->push();
  w->push();
  m.thread([w] {
    w->take(w->deque.pop());
    w->take(w->deque.pop());
  });
  m.thread([w] { w->steal(w->own, one); });
  m.thread([w] { w->steal(w->other, one); });
  m.after([w] { w->check_all_taken_once(); });
}

/// The buffer is replaced while a thief reads the old one (crossbeam #726).
template <class Env>
void growth_against_thief(Model& m) {
  auto w = std::make_shared<World<Env>>();
  w->push();
  w->push();
  m.thread([w] {
    w->push();
    w->push();
    w->push();
    w->take(w->deque.pop());
  });
  m.thread([w] { w->steal(w->own, {}); });
  m.after([w] { w->check_all_taken_once(); });
}

/// A dump takes all and puts them back while a thief, which is no part of the dump, is at work; the owner stands still.
template <class Env>
void dump_against_thief(Model& m) {
  auto w = std::make_shared<World<Env>>();
  w->push();
  w->push();
  m.thread([w] {
    std::vector<Item*> seen;
    MODEL_CHECK(w->deque.steal_all(seen));
    for (Item* item : seen) MODEL_CHECK(item->taken.load(relaxed) == 0);  // ours until we put them back
    w->deque.put_back();
  });
  m.thread([w] {
    w->steal(w->own, one);
    w->steal(w->own, one);
  });
  m.after([w] { w->check_all_taken_once(); });
}

TEST(DequeModel, S1_S6_the_last_task_goes_to_one) { expect_holds("deque, last task", last_task<ModelEnv>); }
TEST(DequeModel, S1_two_thieves) { expect_holds("deque, two thieves", two_thieves<ModelEnv>); }
TEST(DequeModel, S1_S6_growth_against_thief) { expect_holds("deque, growth", growth_against_thief<ModelEnv>); }
TEST(DequeModel, S1_S24_dump_against_thief) { expect_holds("deque, dump", dump_against_thief<ModelEnv>); }

// ---- seeded faults: each must be found ----

using Position = std::int64_t;

template <class Fault>
bool some_world_finds() {
  using Env = WeakEnv<Fault, Position>;
  return is_found(last_task<Env>) || is_found(two_thieves<Env>) || is_found(growth_against_thief<Env>);
}

TEST(DequeFaults, a_release_store_of_the_bottom_is_found) { EXPECT_TRUE(some_world_finds<StoresRelease>()); }
TEST(DequeFaults, a_relaxed_store_of_the_bottom_is_found) { EXPECT_TRUE(some_world_finds<StoresRelaxed>()); }
TEST(DequeFaults, acquire_looks_at_both_ends_are_found) { EXPECT_TRUE(some_world_finds<LoadsAcquire>()); }

}  // namespace
}  // namespace rt
