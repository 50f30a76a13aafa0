// What does the scheduler ask of the world it runs in?
//
// The one seam. A protocol class is a template over an Environment and touches shared memory, time and chance only
// through it; so the same source runs on real threads (thread_env.hpp), in virtual time (sim_env.hpp) and under the
// model explorer (model_env.hpp, tests only). Keep the list closed: each addition has to mean something in all three.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>

namespace rt {

/// A point in time or a span, in nanoseconds of the world's own clock.
using Nanos = std::uint64_t;

/// "Wait without limit", as a point in time.
inline constexpr Nanos no_deadline = ~Nanos{0};

/// So much later; no_deadline if that is beyond every clock.
[[nodiscard]] constexpr Nanos later_by(Nanos span, Nanos start) {
  return span > no_deadline - start ? no_deadline : start + span;
}

/// What a step may cost in virtual time. Real threads pay by themselves: there, charge() is empty.
enum class Cost : std::uint8_t {
  pop,           // taking a task from the own slot or queue
  push,          // putting a task there
  spawn,         // making a task
  poll,          // entering and leaving a poll
  steal_hit,     // a look at a victim that brought something, without the tasks moved
  steal_miss,    // a look at a victim that brought nothing
  move,          // one task moved between queues
  inject,        // one visit to the shared queue under its lock, without waiting for the lock
  park,          // going to rest
  unpark,        // waking another worker, on the waker's side
  wake_latency,  // from the unpark to the first step of the woken worker
  timers,        // one look at the timers
  count
};

/// The primitives and the world. `E::World` is one worker's view: its clock, its dice, its bill.
template <class E>
concept Environment = requires(typename E::World& world, std::uint32_t n, Cost cost) {
  typename E::template atomic<std::uint64_t>;  // std::atomic's interface
  typename E::template cell<int>;              // plain memory under a protocol: get(), set()
  typename E::mutex;                           // lock(), unlock(), try_lock()
  typename E::wake_slot;                       // notify(): one token, which saturates
  typename E::index;                           // unsigned, positions in a ring; wraps
  { E::ring_capacity } -> std::convertible_to<std::size_t>;
  { world.now() } -> std::same_as<Nanos>;
  { world.quick_now() } -> std::same_as<Nanos>;
  { world.choose(n) } -> std::same_as<std::uint32_t>;  // in [0, n); n >= 1
  world.charge(cost, n);                               // n units of that cost
  world.charge_steal(n, n);                            // a look at victim n, which brought n tasks
  world.charge_inject(n);                              // a visit to shard n of the shared queue
  { world.distance(n) } -> std::same_as<Nanos>;        // to worker n, on top of what any look costs
  E::relax();                                          // in a spin: let others run
};

}  // namespace rt
