// A clock that is read by way of the processor's counter says what the steady clock says.
#include "rt/env/tick_clock.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "rt/env/thread_env.hpp"

namespace rt {
namespace {

TEST(QuickClock, agrees_with_the_steady_clock_and_never_goes_back) {
  QuickClock quick;
  std::vector<std::int64_t> off;
  Nanos last = 0;
  const Nanos end = steady_now() + 20'000'000;  // its rate is known after the first of these 20 ms
  for (Nanos before = 0; before < end;) {
    before = steady_now();
    const Nanos now = quick.now();
    const Nanos after = steady_now();
    ASSERT_GE(now, last);
    last = now;
    off.push_back(static_cast<std::int64_t>(now) - static_cast<std::int64_t>(before + (after - before) / 2));
  }
  // The middle one: a few readings are interrupted. A wrong rate would show as half of the time between two looks, 50 us and more.
  std::ranges::nth_element(off, off.begin() + static_cast<std::ptrdiff_t>(off.size() / 2));
  EXPECT_LT(std::abs(off[off.size() / 2]), 10'000) << off.size() << " readings";
}

TEST(QuickClock, a_clock_that_rested_looks_again) {
  QuickClock quick;
  const Nanos start = steady_now();
  while (steady_now() < start + 2'000'000) static_cast<void>(quick.now());
  const Nanos rested_until = steady_now() + 5'000'000;
  while (steady_now() < rested_until) {
  }
  EXPECT_GE(quick.now() + 1'000, rested_until);
}

}  // namespace
}  // namespace rt
