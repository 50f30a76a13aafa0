// The one-shot under every schedule: the value comes to one receiver or is destroyed once, nobody who waits is forgotten (law S20
// for waits), what the sender did before it sent is seen by who received (law S6), the memory is freed once (law S16).
#include "rt/sync/oneshot_state.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <utility>

#include "holds.hpp"
#include "weaken.hpp"

namespace rt {
namespace {

/// Whom to wake: counted as a task is. Its address leaves six bits free, as a Header's does.
struct alignas(64) Waiter {
  Parker<ModelEnv> parker;
  ModelEnv::atomic<int> references{1};
  ModelEnv::cell<int> life{1};

  [[nodiscard]] std::uintptr_t word() { return reinterpret_cast<std::uintptr_t>(this); }
  void add_ref() { references.fetch_add(1, relaxed); }
  static void drop(std::uintptr_t word) {
    if (word == 0) return;
    auto& self = *reinterpret_cast<Waiter*>(word);
    MODEL_CHECK(self.life.get() == 1);
    if (self.references.fetch_sub(1, acq_rel) == 1) self.life.set(-1);
  }
  static void wake(std::uintptr_t word) {
    if (word == 0) return;
    reinterpret_cast<Waiter*>(word)->parker.notify();
    drop(word);
  }
};

struct Turn {
  enum class Is { none, holder, listed };
  Is is = Is::none;
  ModelEnv::cell<bool> queued{false};  // this and the next are the list's
  ModelEnv::cell<Waiter*> wakeup{nullptr};
};

/// The core as oneshot_core.hpp has it, with a value that is counted.
template <class Env>
struct Oneshot {
  OneshotState<Env> state;
  OneshotOwners<Env> owners;
  ModelEnv::cell<int> value{0};  // 0: none
  ModelEnv::mutex lock;
  std::deque<Turn*> crowd;
  std::array<Waiter, 3> waiters;
  int received = 0;
  int destroyed = 0;
  int frees = 0;

