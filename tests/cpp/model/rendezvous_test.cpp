// The rendezvous of a dump under every schedule: at most one leader, which alone touches what the present workers own (law S23); each
// request that stays is served, by a dump that began after it asked; nobody waits for ever (law L7). That a limit is over is a choice.
#include "rt/core/rendezvous.hpp"

#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "holds.hpp"
#include "rt/core/idle.hpp"
#include "rt/task/state.hpp"
#include "weaken.hpp"

namespace rt {
namespace {

constexpr Nanos limit = 1;

/// What a fault does to the protocol's users.
struct Steps {
  bool late_worker_goes_on = false;  // at its limit, without asking whether the round is led by now
  bool look_after_park = true;       // a worker on its way to sleep looks for a round once it is on the list
  bool leader_tells_all = true;
  bool wake_recalls = true;    // who wakes a requester takes its request back
  bool asks_once_more = true;  // a requester that was woken for nothing
  bool timer_is_due = false;   // to a worker that waits
  bool steps_out = true;       // before it fires that
  bool holds_dumps = true;     // the last worker, for its last walk
};

struct World {
  struct Request {
    explicit Request(Nanos until) : deadline(until) {}
    const Nanos deadline;
    ModelEnv::atomic<bool> taken_back{false};
    Parker<ModelEnv> parker;
    ModelEnv::cell<int> result{0};
    ModelEnv::atomic<int> served{0};
    void serve(int dump) {
      result.set(dump);
      served.fetch_add(1, release);
    }
    void tell() { parker.notify(); }
    bool take_back(const Request& woken) {
      if (&woken != this) return false;
      taken_back.store(true, release);
      return true;
    }
  };

  explicit World(std::uint32_t workers) : rendezvous(workers), own(workers), idle(workers, (workers + 1) / 2), parkers(workers) {
    for (auto& cell : own) cell = std::make_unique<ModelEnv::cell<int>>(0);
    for (auto& parker : parkers) parker = std::make_unique<Parker<ModelEnv>>();
  }

  Rendezvous<ModelEnv, Request> rendezvous;
  std::vector<std::unique_ptr<ModelEnv::cell<int>>> own;  // a worker's slot, queue, deferred list
  ModelEnv::cell<int> leading{0};                         // touched by leaders only
  int dumps = 0;
  Idle<ModelEnv> idle;
  ModelEnv::mutex mutex;
  Idle<ModelEnv>::Synced sleepers;
  std::vector<std::unique_ptr<Parker<ModelEnv>>> parkers;
  Steps steps;
  std::function<void()> walk = [] {};  // a leader's, over the registry

  /// Whether somebody's limit is over is open.
  static Nanos now() { return ModelHost::current->pick(2) == 0 ? 0 : limit; }

  void lead() {
    Attendance next;
    do {
      leading.set(leading.get() + 1);  // a second leader would be a race
      for (std::uint32_t i = 0; i < own.size(); ++i) {
        if (rendezvous.is_present(i)) own[i]->set(own[i]->get() + 1);
      }
      const auto requests = rendezvous.take_requests();
      if (!requests.empty()) walk();
      for (const auto& request : requests) request->serve(++dumps);
      next = rendezvous.finish();
      if (steps.leader_tells_all) {
        for (const auto& request : requests) request->tell();
      }
    } while (next.part == Attendance::Part::lead);
    wake_sleepers(next);
  }
  void wake_sleepers(Attendance opened) {
    if (opened.part != Attendance::Part::wait) return;
    const std::lock_guard lock(mutex);
    if (!rendezvous.is_open()) return;
    for (const std::uint32_t worker : sleepers.sleepers) {
      if (!rendezvous.has_arrived(worker)) parkers[worker]->notify();
    }
  }
  void follow(Attendance attendance) {
    if (attendance.part == Attendance::Part::lead) lead();
    wake_sleepers(attendance);
  }

