// The ring under every schedule with at most two pre-emptions: nothing lost, nothing twice, no slot overwritten while it is read.
// Laws: S1 (no item lost or invented), S6 (what was written before the push is seen by the taker), S8 (a claimed range is never
// overwritten), S9 (half is taken), S10 (overflow keeps its order).
#include "rt/core/queue.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include "holds.hpp"
#include "weaken.hpp"

namespace rt {
namespace {

/// A pointer member that the explorer watches: it belongs to whoever holds the item.
template <class T>
class Watched {
 public:
  Watched& operator=(T value) {
    cell_.set(value);
    return *this;
  }
  operator T() const { return cell_.get(); }  // implicit, as a plain member

 private:
  ModelEnv::cell<T> cell_;
};

struct Item {
  Watched<Item*> queue_next;
  Watched<int> payload;
  ModelEnv::atomic<int> taken{0};
};

struct Spill {
  std::vector<Item*> items;
  void push(Item* item) { items.push_back(item); }
  void push_batch(Item* first, Item* last, std::size_t n) {
    MODEL_CHECK(n == ModelEnv::ring_capacity / 2 + 1);
    Item* item = first;
    for (std::size_t i = 0; i < n; ++i) {
      items.push_back(item);
      if (i + 1 == n) MODEL_CHECK(item == last);
      item = item->queue_next;
    }
  }
};

/// A ring with its owner's items; every taker marks what it got.
template <class Env>
struct World {
  explicit World(std::uint8_t start = 0, bool alone = false) : ring(start, alone), own(start) {}
  Ring<Env, Item> ring;
  Ring<Env, Item> own;  // a thief's
  std::array<Item, 10> items;
  int pushed = 0;
  Spill spill;