  void free() {
    if (value.get() != 0) ++destroyed;
    value.set(-1);
    ++frees;
  }
  bool send(int what) {
    MODEL_CHECK(state.claim_send());
    value.set(what);
    OneshotNews news;
    if (state.send(news) == OnSend::closed) {
      value.set(0);
      ++destroyed;
      return false;
    }
    Waiter::wake(news.waiter);
    return true;
  }
  void sender_leaves() {
    if (!state.is_claimed()) close();
    if (owners.sender_leaves()) free();
  }
  void receiver_leaves() {
    using enum OnReceiverLeaves;
    switch (owners.receiver_leaves()) {
      case others_left: return;
      case all: return free();
      case last: break;
    }
    if (state.abandon()) {
      value.set(0);
      ++destroyed;
    }
    if (owners.drop_last_receiver()) free();
  }
  void close() {
    OneshotNews news;
    state.close(news);
    Waiter::wake(news.waiter);
    if (news.crowd) dismiss();
  }
  void get(const OneshotNews& news) {
    MODEL_CHECK(value.get() == 7);
    value.set(0);
    ++received;
    if (news.crowd) dismiss();
  }
  bool start_wait(Turn& turn, Waiter& who, OneshotPlace place) {
    who.add_ref();
    std::uintptr_t before = 0;
    if (!state.wait(who.word(), place, before)) {
      Waiter::drop(who.word());
      return false;
    }
    Waiter::drop(before);
    turn.is = Turn::Is::holder;
    return true;
  }
  /// True: over.
  bool poll(Turn& turn, Waiter& who) {
    if (turn.is == Turn::Is::listed) return poll_in_crowd(turn, who);
    const OneshotPlace place = turn.is == Turn::Is::holder ? OneshotPlace::holder : OneshotPlace::newcomer;
    for (;;) {
      OneshotNews news;
      switch (state.take(who.word(), place, news)) {
        case OnTake::received: get(news); [[fallthrough]];
        case OnTake::ended: turn.is = Turn::Is::none; return true;
        case OnTake::waiting: return false;
        case OnTake::behind: return poll_in_crowd(turn, who);
        case OnTake::nothing: break;
      }
      if (start_wait(turn, who, place)) return false;
    }
  }
  bool poll_in_crowd(Turn& turn, Waiter& who) {
    OneshotNews news;
    lock.lock();
    if (!turn.queued.get()) crowd.push_back(&turn);
    turn.queued.set(true);
    turn.wakeup.set(&who);
    state.set_crowd();
    const OneshotPlace place = crowd.front() == &turn ? OneshotPlace::front : OneshotPlace::newcomer;
    OnTake taken = state.take(who.word(), place, news);
    while (taken == OnTake::nothing && !start_wait(turn, who, place)) taken = state.take(who.word(), place, news);
    if (taken != OnTake::behind) remove(turn);
    lock.unlock();
    if (taken != OnTake::nothing) turn.is = taken == OnTake::behind ? Turn::Is::listed : Turn::Is::none;
    if (taken == OnTake::received) get(news);
    return taken == OnTake::received || taken == OnTake::ended;
  }
  void leave(Turn& turn) {
    const auto was = std::exchange(turn.is, Turn::Is::none);
    if (was == Turn::Is::listed) {
      lock.lock();
      const bool was_first = turn.queued.get() && crowd.front() == &turn;
      if (turn.queued.get()) remove(turn);
      tell_first_and_unlock(was_first);
    } else if (was == Turn::Is::holder) {
      OneshotNews news;
      state.leave(news);
      Waiter::drop(news.waiter);
      if (!news.crowd) return;
      lock.lock();
      tell_first_and_unlock(true);
    }
  }
  void tell_first_and_unlock(bool tell) {
    Waiter* const to_wake = tell && !crowd.empty() ? crowd.front()->wakeup.get() : nullptr;
    lock.unlock();
    if (to_wake != nullptr) to_wake->parker.notify();
  }
  void remove(Turn& turn) {
    std::erase(crowd, &turn);
    turn.queued.set(false);
    if (crowd.empty()) state.clear_crowd();
  }
  void dismiss() {
    std::deque<Waiter*> gone;
    lock.lock();
    for (Turn* turn : crowd) {
      gone.push_back(turn->wakeup.get());
      turn->queued.set(false);
    }
    crowd.clear();
    state.clear_crowd();
    lock.unlock();
    for (Waiter* waiter : gone) waiter->parker.notify();
  }
  /// "deadlock" if the wake is lost.
  void wait_to_the_end(Turn& turn, Waiter& who) {
    while (!poll(turn, who)) who.parker.wait(no_deadline);
  }
  /// At rest: the value went to one, or was destroyed, and every reference has been given back. `frees_expected`: 0 where the ends
  /// stay, to keep a world of three threads small.
  void check(int values, int frees_expected = 1) {
    MODEL_CHECK(received + destroyed == values);
    MODEL_CHECK(frees == frees_expected);
    for (Waiter& waiter : waiters) MODEL_CHECK(waiter.references.load(relaxed) == 1);
  }
};

template <class Env>
void send_and_go(const std::shared_ptr<Oneshot<Env>>& o) {
  MODEL_CHECK(o->send(7));
  o->sender_leaves();
}

template <class Env>
void send_against_receive(Model& m) {
  auto o = std::make_shared<Oneshot<Env>>();
  m.thread([=] { send_and_go(o); });
  m.thread([=] {
    Turn turn;
    o->wait_to_the_end(turn, o->waiters[0]);
    MODEL_CHECK(o->received == 1);
    o->receiver_leaves();
  });
  m.after([=] { o->check(1); });
}

/// A leaf that goes on in another task: the new one is woken, the old one's reference is given back.
template <class Env>
void waiter_replaced(Model& m) {
  auto o = std::make_shared<Oneshot<Env>>();
  m.thread([=] { send_and_go(o); });
  m.thread([=] {
    Turn turn;
    if (!o->poll(turn, o->waiters[0])) o->wait_to_the_end(turn, o->waiters[1]);
    o->receiver_leaves();
  });
  m.after([=] {
    MODEL_CHECK(o->received == 1);
    o->check(1);
  });
}

/// The receiver waits, is cancelled and goes, while the value comes: it is refused or destroyed.
template <class Env>
void receiver_dropped(Model& m) {
  auto o = std::make_shared<Oneshot<Env>>();
  m.thread([=] {
    static_cast<void>(o->send(7));
    o->sender_leaves();
  });
  m.thread([=] {
    Turn turn;
    if (!o->poll(turn, o->waiters[0])) o->leave(turn);
    o->receiver_leaves();
  });
  m.after([=] { o->check(1); });
}

template <class Env>
void sender_dropped(Model& m) {
  auto o = std::make_shared<Oneshot<Env>>();
  m.thread([=] { o->sender_leaves(); });
  m.thread([=] {
    Turn turn;
    o->wait_to_the_end(turn, o->waiters[0]);
    MODEL_CHECK(o->received == 0);
    o->receiver_leaves();
  });
  m.after([=] { o->check(0); });
}

/// A receiver that closes takes what was sent before; what comes later is refused.
template <class Env>
void close_against_send(Model& m) {
  auto o = std::make_shared<Oneshot<Env>>();
  auto was_sent = std::make_shared<bool>(false);
  m.thread([=] {
    *was_sent = o->send(7);
    o->sender_leaves();
  });
  m.thread([=] {
    o->close();
    OneshotNews news;
    const OnTake taken = o->state.take(0, OneshotPlace::newcomer, news);
    MODEL_CHECK(taken == OnTake::received || taken == OnTake::ended);
    if (taken == OnTake::received) o->get(news);
    o->receiver_leaves();
  });
  m.after([=] {
    MODEL_CHECK(*was_sent == (o->received == 1));
    o->check(1);
  });
}

/// Two receivers wait: one gets the value, the other learns that none will come.
template <class Env>
void two_receivers(Model& m) {
  auto o = std::make_shared<Oneshot<Env>>();
  m.thread([=] { MODEL_CHECK(o->send(7)); });
  for (const std::size_t i : {0U, 1U}) {
    m.thread([=] {
      Turn turn;
      o->wait_to_the_end(turn, o->waiters[i]);
    });
  }
  m.after([=] {
    MODEL_CHECK(o->received == 1);
    o->check(1, 0);
  });
}

/// One of two receivers that wait is cancelled, wherever it stands: the other gets the value.
template <class Env>
void waiter_cancelled(Model& m) {
  auto o = std::make_shared<Oneshot<Env>>();
  m.thread([=] { MODEL_CHECK(o->send(7)); });
  m.thread([=] {
    Turn turn;
    if (!o->poll(turn, o->waiters[0])) o->leave(turn);
  });
  m.thread([=] {
    Turn turn;
    o->wait_to_the_end(turn, o->waiters[1]);
  });
  m.after([=] {
    MODEL_CHECK(o->received == 1);
    o->check(1, 0);
  });
}

/// The sender goes without a word: both receivers that wait learn it, though one of them is cancelled.
template <class Env>
void sender_dropped_before_two(Model& m) {
  auto o = std::make_shared<Oneshot<Env>>();
  m.thread([=] { o->close(); });
  for (const std::size_t i : {0U, 1U}) {
    m.thread([=] {
      Turn turn;
      o->wait_to_the_end(turn, o->waiters[i]);
    });
  }
  m.after([=] { o->check(0, 0); });
}

/// One receiver waits already when the value is sent, and another one comes.
template <class Env>
void newcomer_against_send(Model& m) {
  auto o = std::make_shared<Oneshot<Env>>();
  auto turn = std::make_shared<Turn>();
  MODEL_CHECK(!o->poll(*turn, o->waiters[0]));
  m.thread([=] { MODEL_CHECK(o->send(7)); });
  m.thread([=] { o->wait_to_the_end(*turn, o->waiters[0]); });
  m.thread([=] {
    OneshotNews news;
    MODEL_CHECK(o->state.take(o->waiters[1].word(), OneshotPlace::newcomer, news) != OnTake::received);
  });
  m.after([=] { o->check(1, 0); });
}

TEST(OneshotModel, S6_S16_send_against_receive) { expect_holds("send", send_against_receive<ModelEnv>); }
TEST(OneshotModel, S16_waiter_replaced) { expect_holds("waiter replaced", waiter_replaced<ModelEnv>); }
TEST(OneshotModel, S16_receiver_dropped) { expect_holds("receiver dropped", receiver_dropped<ModelEnv>); }
TEST(OneshotModel, S20_sender_dropped) { expect_holds("sender dropped", sender_dropped<ModelEnv>); }
TEST(OneshotModel, S16_close_against_send) { expect_holds("close", close_against_send<ModelEnv>); }
TEST(OneshotModel, F3_who_was_woken_for_the_value_gets_it) { expect_holds("newcomer", newcomer_against_send<ModelEnv>); }
TEST(OneshotModel, S20_two_receivers) { expect_holds("two receivers", two_receivers<ModelEnv>); }
TEST(OneshotModel, S20_waiter_cancelled) { expect_holds("waiter cancelled", waiter_cancelled<ModelEnv>); }
TEST(OneshotModel, S20_sender_dropped_before_two) { expect_holds("sender dropped, two", sender_dropped_before_two<ModelEnv>); }

// ---- seeded faults ----

TEST(OneshotFaults, relaxed_transitions_are_found) {
  EXPECT_TRUE(is_found(send_against_receive<WeakEnv<ChangesRelaxed, std::uintptr_t>>, "race"));
}
TEST(OneshotFaults, a_send_without_release_is_found) {
  EXPECT_TRUE(is_found(send_against_receive<WeakEnv<ChangesAcquire, std::uintptr_t>>, "race"));
}
TEST(OneshotFaults, a_receive_without_acquire_is_found) {
  EXPECT_TRUE(is_found(receiver_dropped<WeakEnv<ChangesRelease, std::uintptr_t>>, "race"));
}
TEST(OneshotFaults, owners_that_leave_relaxed_are_found) {
  EXPECT_TRUE(is_found(receiver_dropped<WeakEnv<ChangesRelaxed, std::uint32_t>>, "race"));
  EXPECT_TRUE(is_found(send_against_receive<WeakEnv<LoadsRelaxed, std::uint32_t>>, "race"));
}

}  // namespace
}  // namespace rt
