// The idle protocol under every schedule: no task waits while all sleep (law S20), the stack and the counts agree (law S17).
// A lost wake-up shows as a deadlock: the workers sleep without a deadline until every task has been taken.
#include "rt/core/idle.hpp"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "holds.hpp"
#include "rt/core/inject.hpp"
#include "rt/core/queue.hpp"
#include "rt/policy/policy.hpp"
#include "weaken.hpp"

namespace rt {
namespace {

struct Item {
  Item* queue_next = nullptr;
};

/// What a fault does to the worker's own steps.
struct Steps {
  bool second_look = true;     // the last searcher looks once more after it has put itself to rest
  bool pass_the_baton = true;  // the last searcher that found a task notifies one
  bool refused_looks = true;   // a worker that was refused the search looks, too, if nobody searches any more
  WakeRule rule = WakeRule::baton;
  bool retry = true;  // false: a worker searches once each time it has run out (worker/search.hpp)
};

/// QueueEnv for ring and inject, IdleEnv for the word: a fault may sit in either.
template <class QueueEnv, class IdleEnv>
struct World {
  using TestRing = Ring<QueueEnv, Item>;
  struct Nothing {
    void push(Item*) { MODEL_CHECK(!"the ring never overflows here"); }
    void push_batch(Item*, Item*, std::size_t) { MODEL_CHECK(!"the ring never overflows here"); }
  };

  World(std::uint32_t workers, int tasks) : idle(workers, (workers + 1) / 2), rings(workers), parkers(workers), left(tasks) {
    for (auto& ring : rings) ring = std::make_unique<TestRing>();
    for (auto& parker : parkers) parker = std::make_unique<Parker<ModelEnv>>();
  }

  Idle<IdleEnv> idle;
  ModelEnv::mutex mutex;
  typename Idle<IdleEnv>::Synced sleepers;
  typename Inject<QueueEnv, Item>::Synced injected;
  Inject<QueueEnv, Item> inject;
  std::vector<std::unique_ptr<TestRing>> rings;
  std::vector<std::unique_ptr<Parker<ModelEnv>>> parkers;
  std::array<Item, 4> items;
  ModelEnv::atomic<int> left;
  Steps steps;

  void wake(std::optional<std::uint32_t> worker) {
    if (worker) parkers[*worker]->notify();
  }
  /// One sleeper, if nobody searches.
  void notify() { wake(idle.worker_to_notify(mutex, sleepers)); }
  /// As Shared::tell_of_push().
  void tell_of_push(bool by_worker) {
    switch (steps.rule) {
      case WakeRule::baton: notify(); break;
      case WakeRule::per_task: wake(idle.sleeper_to_notify(mutex, sleepers)); break;
      case WakeRule::all:
        while (const auto worker = idle.sleeper_to_notify(mutex, sleepers)) wake(worker);
        break;
      case WakeRule::never:
        if (!by_worker) wake(idle.worker_if_all_sleep(mutex, sleepers));
        break;
    }
  }
  void spawn_from_outside(std::size_t i) {
    {
      const std::lock_guard lock(mutex);
      MODEL_CHECK(inject.push(injected, &items[i]));
    }
    tell_of_push(false);
  }
  void spawn_local(std::uint32_t worker, std::size_t i) {
    Nothing none;
    (void)rings[worker]->push_back_or_overflow(&items[i], none);
    tell_of_push(true);
  }
  /// Two tasks, one publication, one call.
  void spawn_batch(std::uint32_t worker, std::size_t i) {
    items[i].queue_next = &items[i + 1];
    (void)rings[worker]->push_back(&items[i], 2);
    tell_of_push(true);
  }
  bool take_from_inject() {
    if (inject.is_empty()) return false;
    const std::lock_guard lock(mutex);
    return inject.pop(injected) != nullptr;
  }
  bool search(std::uint32_t worker) {
    for (std::uint32_t victim = 0; victim < rings.size(); ++victim) {
      std::uint32_t stolen = 0;
      if (victim != worker && rings[victim]->steal_into(*rings[worker], stolen) != nullptr) return true;
    }
    return take_from_inject();
  }
  bool anything_left() {
    for (auto& ring : rings) {
      if (!ring->is_empty()) return true;
    }
    return !inject.is_empty();
  }
  /// As Shared::has_stealable(): what whoever is woken may take. Without retry that is nothing of another's ring.
  bool anything_to_come_for() { return steps.retry ? anything_left() : !inject.is_empty(); }
  /// The taker of the last task tells all, as a shutdown would.
  void finish_task() {
    if (left.fetch_sub(1, acq_rel) == 1) {
      for (auto& parker : parkers) parker->notify();
    }
  }
  bool finished() { return left.load(acquire) == 0; }

