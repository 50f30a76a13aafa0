// Semaphore, Lock, Event, Notify, Barrier: order, cancellation, budget, and the one world they belong to.
#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "rt/sync/barrier.hpp"
#include "rt/sync/event.hpp"
#include "rt/sync/lock.hpp"
#include "rt/sync/notify.hpp"
#include "rt/sync/semaphore.hpp"
#include "sync_home.hpp"

namespace rt {
namespace {

using testing_home::QueueHome;
using testing_home::result;
using Log = std::vector<int>;

Task<void> acquire_as(Semaphore semaphore, std::size_t permits, Log* log, int name) {
  co_await semaphore.acquire(permits);
  log->push_back(name);
}

Task<void> wait_notified(Notify notify, Log* log, int name) {
  co_await notify.notified();
  log->push_back(name);
}

Task<void> wait_event(Event event, Log* log, int name) {
  co_await event.wait();
  log->push_back(name);
}

Task<std::size_t> arrive(Barrier barrier) { co_return co_await barrier.wait(); }

TEST(Semaphore, WaitersGoOnInTheOrderInWhichTheyCame) {
  QueueHome home;
  Semaphore semaphore(0);
  Log log;
  for (int i = 0; i < 4; ++i) home.spawn(acquire_as, semaphore, std::size_t{1}, &log, i);
  home.run();
  EXPECT_EQ(semaphore.waiting(), 4U);
  semaphore.release(2);
  home.run();
  EXPECT_EQ(log, (Log{0, 1}));
  semaphore.release(2);
  home.run();
  EXPECT_EQ(log, (Log{0, 1, 2, 3}));
}

TEST(Semaphore, NobodyTakesPermitsPastAWaiterForMany) {
  QueueHome home;
  Semaphore semaphore(1);
  Log log;
  home.spawn(acquire_as, semaphore, std::size_t{3}, &log, 3);
  home.spawn(acquire_as, semaphore, std::size_t{1}, &log, 1);
  home.run();
  EXPECT_TRUE(log.empty());
  EXPECT_FALSE(semaphore.try_acquire());
  EXPECT_EQ(semaphore.available(), 1U);
  semaphore.release(3);
  home.run();
  EXPECT_EQ(log, (Log{3, 1}));
}

TEST(Semaphore, AWaiterThatGoesAwayFromTheFrontFreesTheWayForOthers) {
  QueueHome home;
  Semaphore semaphore(1);
  Log log;
  auto many = home.spawn(acquire_as, semaphore, std::size_t{3}, &log, 3);
  home.spawn(acquire_as, semaphore, std::size_t{1}, &log, 1);
  home.run();
  many.cancel();
  home.run();
  EXPECT_EQ(log, (Log{1}));
  EXPECT_EQ(home.alive(), 0);
}

TEST(Semaphore, AGrantOfACancelledWaiterPassesToTheNext) {
  QueueHome home;
  Semaphore semaphore(0);
  Log log;
  auto first = home.spawn(acquire_as, semaphore, std::size_t{1}, &log, 1);
  home.spawn(acquire_as, semaphore, std::size_t{1}, &log, 2);
  home.run();
  semaphore.release();  // granted to the first, which has not run yet
  EXPECT_EQ(semaphore.available(), 0U);
  first.cancel();
  home.run();
  EXPECT_EQ(log, (Log{2}));
  semaphore.release();
  EXPECT_EQ(semaphore.available(), 1U);
}

TEST(Semaphore, AGrantThatNobodyElseWantsBecomesFree) {
  QueueHome home;
  Semaphore semaphore(0);
  Log log;
  auto only = home.spawn(acquire_as, semaphore, std::size_t{2}, &log, 1);
  home.run();
  semaphore.release(2);
  only.cancel();
  home.run();
  EXPECT_EQ(semaphore.available(), 2U);
  EXPECT_TRUE(log.empty());
}

TEST(Semaphore, AnAcquireThatSucceedsCostsOneUnitAndAPendingOneNone) {
  QueueHome home;
  Semaphore semaphore(1);
  Log log;
  home.spawn(acquire_as, semaphore, std::size_t{1}, &log, 1);
  home.turn(10);
  EXPECT_EQ(home.budget_left, 9U);
  home.spawn(acquire_as, semaphore, std::size_t{1}, &log, 2);
  home.turn(10);
  EXPECT_EQ(home.budget_left, 10U);
  semaphore.release();
  home.run();
}

TEST(Semaphore, WithoutBudgetATaskTakesNothingAndComesAgain) {
  QueueHome home;
  Semaphore semaphore(1);
  Log log;
  home.spawn(acquire_as, semaphore, std::size_t{1}, &log, 1);
  home.turn(0);
  EXPECT_TRUE(log.empty());
  EXPECT_EQ(semaphore.available(), 1U);
  home.run();
  EXPECT_EQ(log, (Log{1}));
}

TEST(Semaphore, RefusesNoPermitsAndTooMany) {
  Semaphore semaphore(1);
  EXPECT_THROW((void)semaphore.try_acquire(0), std::invalid_argument);
  EXPECT_THROW((void)semaphore.acquire(0), std::invalid_argument);
  EXPECT_THROW(semaphore.release(~std::size_t{0}), std::overflow_error);
  EXPECT_EQ(semaphore.available(), 1U);
}

TEST(Semaphore, ALeafOnTheHeapOutlivesItsSemaphore) {
  std::unique_ptr<AcquireLeaf> leaf;
  {
    Semaphore semaphore(1);
    leaf.reset(new AcquireLeaf(semaphore.acquire()));
  }
  EXPECT_STREQ(leaf->what(), "semaphore");
}

Task<void> hold_lock(Lock lock, Event until, Log* log, int name) {
  co_await lock.acquire();
  const Permit held(lock);
  log->push_back(name);
  co_await until.wait();
}

TEST(Lock, ACancelledHolderGivesItsPermitBack) {
  QueueHome home;
  Lock lock;
  Event never;
  Log log;
  auto first = home.spawn(hold_lock, lock, never, &log, 1);
  auto second = home.spawn(hold_lock, lock, never, &log, 2);
  home.run();
  EXPECT_TRUE(lock.is_locked());
  EXPECT_EQ(log, (Log{1}));
  first.cancel();
  home.run();
  EXPECT_EQ(log, (Log{1, 2}));
  second.cancel();
  home.run();
  EXPECT_FALSE(lock.is_locked());
  EXPECT_THROW(lock.release(), std::runtime_error);
  EXPECT_TRUE(lock.try_acquire());
  EXPECT_FALSE(lock.try_acquire());
}

TEST(Event, SetLetsThroughThoseWhoWaitAndThoseWhoCome) {
  QueueHome home;
  Event event;
  Log log;
  for (int i = 0; i < 20; ++i) home.spawn(wait_event, event, &log, i);
  home.run();
  EXPECT_TRUE(log.empty());
  event.set();
  event.clear();  // those who waited have been let through all the same
  home.run();
  ASSERT_EQ(log.size(), 20U);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(log[std::size_t(i)], i);
  auto late = home.spawn(wait_event, event, &log, 20);
  home.run();
  EXPECT_FALSE(late.done());
  event.set();
  home.spawn(wait_event, event, &log, 21);
  home.run();
  EXPECT_EQ(log.size(), 22U);
}

TEST(Notify, OneWithoutAWaiterIsKeptOnce) {
  QueueHome home;
  Notify notify;
  Log log;
  notify.notify_one();
  notify.notify_one();
  home.spawn(wait_notified, notify, &log, 1);
  home.spawn(wait_notified, notify, &log, 2);
  home.run();
  EXPECT_EQ(log, (Log{1}));
  notify.notify_one();
  home.run();
  EXPECT_EQ(log, (Log{1, 2}));
}

TEST(Notify, ACancelledWaiterHandsANotificationOnButNotABroadcast) {
  QueueHome home;
  Notify notify;
  Log log;
  auto first = home.spawn(wait_notified, notify, &log, 1);
  auto second = home.spawn(wait_notified, notify, &log, 2);
  home.run();
  notify.notify_one();
  first.cancel();
  home.run();
  EXPECT_EQ(log, (Log{2}));

  auto third = home.spawn(wait_notified, notify, &log, 3);
  home.run();
  notify.notify_all();
  third.cancel();
  auto fourth = home.spawn(wait_notified, notify, &log, 4);
  home.run();
  EXPECT_FALSE(fourth.done());
  fourth.cancel();
  home.run();
}

Task<void> make_then_wait(Notify notify, Log* log) {
  auto wait = notify.notified();
  notify.notify_all();
  co_await wait;
  log->push_back(1);
}

TEST(Notify, ABroadcastReachesAWaitThatWasMadeButNotYetAwaited) {
  QueueHome home;
  Log log;
  home.spawn(make_then_wait, Notify(), &log);
  home.run();
  EXPECT_EQ(log, (Log{1}));
}

TEST(Barrier, TheLastArrivalLetsARoundThroughAndPlacesAreUnique) {
  QueueHome home;
  Barrier barrier(3);
  auto gone = home.spawn(arrive, barrier);
  auto a = home.spawn(arrive, barrier);
  home.run();
  gone.cancel();
  home.run();
  auto b = home.spawn(arrive, barrier);
  home.run();
  EXPECT_FALSE(a.done());
  EXPECT_EQ(barrier.waiting(), 2U);
  auto c = home.spawn(arrive, barrier);
  home.run();
  EXPECT_EQ(result(a), 0U);
  EXPECT_EQ(result(b), 1U);
  EXPECT_EQ(result(c), 2U);
  EXPECT_EQ(barrier.waiting(), 0U);
  EXPECT_THROW(Barrier(0), std::invalid_argument);
}

TEST(WrongRuntime, TheFirstWorldThatWaitsOwnsThePrimitive) {
  QueueHome home;
  QueueHome other;
  QueueHome block_on(home.world());
  Semaphore semaphore(5);
  Log log;
  home.spawn(acquire_as, semaphore, std::size_t{1}, &log, 1);
  home.run();
  auto same_world = block_on.spawn(acquire_as, semaphore, std::size_t{1}, &log, 2);
  block_on.run();
  EXPECT_NO_THROW(result(same_world));
  auto refused = other.spawn(acquire_as, semaphore, std::size_t{1}, &log, 3);
  other.run();
  try {
    result(refused);
    FAIL() << "a wait from another world went through";
  } catch (const WrongRuntime& error) {
    EXPECT_NE(std::string(error.what()).find("semaphore"), std::string::npos);
  }
  EXPECT_EQ(log, (Log{1, 2}));
  EXPECT_EQ(semaphore.available(), 3U);
}

}  // namespace
}  // namespace rt
