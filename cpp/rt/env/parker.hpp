// How does one thread sleep until another gives it a token?
//
// Three states in one word. A token is never lost and tokens do not add up: any number of notify() before a wait() lets
// exactly one wait() through (law S21). Explored under ModelEnv in tests/cpp/model/parker_test.cpp.
#pragma once

#include <atomic>
#include <cstdint>

#include "rt/env/environment.hpp"

namespace rt {
using enum std::memory_order;

template <class Env>
class Parker {
 public:
  /// Any thread. Leaves one token; wakes the sleeper if there is one.
  void notify() noexcept {
    // acq_rel: release pairs with the acquire in wait(), so that what we did before is seen by the woken thread;
    // acquire keeps our own later reads behind the token, should it already have been there.
    if (word_.exchange(notified, acq_rel) == asleep) Env::wake_one(word_);
  }

  /// Owner only. Sleeps until a token is there, then takes it; or until the deadline, and returns false.
  bool wait(Nanos deadline) noexcept {
    if (take_token()) return true;
    if (deadline == 0) return false;
    std::uint32_t expected = empty;
    // acq_rel: as in take_token(); the failing case has met a token, which take_token() then takes.
    if (!word_.compare_exchange_strong(expected, asleep, acq_rel, acquire)) return take_token();
    bool in_time = true;
    while (in_time) {
      in_time = Env::wait_on(word_, asleep, deadline);
      if (take_token()) return true;
    }
    expected = asleep;
    // A token may have come just as the deadline passed: then it is ours.
    if (word_.compare_exchange_strong(expected, empty, acq_rel, acquire)) return false;
    return take_token();
  }

  /// Owner only. True if a token was there; it is gone now.
  bool take_token() noexcept {
    std::uint32_t expected = notified;
    // acquire: pairs with the release in notify().
    return word_.compare_exchange_strong(expected, empty, acq_rel, relaxed);
  }

 private:
  static constexpr std::uint32_t empty = 0;
  static constexpr std::uint32_t asleep = 1;
  static constexpr std::uint32_t notified = 2;
  typename Env::template atomic<std::uint32_t> word_{empty};
};

}  // namespace rt
