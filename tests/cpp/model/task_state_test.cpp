// The task word under every schedule: who polls, who ends it, who frees it, and what they see.
// Laws: S2 (in one queue at most once), S3 (one poller), S4 (no poll after completion), S5 (outcome once, join waker read under its
// bit), S6 (before the wake happens-before the poll), S7 (a wake is never lost, many are one), S16 (freed once, at the end).
#include "rt/task/state.hpp"

#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <memory>
#include <utility>

#include "holds.hpp"
#include "weaken.hpp"

namespace rt {
namespace {

/// The task that waits, as far as a borrowed waker is concerned: freed by whoever drops the last reference.
struct Lender {
  ModelEnv::atomic<int> references{1};
  ModelEnv::cell<int> life{1};
  void add_ref() { references.fetch_add(1, relaxed); }
  void drop_ref() {
    MODEL_CHECK(life.get() == 1);
    if (references.fetch_sub(1, acq_rel) == 1) life.set(-1);
  }
};

/// One task with its queue (which holds it at most once), its future and its join handle, as the runtime would use the word.
template <class Env>
struct Task {
  TaskState<Env> state;
  ModelEnv::mutex queue_lock;
  bool queued = true;               // a new task is; under the lock
  ModelEnv::cell<int> gave_way{0};  // 1: it stands in the queue and says RUNNING; its holder's
  ModelEnv::cell<int> future{0};    // touched by the holder of RUNNING only
  ModelEnv::cell<int> outcome{0};   // 1 value, 2 cancelled
  ModelEnv::cell<int> waker{0};     // 1: somebody waits
  ModelEnv::atomic<std::uint32_t> joiner_woken{0};
  Lender* lender = nullptr;  // set before the threads start, when the waker borrows
  int polls = 0;
  int frees = 0;
  int completions = 0;

  Task() { state.init_new(); }