  /// A worker until all tasks are taken, from the state in which it begins.
  void work(std::uint32_t worker, bool searching) {
    bool may_search = true;
    while (!finished()) {
      if (rings[worker]->pop() != nullptr || (!searching && take_from_inject())) {
        may_search = true;
        finish_task();
        continue;
      }
      if (!steps.retry && !std::exchange(may_search, false)) {
        if (take_from_inject()) {
          leave_search(searching);
          may_search = true;
          finish_task();
        } else {
          rest(worker, searching);
        }
        continue;
      }
      if (!searching) searching = idle.try_start_searching();
      if (searching && search(worker)) {
        leave_search(searching);
        may_search = true;
        finish_task();
        continue;
      }
      rest(worker, searching);
    }
    if (searching) (void)idle.stop_searching();
  }
  void leave_search(bool& searching) {
    if (!std::exchange(searching, false)) return;
    const bool was_last = idle.stop_searching();
    if (was_last && steps.pass_the_baton && steps.rule != WakeRule::never) notify();
  }
  void rest(std::uint32_t worker, bool& searching) {
    const bool must_look = idle.park(mutex, sleepers, worker, searching);
    if (must_look && steps.second_look && (searching || steps.refused_looks) && anything_to_come_for()) tell_of_push(false);
    sleep(worker, searching);
  }
  void sleep(std::uint32_t worker, bool& searching) {
    for (;;) {
      MODEL_CHECK(parkers[worker]->wait(no_deadline));
      searching = !idle.is_parked(mutex, sleepers, worker);
      if (searching) return;
      if (!finished()) continue;
      searching = !idle.remove_sleeper(mutex, sleepers, worker);  // the last notice: nobody took it off the stack
      return;
    }
  }
  void check_at_rest() {
    MODEL_CHECK(idle.searching() == 0);                                         // S18
    MODEL_CHECK(sleepers.sleepers.size() == idle.workers() - idle.unparked());  // S17
    MODEL_CHECK(!anything_left());
  }
};

/// One worker, which searches when a task comes from outside (Tokio #525).
template <class Q = ModelEnv, class I = ModelEnv>
ModelSetup outside_spawn(Steps steps = {}) {
  return [steps](Model& m) {
    auto w = std::make_shared<World<Q, I>>(1, 1);
    w->steps = steps;
    m.thread([w] { w->work(0, false); });
    m.thread([w] { w->spawn_from_outside(0); });
    m.after([w] { w->check_at_rest(); });
  };
}

/// A busy worker pushes to its own ring and goes on in a long poll: the other one has to come.
template <class Q = ModelEnv, class I = ModelEnv>
ModelSetup local_spawn(Steps steps = {}) {
  return [steps](Model& m) {
    auto w = std::make_shared<World<Q, I>>(2, 1);
    w->steps = steps;
    m.thread([w] { w->spawn_local(0, 0); });
    m.thread([w] { w->work(1, false); });
    m.after([w] { w->check_at_rest(); });
  };
}

/// The same with two tasks at once, of which each of the others takes one and stays in it: one call is enough, by the baton.
template <class Q = ModelEnv, class I = ModelEnv>
ModelSetup local_batch(Steps steps = {}) {
  return [steps](Model& m) {
    auto w = std::make_shared<World<Q, I>>(3, 2);
    w->steps = steps;
    m.thread([w] { w->spawn_batch(0, 0); });
    m.thread([w] { w->work(1, false); });
    m.thread([w] { w->work(2, false); });
    m.after([w] { w->check_at_rest(); });
  };
}

/// A worker with two tasks of its own, whom another may help but need not; and a third one from outside.
ModelSetup own_tasks(Steps steps) {
  return [steps](Model& m) {
    auto w = std::make_shared<World<ModelEnv, ModelEnv>>(2, 3);
    w->steps = steps;
    m.thread([w] {
      w->spawn_local(0, 0);
      w->spawn_local(0, 1);
      w->work(0, false);
    });
    m.thread([w] { w->work(1, false); });
    m.thread([w] { w->spawn_from_outside(2); });
    m.after([w] { w->check_at_rest(); });
  };
}

/// Two workers, two tasks from two outside threads.
template <class Q = ModelEnv, class I = ModelEnv>
ModelSetup two_workers(Steps steps = {}) {
  return [steps](Model& m) {
    auto w = std::make_shared<World<Q, I>>(2, 2);
    w->steps = steps;
    m.thread([w] { w->work(0, false); });
    m.thread([w] { w->work(1, false); });
    m.thread([w] {
      w->spawn_from_outside(0);
      w->spawn_from_outside(1);
    });
    m.after([w] { w->check_at_rest(); });
  };
}

/// Two tasks at once while both others sleep: the one that comes takes a task and stays in it, so somebody has to come for the
/// second (Tokio #4383).
ModelSetup baton(Steps steps = {}) {
  return [steps](Model& m) {
    auto w = std::make_shared<World<ModelEnv, ModelEnv>>(3, 2);
    w->steps = steps;
    for (const std::uint32_t sleeper : {2U, 1U}) (void)w->idle.park(w->mutex, w->sleepers, sleeper, false);
    m.thread([w] {
      w->spawn_local(0, 0);
      w->spawn_local(0, 1);
    });
    m.thread([w] {  // the last to park is told first
      MODEL_CHECK(w->parkers[1]->wait(no_deadline));
      MODEL_CHECK(w->search(1));
      if (w->idle.stop_searching() && w->steps.pass_the_baton) w->notify();
      w->finish_task();
    });
    m.thread([w] {
      bool searching = false;
      w->sleep(2, searching);
      w->work(2, searching);
    });
    m.after([w] { w->check_at_rest(); });
  };
}

/// Two tasks come while one worker searches and the other one has just been refused the search. The searcher takes a task and stays in
/// it; it found nobody asleep to tell, so the refused one has to come for the second (Go #45867).
ModelSetup refused(Steps steps = {}) {
  return [steps](Model& m) {
    auto w = std::make_shared<World<ModelEnv, ModelEnv>>(2, 2);
    w->steps = steps;
    MODEL_CHECK(w->idle.try_start_searching());
    m.thread([w] {
      while (!w->finished() && !w->search(0)) ModelEnv::relax();
      if (w->idle.stop_searching()) w->notify();
      if (!w->finished()) w->finish_task();
    });
    m.thread([w] { w->work(1, false); });
    m.thread([w] {
      w->spawn_from_outside(0);
      w->spawn_from_outside(1);
    });
    m.after([w] { w->check_at_rest(); });
  };
}

/// What a fault does to a task that is sent to one worker.
struct Sending {
  bool look_in_the_inbox = true;  // a worker on its way to sleep, once it is among the sleepers
  bool push_first = true;         // and then claim the sleeper
  bool leave_the_list = true;     // a worker that gets up for its inbox and was claimed by nobody
};

/// Tasks for worker 0 and no other, through its inbox (core/shared_impl.hpp, push_to_worker; core/worker/rest.hpp).
struct InboxWorld : World<ModelEnv, ModelEnv> {
  InboxWorld(std::uint32_t workers, int tasks, Sending how) : World(workers, tasks), sending(how) {}

