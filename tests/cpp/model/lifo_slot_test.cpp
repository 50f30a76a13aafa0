// The LIFO slot from which thieves may take, under every schedule: a task comes out once (law S1), with what was written before it was
// put there (law S6), also around a dump (law S24); and no task stays in it while all others sleep (law S20).
#include "rt/core/lifo_slot.hpp"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <optional>
#include <type_traits>

#include "holds.hpp"
#include "rt/core/idle.hpp"
#include "weaken.hpp"

namespace rt {
namespace {

struct Item {
  ModelEnv::cell<int> payload{0};
  ModelEnv::atomic<int> taken{0};
};

template <class Env>
struct World {
  LifoSlot<Env, Item> slot{true};
  std::array<Item, 3> items;
  int put_so_far = 0;
  Parker<ModelEnv> stands_still, may_go_on;

  /// What it displaces goes to the owner's queue, where the owner finds it.
  void put() {
    Item& item = items[static_cast<std::size_t>(put_so_far)];
    item.payload.set(++put_so_far);
    take(slot.put(&item));
  }
  static void take(Item* item) {
    if (item == nullptr) return;
    MODEL_CHECK(item->payload.get() != 0);                // S6, and a data race if nothing orders it
    MODEL_CHECK(item->taken.fetch_add(1, relaxed) == 0);  // S1
  }
  void check_all_taken_once() {
    take(slot.take());
    for (int i = 0; i < put_so_far; ++i) MODEL_CHECK(items[static_cast<std::size_t>(i)].taken.load(relaxed) == 1);
    MODEL_CHECK(!slot.is_full() && !slot.looks_full());
  }
};

template <class Env>
void owner_against_thief(Model& m) {
  auto w = std::make_shared<World<Env>>();
  m.thread([w] {
    w->put();
    w->put();
    w->take(w->slot.take());
    w->put();
  });
  m.thread([w] {
    for (int i = 0; i < 2; ++i) w->take(w->slot.steal());
  });
  m.after([w] { w->check_all_taken_once(); });
}

template <class Env>
void two_thieves(Model& m) {
  auto w = std::make_shared<World<Env>>();
  m.thread([w] {
    w->put();
    if (w->slot.is_full()) w->take(w->slot.take());
    w->put();
  });
  for (int thief = 0; thief < 2; ++thief) m.thread([w] { w->take(w->slot.steal()); });
  m.after([w] { w->check_all_taken_once(); });
}

/// A leader reads the task where it stands, while its owner stands still and a thief, which is no part of the dump, is at work.
ModelSetup dump_against_thief(bool holds = true) {
  return [holds](Model& m) {
    auto w = std::make_shared<World<ModelEnv>>();
    m.thread([w] {
      w->put();
      w->stands_still.notify();
      MODEL_CHECK(w->may_go_on.wait(no_deadline));
      w->take(w->slot.take());
      w->put();
    });
    m.thread([w, holds] {
      MODEL_CHECK(w->stands_still.wait(no_deadline));
      Item* const held = w->slot.hold();
      if (!holds) w->slot.put_back(held);  // too early
      if (held != nullptr) MODEL_CHECK(held->taken.load(relaxed) == 0);
      if (holds) w->slot.put_back(held);
      w->may_go_on.notify();
    });
    m.thread([w] {
      for (int i = 0; i < 2; ++i) w->take(w->slot.steal());
    });
    m.after([w] { w->check_all_taken_once(); });
  };
}

/// Worker 0 puts a task into its slot and tells, worker 1 searches or sleeps (core/worker/wake.hpp, search.hpp, rest.hpp).
template <class SlotEnv, class IdleEnv>
struct Sleeping {
  LifoSlot<SlotEnv, Item> slot{true};
  Item item;
  Idle<IdleEnv> idle{2, 1};
  ModelEnv::mutex mutex;
  typename Idle<IdleEnv>::Synced sleepers;
  std::array<Parker<ModelEnv>, 2> parkers;
  ModelEnv::atomic<int> left{1};

