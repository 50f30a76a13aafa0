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

/// `field` was changed, and nothing would come of it.
void need_effect(bool changed, const char* field, bool has_effect, const char* because) {
  need(!changed || has_effect, std::string(field) + " has no effect with " + because + "; leave it at its default");
}

void check_effects(const Policy& p) {
  const Policy d;
  need_effect(p.lifo_polls != d.lifo_polls, "lifo_polls", p.lifo_slot, "lifo_slot=False");
  need_effect(p.lifo_steal_after != 0, "lifo_steal_after", p.lifo_slot, "lifo_slot=False");

  const bool central = p.placement.kind == Placement::Kind::central;
  need_effect(p.lifo_slot != d.lifo_slot && !p.lifo_slot, "lifo_slot=False", !central,
              "placement=\"central\" (nothing is queued locally)");
  const bool lifo = p.local_order == LocalOrder::lifo;
  need_effect(p.overflow_all, "overflow", !lifo, "local_order=\"lifo\" (the deque grows)");
  need_effect(p.overflow_end != d.overflow_end, "overflow_end", !lifo, "local_order=\"lifo\" (the deque grows)");
  need_effect(p.overflow_end != d.overflow_end, "overflow_end", !p.overflow_all, "overflow=\"all\"");

  const bool steals = p.steal.kind != StealAmount::Kind::none;
  const char* const no_steal = "steal=None";
  need_effect(p.lifo_steal_after != 0, "lifo_steal_after", steals, no_steal);
  need_effect(p.steal_end != d.steal_end, "steal_end", steals, no_steal);
  need_effect(p.steal_threshold != d.steal_threshold, "steal_threshold", steals, no_steal);
  need_effect(p.victims != d.victims, "victims", steals, no_steal);
  need_effect(p.attempts != 0, "attempts", steals, no_steal);
  need_effect(p.steal_end != d.steal_end, "steal_end", p.steal.kind != StealAmount::Kind::all, "steal=\"all\"");
}

void check_threads(const Policy& p) {
  need(p.lifo_steal_after == 0,
       "lifo_steal_after=" + std::to_string(p.lifo_steal_after) +
           " works in a simulation only, until the model explorer covers stealing from the slot; use None on threads");
  need(p.retry, "retry=False works in a simulation only, until the model explorer covers it; use True on threads");
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