  /// A turn, then a look, as in upkeep.
  void work(std::uint32_t worker, int turns) {
    for (int i = 0; i < turns; ++i) {
      own[worker]->set(own[worker]->get() + 1);
      if (rendezvous.is_open()) attend(worker);
    }
    own[worker]->set(own[worker]->get() + 1);
  }
  void attend(std::uint32_t worker) {
    Attendance now = rendezvous.arrive(worker, World::now());
    while (now.part == Attendance::Part::wait) {
      const bool in_time = rendezvous.wait(now.round, now.until);
      if (steps.late_worker_goes_on && !in_time) return;
      if (steps.timer_is_due && (!steps.steps_out || rendezvous.step_out(worker, now.round))) {
        own[worker]->set(own[worker]->get() + 1);
        if (steps.steps_out) {
          now = rendezvous.arrive(worker, in_time ? 0 : limit);
          continue;
        }
      }
      now = rendezvous.look_again(now.round, in_time ? 0 : limit);
    }
    if (now.part == Attendance::Part::lead) lead();
  }
  void leave(std::uint32_t worker) { follow(rendezvous.leave(worker)); }

  std::shared_ptr<Request> ask(Nanos until = limit) {
    auto request = std::make_shared<Request>(until);
    follow(rendezvous.ask(request));
    return request;
  }
  /// By something else than the dump.
  void wake(Request& request) {
    if (steps.wake_recalls) follow(rendezvous.recall(request));
    request.tell();
  }
  void wait_for(const std::shared_ptr<Request>& request) {
    if (!request->parker.wait(limit)) {
      follow(rendezvous.close_for(*request));
      MODEL_CHECK(request->parker.wait(no_deadline));
    }
    MODEL_CHECK(request->served.load(acquire) == 1);
    MODEL_CHECK(request->result.get() > 0);
  }
  void check_at_rest() {
    MODEL_CHECK(!rendezvous.is_open());
    for (std::uint32_t i = 0; i < own.size(); ++i) MODEL_CHECK(!rendezvous.is_present(i));
  }
};

ModelSetup one_request(Steps steps = {}) {
  return [steps](Model& m) {
    auto w = std::make_shared<World>(2);
    w->steps = steps;
    for (const std::uint32_t i : {0U, 1U}) {
      m.thread([w, i] { w->work(i, 1); });
    }
    m.thread([w] { w->wait_for(w->ask()); });
    m.after([w] { w->check_at_rest(); });
  };
}

/// Both want a dump; one worker comes, or comes late, or never.
ModelSetup two_requests(Steps steps = {}) {
  return [steps](Model& m) {
    auto w = std::make_shared<World>(1);
    w->steps = steps;
    m.thread([w] { w->work(0, 1); });
    m.thread([w] { w->wait_for(w->ask()); });
    m.thread([w] { w->wait_for(w->ask()); });
    m.after([w] { w->check_at_rest(); });
  };
}

/// The request is withdrawn at any moment: the workers are let go, and the next one is served.
ModelSetup withdrawn() {
  return [](Model& m) {
    auto w = std::make_shared<World>(1);
    m.thread([w] { w->work(0, 2); });
    m.thread([w] {
      const auto request = w->ask();
      w->follow(w->rendezvous.withdraw(*request));
      w->wait_for(w->ask());
    });
    m.after([w] { w->check_at_rest(); });
  };
}

/// One of two workers is in a poll that lasts, no limit is near, and the task that asked stands to be polled by the other one, which waits.
/// It is woken by something else than the dump: it goes away, or wants its dump after all.
ModelSetup woken_while_its_worker_waits(bool goes_away, Steps steps = {}) {
  return [goes_away, steps](Model& m) {
    auto w = std::make_shared<World>(2);
    w->steps = steps;
    auto request = std::make_shared<World::Request>(no_deadline);
    auto asked = std::make_shared<Parker<ModelEnv>>();
    m.thread([w, request, asked, goes_away] {
      w->follow(w->rendezvous.ask(request));
      asked->notify();
      w->work(0, 1);
      if (goes_away) return w->follow(w->rendezvous.withdraw(*request));
      MODEL_CHECK(request->parker.wait(no_deadline));
      MODEL_CHECK(request->taken_back.load(acquire));
      if (w->steps.asks_once_more) w->follow(w->rendezvous.ask(request));
      w->follow(w->rendezvous.close_for(*request));  // its limit
      MODEL_CHECK(request->parker.wait(no_deadline));
      MODEL_CHECK(request->served.load(acquire) == 1);
    });
    m.thread([w, request, asked] {
      MODEL_CHECK(asked->wait(no_deadline));
      w->wake(*request);
    });
    m.after([w] { w->check_at_rest(); });
  };
}

/// Two workers, one of which leaves for good.
ModelSetup shutdown() {
  return [](Model& m) {
    auto w = std::make_shared<World>(2);
    m.thread([w] { w->work(0, 1); });
    m.thread([w] { w->leave(1); });
    m.thread([w] { w->wait_for(w->ask()); });
    m.after([w] { w->check_at_rest(); });
  };
}

/// Both workers leave while a dump is asked for, and no limit ends the round: the last one makes it, or the requester.
ModelSetup shutdown_without_a_limit() {
  return [](Model& m) {
    auto w = std::make_shared<World>(2);
    for (const std::uint32_t i : {0U, 1U}) {
      m.thread([w, i] { w->leave(i); });
    }
    m.thread([w] { MODEL_CHECK(w->ask(no_deadline)->parker.wait(no_deadline)); });
    m.after([w] { w->check_at_rest(); });
  };
}

/// Two of three workers stand still when the requester makes the dump itself: nothing but its end lets them go on.
ModelSetup two_stand_still() {
  return [](Model& m) {
    auto w = std::make_shared<World>(3);
    auto here = std::make_shared<std::array<Parker<ModelEnv>, 2>>();
    for (const std::uint32_t i : {0U, 1U}) {
      m.thread([w, here, i] {
        MODEL_CHECK(w->parkers[i]->wait(no_deadline));
        Attendance now = w->rendezvous.arrive(i, 0);
        (*here)[i].notify();
        while (now.part == Attendance::Part::wait) {
          static_cast<void>(w->rendezvous.wait(now.round, no_deadline));
          now = w->rendezvous.look_again(now.round, 0);
        }
      });
    }
    m.thread([w, here] {
      const auto request = w->ask(no_deadline);
      for (const std::uint32_t i : {0U, 1U}) w->parkers[i]->notify();
      for (const std::uint32_t i : {0U, 1U}) MODEL_CHECK((*here)[i].wait(no_deadline));
      w->follow(w->rendezvous.close_for(*request));
    });
    m.after([w] { w->check_at_rest(); });
  };
}

/// A worker goes to sleep while a dump is asked for, and no limit ends the round: it has to be woken, or to look.
ModelSetup sleeper(Steps steps = {}) {
  return [steps](Model& m) {
    auto w = std::make_shared<World>(1);
    w->steps = steps;
    m.thread([w] {
      static_cast<void>(w->idle.park(w->mutex, w->sleepers, 0, false));
      if (!(w->steps.look_after_park && w->rendezvous.is_open())) MODEL_CHECK(w->parkers[0]->wait(no_deadline));
      w->attend(0);
      MODEL_CHECK(w->idle.is_parked(w->mutex, w->sleepers, 0));  // law S17: it is still among the sleepers
    });
    m.thread([w] {
      const auto request = w->ask();
      MODEL_CHECK(request->parker.wait(no_deadline));
    });
    m.after([w] { w->check_at_rest(); });
  };
}

TEST(RendezvousModel, S23_L7_one_request_and_two_workers) { expect_holds("one request", one_request()); }
TEST(RendezvousModel, S23_L7_two_requests_and_a_worker) { expect_holds("two requests", two_requests()); }
TEST(RendezvousModel, L7_a_request_withdrawn_at_any_moment) { expect_holds("withdrawn", withdrawn()); }
TEST(RendezvousModel, L7_a_requester_that_is_woken_and_goes_away_lets_a_waiting_worker_go) {
  expect_holds("woken, goes away", woken_while_its_worker_waits(true));
}
TEST(RendezvousModel, L7_a_requester_that_is_woken_for_nothing_gets_its_dump) {
  expect_holds("woken for nothing", woken_while_its_worker_waits(false));
}
TEST(RendezvousModel, S23_a_worker_that_fires_its_timers_is_out_of_the_round) {
  expect_holds("timers", one_request({.timer_is_due = true}));
}
TEST(RendezvousModel, L7_a_worker_that_leaves_is_not_waited_for) { expect_holds("shutdown", shutdown()); }
TEST(RendezvousModel, L7_without_a_limit_a_worker_that_leaves_is_not_waited_for) {
  expect_holds("shutdown, no limit", shutdown_without_a_limit());
}
TEST(RendezvousModel, L7_all_workers_that_stand_still_are_let_go) { expect_holds("two stand still", two_stand_still()); }
TEST(RendezvousModel, S17_L7_a_worker_on_its_way_to_sleep) { expect_holds("sleeper", sleeper()); }

TEST(RendezvousFaults, a_worker_that_goes_on_at_its_own_limit_races_with_the_leader) {
  EXPECT_TRUE(is_found(one_request({.late_worker_goes_on = true}), "data race"));
}
TEST(RendezvousFaults, without_the_look_after_parking_the_request_waits_for_ever) {
  EXPECT_TRUE(is_found(sleeper({.look_after_park = false}), "deadlock"));
}
TEST(RendezvousFaults, a_wake_that_takes_no_request_back_leaves_the_worker_at_its_barrier) {
  EXPECT_TRUE(is_found(woken_while_its_worker_waits(true, {.wake_recalls = false}), "deadlock"));
}
TEST(RendezvousFaults, a_requester_that_does_not_ask_again_waits_for_ever) {
  EXPECT_TRUE(is_found(woken_while_its_worker_waits(false, {.asks_once_more = false}), "deadlock"));
}
TEST(RendezvousFaults, a_worker_that_fires_its_timers_within_the_round_races_with_the_leader) {
  EXPECT_TRUE(is_found(one_request({.timer_is_due = true, .steps_out = false}), "data race"));
}
TEST(RendezvousFaults, a_leader_that_tells_nobody_leaves_the_requester_asleep) {
  EXPECT_TRUE(is_found(two_requests({.leader_tells_all = false}), "deadlock"));
}

// ---- the claim of a task whose frames are read ----

struct Task {
  TaskState<ModelEnv> state;
  ModelEnv::cell<int> frames{0};  // what a poll writes, and the walk reads
  ModelEnv::atomic<int> queued{0};
  ModelEnv::atomic<int> ended{0};
  bool give_back_as_a_poll = true;

