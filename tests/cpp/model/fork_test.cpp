// Structured forks under every schedule with at most two pre-emptions: the stack of what has not begun, owner against thieves, and
// the count of what somebody else runs: whoever comes last goes on for the parent, or ends it.
// Laws: S1 (no item lost or invented), S6 (what was written before is seen by who goes on).
#include <gtest/gtest.h>

#include <array>
#include <memory>

#include "holds.hpp"
#include "rt/task/fork_stack.hpp"
#include "rt/task/join_count.hpp"
#include "weaken.hpp"

namespace rt {
namespace {

// ---- the stack ----

struct Item {
  ModelEnv::cell<int> payload;
  ModelEnv::atomic<int> taken{0};
};

template <class Env>
struct Stack {
  ForkStack<Env, Item> stack{4, false};
  std::array<Item, 4> items;
  int pushed = 0;

  void push() {
    Item& item = items[static_cast<std::size_t>(pushed)];
    item.payload.set(++pushed);
    MODEL_CHECK(stack.push(&item));
    share_if_asked();
  }
  void pop() {
    take(stack.pop());
    share_if_asked();
  }
  void share_if_asked() {
    if (stack.must_share()) stack.share();
  }
  void take(Item* item) {
    if (item == nullptr) return;
    MODEL_CHECK(item->payload.get() != 0);                // S6, and a data race if nothing orders it
    MODEL_CHECK(item->taken.fetch_add(1, relaxed) == 0);  // S1
  }
  void check_all_taken_once() {
    while (Item* item = stack.pop()) take(item);
    for (int i = 0; i < pushed; ++i) MODEL_CHECK(items[static_cast<std::size_t>(i)].taken.load(relaxed) == 1);
    MODEL_CHECK(stack.is_empty() && stack.len() == 0);
  }
};

/// One is shown, a younger one is not; the owner takes both back while a thief is at the older one.
template <class Env>
void owner_against_thief(Model& m) {
  auto w = std::make_shared<Stack<Env>>();
  m.thread([w] {
    w->push();
    w->push();
    w->pop();
    w->pop();
    w->push();
    w->pop();
  });
  m.thread([w] {
    w->take(w->stack.steal());
    w->take(w->stack.steal());
  });
  m.after([w] { w->check_all_taken_once(); });
}

/// The thieves have taken what was shown; the owner shows the rest as it pops.
template <class Env>
void two_thieves(Model& m) {
  auto w = std::make_shared<Stack<Env>>();
  w->push();
  w->push();
  w->push();
  m.thread([w] {
    w->pop();
    w->pop();
  });
  m.thread([w] { w->take(w->stack.steal()); });
  m.thread([w] { w->take(w->stack.steal()); });
  m.after([w] { w->check_all_taken_once(); });
}

/// All are shown: the owner takes the younger one without an exchange while the thief takes the older one, and looks again.
template <class Env>
void all_shown(Model& m) {
  auto w = std::make_shared<Stack<Env>>();
  for (Item& item : w->items) {
    if (w->pushed == 2) break;
    item.payload.set(++w->pushed);
    MODEL_CHECK(w->stack.push(&item));
  }
  w->stack.share();
  m.thread([w] {
    w->pop();
    w->pop();
  });
  m.thread([w] {
    w->take(w->stack.steal());
    w->take(w->stack.steal());
  });
  m.after([w] { w->check_all_taken_once(); });
}

TEST(ForkModel, S1_S6_what_was_forked_is_begun_once) {
  expect_holds("fork stack, owner and thief", owner_against_thief<ModelEnv>);
}
TEST(ForkModel, S1_S6_all_are_shown) { expect_holds("fork stack, all shown", all_shown<ModelEnv>); }
TEST(ForkModel, S1_S6_two_thieves) { expect_holds("fork stack, two thieves", two_thieves<ModelEnv>); }

// ---- the count ----

/// A parent whose two branches others run. Whoever goes on for it reads both results.
template <class Env>
struct Join {
  JoinCount<Env> count;
  std::array<ModelEnv::cell<int>, 2> results;
  std::array<typename Env::template atomic<int*>, 2> tasks{};
  std::array<ModelEnv::atomic<int>, 2> asked_to_end{};
  int a_task = 0;
  ModelEnv::cell<int> frame;  // of the parent: written by whoever goes on for it
  ModelEnv::atomic<int> went_on{0};

