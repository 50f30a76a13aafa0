// The blocking pool's threads and counts, without a runtime: a job is a header that nobody polls.
#include "rt/blocking/pool.hpp"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <thread>

#include "rt/task/header.hpp"

namespace rt {
namespace {

/// Whether it comes to hold; a test that fails waits for ten seconds.
template <class Holds>
bool soon(Holds&& holds) {
  for (const Nanos end = steady_now() + 10'000'000'000; steady_now() < end; std::this_thread::yield()) {
    if (holds()) return true;
  }
  return holds();
}

/// A pool whose jobs run until they are let go.
class Pool : public ::testing::Test {
 public:
  BlockingPool start(std::uint32_t max_threads) {
    return BlockingPool({.max_threads = max_threads, .keep_alive = 3'600'000'000'000, .name = "pool"},
                        {.run =
                             [this](const BlockingPool::Job&) {
                               ++begun;
                               while (!let_go) std::this_thread::yield();
                             },
                         .refuse = [this](Header&) { ++refused; },
                         .thread_start = [](std::uint32_t) {},
                         .thread_stop = [](std::uint32_t) {},
                         .keep_alive = [] { return nullptr; }});
  }

  std::array<Header, 4> jobs;
  std::atomic<int> begun{0};
  std::atomic<int> refused{0};
  std::atomic<bool> let_go{false};
};

TEST_F(Pool, S18_every_count_is_zero_after_jobs_were_refused) {
  BlockingPool pool = start(1);
  for (Header& job : jobs) pool.submit(job);
  while (begun == 0) std::this_thread::yield();
  EXPECT_EQ(pool.queued(), 3U);
  EXPECT_EQ(pool.unfinished(), 4U);
  pool.close(true);
  EXPECT_EQ(refused, 3);
  EXPECT_EQ(pool.queued(), 0U);
  EXPECT_EQ(pool.unfinished(), 1U);
  let_go = true;
  EXPECT_TRUE(pool.wait_ended(no_deadline));
  EXPECT_EQ(pool.unfinished(), 0U);
  EXPECT_EQ(pool.idle(), 0U);
  EXPECT_EQ(pool.threads(), 0U);
}

TEST_F(Pool, L1_jobs_that_come_together_and_block_have_a_thread_each) {
  BlockingPool pool = start(4);
  for (Header& job : jobs) pool.submit(job);
  EXPECT_TRUE(soon([&] { return begun == 4; }));
  let_go = true;
  EXPECT_TRUE(soon([&] { return pool.idle() == 4; }));
  let_go = false;
  for (Header& job : jobs) pool.submit(job);  // once more, onto threads that sleep
  EXPECT_TRUE(soon([&] { return begun == 8; }));
  let_go = true;
  pool.close(false);
  EXPECT_TRUE(pool.wait_ended(no_deadline));
}

TEST_F(Pool, S18_no_more_threads_are_made_than_there_are_jobs) {
  for (int round = 0; round < 50; ++round) {
    begun = 0;
    let_go = false;
    BlockingPool pool = start(4);
    pool.submit(jobs[0]);
    pool.submit(jobs[1]);
    EXPECT_TRUE(soon([&] { return begun == 2; }));
    ASSERT_EQ(pool.threads(), 2U) << "in round " << round;
    let_go = true;
    pool.close(false);
    EXPECT_TRUE(pool.wait_ended(no_deadline));
  }
}

TEST_F(Pool, L1_a_job_does_not_wait_for_a_thread_that_is_busy) {
  BlockingPool pool = start(4);
  let_go = true;
  pool.submit(jobs[0]);
  while (pool.idle() == 0) std::this_thread::yield();
  let_go = false;
  pool.submit(jobs[1]);  // for the idle thread, which is idle no more
  pool.submit(jobs[2]);
  EXPECT_EQ(pool.threads(), 2U);
  let_go = true;
  pool.close(false);
  EXPECT_TRUE(pool.wait_ended(no_deadline));
  EXPECT_EQ(begun, 3);
}

}  // namespace
}  // namespace rt
