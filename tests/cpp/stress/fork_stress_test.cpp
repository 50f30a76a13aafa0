// Structured forks on threads while everything else happens: branches that yield, sleep, block, fail, spawn and join, parents that are
// cancelled at any moment, runtimes that end. Nothing leaks, nothing hangs, and who is not cancelled has the right answer.
#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <stdexcept>
#include <thread>
#include <vector>

#include "rt/runtime.hpp"
#include "rt/task/blocking.hpp"
#include "rt/task/fork_join.hpp"
#include "rt/time/driver.hpp"

namespace rt {
namespace {

std::atomic<std::int64_t> alive{0};

struct Counted {
  Counted() { alive.fetch_add(1); }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  ~Counted() { alive.fetch_sub(1); }
};

Task<std::int64_t> one_as_a_task() { co_return 1; }

/// What a leaf does follows from its number.
Coro<std::int64_t> leaf(std::uint64_t number) {
  const Counted counted;
  switch (number % 61) {
    case 7: co_await yield_now(); break;
    case 13: co_await sleep_for(50'000); break;
    case 23: block_in_place([] { std::this_thread::yield(); }); break;
    case 31: co_return co_await spawn(one_as_a_task);
    default: break;
  }
  co_return 1;
}

Coro<std::int64_t> tree(int depth, std::uint64_t number) {
  const Counted counted;
  if (depth == 0) {
    auto child = leaf(number);
    co_return co_await std::move(child);
  }
  auto all = fork_join(tree(depth - 1, 3 * number), tree(depth - 1, 3 * number + 1), tree(depth - 1, 3 * number + 2));
  const auto [one, two, three] = co_await all;
  co_return one + two + three;
}

Task<std::int64_t> root(int depth) {
  auto whole = tree(depth, 1);
  co_return co_await std::move(whole);
}

std::optional<std::int64_t> answer(JoinHandle<std::int64_t>& handle) {
  try {
    return handle.get();
  } catch (const Cancelled&) {
    return std::nullopt;
  }
}

TEST(ForkStress, whoever_is_not_cancelled_has_the_right_answer) {
  constexpr int depth = 6;
  for (int round = 0; round < 30; ++round) {
    RuntimeOptions options;
    options.workers = 1 + static_cast<std::uint32_t>(round % 4);
    Runtime runtime(std::move(options));
    std::vector<JoinHandle<std::int64_t>> roots;
    for (int i = 0; i < 8; ++i) roots.push_back(runtime.spawn(root, depth));
    for (std::size_t i = 0; i < roots.size(); i += 2) {
      for (int wait = 0; wait < round; ++wait) std::this_thread::yield();
      roots[i].cancel();
    }
    for (std::size_t i = 0; i < roots.size(); ++i) {
      const std::optional<std::int64_t> got = answer(roots[i]);
      ASSERT_TRUE(got.has_value() || i % 2 == 0);
      ASSERT_EQ(got.value_or(729), 729);
    }
    ASSERT_EQ(alive.load(), 0) << "in round " << round;
  }
}

TEST(ForkStress, runtimes_that_end_with_forks_in_flight_destroy_them_all) {
  for (int round = 0; round < 100; ++round) {
    RuntimeOptions options;
    options.workers = 1 + static_cast<std::uint32_t>(round % 4);
    Runtime runtime(std::move(options));
    for (int i = 0; i < 4; ++i) static_cast<void>(runtime.spawn(root, 7));
    for (int wait = 0; wait < round; ++wait) std::this_thread::yield();
    runtime.shutdown(true);
    ASSERT_EQ(runtime.drive().shared().alive_tasks(), 0U);
    ASSERT_EQ(alive.load(), 0) << "in round " << round;
  }
}

Coro<std::int64_t> failing_tree(int depth, std::uint64_t number) {
  const Counted counted;
  if (depth == 0) {
    if (number % 2 == 1) throw std::runtime_error("odd");
    co_return 1;
  }
  auto both = fork_join(failing_tree(depth - 1, 2 * number), failing_tree(depth - 1, 2 * number + 1));
  const auto [one, two] = co_await both;
  co_return one + two;
}

Task<std::int64_t> failing_root() {
  auto whole = failing_tree(10, 0);
  co_return co_await std::move(whole);
}

TEST(ForkStress, an_exception_comes_out_at_the_root_when_all_have_ended) {
  Runtime runtime({.workers = 3});
  for (int round = 0; round < 50; ++round) {
    EXPECT_THROW(runtime.spawn(failing_root).get(), std::runtime_error);
    ASSERT_EQ(alive.load(), 0) << "in round " << round;
  }
}

}  // namespace
}  // namespace rt