  void push() {
    queue_lock.lock();
    MODEL_CHECK(!queued);  // S2
    queued = true;
    queue_lock.unlock();
  }
  bool pop() {
    queue_lock.lock();
    const bool had = std::exchange(queued, false);
    queue_lock.unlock();
    return had;
  }
  void free() {
    future.set(-1);
    outcome.set(-1);
    waker.set(-1);
    MODEL_CHECK(gave_way.get() == 0);
    ++frees;
  }
  void wake_by_ref() {
    if (state.wake_by_ref() == OnWake::submit) push();
  }
  void wake_by_value() {
    const OnWake outcome_of_wake = state.wake_by_value();
    if (outcome_of_wake == OnWake::submit) push();
    if (outcome_of_wake == OnWake::dealloc) free();
  }
  void abort() {
    if (state.notify_and_cancel() == OnWake::submit) push();
  }
  void end(int how, std::uint64_t references) {
    future.set(-1);
    outcome.set(how);
    ++completions;
    if (references == 2 && state.complete_alone()) {
      outcome.set(0);
      return free();
    }
    const Snapshot now = state.complete();
    if (!now.is_join_interested()) outcome.set(0);
    const bool wakes = now.is_join_interested() && now.is_join_waker_set();
    if (wakes) {
      MODEL_CHECK(waker.get() == 1);  // S5
      joiner_woken.store(1, release);
    }
    if (!wakes) {
      if (state.complete_release(references)) free();
      return;
    }
    if (lender != nullptr) MODEL_CHECK(lender->life.get() == 1);  // borrowed: it must not be gone when it is woken
    const OnReleaseWaker released = state.complete_release_waker(references);
    if (released.was_last) free();
    if (released.joiner_left && lender != nullptr) lender->drop_ref();
  }
  OnRun take_up() {
    if (gave_way.get() == 0) return state.start_running();
    gave_way.set(0);
    return state.go_on();
  }
  /// Shutdown: the holder of the queue ends what it takes out of it.
  void end_queued() {
    if (!pop()) return;
    if (gave_way.get() == 1) {
      gave_way.set(0);
      (void)state.start_shutdown();
      return end(2, 2);
    }
    if (!state.load().is_complete() && state.start_shutdown()) end(2, 1);
    if (state.drop_ref()) free();
  }
  /// The queue is closed: what gave way is left to a walk.
  void refuse() {
    if (!pop()) return;
    if (gave_way.get() == 1) {
      gave_way.set(0);
      state.stop_running();
    }
    if (state.drop_ref()) free();
  }
  /// A worker takes it from the queue. True: RUNNING is ours, and it is to be polled.
  bool start() {
    if (!pop()) return false;
    switch (take_up()) {
      case OnRun::busy: return false;
      case OnRun::dealloc: free(); return false;
      case OnRun::cancelled: end(2, 2); return false;
      case OnRun::run: break;
    }
    future.set(future.get() + 1);  // S3, S4: a race or -1
    MODEL_CHECK(future.get() > 0);
    ++polls;
    return true;
  }
  /// One turn of a worker whose poll gives way. It keeps the task, which nobody else queues meanwhile, and queues it later.
  void run_and_yield(const std::function<void()>& poll) {
    if (!start()) return;
    poll();
    if (state.may_stay_running()) {
      gave_way.set(1);
      return push();
    }
    switch (state.finish_yield()) {
      case OnYield::requeue: return push();
      case OnYield::cancelled: return end(2, 2);
    }
  }
  /// One turn of a worker; `poll` returns true when the future is ready.
  void run(const std::function<bool()>& poll) {
    if (!start()) return;
    if (poll()) return end(1, 2);
    switch (state.finish_poll()) {
      case OnIdle::idle: return;
      case OnIdle::requeue: return push();
      case OnIdle::dealloc: return free();
      case OnIdle::cancelled: return end(2, 2);
    }
  }
  /// The walk of the registry: a reference of its own, and the registry's if it is the one that ends the task.
  void shutdown() {
    if (!state.try_ref()) return;
    if (state.start_shutdown()) return end(2, 2);
    if (state.drop_ref()) free();
  }
  void drop_borrowing_handle(bool lends) {
    if (state.is_left_to_joiner()) {
      outcome.set(0);
      waker.set(0);
      if (state.drop_ref()) free();
      return;
    }
    auto drop = state.drop_borrowing_handle(!lends);  // the fault: goes as if it had lent
    if (!drop) {
      lender->add_ref();
      drop = state.drop_borrowing_handle(true);
      if (drop->drop_waker) lender->drop_ref();
    }
    if (drop->drop_output) outcome.set(0);
    if (drop->drop_waker) waker.set(0);
    if (state.drop_ref()) free();
  }
  void drop_handle() {
    if (state.is_left_to_joiner()) {
      outcome.set(0);
      waker.set(0);
      if (state.drop_ref()) free();
      return;
    }
    if (state.drop_join_fast()) return;
    const OnDropJoin drop = state.drop_join_handle();
    if (drop.drop_output) outcome.set(0);
    if (drop.drop_waker) waker.set(0);
    if (state.drop_ref()) free();
  }
};

/// Two wakes meet a poll: one or two polls more, and what is not seen yet still stands in the queue.
template <class Env>
void wake_while_running(Model& m) {
  struct Mail {
    ModelEnv::atomic<int> sent{0};
    int seen = 0;
  };
  auto t = std::make_shared<Task<Env>>();
  auto mail = std::make_shared<std::array<Mail, 2>>();
  m.thread([=] {
    for (int turn = 0; turn < 4; ++turn) {
      t->run([=] {
        for (Mail& one : *mail) one.seen = one.sent.load(relaxed);
        return false;
      });
    }
  });
  for (const std::size_t i : {0U, 1U}) {
    m.thread([=] {
      (*mail)[i].sent.store(1, relaxed);
      t->wake_by_ref();
    });
  }
  m.after([=] {
    const Snapshot now = t->state.load();
    MODEL_CHECK(!now.is_running());
    MODEL_CHECK(now.is_notified() == t->queued);
    MODEL_CHECK(now.refs() == 2U + (t->queued ? 1U : 0U));
    MODEL_CHECK(t->polls >= 1 && t->polls <= 3);
    for (const Mail& one : *mail) MODEL_CHECK(one.seen == 1 || t->queued);
  });
}

/// A worker that polls a task up to three times, if it is queued; each poll reads a message.
template <class Env>
struct Reader {
  std::shared_ptr<Task<Env>> task = std::make_shared<Task<Env>>();
  std::shared_ptr<ModelEnv::atomic<int>> sent = std::make_shared<ModelEnv::atomic<int>>(0);
  std::shared_ptr<int> seen = std::make_shared<int>(0);