  /// An idle task: registry and handle.
  Task() {
    state.init_new();
    MODEL_CHECK(state.start_running() == OnRun::run);
    MODEL_CHECK(state.finish_poll() == OnIdle::idle);
  }
  void push() { queued.fetch_add(1, acq_rel); }
  void wake() {
    if (state.wake_by_ref() == OnWake::submit) push();
  }
  void walk() {
    if (state.claim_idle() != OnClaim::claimed) return;
    frames.set(frames.get() + 1);
    if (state.release_idle() == OnRelease::submit && give_back_as_a_poll) push();
  }
  /// Whoever finds it in the queue.
  void poll_if_queued() {
    if (queued.load(acquire) == 0) return;
    queued.fetch_sub(1, acq_rel);
    switch (state.start_running()) {
      case OnRun::run:
        frames.set(frames.get() + 1);
        if (state.finish_poll() == OnIdle::requeue) push();
        break;
      case OnRun::cancelled:
        frames.set(frames.get() + 1);
        static_cast<void>(state.complete());
        ended.fetch_add(1, release);
        break;
      case OnRun::busy:
      case OnRun::dealloc: MODEL_CHECK(!"a claimed task is in no queue"); break;
    }
  }
  void shut_down() {
    if (!state.start_shutdown()) return;
    frames.set(frames.get() + 1);
    static_cast<void>(state.complete());
    ended.fetch_add(1, release);
  }
};

/// A wake meanwhile is not lost: afterwards the task stands in the queue, once.
ModelSetup wake_while_claimed(bool give_back_as_a_poll = true) {
  return [give_back_as_a_poll](Model& m) {
    auto t = std::make_shared<Task>();
    t->give_back_as_a_poll = give_back_as_a_poll;
    m.thread([t] { t->walk(); });
    m.thread([t] { t->wake(); });
    m.thread([t] { t->wake(); });
    m.after([t] {
      MODEL_CHECK(t->queued.load(acquire) == 1);
      MODEL_CHECK(t->state.load().is_notified() && !t->state.load().is_running());
    });
  };
}
ModelSetup wake_and_poll_while_claimed() {
  return [](Model& m) {
    auto t = std::make_shared<Task>();
    m.thread([t] { t->walk(); });
    m.thread([t] { t->wake(); });
    m.thread([t] {
      t->poll_if_queued();
      t->poll_if_queued();
    });
    m.after([t] {
      t->poll_if_queued();
      MODEL_CHECK(t->queued.load(acquire) == 0 && t->state.load().is_idle());
    });
  };
}
/// A shutdown that meets the claim leaves the end to the queue.
ModelSetup shutdown_while_claimed() {
  return [](Model& m) {
    auto t = std::make_shared<Task>();
    m.thread([t] { t->walk(); });
    m.thread([t] { t->shut_down(); });
    m.thread([t] { t->wake(); });
    m.after([t] {
      if (t->ended.load(acquire) == 0) t->poll_if_queued();
      MODEL_CHECK(t->ended.load(acquire) == 1 && t->state.load().is_complete());
    });
  };
}

/// The same with nobody else to queue it.
ModelSetup shutdown_alone_while_claimed() {
  return [](Model& m) {
    auto t = std::make_shared<Task>();
    m.thread([t] { t->walk(); });
    m.thread([t] { t->shut_down(); });
    m.after([t] {
      if (t->ended.load(acquire) == 0) t->poll_if_queued();
      MODEL_CHECK(t->ended.load(acquire) == 1);
    });
  };
}

/// A runtime's last worker ends the task whatever a leader does with it meanwhile, before it says that all is over.
ModelSetup last_walk(Steps steps = {}) {
  return [steps](Model& m) {
    auto w = std::make_shared<World>(1);
    auto t = std::make_shared<Task>();
    w->steps = steps;
    w->walk = [t = t.get()] { t->walk(); };
    m.thread([w, t] {
      w->leave(0);
      t->shut_down();
      if (w->steps.holds_dumps) w->rendezvous.hold();
      t->shut_down();
      MODEL_CHECK(t->ended.load(acquire) == 1);
      if (w->steps.holds_dumps) w->follow(w->rendezvous.finish());
    });
    m.thread([w] { w->wait_for(w->ask()); });
    m.after([w] { w->check_at_rest(); });
  };
}

TEST(ClaimModel, S7_a_wake_while_the_frames_are_read_is_kept) { expect_holds("wake", wake_while_claimed()); }
TEST(ClaimModel, S3_no_poll_while_the_frames_are_read) { expect_holds("wake and poll", wake_and_poll_while_claimed()); }
TEST(ClaimModel, S5_a_shutdown_while_the_frames_are_read_ends_the_task_once) {
  expect_holds("shutdown", shutdown_while_claimed());
}
TEST(ClaimModel, S5_a_task_that_is_cancelled_while_its_frames_are_read_ends) {
  expect_holds("shutdown alone", shutdown_alone_while_claimed());
}
TEST(ClaimModel, S24_L7_the_last_walk_of_a_shutdown_finds_no_task_held) { expect_holds("last walk", last_walk()); }
TEST(ClaimFaults, a_last_walk_beside_a_leader_passes_the_task_that_it_holds) {
  EXPECT_TRUE(is_found(last_walk({.holds_dumps = false}), "ended"));
}
TEST(ClaimFaults, a_claim_that_is_simply_dropped_loses_a_wake) { EXPECT_TRUE(is_found(wake_while_claimed(false), "queued")); }

}  // namespace
}  // namespace rt
