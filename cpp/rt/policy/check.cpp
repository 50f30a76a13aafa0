// Which policies make sense? Ranges first, then fields that would change nothing beside another, then what threads cannot do.
#include <stdexcept>
#include <string>

#include "rt/policy/policy.hpp"

namespace rt {
namespace {

constexpr std::uint32_t most_capacity = 1U << 24;

[[noreturn]] void refuse(const std::string& what) { throw std::invalid_argument(what); }

void need(bool holds, const std::string& what) {
  if (!holds) refuse(what);
}

bool is_power_of_two(std::uint32_t n) { return n != 0 && (n & (n - 1)) == 0; }

void check_ranges(const Policy& p) {
  const auto number = [](auto value) { return std::to_string(value); };
  need(p.lifo_polls >= 1, "lifo_polls=0; need at least 1; set lifo_slot=False for none");
  need(is_power_of_two(p.local_capacity) && p.local_capacity >= 2 && p.local_capacity <= most_capacity,
       "local_capacity=" + number(p.local_capacity) + "; need a power of two from 2 to " + number(most_capacity) +
           " (default 256)");
  need(p.placement.kind != Placement::Kind::jsq || p.placement.choices >= 1,
       "placement=(\"jsq\", " + number(p.placement.choices) + "); need at least 1 choice, usually 2");
  need(p.steal.kind != StealAmount::Kind::count || p.steal.count >= 1,
       "steal=0; need at least 1 task; steal=None switches stealing off");
  need(p.steal.kind != StealAmount::Kind::fraction || (p.steal.fraction > 0 && p.steal.fraction < 1),
       "steal=" + number(p.steal.fraction) + "; a fraction must lie strictly between 0 and 1; use an int for a number of tasks");
  need(p.steal_threshold >= 1, "steal_threshold=0; need at least 1");
  need(p.max_searching > 0 && p.max_searching <= 1,
       "max_searching=" + number(p.max_searching) + "; need a share of the workers above 0, up to 1 (default 0.5)");
  need(p.event_interval >= 1, "event_interval=0; need at least 1 (default 61)");
  need((p.victims == VictimOrder::function) == (p.victim_function != nullptr),
       "victims: a function is needed exactly when the order is a function");
}

// ---- values as Python writes them, for messages

std::string text(bool value) { return value ? "True" : "False"; }
std::string text(std::uint32_t value) { return std::to_string(value); }
std::string text(LocalOrder value) { return value == LocalOrder::fifo ? "'fifo'" : "'lifo'"; }
std::string text(QueueEnd value) { return value == QueueEnd::oldest ? "'oldest'" : "'newest'"; }
std::string text(const StealAmount& value) {
  switch (value.kind) {
    case StealAmount::Kind::half: return "'half'";
    case StealAmount::Kind::one: return "'one'";
    case StealAmount::Kind::all: return "'all'";
    case StealAmount::Kind::count: return std::to_string(value.count);
    case StealAmount::Kind::fraction: return std::to_string(value.fraction);
    case StealAmount::Kind::none: return "None";
  }
  return "None";
}
std::string text(VictimOrder value) {
  static const char* const names[] = {"'random-start-scan'", "'uniform'", "'round-robin'", "'last-victim'",
                                      "'two-choices'",       "'longest'", "'nearest'",     "a function"};
  return names[static_cast<std::size_t>(value)];
}

/// A field beside which others may come to nothing: each one that was changed is refused, with what to do about it.
class Beside {
 public:
  Beside(bool applies, const char* because) : applies_(applies), because_(because) {}

  template <class T>
  Beside& idle(const char* field, const T& value, const T& standard) {
    if (applies_ && !(value == standard)) refuse(field, text(value), text(standard));
    return *this;
  }
  /// A number for which 0 stands for the default, whose name in Python is `standard`.
  Beside& idle_number(const char* field, std::uint32_t value, const char* standard) {
    if (applies_ && value != 0) refuse(field, text(value), standard);
    return *this;
  }
  void refuse(const char* field, const std::string& value, const std::string& standard) const {
    throw std::invalid_argument(std::string(field) + "=" + value + ": " + field + " has no effect with " + because_ +
                                "; leave it at " + standard);
  }

 private:
  bool applies_;
  const char* because_;
};

/// What says how tasks are stolen.
void idle_stealing(Beside& beside, const Policy& p) {
  const Policy d;
  beside.idle("steal_end", p.steal_end, d.steal_end)
      .idle("steal_threshold", p.steal_threshold, d.steal_threshold)
      .idle("victims", p.victims, d.victims)
      .idle_number("attempts", p.attempts, "None");
}

void check_effects(const Policy& p) {
  const Policy d;
  Beside(!p.lifo_slot, "lifo_slot=False")
      .idle("lifo_polls", p.lifo_polls, d.lifo_polls)
      .idle_number("lifo_steal_after", p.lifo_steal_after, "None");

  const bool steals = p.steal.kind != StealAmount::Kind::none;
  Beside no_steal(!steals, "steal=None");
  no_steal.idle_number("lifo_steal_after", p.lifo_steal_after, "None");
  idle_stealing(no_steal, p);
  Beside(p.steal.kind == StealAmount::Kind::all, "steal='all'").idle("steal_end", p.steal_end, d.steal_end);

  Beside(p.overflow_all, "overflow='all'").idle("overflow_end", p.overflow_end, d.overflow_end);
  Beside grows(p.local_order == LocalOrder::lifo, "local_order='lifo' (the deque grows)");
  if (p.local_order == LocalOrder::lifo && p.overflow_all) grows.refuse("overflow", "'all'", "'half'");
  grows.idle("overflow_end", p.overflow_end, d.overflow_end);

  const bool central = p.placement.kind == Placement::Kind::central;
  Beside(central, "placement='central' (nothing becomes ready locally)")
      .idle("lifo_slot", p.lifo_slot, d.lifo_slot)
      .idle("lifo_polls", p.lifo_polls, d.lifo_polls)
      .idle_number("lifo_steal_after", p.lifo_steal_after, "None");
  const bool one_by_one = central && p.inject_batch == 1;
  Beside no_queue(one_by_one, "placement='central' and inject_batch=1 (no task waits in a local queue)");
  no_queue.idle("local_order", p.local_order, d.local_order)
      .idle("local_capacity", p.local_capacity, d.local_capacity)
      .idle("overflow_end", p.overflow_end, d.overflow_end)
      .idle_number("global_interval", p.global_interval, "'adaptive'");
  if (one_by_one && p.overflow_all) no_queue.refuse("overflow", "'all'", "'half'");
  if (steals) no_queue.idle("steal", p.steal, d.steal);  // None saves the looks at empty queues
  idle_stealing(no_queue, p);
}

void check_threads(const Policy& p) {
  need(p.victims != VictimOrder::nearest, "victims=\"nearest\" needs a topology, which only a simulation has");
  need(p.victim_function == nullptr || p.victim_function->any_thread(),
       "victims: a Python function works in a simulation only; on threads give a compiled one (numba @cfunc, ctypes)");
}

}  // namespace

void check_policy(const Policy& policy, bool simulated) {
  check_ranges(policy);
  check_effects(policy);
  if (!simulated) check_threads(policy);
}

}  // namespace rt
