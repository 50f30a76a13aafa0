// The adaptive mutex under every schedule: one holder at a time, who sees what the last one wrote, and nobody waits for ever.
#include "rt/env/mutex.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <mutex>

#include "holds.hpp"
#include "rt/env/model_env.hpp"
#include "weaken.hpp"

namespace rt {
namespace {

/// `looks`: before it sleeps. A thread that looks lets the others go on, so the sleep is explored without.
/// Each thread adds one to a cell that only the mutex protects; a second holder, or one that is ordered after nobody, is a data race.
template <class Env, int looks = 0>
ModelSetup sections(int threads, int each) {
  return [threads, each](Model& m) {
    struct World {
      AdaptiveMutex<Env, looks> mutex;
      ModelEnv::cell<int> sum{0};
    };
    auto w = std::make_shared<World>();
    for (int i = 0; i < threads; ++i) {
      m.thread([w, each] {
        for (int turn = 0; turn < each; ++turn) {
          const std::lock_guard lock(w->mutex);
          w->sum.set(w->sum.get() + 1);
        }
      });
    }
    m.after([w, threads, each] {
      MODEL_CHECK(w->sum.get() == threads * each);
      MODEL_CHECK(w->mutex.try_lock());
    });
  };
}

/// A fault: whoever leaves wakes nobody.
struct NoWake : ModelEnv {
  static void wake_one(atomic<std::uint32_t>&) {}
};

TEST(MutexModel, two_threads_take_turns) { expect_holds("two threads", sections<ModelEnv>(2, 2)); }
TEST(MutexModel, a_thread_that_looks_first_loses_no_wake) { expect_holds("with a look", sections<ModelEnv, 1>(3, 1)); }
TEST(MutexModel, three_threads_that_wait_are_all_woken) { expect_holds("three threads", sections<ModelEnv>(3, 1)); }

TEST(MutexFaults, without_the_wake_a_thread_sleeps_for_ever) { EXPECT_TRUE(is_found(sections<NoWake>(2, 1), "deadlock")); }
TEST(MutexFaults, an_unlock_without_release_is_found) {
  EXPECT_TRUE(is_found(sections<WeakEnv<ChangesAcquire>>(2, 1), "data race"));
}
TEST(MutexFaults, a_lock_without_acquire_is_found) {
  EXPECT_TRUE(is_found(sections<WeakEnv<ChangesRelease>>(2, 1), "data race"));
}

}  // namespace
}  // namespace rt