  void go_on() {
    MODEL_CHECK(results[0].get() == 1 && results[1].get() == 1);  // S6
    frame.set(1);
    MODEL_CHECK(went_on.fetch_add(1, relaxed) == 0);
  }
  void branch(std::size_t i) {
    results[i].set(1);
    if (count.leave() != OnLeave::nothing) go_on();
  }
  /// A thief that has just taken it makes it a task.
  void become_task(std::size_t i) {
    tasks[i].store(&a_task, seq_cst);
    if (count.is_held()) asked_to_end[i].store(1, relaxed);
  }
};

template <class Env>
void last_goes_on(Model& m) {
  auto w = std::make_shared<Join<Env>>();
  m.thread([w] { w->branch(0); });
  m.thread([w] { w->branch(1); });
  m.thread([w] {
    if (w->count.wait_for(2)) w->go_on();
  });
  m.after([w] { MODEL_CHECK(w->went_on.load(relaxed) == 1); });
}

/// The parent is dropped: before it waits, or while it does.
template <class Env, bool waits>
void last_ends(Model& m) {
  auto w = std::make_shared<Join<Env>>();
  if (waits) MODEL_CHECK(!w->count.wait_for(2));
  m.thread([w] { w->branch(0); });
  m.thread([w] { w->branch(1); });
  m.thread([w] {
    // Over before it was held: while it waited, the last one has woken it and nobody goes on in its place.
    if (w->count.hold(waits ? 0 : 2)) {
      if (!waits) w->go_on();
    } else if (w->count.let_go()) {
      w->go_on();
    }
  });
  m.after([w] { MODEL_CHECK(w->went_on.load(relaxed) == 1); });
}

/// Who drops the parent asks the tasks that it sees; a branch that becomes one meanwhile asks itself.
template <class Env>
void nobody_goes_unasked(Model& m) {
  auto w = std::make_shared<Join<Env>>();
  m.thread([w] { w->become_task(0); });
  m.thread([w] { w->become_task(1); });
  m.thread([w] {
    MODEL_CHECK(!w->count.hold(2));
    for (std::size_t i = 0; i < 2; ++i) {
      if (w->tasks[i].load(seq_cst) != nullptr) w->asked_to_end[i].store(1, relaxed);
    }
  });
  m.after([w] { MODEL_CHECK(w->asked_to_end[0].load(relaxed) == 1 && w->asked_to_end[1].load(relaxed) == 1); });
}

TEST(ForkModel, S6_the_last_one_goes_on_for_the_parent) { expect_holds("join count", last_goes_on<ModelEnv>); }
TEST(ForkModel, S6_the_last_one_ends_a_parent_that_does_not_wait) {
  expect_holds("join count, dropped", last_ends<ModelEnv, false>);
}
TEST(ForkModel, S6_the_last_one_ends_a_parent_that_waits) {
  expect_holds("join count, dropped waiting", last_ends<ModelEnv, true>);
}
TEST(ForkModel, no_branch_of_a_dropped_parent_goes_unasked) { expect_holds("join count, asked", nobody_goes_unasked<ModelEnv>); }

// ---- seeded faults: each must be found ----

template <class Fault>
bool stack_finds() {
  using Env = WeakEnv<Fault, std::int64_t>;
  return is_found(owner_against_thief<Env>) || is_found(two_thieves<Env>) || is_found(all_shown<Env>);
}

TEST(ForkFaults, a_release_store_of_the_split_is_found) { EXPECT_TRUE(stack_finds<StoresRelease>()); }
TEST(ForkFaults, a_relaxed_store_of_the_split_is_found) { EXPECT_TRUE(stack_finds<StoresRelaxed>()); }
TEST(ForkFaults, acquire_looks_at_both_ends_are_found) { EXPECT_TRUE(stack_finds<LoadsAcquire>()); }
TEST(ForkFaults, a_branch_that_leaves_without_a_release_is_found) {
  EXPECT_TRUE((is_found(last_goes_on<WeakEnv<ChangesAcquire, std::int64_t>>)));
}
TEST(ForkFaults, a_last_one_that_does_not_acquire_is_found) {
  EXPECT_TRUE((is_found(last_goes_on<WeakEnv<ChangesRelease, std::int64_t>>)));
}
TEST(ForkFaults, a_task_that_is_shown_without_one_order_is_found) {
  EXPECT_TRUE((is_found(nobody_goes_unasked<WeakEnv<StoresRelease, int*>>)));
}

}  // namespace
}  // namespace rt
