// The parker under every schedule: no token is lost and tokens do not add up (law S21), what was done before notify() is seen
// after wait() (law S6).
#include "rt/env/parker.hpp"

#include <gtest/gtest.h>

#include <memory>

#include "holds.hpp"
#include "weaken.hpp"

namespace rt {
namespace {

template <class Env>
struct World {
  Parker<Env> parker;
  ModelEnv::cell<int> message{0};
  int tokens = 0;
};

/// The sleeper sees what was written before the token; with two notifiers too, since a token may cover another.
template <class Env>
void one_token(Model& m) {
  auto w = std::make_shared<World<Env>>();
  m.thread([w] {
    MODEL_CHECK(w->parker.wait(no_deadline));
    MODEL_CHECK(w->message.get() == 7);
  });
  m.thread([w] {
    w->message.set(7);
    w->parker.notify();
  });
}

/// Two tokens let one or two waits through, and never none: the last wait must not hang if a token came after the first.
template <class Env>
void two_notifiers(Model& m) {
  auto w = std::make_shared<World<Env>>();
  m.thread([w] {
    MODEL_CHECK(w->parker.wait(no_deadline));
    ++w->tokens;
    while (w->parker.take_token()) ++w->tokens;
  });
  for (int i = 0; i < 2; ++i) m.thread([w] { w->parker.notify(); });
  m.after([w] {
    if (w->parker.take_token()) ++w->tokens;
    MODEL_CHECK(w->tokens >= 1 && w->tokens <= 2);
    MODEL_CHECK(!w->parker.take_token());
  });
}

/// A wait that times out as the token comes: it is taken or it stays, but it is not lost.
template <class Env>
void time_out_against_token(Model& m) {
  auto w = std::make_shared<World<Env>>();
  m.thread([w] {
    if (w->parker.wait(1000)) ++w->tokens;
    if (w->tokens == 0 && w->parker.wait(1000)) ++w->tokens;
    if (w->tokens == 1) MODEL_CHECK(w->message.get() == 7);
  });
  m.thread([w] {
    w->message.set(7);
    w->parker.notify();
  });
  m.after([w] {
    if (w->parker.take_token()) ++w->tokens;
    MODEL_CHECK(w->tokens == 1);
  });
}

/// Sleep, work, sleep again: each message is answered, so no token of the first round is missing in the second.
template <class Env>
void ping_pong(Model& m) {
  auto w = std::make_shared<World<Env>>();
  auto back = std::make_shared<Parker<Env>>();
  m.thread([w, back] {
    for (int i = 0; i < 2; ++i) {
      MODEL_CHECK(w->parker.wait(no_deadline));
      MODEL_CHECK(w->message.get() == i);
      w->message.set(i + 1);
      back->notify();
    }
  });
  m.thread([w, back] {
    for (int i = 0; i < 2; ++i) {
      w->parker.notify();
      MODEL_CHECK(back->wait(no_deadline));
      MODEL_CHECK(w->message.get() == i + 1);
    }
  });
}

TEST(ParkerModel, S6_S21_one_token) { expect_holds("one token", one_token<ModelEnv>); }
TEST(ParkerModel, S21_two_notifiers) { expect_holds("two notifiers", two_notifiers<ModelEnv>); }
TEST(ParkerModel, S21_a_time_out_against_a_token) { expect_holds("time-out against token", time_out_against_token<ModelEnv>); }
TEST(ParkerModel, S6_S21_ping_pong) { expect_holds("ping-pong", ping_pong<ModelEnv>); }

TEST(ParkerFaults, relaxed_exchanges_are_found) { EXPECT_TRUE(is_found(one_token<WeakEnv<ChangesRelaxed>>)); }
TEST(ParkerFaults, a_notify_without_release_is_found) { EXPECT_TRUE(is_found(one_token<WeakEnv<ChangesAcquire>>)); }
TEST(ParkerFaults, a_wait_without_acquire_is_found) { EXPECT_TRUE(is_found(one_token<WeakEnv<ChangesRelease>>)); }

/// A futex that does not compare before it sleeps.
struct SleepyEnv : ModelEnv {
  static bool wait_on(atomic<std::uint32_t>& word, std::uint32_t, Nanos deadline) {
    ModelHost::current->step();
    return ModelHost::current->block(&word, deadline != no_deadline);
  }
};
TEST(ParkerFaults, a_sleep_that_does_not_look_first_is_found) { EXPECT_TRUE(is_found(one_token<SleepyEnv>, "deadlock")); }

}  // namespace
}  // namespace rt
