// How does a thread get a short critical section to itself?
//
// Three states in one word, after Drepper, "Futexes are tricky" (2005), mutex 2. Whoever finds it held looks again for a moment before it
// sleeps: our sections are shorter than a way through the kernel, and a worker that takes a batch out of inject meets the spawner that fills
// it all the time (glibc's std::mutex sleeps at once; Rust's, which Tokio has, spins as we do). Invariant: a thread that sleeps has left
// the word at `awaited`, or was woken and looks. Explored under ModelEnv in tests/cpp/model/mutex_test.cpp.
#pragma once

#include <atomic>
#include <cstdint>

#include "rt/env/environment.hpp"

namespace rt {
using enum std::memory_order;

/// Lockable, as std::mutex; not recursive, and not fair.
template <class Env, int looks = 100>
class AdaptiveMutex {
 public:
  AdaptiveMutex() = default;
  AdaptiveMutex(const AdaptiveMutex&) = delete;
  AdaptiveMutex& operator=(const AdaptiveMutex&) = delete;

  void lock() noexcept {
    if (!try_lock()) lock_contended();
  }

  [[nodiscard]] bool try_lock() noexcept {
    std::uint32_t expected = unlocked;
    // acquire: pairs with the release in unlock(). relaxed on failure: nothing was learnt.
    return word_.compare_exchange_strong(expected, locked, acquire, relaxed);
  }

  void unlock() noexcept {
    // release: what the section wrote is seen by the next holder.
    if (word_.exchange(unlocked, release) == awaited) Env::wake_one(word_);
  }

 private:
  [[gnu::noinline]] void lock_contended() noexcept {
    for (int look = 0; look < looks; ++look) {
      const std::uint32_t now = word_.load(relaxed);  // relaxed: try_lock() acquires
      if (now == unlocked && try_lock()) return;
      if (now == awaited) break;  // others sleep already: this lock is busier than a spin is long
      Env::relax();
    }
    // From here on we leave the word at `awaited`, though perhaps nobody waits behind us: one wake-up too many, none too few.
    // acquire: as in try_lock().
    while (word_.exchange(awaited, acquire) != unlocked) static_cast<void>(Env::wait_on(word_, awaited, no_deadline));
  }

  static constexpr std::uint32_t unlocked = 0;
  static constexpr std::uint32_t locked = 1;
  static constexpr std::uint32_t awaited = 2;
  typename Env::template atomic<std::uint32_t> word_{unlocked};
};

}  // namespace rt