  void push() {
    Item& item = items[static_cast<std::size_t>(pushed)];
    item.payload = ++pushed;
    (void)ring.push_back_or_overflow(&item, spill);
  }
  /// As Worker::push_back() of a chain.
  void push_batch(int n) {
    Item* chain = nullptr;
    for (int i = n; i > 0; --i) {
      Item& item = items[static_cast<std::size_t>(pushed + i - 1)];
      item.payload = pushed + i;
      item.queue_next = std::exchange(chain, &item);
    }
    pushed += n;
    for (std::size_t left = static_cast<std::size_t>(n); left > 0;) {
      const std::size_t fitting = std::min(left, ring.remaining_slots());
      left -= std::max<std::size_t>(fitting, 1);
      if (fitting > 0) {
        chain = ring.push_back(chain, fitting);
      } else {
        (void)ring.push_back_or_overflow(std::exchange(chain, static_cast<Item*>(chain->queue_next)), spill);
      }
    }
  }
  void take(Item* item) {
    if (item == nullptr) return;
    MODEL_CHECK(item->payload != 0);                      // S6, and a data race if nothing orders it
    MODEL_CHECK(item->taken.fetch_add(1, relaxed) == 0);  // S1
  }
  void steal_and_drain(Ring<Env, Item>& dst, StealAmount::Kind amount = StealAmount::Kind::half) {
    std::uint32_t stolen = 0;
    Item* const item = ring.steal_into(dst, stolen, {.kind = amount});
    MODEL_CHECK((item == nullptr) == (stolen == 0));
    MODEL_CHECK(stolen <= ModelEnv::ring_capacity / (amount == StealAmount::Kind::half ? 2 : 1));  // S9
    take(item);
    drain(dst);
  }
  void drain(Ring<Env, Item>& from) {
    while (Item* item = from.pop()) take(item);
  }
  void check_all_taken_once() {
    drain(ring);
    drain(own);
    for (Item* item : spill.items) take(item);
    for (int i = 0; i < pushed; ++i) MODEL_CHECK(items[static_cast<std::size_t>(i)].taken.load(relaxed) == 1);
    MODEL_CHECK(ring.is_empty() && ring.len() == 0 && ring.remaining_slots() == ModelEnv::ring_capacity);
  }
};

/// Owner pushes and pops across the wrap of the index, a thief takes half.
template <class Env>
void owner_against_thief(Model& m) {
  auto w = std::make_shared<World<Env>>(std::uint8_t{254});
  w->push();
  m.thread([w] {
    w->push();
    w->push();
    w->take(w->ring.pop());
    w->push();
    w->take(w->ring.pop());
  });
  m.thread([w] { w->steal_and_drain(w->own); });
  m.after([w] { w->check_all_taken_once(); });
}

/// A chain becomes visible at once, across the wrap of the index, while a thief takes half.
template <class Env>
void batch_against_thief(Model& m) {
  auto w = std::make_shared<World<Env>>(std::uint8_t{254});
  w->push();
  m.thread([w] {
    w->push_batch(2);
    w->take(w->ring.pop());
    w->push_batch(2);
    w->take(w->ring.pop());
  });
  m.thread([w] { w->steal_and_drain(w->own); });
  m.after([w] { w->check_all_taken_once(); });
}

/// A full ring overflows while half of it is being taken, or all (policy: steal); then the slots are used again (Tokio #2382).
template <class Env, StealAmount::Kind amount = StealAmount::Kind::half>
void overflow_against_thief(Model& m) {
  auto w = std::make_shared<World<Env>>(std::uint8_t{253});
  for (int i = 0; i < 4; ++i) w->push();
  m.thread([w] {
    w->push();
    w->push();
    w->take(w->ring.pop());
    w->push();
  });
  m.thread([w] { w->steal_and_drain(w->own, amount); });
  m.after([w] { w->check_all_taken_once(); });
}

/// Only one of two thieves may copy at a time.
template <class Env>
void two_thieves(Model& m) {
  auto w = std::make_shared<World<Env>>(std::uint8_t{254});
  auto second = std::make_shared<Ring<Env, Item>>();
  for (int i = 0; i < 3; ++i) w->push();
  m.thread([w] {
    w->push();
    w->take(w->ring.pop());
    w->push();
  });
  m.thread([w] { w->steal_and_drain(w->own); });
  m.thread([w, second] { w->steal_and_drain(*second); });
  m.after([w] { w->check_all_taken_once(); });
}

/// A thief writes into its own ring while another one reads from there (Tokio #2387).
template <class Env>
void thief_is_robbed(Model& m) {
  auto w = std::make_shared<World<Env>>(std::uint8_t{254});
  auto third = std::make_shared<Ring<Env, Item>>();
  for (int i = 0; i < 4; ++i) w->push();
  m.thread([w] {
    std::uint32_t stolen = 0;
    w->take(w->ring.steal_into(w->own, stolen));
    w->take(w->ring.steal_into(w->own, stolen));
    w->drain(w->own);
  });
  m.thread([w, third] {
    std::uint32_t stolen = 0;
    w->take(w->own.steal_into(*third, stolen));
    w->drain(*third);
  });
  m.after([w] { w->check_all_taken_once(); });
}

/// The lengths that anybody may ask for stay within the capacity. `alone`: the ring of an only worker, with plain stores since
/// nobody steals.
template <class Env, bool alone = false>
void watcher(Model& m) {
  auto w = std::make_shared<World<Env>>(std::uint8_t{254}, alone);
  m.thread([w] {
    w->push();
    w->push();
    w->take(w->ring.pop());
    w->take(w->ring.pop());
    w->push();
  });
  m.thread([w] {
    MODEL_CHECK(w->ring.len() <= 3);
    (void)w->ring.is_empty();
  });
  m.after([w] { w->check_all_taken_once(); });
}

/// A requester whose time is over leads a dump itself: it reads the ring while the owner stands still, and the owner goes on.
ModelSetup alone_and_dumped(bool owner_waits = true, bool puts_back = true) {
  return [owner_waits, puts_back](Model& m) {
    struct Dumped : World<ModelEnv> {
      Dumped() : World(std::uint8_t{254}, true) {}
      Parker<ModelEnv> stands_still, may_go_on;
    };
    auto w = std::make_shared<Dumped>();
    m.thread([w, owner_waits] {
      for (int i = 0; i < 3; ++i) w->push();
      w->take(w->ring.pop());
      w->stands_still.notify();
      if (owner_waits) MODEL_CHECK(w->may_go_on.wait(no_deadline));
      w->push();
      w->push();
      w->take(w->ring.pop());
    });
    m.thread([w, puts_back] {
      MODEL_CHECK(w->stands_still.wait(no_deadline));
      std::vector<Item*> seen;
      MODEL_CHECK(w->ring.steal_all(seen));
      MODEL_CHECK(seen.size() == 2);
      for (int i : {0, 1}) MODEL_CHECK(seen[static_cast<std::size_t>(i)]->payload == i + 2);  // law S24: in their order
      if (puts_back) w->ring.put_back();
      w->may_go_on.notify();
    });
    m.thread([w] { MODEL_CHECK(w->ring.len() <= ModelEnv::ring_capacity); });
    m.after([w] { w->check_all_taken_once(); });
  };
}

TEST(RingModel, S1_S6_S9_owner_against_thief) { expect_holds("owner against thief", owner_against_thief<ModelEnv>); }
TEST(RingModel, S1_S6_S8_batch_against_thief) { expect_holds("batch against thief", batch_against_thief<ModelEnv>); }
TEST(RingModel, S1_S8_S10_overflow_against_thief) { expect_holds("overflow", overflow_against_thief<ModelEnv>); }
TEST(RingModel, S1_S8_overflow_against_a_thief_that_takes_all) {
  expect_holds("overflow, greedy", overflow_against_thief<ModelEnv, StealAmount::Kind::all>);
}
TEST(RingModel, S1_S8_two_thieves) { expect_holds("two thieves", two_thieves<ModelEnv>); }
TEST(RingModel, S1_S8_a_thief_is_robbed) { expect_holds("a thief is robbed", thief_is_robbed<ModelEnv>); }
TEST(RingModel, S18_lengths_stay_in_range) { expect_holds("watcher", watcher<ModelEnv>); }

TEST(RingModel, S18_the_length_of_a_ring_without_thieves_stays_in_range) {
  expect_holds("alone, watched", watcher<ModelEnv, true>);
}
TEST(RingModel, S1_S24_a_dump_of_a_ring_without_thieves_leaves_it_as_it_was) {
  expect_holds("alone, dumped", alone_and_dumped());
}

// ---- seeded faults: each must be found ----

using HeadWord = std::uint16_t;
using TailWord = std::uint8_t;

/// Some faults show only in one of the worlds.
template <class Fault, class Only>
bool some_world_finds() {
  using Env = WeakEnv<Fault, Only>;
  return is_found(owner_against_thief<Env>) || is_found(overflow_against_thief<Env>) || is_found(two_thieves<Env>) ||
         is_found(thief_is_robbed<Env>);
}

TEST(RingFaults, a_relaxed_publication_is_found) { EXPECT_TRUE((some_world_finds<StoresRelaxed, TailWord>())); }
TEST(RingFaults, a_relaxed_look_at_the_tail_is_found) { EXPECT_TRUE((some_world_finds<LoadsRelaxed, TailWord>())); }
TEST(RingFaults, a_relaxed_look_at_the_head_is_found) { EXPECT_TRUE((some_world_finds<LoadsRelaxed, HeadWord>())); }
TEST(RingFaults, relaxed_exchanges_of_the_head_are_found) { EXPECT_TRUE((some_world_finds<ChangesRelaxed, HeadWord>())); }
TEST(RingFaults, exchanges_of_the_head_without_release_are_found) { EXPECT_TRUE((some_world_finds<ChangesAcquire, HeadWord>())); }
TEST(RingFaults, a_relaxed_pop_of_a_ring_without_thieves_makes_its_length_negative) {
  EXPECT_TRUE(is_found(watcher<WeakEnv<StoresRelaxed, HeadWord>, true>, "len()"));
}
TEST(RingFaults, a_dump_while_the_owner_goes_on_is_found) { EXPECT_TRUE(is_found(alone_and_dumped(false))); }
TEST(RingFaults, a_dump_that_keeps_what_it_read_is_found) { EXPECT_TRUE(is_found(alone_and_dumped(true, false))); }

}  // namespace
}  // namespace rt
