// What do many short sleeps cost, which all begin at once? The longest takes 10 ms in any case.
// Read next: spec.json for the sizes, tokio.rs for the same work on Tokio.

#include "workloads.hpp"

#include "rt/time/driver.hpp"

#include <atomic>

namespace {

std::atomic<std::uint64_t> left;
bench::Signal done;

rt::Task<void> sleeper(rt::Nanos span) {
  co_await rt::sleep_for(span);
  // relaxed: it counts; the signal's mutex hands the rest on.
  if (left.fetch_sub(1, std::memory_order_relaxed) == 1) done.raise();
}

rt::Task<void> spawner(std::uint64_t timers) {
  for (std::uint64_t timer = 0; timer < timers; ++timer) rt::spawn(sleeper, rt::Nanos{1 + timer % 10} * 1'000'000);
  co_return;
}

}  // namespace

std::uint64_t bench::timer_many(rt::Runtime& runtime, const Sizes& sizes) {
  const auto timers = size(sizes, "timers");
  left.store(timers, std::memory_order_relaxed);  // the spawn publishes it
  runtime.spawn(spawner, timers);
  done.wait();
  return timers - left.load(std::memory_order_relaxed);
}