  void add_to(Model& m) const {
    m.thread([r = *this] {
      for (int turn = 0; turn < 3; ++turn) {
        r.task->run([&] {
          *r.seen = r.sent->load(relaxed);
          return false;
        });
      }
    });
  }
};

/// S6 with S7: the poll after the wake sees the message, also when the task was notified already (Tokio #7622).
template <class Env>
void message_before_wake(Model& m) {
  const Reader<Env> reader;
  reader.add_to(m);
  m.thread([=] {
    reader.sent->store(1, relaxed);
    reader.task->wake_by_ref();
  });
  m.after([=] { MODEL_CHECK(*reader.seen == 1 || reader.task->queued); });
}

/// A waker that is used up while the task runs: a later poll sees the message, and the waker's reference is given back.
template <class Env>
void wake_by_value_against_poll(Model& m) {
  const Reader<Env> reader;
  reader.task->state.add_ref();  // the waker's
  reader.add_to(m);
  m.thread([=] {
    reader.sent->store(1, relaxed);
    reader.task->wake_by_value();
  });
  m.after([=] {
    MODEL_CHECK(*reader.seen == 1 || reader.task->queued);
    MODEL_CHECK(reader.task->state.load().refs() == 2U + (reader.task->queued ? 1U : 0U));
  });
}

/// A task that gave way is in one place (S2) and ready, whoever wakes it meanwhile, and goes on on whichever worker takes it (S3). Then
/// it waits: what a wake brought it has seen, or it stands in the queue again (S6, S7).
template <class Env>
void wake_against_yield(Model& m) {
  const Reader<Env> reader;
  reader.task->state.add_ref();  // the waker's
  auto& t = *reader.task;
  const auto read = [=] { *reader.seen = reader.sent->load(relaxed); };
  m.thread([=, &t] {
    t.run_and_yield(read);
    t.run([=] { return read(), false; });
  });
  m.thread([=, &t] { t.run([=] { return read(), false; }); });
  m.thread([=, &t] {
    reader.sent->store(1, relaxed);
    t.wake_by_ref();
    t.wake_by_value();
  });
  m.after([=, &t] {
    MODEL_CHECK(*reader.seen == 1 || t.queued);
    MODEL_CHECK(t.state.load().refs() == 2U + (t.queued ? 1U : 0U));
  });
}

/// Who takes it out: as any worker, to end it at a shutdown, or since its queue is closed.
enum class Taker { worker, shutdown, refusal };

/// It is aborted or shut down meanwhile: ended once, and freed once, by whoever is last.
template <class Env, Taker taker>
void end_against_yield(Model& m) {
  auto t = std::make_shared<Task<Env>>();
  MODEL_CHECK(t->state.drop_join_fast());
  m.thread([=] {
    t->run_and_yield([] {});
    if (taker == Taker::refusal) t->refuse();
  });
  m.thread([=] { t->shutdown(); });
  m.thread([=] { t->abort(); });
  m.after([=] {
    if (taker == Taker::shutdown) t->end_queued();
    if (taker == Taker::refusal && t->frees == 0) t->shutdown();  // the last walk
    t->run([] { return false; });
    MODEL_CHECK(t->completions == 1);
    MODEL_CHECK(t->frees == 1);
  });
}

/// The abort of a task that is being polled or woken ends it once; both workers may take it from the queue.
template <class Env>
void abort_against_poll(Model& m) {
  auto t = std::make_shared<Task<Env>>();
  for (int worker = 0; worker < 2; ++worker) {
    m.thread([=] {
      t->run([] { return false; });
      t->run([] { return false; });
    });
  }
  m.thread([=] { t->abort(); });
  m.after([=] {
    t->run([] { return false; });
    MODEL_CHECK(t->completions == 1);
    MODEL_CHECK(t->outcome.get() == 2);
    MODEL_CHECK(t->state.load().refs() == 1);
    t->drop_handle();
    MODEL_CHECK(t->frees == 1);
  });
}

/// A joiner sets its waker, replaces it, and takes the outcome; meanwhile the task ends.
template <class Env>
void join_against_complete(Model& m) {
  auto t = std::make_shared<Task<Env>>();
  m.thread([=] { t->run([] { return true; }); });
  m.thread([=] {
    t->waker.set(1);
    if (t->state.set_join_waker()) {
      if (t->state.unset_join_waker()) {
        t->waker.set(1);
        (void)t->state.set_join_waker();
      }
    }
    while (!t->state.load().is_complete()) ModelEnv::relax();
    MODEL_CHECK(t->outcome.get() == 1);  // S5
    t->drop_handle();
  });
  m.after([=] {
    MODEL_CHECK(t->frees == 1);  // S16
    MODEL_CHECK(t->completions == 1);
  });
}

/// The joiner that waits for its waker is woken (S5, S7), or finds the task complete at once.
template <class Env>
void joiner_waits(Model& m) {
  auto t = std::make_shared<Task<Env>>();
  m.thread([=] { t->run([] { return true; }); });
  m.thread([=] {
    t->waker.set(1);
    if (t->state.set_join_waker()) {
      while (t->joiner_woken.load(acquire) == 0) ModelEnv::relax();  // "no progress" if the wake is lost
    }
    MODEL_CHECK(t->state.load().is_complete());
    MODEL_CHECK(t->outcome.get() == 1);
    t->drop_handle();
  });
  m.after([=] { MODEL_CHECK(t->frees == 1); });
}

/// The handle goes, with a waker set, while the task ends: waker and outcome are dropped by one of the two (Tokio #2087).
template <class Env>
void drop_against_complete(Model& m) {
  auto t = std::make_shared<Task<Env>>();
  m.thread([=] { t->run([] { return true; }); });
  m.thread([=] {
    t->waker.set(1);
    (void)t->state.set_join_waker();
    t->drop_handle();
  });
  m.after([=] { MODEL_CHECK(t->frees == 1); });
}

/// A joiner that lends itself to the waker looks when it likes (woken by something else, or cancelled), takes its handle down with it and
/// ends: the runner never touches it afterwards, and it is freed once. `lends` false is the fault.
template <class Env, bool lends = true>
void borrowed_joiner_ends(Model& m) {
  auto t = std::make_shared<Task<Env>>();
  auto lender = std::make_shared<Lender>();
  t->lender = lender.get();
  m.thread([=] { t->run([] { return true; }); });
  m.thread([=] {
    t->waker.set(1);
    if (t->state.set_join_waker()) {
      t->drop_borrowing_handle(lends);
    } else {
      t->drop_handle();
    }
    lender->drop_ref();  // its own: the task has ended
  });
  m.after([=] {
    MODEL_CHECK(t->frees == 1);
    MODEL_CHECK(lender->life.get() == -1);
  });
}

/// The handle goes before or during the poll that ends the task, while a walker of the registry looks at it: whoever is last frees
/// it, also when the runner took itself for the only one.
template <class Env>
void end_alone_against_all(Model& m) {
  auto t = std::make_shared<Task<Env>>();
  m.thread([=] { t->run([] { return true; }); });
  m.thread([=] { t->drop_handle(); });
  m.thread([=] { t->shutdown(); });
  m.after([=] {
    t->run([] { return true; });  // its reference, if the shutdown ended it in the queue
    MODEL_CHECK(t->completions == 1);
    MODEL_CHECK(t->frees == 1);
  });
}

/// Shutdown, a wake by value and the drop of the handle, all at once: ended once, freed once, by the last of them.
template <class Env>
void shutdown_against_all(Model& m) {
  auto t = std::make_shared<Task<Env>>();
  t->state.add_ref();  // the waker's
  m.thread([=] {
    t->run([] { return false; });
    t->run([] { return false; });
  });
  m.thread([=] { t->shutdown(); });
  m.thread([=] {
    t->wake_by_value();
    t->drop_handle();
  });
  m.after([=] {
    t->run([] { return false; });
    MODEL_CHECK(t->completions == 1);
    MODEL_CHECK(t->frees == 1);
  });
}

/// A walker of the registry meets a slot that is being freed and used again.
template <class Env>
void walker_against_reuse(Model& m) {
  auto t = std::make_shared<Task<Env>>();
  auto generation = std::make_shared<ModelEnv::cell<int>>(1);
  MODEL_CHECK(t->state.complete_release(2) == false);  // one reference left: the handle's
  auto free_slots = std::make_shared<ModelEnv::atomic<int>>(0);
  const auto release_slot = [=] { free_slots->fetch_add(1, acq_rel); };
  m.thread([=] {
    if (t->state.drop_ref()) release_slot();
    if (free_slots->load(acquire) == 1) {
      free_slots->fetch_sub(1, acq_rel);
      generation->set(2);
      t->state.init_new();
    }
  });
  m.thread([=] {
    if (!t->state.try_ref()) return;
    MODEL_CHECK(generation->get() >= 1);
    if (t->state.drop_ref()) release_slot();
  });
  m.after([=] {
    const auto refs = t->state.load().refs();
    MODEL_CHECK(refs == 3 || (refs == 0 && free_slots->load(relaxed) == 1));
  });
}

TEST(TaskStateModel, S2_S3_S7_wake_while_running) { expect_holds("wake while running", wake_while_running<ModelEnv>); }
TEST(TaskStateModel, S6_a_poll_sees_what_was_written_before_the_wake) { expect_holds("message", message_before_wake<ModelEnv>); }
TEST(TaskStateModel, S7_S16_wakers_used_up_while_running) { expect_holds("by value", wake_by_value_against_poll<ModelEnv>); }
TEST(TaskStateModel, S2_S6_S7_wake_against_yield) { expect_holds("wake, yield", wake_against_yield<ModelEnv>); }
TEST(TaskStateModel, S4_S16_end_against_yield) {
  expect_holds("end, yield", end_against_yield<ModelEnv, Taker::worker>);
  expect_holds("shutdown, yield", end_against_yield<ModelEnv, Taker::shutdown>);
  expect_holds("refusal, yield", end_against_yield<ModelEnv, Taker::refusal>);
}
TEST(TaskStateModel, S3_S4_S5_abort_against_poll) { expect_holds("abort", abort_against_poll<ModelEnv>); }
TEST(TaskStateModel, S5_S16_join_against_complete) { expect_holds("join", join_against_complete<ModelEnv>); }
TEST(TaskStateModel, S5_S7_a_waiting_joiner_is_woken) { expect_holds("joiner waits", joiner_waits<ModelEnv>); }
TEST(TaskStateModel, S5_S16_drop_against_complete) { expect_holds("drop", drop_against_complete<ModelEnv>); }
TEST(TaskStateModel, S5_S16_borrowed_joiner_ends) { expect_holds("borrowed", borrowed_joiner_ends<ModelEnv>); }
TEST(TaskStateModel, S4_S16_end_alone_against_all) { expect_holds("end alone", end_alone_against_all<ModelEnv>); }
TEST(TaskStateModel, S4_S16_shutdown_against_all) { expect_holds("shutdown", shutdown_against_all<ModelEnv>); }
TEST(TaskStateModel, S16_a_walker_against_reuse) { expect_holds("walker", walker_against_reuse<ModelEnv>); }

// ---- seeded faults ----

TEST(TaskStateFaults, relaxed_transitions_are_found) {
  EXPECT_TRUE(is_found(join_against_complete<WeakEnv<ChangesRelaxed>>));
  EXPECT_TRUE(is_found(end_alone_against_all<WeakEnv<ChangesRelaxed>>));
  EXPECT_TRUE(is_found(drop_against_complete<WeakEnv<ChangesRelaxed>>));
  EXPECT_TRUE(is_found(message_before_wake<WeakEnv<ChangesRelaxed>>));
  EXPECT_TRUE(is_found(wake_against_yield<WeakEnv<ChangesRelaxed>>));
}
TEST(TaskStateFaults, transitions_without_release_are_found) {
  EXPECT_TRUE(is_found(drop_against_complete<WeakEnv<ChangesAcquire>>));
  EXPECT_TRUE(is_found(message_before_wake<WeakEnv<ChangesAcquire>>));
}
TEST(TaskStateFaults, transitions_without_acquire_are_found) {
  EXPECT_TRUE(is_found(drop_against_complete<WeakEnv<ChangesRelease>>));
  EXPECT_TRUE(is_found(message_before_wake<WeakEnv<ChangesRelease>>));
}
TEST(TaskStateFaults, a_borrowed_joiner_that_does_not_lend_is_found) {
  EXPECT_TRUE(is_found(borrowed_joiner_ends<ModelEnv, false>));
  EXPECT_TRUE(is_found(borrowed_joiner_ends<WeakEnv<ChangesRelaxed>>));
}
TEST(TaskStateFaults, a_relaxed_look_at_completion_is_found) {
  EXPECT_TRUE(is_found(join_against_complete<WeakEnv<LoadsRelaxed>>));
}
TEST(TaskStateFaults, a_relaxed_first_store_is_found) { EXPECT_TRUE(is_found(walker_against_reuse<WeakEnv<StoresRelaxed>>)); }

}  // namespace
}  // namespace rt
