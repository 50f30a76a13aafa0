// Do a walk and PCT find what depth first finds, with the odds that they promise, and does a failure become a short story?
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <string>

#include "faulty.hpp"
#include "rt/core/deque.hpp"
#include "rt/core/queue.hpp"
#include "rt/drive/explore.hpp"
#include "weaken.hpp"

namespace rt {
namespace {

using Atomic = ModelEnv::atomic<std::uint32_t>;

void unordered_message(Model& m) {
  struct State {
    Atomic ready{0};
    ModelEnv::cell<int> message{0};
  };
  auto s = std::make_shared<State>();
  m.thread([s] {
    s->message.set(7);
    s->ready.store(1, relaxed);
  });
  m.thread([s] {
    if (s->ready.load(acquire) == 1) MODEL_CHECK(s->message.get() == 7);
  });
}

struct Item {
  Item* queue_next = nullptr;
  ModelEnv::atomic<int> taken{0};
};

/// The ring's thieves and its owner, with a head that is exchanged without order (ring_test.cpp).
void weak_ring(Model& m) {
  using Env = WeakEnv<ChangesRelaxed, std::uint16_t>;
  struct State {
    Ring<Env, Item> ring, own, other;
    std::array<Item, 6> items;
  };
  struct Nowhere {
    void push(Item*) {}
    void push_batch(Item*, Item*, std::size_t) {}
  };
  auto s = std::make_shared<State>();
  Nowhere nowhere;
  for (int i = 0; i < 3; ++i) (void)s->ring.push_back_or_overflow(&s->items[static_cast<std::size_t>(i)], nowhere);
  m.thread([s] {
    Nowhere none;
    for (int i = 3; i < 6; ++i) {
      (void)s->ring.push_back_or_overflow(&s->items[static_cast<std::size_t>(i)], none);
      (void)s->ring.pop();
    }
  });
  for (Ring<Env, Item>* const own : {&s->own, &s->other}) {
    m.thread([s, own] {
      std::uint32_t stolen = 0;
      (void)s->ring.steal_into(*own, stolen);
    });
  }
}

/// Chase-Lev with a bottom that its owner publishes late (deque_test.cpp).
void weak_deque(Model& m) {
  using Env = WeakEnv<StoresRelease, std::int64_t>;
  struct State {
    Deque<Env, Item> deque{2}, own{2};
    std::array<Item, 2> items;
    void take(Item* item) {
      if (item != nullptr) MODEL_CHECK(item->taken.fetch_add(1, relaxed) == 0);
    }
  };
  auto s = std::make_shared<State>();
  for (Item& item : s->items) (void)s->deque.push(&item);
  m.thread([s] {
    s->take(s->deque.pop());
    s->take(s->deque.pop());
  });
  m.thread([s] {
    for (int i = 0; i < 2; ++i) {
      std::uint32_t stolen = 0;
      s->take(s->deque.steal_into(s->own, stolen, {.kind = StealAmount::Kind::one}));
    }
  });
}

ExploreOptions by(Search search, std::uint64_t seed = 1) {
  return {.max_schedules = 20'000, .print = false, .search = search, .seed = seed, .minimise = false};
}

class EachSearch : public testing::TestWithParam<Search> {};

TEST_P(EachSearch, finds_the_faults_and_their_lines_replay_them) {
  for (const auto& world : {ModelSetup(lose_an_update), ModelSetup(deadlock), ModelSetup(unordered_message),
                            ModelSetup(weak_ring), ModelSetup(weak_deque)}) {
    for (const std::uint64_t seed : {1U, 2U}) {
      const Exploration found = explore(by(GetParam(), seed), world);
      ASSERT_TRUE(found.failed());
      std::printf("  found after %llu schedules: %s\n", static_cast<unsigned long long>(found.schedules), found.failure.c_str());
      EXPECT_EQ(replay(found.schedule, by(GetParam(), 99), world).failure, found.failure) << found.schedule;
    }
  }
}

TEST_P(EachSearch, is_a_function_of_its_seed) {
  const auto first = explore(by(GetParam(), 5), weak_ring);
  const auto again = explore(by(GetParam(), 5), weak_ring);
  EXPECT_EQ(first.schedules, again.schedules);
  EXPECT_EQ(first.schedule, again.schedule);
}

INSTANTIATE_TEST_SUITE_P(Model, EachSearch, testing::Values(Search::depth_first, Search::walk, Search::pct),
                         [](const auto& instance) {
                           return std::string(std::array{"depth_first", "walk", "pct"}[static_cast<std::size_t>(instance.param)]);
                         });

/// The share of runs in which thread 2's store comes between two given loads of thread 1, of which the others are noise.
double share_of_hits(Search search, std::uint32_t depth, std::uint32_t runs) {
  std::uint32_t hits = 0;
  const ExploreOptions options{
      .max_schedules = runs, .weak_memory = false, .print = false, .search = search, .seed = 3, .depth = depth};
  const auto result = explore(options, [&hits](Model& m) {
    struct State {
      Atomic x{0}, other{0};
      bool broken = false;
    };
    auto s = std::make_shared<State>();
    m.thread([s] {
      for (int i = 0; i < 10; ++i) s->other.store(1);
      const std::uint32_t before = s->x.load();
      s->broken = s->x.load() != before;
      for (int i = 0; i < 10; ++i) s->other.store(1);
    });
    m.thread([s] { s->x.store(1); });
    m.after([s, &hits] { hits += s->broken ? 1 : 0; });
  });
  EXPECT_EQ(result.schedules, runs);
  return static_cast<double>(hits) / runs;
}

TEST(Search, pct_meets_its_bound_for_a_fault_of_depth_two) {
  // One switch at one of the first thread's steps, so depth 2: 1 / (n k) with n = 2 threads. k: 23 steps, and the switches that
  // could have been at each; the first run takes 32.
  const double bound = 1.0 / (2 * 32);
  const std::uint32_t runs = 20'000;
  const double slack = 4 * std::sqrt(bound * (1 - bound) / runs);
  EXPECT_GT(share_of_hits(Search::pct, 2, runs), bound - slack);
  EXPECT_EQ(share_of_hits(Search::pct, 1, 2'000), 0) << "no change point: one thread after the other";
}

/// A long random run with many switches that do not matter.
void noisy_lost_update(Model& m) {
  struct State {
    Atomic counter{0}, noise{0};
  };
  auto s = std::make_shared<State>();
  for (int thread = 0; thread < 3; ++thread) {
    m.thread([s] {
      for (int i = 0; i < 10; ++i) s->noise.fetch_add(1, relaxed);
      s->counter.store(s->counter.load(seq_cst) + 1, seq_cst);
      for (int i = 0; i < 10; ++i) s->noise.fetch_add(1, relaxed);
    });
  }
  m.after([s] { MODEL_CHECK(s->counter.load(relaxed) == 3); });
}

TEST(Search, a_long_failure_of_a_walk_becomes_one_pre_emption_and_fails_with_the_same_words) {
  ExploreOptions options = by(Search::walk);
  const Exploration wild = explore(options, noisy_lost_update);
  options.minimise = true;
  const Exploration tame = explore(options, noisy_lost_update);
  ASSERT_TRUE(wild.failed() && tame.failed());
  EXPECT_GT(wild.preemptions, 10U);
  EXPECT_EQ(tame.preemptions, 1U) << tame.schedule;
  EXPECT_LT(tame.schedule.size(), wild.schedule.size());
  EXPECT_LE(std::count_if(tame.schedule.begin(), tame.schedule.end(), [](char digit) { return digit != '0'; }), 2);
  EXPECT_EQ(replay(tame.schedule, options, noisy_lost_update).failure, wild.failure);
}

TEST(Search, a_failure_that_needs_no_pre_emption_is_told_without_one) {
  const auto after_the_other = [](Model& m) {
    auto s = std::make_shared<std::array<Atomic, 2>>();
    m.thread([s] {
      for (int i = 0; i < 5; ++i) (*s)[0].fetch_add(1);
      (*s)[1].store(1);
    });
    m.thread([s] {
      for (int i = 0; i < 5; ++i) (*s)[0].fetch_add(1);
      MODEL_CHECK((*s)[1].load() == 0);
    });
  };
  ExploreOptions options = by(Search::walk, 4);
  options.minimise = true;
  const Exploration found = explore(options, after_the_other);
  ASSERT_TRUE(found.failed());
  EXPECT_EQ(found.preemptions, 0U);
  EXPECT_EQ(found.schedule, "0") << "the first thread, then the second";
}

TEST(Search, two_threads_that_spin_for_a_third_let_it_run) {
  for (const Search search : {Search::walk, Search::pct}) {
    ExploreOptions options = by(search);
    options.max_schedules = 300;
    const auto result = explore(options, [](Model& m) {
      auto go = std::make_shared<Atomic>(0);
      for (int i = 0; i < 2; ++i) {
        m.thread([=] {
          while (go->load(acquire) == 0) ModelEnv::relax();
        });
      }
      m.thread([=] { go->store(1, release); });
    });
    EXPECT_FALSE(result.failed()) << result.failure;
  }
}

TEST(Search, two_threads_that_wake_each_other_do_not_keep_a_third_from_running) {
  ExploreOptions options = by(Search::pct);
  options.max_schedules = 50;
  const auto result = explore(options, [](Model& m) {
    struct State {
      Atomic over{0};
      std::array<Atomic, 2> word;
    };
    auto s = std::make_shared<State>();
    for (const std::size_t self : {0U, 1U}) {
      m.thread([=] {
        while (s->over.load(acquire) == 0) {
          s->word[1 - self].store(1, release);
          ModelEnv::wake_one(s->word[1 - self]);
          (void)ModelEnv::wait_on(s->word[self], 0, 1000);
          s->word[self].store(0, release);
        }
      });
    }
    m.thread([=] { s->over.store(1, release); });
  });
  EXPECT_FALSE(result.failed()) << result.failure;
}

}  // namespace
}  // namespace rt