  ModelEnv::mutex inbox_mutex;
  Inject<ModelEnv, Item> inbox;
  Inject<ModelEnv, Item>::Synced in_inbox;
  const Sending sending;

  void push(std::size_t i) {
    const std::lock_guard lock(inbox_mutex);
    MODEL_CHECK(inbox.push(in_inbox, &items[i]));
  }
  void spawn_on(std::size_t i) {
    if (sending.push_first) push(i);
    const bool slept = idle.claim_sleeper(mutex, sleepers, 0);
    if (!sending.push_first) push(i);
    if (slept) parkers[0]->notify();
  }
  bool take_from_inbox() {
    if (inbox.is_empty()) return false;
    const std::lock_guard lock(inbox_mutex);
    return inbox.pop(in_inbox) != nullptr;
  }
  void work_as_0() {
    bool searching = false;
    while (!finished()) {
      if (take_from_inbox() || take_from_inject()) {
        if (std::exchange(searching, false) && idle.stop_searching()) notify();
        finish_task();
        continue;
      }
      if (!searching && idle.try_start_searching()) {
        searching = true;
        continue;
      }
      const bool must_look = idle.park(mutex, sleepers, 0, searching);
      if (must_look && anything_left()) notify();
      if (sending.look_in_the_inbox && !inbox.is_empty()) parkers[0]->notify();
      searching = sleep_as_0();
    }
    if (searching) (void)idle.stop_searching();
  }
  /// True: somebody took it off the list, so it searches.
  bool sleep_as_0() {
    for (;;) {
      MODEL_CHECK(parkers[0]->wait(no_deadline));
      const bool has_reason = finished() || !inbox.is_empty();
      if (has_reason && sending.leave_the_list) return !idle.remove_sleeper(mutex, sleepers, 0);
      const bool was_claimed = !idle.is_parked(mutex, sleepers, 0);
      if (has_reason || was_claimed) return was_claimed;
    }
  }
};

/// The worker lies down while a task is sent to it; nobody else could take it.
ModelSetup sent_to_a_worker(Sending how = {}) {
  return [how](Model& m) {
    auto w = std::make_shared<InboxWorld>(1, 1, how);
    m.thread([w] { w->work_as_0(); });
    m.thread([w] { w->spawn_on(0); });
    m.after([w] { w->check_at_rest(); });
  };
}

/// Two senders and a task for anybody: whoever claims the sleeper first counts it, once.
ModelSetup sent_and_spawned() {
  return [](Model& m) {
    auto w = std::make_shared<InboxWorld>(1, 3, Sending{});
    m.thread([w] { w->work_as_0(); });
    m.thread([w] {
      w->spawn_on(0);
      w->spawn_on(1);
    });
    m.thread([w] { w->spawn_from_outside(2); });
    m.after([w] { w->check_at_rest(); });
  };
}

TEST(IdleModel, S17_S20_a_spawn_from_outside_wakes_the_only_worker) { expect_holds("outside spawn", outside_spawn()); }
TEST(IdleModel, S17_S20_a_local_spawn_wakes_the_other_worker) { expect_holds("local spawn", local_spawn()); }
TEST(IdleModel, S17_S20_a_batch_of_two_wakes_whom_it_needs) { expect_holds("local batch", local_batch()); }
TEST(IdleModel, S17_S20_two_workers_and_two_spawns) { expect_holds("two workers", two_workers()); }
TEST(IdleModel, S20_a_second_task_finds_a_worker) { expect_holds("baton", baton()); }
TEST(IdleModel, L3_who_was_refused_the_search_does_not_sleep_beside_a_task) { expect_holds("refused", refused()); }
TEST(IdleModel, S17_S20_a_task_sent_to_a_worker_that_lies_down) { expect_holds("sent to a worker", sent_to_a_worker()); }
TEST(IdleModel, S17_S20_tasks_sent_and_spawned_at_once) { expect_holds("sent and spawned", sent_and_spawned()); }

TEST(IdleModel, S17_S20_under_every_other_rule_of_waking_no_task_is_left) {
  for (const WakeRule rule : {WakeRule::per_task, WakeRule::all, WakeRule::never}) {
    expect_holds("another rule, outside spawn", outside_spawn({.rule = rule}));
    expect_holds("another rule, two workers", two_workers({.rule = rule}));
    // Under `never` a task in a worker's own ring is that worker's, which is awake.
    if (rule != WakeRule::never) expect_holds("another rule, local spawn", local_spawn({.rule = rule}));
  }
}

TEST(IdleModel, S17_S20_without_retry_no_task_is_left) {
  for (const WakeRule rule : {WakeRule::baton, WakeRule::per_task, WakeRule::never}) {
    expect_holds("without retry, outside spawn", outside_spawn({.rule = rule, .retry = false}));
    expect_holds("without retry, two workers", two_workers({.rule = rule, .retry = false}));
    expect_holds("without retry, own tasks", own_tasks({.rule = rule, .retry = false}));
  }
}

// ---- seeded faults ----

using TailWord = std::uint8_t;
const std::string lost = "deadlock";  // the workers sleep, and a task is left

TEST(IdleFaults, without_the_second_look_a_wake_up_is_lost) {
  EXPECT_TRUE(is_found(outside_spawn({.second_look = false}), lost));
  EXPECT_TRUE(is_found(local_spawn({.second_look = false}), lost));
  EXPECT_TRUE(is_found(outside_spawn({.second_look = false, .rule = WakeRule::never}), lost));
  EXPECT_TRUE(is_found(outside_spawn({.second_look = false, .retry = false}), lost));
}
TEST(IdleFaults, a_relaxed_look_at_the_queues_loses_a_wake_up) {
  EXPECT_TRUE(is_found(local_spawn<WeakEnv<LooksRelaxed, TailWord>>(), lost));
}
TEST(IdleFaults, an_acquire_look_at_the_queues_loses_a_wake_up) {
  EXPECT_TRUE(is_found(local_spawn<WeakEnv<LoadsAcquire, TailWord>>(), lost));
}
TEST(IdleFaults, a_release_publication_loses_a_wake_up) {
  EXPECT_TRUE(is_found(local_spawn<WeakEnv<StoresRelease, TailWord>>(), lost));
}
TEST(IdleFaults, an_acquire_load_of_the_word_loses_a_wake_up) {
  EXPECT_TRUE(is_found(local_spawn<ModelEnv, WeakEnv<LoadsAcquire>>(), lost));
}
TEST(IdleFaults, acq_rel_changes_of_the_word_lose_a_wake_up) {
  EXPECT_TRUE(is_found(local_spawn<ModelEnv, WeakEnv<ChangesAcqRel>>(), lost));
}
TEST(IdleFaults, a_worker_that_does_not_look_in_its_inbox_once_it_sleeps_loses_a_task) {
  EXPECT_TRUE(is_found(sent_to_a_worker({.look_in_the_inbox = false}), lost));
}
TEST(IdleFaults, a_sleeper_that_is_claimed_before_the_push_loses_a_task) {
  EXPECT_TRUE(is_found(sent_to_a_worker({.push_first = false}), lost));
}
TEST(IdleFaults, a_worker_that_gets_up_and_stays_on_the_list_is_found) {
  EXPECT_TRUE(is_found(sent_to_a_worker({.leave_the_list = false})));
}
TEST(IdleFaults, a_last_searcher_that_finds_a_task_and_tells_nobody_strands_the_second) {
  EXPECT_TRUE(is_found(baton({.pass_the_baton = false}), lost));
}
TEST(IdleFaults, a_refused_worker_that_does_not_look_sleeps_beside_a_task) {
  EXPECT_TRUE(is_found(refused({.refused_looks = false}), lost));
}

}  // namespace
}  // namespace rt
