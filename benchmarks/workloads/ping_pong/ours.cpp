// What do two tasks pay to talk once in each direction, over channels made for the purpose?
// Read next: spec.json for the sizes, tokio.rs for the same work on Tokio.

#include "workloads.hpp"

#include "rt/sync/oneshot.hpp"

#include <atomic>
#include <utility>

namespace {

using Sender = decltype(rt::oneshot<std::uint64_t>().first);
using Receiver = decltype(rt::oneshot<std::uint64_t>().second);

std::atomic<std::uint64_t> left;
std::atomic<std::uint64_t> received;
bench::Signal done;

rt::Task<void> partner(Receiver ping, Sender pong) {
  const std::uint64_t value = co_await ping;
  pong.send(value + 1);
}

rt::Task<void> pair() {
  auto [ping, at_partner] = rt::oneshot<std::uint64_t>();
  auto [pong, at_home] = rt::oneshot<std::uint64_t>();
  rt::spawn(partner, std::move(at_partner), std::move(pong));
  ping.send(1);
  received.fetch_add(co_await at_home, std::memory_order_relaxed);
  // acq_rel: whoever counts down to zero has seen every addition above; the signal's mutex hands them on.
  if (left.fetch_sub(1, std::memory_order_acq_rel) == 1) done.raise();
}

rt::Task<void> spawner(std::uint64_t pairs) {
  for (std::uint64_t number = 0; number < pairs; ++number) rt::spawn(pair);
  co_return;
}

}  // namespace

std::uint64_t bench::ping_pong(rt::Runtime& runtime, const Sizes& sizes) {
  const auto pairs = size(sizes, "pairs");
  left.store(pairs, std::memory_order_relaxed);  // the spawn publishes both
  received.store(0, std::memory_order_relaxed);
  runtime.spawn(spawner, pairs);
  done.wait();
  return received.load(std::memory_order_relaxed);
}
