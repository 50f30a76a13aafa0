// Which scheduling decisions can be made otherwise, and what are the choices? A policy is a value: Policy{} is Tokio 1.48's.
//
// One field a decision; each is read by one small function beside this file or in core/worker. Names and defaults are those of
// the Python class. Invariant: a policy that passed check_policy() works in every combination it was checked for.
// Read next: check.cpp (what goes with what), victims.hpp, steal_amount.hpp, search_limit.hpp.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "rt/core/tuning.hpp"
#include "rt/policy/placement.hpp"

namespace rt {

/// In which order does a worker take its own tasks? fifo: the bounded ring. lifo: a Chase-Lev deque, which grows.
enum class LocalOrder : std::uint8_t { fifo, lifo };

/// How many of a victim's n tasks does a thief take?
struct StealAmount {
  enum class Kind : std::uint8_t { half, one, all, count, fraction, none };
  Kind kind = Kind::half;  // the larger half
  std::uint32_t count = 0;
  double fraction = 0;  // of n, rounded up
  friend bool operator==(const StealAmount&, const StealAmount&) = default;
};

enum class QueueEnd : std::uint8_t { oldest, newest };

/// Whom does a thief look at, in which order?
enum class VictimOrder : std::uint8_t {
  random_start_scan,  // all peers once, from a random start
  uniform,            // a random peer each time
  round_robin,        // all peers once, from the one after the last look
  last_victim,        // the last one that had something first, then as random_start_scan
  two_choices,        // the longer of two random peers' queues
  longest,            // the longest queue
  nearest,            // by distance; of equals from a random start (needs a topology)
  function,           // Policy::victim_function
};

/// A user's own choice of victims. Called by thieves, on threads by several at once.
class VictimFunction {
 public:
  /// Random numbers in [0, n).
  class Dice {
   public:
    virtual std::uint32_t choose(std::uint32_t n) = 0;

   protected:
    ~Dice() = default;
  };
  virtual ~VictimFunction() = default;
  /// `lengths`: each worker's stealable tasks, out of date as soon as they are read. nullopt ends the search. Whatever else it
  /// gives must be a worker's index; the thief's own counts as a look that found nothing.
  [[nodiscard]] virtual std::optional<std::uint32_t> choose(std::uint32_t thief, std::uint32_t attempt,
                                                            std::span<const std::uint32_t> lengths, Dice& dice) = 0;
  /// False: only one thread may call it (simulation).
  [[nodiscard]] virtual bool any_thread() const = 0;
};

/// Whom does a push wake?
enum class WakeRule : std::uint8_t {
  baton,     // one sleeper, if nobody searches; a searcher that finds something passes it on
  per_task,  // one sleeper for each task
  all,       // every sleeper
  never,     // nobody; from outside, one worker if all sleep
};

enum class InjectKind : std::uint8_t { single, sharded };

/// Which runs first when a native task forks: the parent (its child is queued) or the child (the parent is queued).
enum class ForkOrder : std::uint8_t { help_first, work_first };

struct Policy {
  bool lifo_slot = true;
  std::uint32_t lifo_polls = tuning::max_lifo_polls;
  std::uint32_t lifo_steal_after = 0;  // failed passes before the slot may be stolen; 0: never

  LocalOrder local_order = LocalOrder::fifo;
  std::uint32_t local_capacity = tuning::ring_capacity;  // of a deque: its first size

  Placement placement{};

  StealAmount steal{};
  QueueEnd steal_end = QueueEnd::oldest;
  std::uint32_t steal_threshold = 1;  // least stealable tasks plus the one in service that a victim must have

  VictimOrder victims = VictimOrder::random_start_scan;
  std::shared_ptr<VictimFunction> victim_function{};
  std::uint32_t attempts = 0;  // looks at victims in a search; 0: as many as there are peers
  bool retry = true;           // a worker that was woken and has nothing of its own searches again

  bool overflow_all = false;  // a full queue sends everything to inject; else one half of it
  QueueEnd overflow_end = QueueEnd::oldest;

  std::uint32_t global_interval = 0;  // turns between two looks at inject first; 0: tuned to 200 us
  InjectKind inject = InjectKind::single;
  std::uint32_t inject_batch = 0;  // tasks that a visit takes, also while busy; 0: a fair share

  double max_searching = 0.5;  // share of the workers that may search at once
  std::uint32_t spin = 0;      // searches more before a worker lies down
  WakeRule notify = WakeRule::baton;
  bool driver_handoff = false;  // who held the timers wakes a peer before it polls

  ForkOrder fork = ForkOrder::help_first;
  std::uint32_t coop_budget = tuning::coop_budget;  // 0: no budget
  std::uint32_t event_interval = tuning::default_event_interval;
};

/// Throws std::invalid_argument: a value out of range, a field that has no effect beside another, or, on threads, what only a
/// simulation can do. Messages name fields and values as Python writes them.
void check_policy(const Policy& policy, bool simulated);

}  // namespace rt