  void notify() {
    if (const auto worker = idle.worker_to_notify(mutex, sleepers)) parkers[*worker].notify();
  }
  bool finished() { return left.load(acquire) == 0; }
  /// Whoever takes it tells all, as a shutdown would.
  bool finish(Item* task) {
    if (task == nullptr) return false;
    left.store(0, release);
    for (auto& parker : parkers) parker.notify();
    return true;
  }
  /// The pass that may take from a slot; those before it do not look there (lifo_steal_after).
  Item* search(std::uint32_t worker) { return worker == 0 ? nullptr : slot.steal(); }
  void work(std::uint32_t worker, bool looks_again) {
    bool searching = false;
    while (!finished()) {
      if (worker == 0 && finish(slot.take())) break;
      if (!searching) searching = idle.try_start_searching();
      if (searching && finish(search(worker))) break;
      const bool was_last = idle.park(mutex, sleepers, worker, searching);
      if (was_last && looks_again && slot.looks_full()) notify();
      searching = sleep(worker);
    }
    if (searching && idle.stop_searching()) notify();
  }
  /// True: somebody took it off the list, so it searches.
  bool sleep(std::uint32_t worker) {
    for (;;) {
      MODEL_CHECK(parkers[worker].wait(no_deadline));
      if (finished()) return !idle.remove_sleeper(mutex, sleepers, worker);
      if (!idle.is_parked(mutex, sleepers, worker)) return true;
    }
  }
};

/// `owner_comes`: the poll in which the task was put there ends, and its owner takes it, searches, sleeps; else it is a long poll, and
/// worker 1 has to come.
template <class SlotEnv = ModelEnv, class IdleEnv = ModelEnv>
ModelSetup no_task_waits(bool owner_comes, bool looks_again = true) {
  return [=](Model& m) {
    auto w = std::make_shared<Sleeping<SlotEnv, IdleEnv>>();
    m.thread([=] {
      (void)w->slot.put(&w->item);
      w->notify();
      if (owner_comes) w->work(0, looks_again);
    });
    m.thread([=] { w->work(1, looks_again); });
    m.after([w] {
      MODEL_CHECK(w->idle.searching() == 0);
      MODEL_CHECK(w->sleepers.sleepers.size() == w->idle.workers() - w->idle.unparked());  // S17
    });
  };
}

TEST(LifoSlotModel, S1_S6_owner_against_thief) { expect_holds("slot, owner against thief", owner_against_thief<ModelEnv>); }
TEST(LifoSlotModel, S1_S6_two_thieves) { expect_holds("slot, two thieves", two_thieves<ModelEnv>); }
TEST(LifoSlotModel, S1_S24_dump_against_thief) { expect_holds("slot, dump", dump_against_thief()); }
TEST(LifoSlotModel, S20_a_task_behind_a_long_poll_is_fetched) { expect_holds("slot, long poll", no_task_waits(false)); }
TEST(LifoSlotModel, S17_S20_its_owner_may_come_first) { expect_holds("slot, owner comes", no_task_waits(true)); }

// ---- seeded faults: each must be found ----

/// Who reads and then writes, instead of exchanging.
template <class T>
class TornAtomic : public ModelAtomic<T> {
 public:
  using ModelAtomic<T>::ModelAtomic;
  T exchange(T value, std::memory_order) {
    const T old = this->load(seq_cst);
    this->store(value, seq_cst);
    return old;
  }
};
struct TornEnv : ModelEnv {
  template <class T>
  using atomic = std::conditional_t<std::is_same_v<T, Item*>, TornAtomic<T>, ModelAtomic<T>>;
};

TEST(LifoSlotFaults, a_slot_that_is_read_and_then_written_gives_a_task_twice) {
  EXPECT_TRUE(is_found(owner_against_thief<TornEnv>, "taken"));
  EXPECT_TRUE(is_found(two_thieves<TornEnv>, "taken"));
}
TEST(LifoSlotFaults, a_thief_that_does_not_acquire_races_with_the_owner) {
  EXPECT_TRUE(is_found(owner_against_thief<WeakEnv<ChangesRelease, Item*>>, "data race"));
}
TEST(LifoSlotFaults, an_owner_that_does_not_release_races_with_the_thief) {
  EXPECT_TRUE(is_found(owner_against_thief<WeakEnv<ChangesAcquire, Item*>>, "data race"));
}
TEST(LifoSlotFaults, a_task_that_is_put_there_without_the_single_order_stays) {
  EXPECT_TRUE(is_found(no_task_waits<WeakEnv<ChangesAcqRel, Item*>>(false), "deadlock"));
}
TEST(LifoSlotFaults, an_acquire_look_of_the_last_searcher_leaves_a_task) {
  EXPECT_TRUE(is_found(no_task_waits<WeakEnv<LoadsAcquire, Item*>>(false), "deadlock"));
}
TEST(LifoSlotFaults, an_acquire_load_of_the_word_leaves_a_task) {
  EXPECT_TRUE(is_found(no_task_waits<ModelEnv, WeakEnv<LoadsAcquire>>(false), "deadlock"));
}
TEST(LifoSlotFaults, without_the_second_look_a_task_stays) { EXPECT_TRUE(is_found(no_task_waits(false, false), "deadlock")); }
TEST(LifoSlotFaults, a_dump_that_reads_a_task_which_it_does_not_hold_is_found) {
  EXPECT_TRUE(is_found(dump_against_thief(false), "taken"));
}

}  // namespace
}  // namespace rt
