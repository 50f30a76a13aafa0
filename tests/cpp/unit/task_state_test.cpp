// The task word, one thread: each transition from each state it can meet. Its races: tests/cpp/model/task_state_test.cpp.
#include "rt/task/state.hpp"

#include <gtest/gtest.h>

#include "rt/env/sim_env.hpp"
#include "rt/env/thread_env.hpp"

namespace rt {
namespace {

template <class Env>
class TaskStateTest : public ::testing::Test {
 public:
  TaskStateTest() { state.init_new(); }
  /// From new to idle: registry and handle hold it.
  void make_idle() {
    ASSERT_EQ(state.start_running(), OnRun::run);
    ASSERT_EQ(state.finish_poll(), OnIdle::idle);
  }
  void expect(Snapshot::Word bits, std::uint64_t refs) { EXPECT_EQ(state.load().word, bits | refs << Snapshot::ref_shift); }
  TaskState<Env> state;
};

using Worlds = ::testing::Types<ThreadEnv, SimEnv>;
TYPED_TEST_SUITE(TaskStateTest, Worlds);

TYPED_TEST(TaskStateTest, a_new_task_is_204) { EXPECT_EQ(this->state.load().word, 204U); }

TYPED_TEST(TaskStateTest, a_pending_poll_gives_the_queues_reference_back) {
  EXPECT_EQ(this->state.start_running(), OnRun::run);
  this->expect(Snapshot::running | Snapshot::join_interest, 3);
  EXPECT_EQ(this->state.finish_poll(), OnIdle::idle);
  this->expect(Snapshot::join_interest, 2);
}

TYPED_TEST(TaskStateTest, many_wakes_in_a_poll_requeue_once) {
  EXPECT_EQ(this->state.start_running(), OnRun::run);
  EXPECT_EQ(this->state.wake_by_ref(), OnWake::nothing);
  EXPECT_EQ(this->state.wake_by_ref(), OnWake::nothing);
  EXPECT_EQ(this->state.finish_poll(), OnIdle::requeue);
  this->expect(Snapshot::notified | Snapshot::join_interest, 3);
  EXPECT_EQ(this->state.start_running(), OnRun::run);
  EXPECT_EQ(this->state.finish_poll(), OnIdle::idle);
}

TYPED_TEST(TaskStateTest, a_yield_goes_on_running_with_its_reference_and_a_wake_adds_nothing) {
  EXPECT_EQ(this->state.start_running(), OnRun::run);
  EXPECT_TRUE(this->state.may_stay_running());
  this->expect(Snapshot::running | Snapshot::join_interest, 3);
  EXPECT_EQ(this->state.wake_by_ref(), OnWake::nothing) << "it stands in a queue";
  EXPECT_EQ(this->state.go_on(), OnRun::run);
  this->expect(Snapshot::running | Snapshot::join_interest, 3);
  EXPECT_EQ(this->state.wake_by_ref(), OnWake::nothing);
  EXPECT_FALSE(this->state.may_stay_running()) << "woken in its poll: ready now";
  EXPECT_EQ(this->state.finish_yield(), OnYield::requeue);
  this->expect(Snapshot::notified | Snapshot::join_interest, 3);
}

TYPED_TEST(TaskStateTest, an_abort_in_a_poll_that_yields_is_seen_after_it) {
  EXPECT_EQ(this->state.start_running(), OnRun::run);
  EXPECT_EQ(this->state.notify_and_cancel(), OnWake::nothing);
  EXPECT_FALSE(this->state.may_stay_running());
  EXPECT_EQ(this->state.finish_yield(), OnYield::cancelled);
  EXPECT_TRUE(this->state.load().is_running());
}

TYPED_TEST(TaskStateTest, an_abort_of_a_task_that_gave_way_is_seen_when_it_goes_on) {
  EXPECT_EQ(this->state.start_running(), OnRun::run);
  EXPECT_TRUE(this->state.may_stay_running());
  EXPECT_EQ(this->state.notify_and_cancel(), OnWake::nothing);
  EXPECT_FALSE(this->state.start_shutdown()) << "whoever takes it out of its queue ends it";
  EXPECT_EQ(this->state.go_on(), OnRun::cancelled);
  EXPECT_TRUE(this->state.load().is_running());
}

TYPED_TEST(TaskStateTest, a_task_that_gave_way_and_that_no_queue_takes_can_be_ended_by_a_shutdown) {
  EXPECT_EQ(this->state.start_running(), OnRun::run);
  EXPECT_TRUE(this->state.may_stay_running());
  this->state.stop_running();
  this->expect(Snapshot::notified | Snapshot::join_interest, 3);
  EXPECT_TRUE(this->state.start_shutdown());
}

TYPED_TEST(TaskStateTest, a_wake_by_value_gives_its_reference_to_the_queue) {
  this->make_idle();
  this->state.add_ref();
  this->expect(Snapshot::join_interest, 3);
  EXPECT_EQ(this->state.wake_by_value(), OnWake::submit);
  this->expect(Snapshot::notified | Snapshot::join_interest, 3);
  this->state.add_ref();
  EXPECT_EQ(this->state.wake_by_value(), OnWake::nothing);
  this->expect(Snapshot::notified | Snapshot::join_interest, 3);
}

TYPED_TEST(TaskStateTest, a_wake_by_ref_makes_the_queues_reference) {
  this->make_idle();
  EXPECT_EQ(this->state.wake_by_ref(), OnWake::submit);
  this->expect(Snapshot::notified | Snapshot::join_interest, 3);
  EXPECT_EQ(this->state.wake_by_ref(), OnWake::nothing);
  this->expect(Snapshot::notified | Snapshot::join_interest, 3);
}

TYPED_TEST(TaskStateTest, a_complete_task_cannot_be_woken_and_the_last_waker_frees_it) {
  EXPECT_TRUE(this->state.drop_join_fast());
  this->expect(Snapshot::notified, 2);
  EXPECT_EQ(this->state.start_running(), OnRun::run);
  this->state.add_ref();
  EXPECT_FALSE(this->state.complete().is_join_interested());
  EXPECT_EQ(this->state.wake_by_ref(), OnWake::nothing);
  EXPECT_FALSE(this->state.complete_release(2));
  EXPECT_EQ(this->state.wake_by_value(), OnWake::dealloc);
  EXPECT_FALSE(this->state.try_ref());
}

TYPED_TEST(TaskStateTest, an_abort_queues_an_idle_task_once_and_ends_it) {
  this->make_idle();
  EXPECT_EQ(this->state.notify_and_cancel(), OnWake::submit);
  EXPECT_EQ(this->state.notify_and_cancel(), OnWake::nothing);
  EXPECT_EQ(this->state.wake_by_ref(), OnWake::nothing);
  this->expect(Snapshot::notified | Snapshot::cancelled | Snapshot::join_interest, 3);
  EXPECT_EQ(this->state.start_running(), OnRun::cancelled);
}

TYPED_TEST(TaskStateTest, an_abort_of_a_queued_task_waits_for_the_queue) {
  EXPECT_EQ(this->state.notify_and_cancel(), OnWake::nothing);
  EXPECT_EQ(this->state.start_running(), OnRun::cancelled);
}

TYPED_TEST(TaskStateTest, an_abort_of_a_running_task_is_seen_after_its_poll) {
  EXPECT_EQ(this->state.start_running(), OnRun::run);
  EXPECT_EQ(this->state.notify_and_cancel(), OnWake::nothing);
  EXPECT_EQ(this->state.finish_poll(), OnIdle::cancelled);
  EXPECT_TRUE(this->state.load().is_running());
}

TYPED_TEST(TaskStateTest, a_shutdown_takes_a_queued_task_and_the_queue_finds_it_busy) {
  EXPECT_TRUE(this->state.start_shutdown());
  EXPECT_FALSE(this->state.start_shutdown());
  EXPECT_TRUE(this->state.complete().is_join_interested());
  EXPECT_EQ(this->state.start_running(), OnRun::busy);
  this->expect(Snapshot::complete | Snapshot::cancelled | Snapshot::notified | Snapshot::join_interest, 2);
  EXPECT_FALSE(this->state.drop_join_fast());
  const OnDropJoin drop = this->state.drop_join_handle();
  EXPECT_TRUE(drop.drop_output);
  EXPECT_TRUE(drop.drop_waker);
  EXPECT_FALSE(this->state.drop_ref());
  EXPECT_TRUE(this->state.complete_release(1));
}

TYPED_TEST(TaskStateTest, the_last_reference_may_be_the_queues) {
  EXPECT_TRUE(this->state.drop_join_fast());
  EXPECT_TRUE(this->state.start_shutdown());
  (void)this->state.complete();
  EXPECT_FALSE(this->state.complete_release(1));
  EXPECT_EQ(this->state.start_running(), OnRun::dealloc);
}

TYPED_TEST(TaskStateTest, a_task_that_nobody_can_wake_is_freed_after_its_poll) {
  EXPECT_TRUE(this->state.drop_join_fast());
  EXPECT_EQ(this->state.start_running(), OnRun::run);
  EXPECT_FALSE(this->state.drop_ref());
  EXPECT_EQ(this->state.finish_poll(), OnIdle::dealloc);
}

TYPED_TEST(TaskStateTest, the_waker_bit_says_whose_the_waker_field_is) {
  EXPECT_TRUE(this->state.set_join_waker());
  EXPECT_TRUE(this->state.unset_join_waker());
  EXPECT_TRUE(this->state.set_join_waker());
  EXPECT_EQ(this->state.start_running(), OnRun::run);
  EXPECT_TRUE(this->state.complete().is_join_waker_set());
  EXPECT_FALSE(this->state.unset_join_waker());
  const OnDropJoin drop = this->state.drop_join_handle();
  EXPECT_TRUE(drop.drop_output);
  EXPECT_FALSE(drop.drop_waker) << "the runner is reading it";
  EXPECT_FALSE(this->state.drop_ref());
  EXPECT_TRUE(this->state.complete_release_waker(2).was_last);
}

TYPED_TEST(TaskStateTest, after_completion_all_is_left_to_the_joiner_once_the_waker_has_been_read) {
  EXPECT_TRUE(this->state.set_join_waker());
  EXPECT_EQ(this->state.start_running(), OnRun::run);
  EXPECT_FALSE(this->state.is_left_to_joiner());
  (void)this->state.complete();
  EXPECT_FALSE(this->state.is_left_to_joiner());
  EXPECT_FALSE(this->state.complete_release_waker(2).was_last);
  EXPECT_TRUE(this->state.is_left_to_joiner());
  EXPECT_TRUE(this->state.drop_ref());
}

TYPED_TEST(TaskStateTest, who_ends_a_task_alone_needs_one_exchange) {
  EXPECT_EQ(this->state.start_running(), OnRun::run);
  EXPECT_FALSE(this->state.complete_alone()) << "there is a handle";
  (void)this->state.drop_join_handle();
  EXPECT_FALSE(this->state.drop_ref());
  EXPECT_TRUE(this->state.try_ref());
  EXPECT_FALSE(this->state.complete_alone()) << "a walker looks at it";
  EXPECT_FALSE(this->state.drop_ref());
  EXPECT_TRUE(this->state.complete_alone());
  EXPECT_FALSE(this->state.try_ref()) << "the slot is free";
}

TYPED_TEST(TaskStateTest, a_handle_dropped_early_takes_its_waker_along) {
  EXPECT_TRUE(this->state.set_join_waker());
  const OnDropJoin drop = this->state.drop_join_handle();
  EXPECT_FALSE(drop.drop_output);
  EXPECT_TRUE(drop.drop_waker);
  this->expect(Snapshot::notified, 3);
}

TYPED_TEST(TaskStateTest, after_completion_no_waker_can_be_set) {
  EXPECT_EQ(this->state.start_running(), OnRun::run);
  (void)this->state.complete();
  EXPECT_FALSE(this->state.set_join_waker());
}

TYPED_TEST(TaskStateTest, a_walker_gets_a_reference_to_a_live_task_only) {
  TaskState<TypeParam> slot;
  EXPECT_FALSE(slot.try_ref());
  EXPECT_TRUE(this->state.try_ref());
  this->expect(Snapshot::notified | Snapshot::join_interest, 4);
}

}  // namespace
}  // namespace rt
