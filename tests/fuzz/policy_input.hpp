// Bytes as a policy: up to three fields of the default are changed, so that most policies are sound.
//
// Read next: program_input.hpp; cpp/rt/policy/policy.hpp (the fields), check.cpp there (what goes with what).
#pragma once

#include <cstdint>

#include "fuzz/bytes.hpp"
#include "rt/policy/policy.hpp"

namespace rt::fuzz {

/// Which tasks are taken from where.
inline void change_queues(Policy& policy, std::uint32_t field, Bytes& bytes) {
  switch (field) {
    case 0: policy.lifo_slot = !policy.lifo_slot; break;
    case 1: policy.lifo_polls = bytes.below(5); break;
    case 2: policy.lifo_steal_after = bytes.below(4); break;
    case 3: policy.local_order = bytes.flag() ? LocalOrder::lifo : LocalOrder::fifo; break;
    case 4: policy.local_capacity = std::uint32_t{1} << bytes.below(9); break;
    case 5: policy.overflow_all = !policy.overflow_all; break;
    case 6: policy.overflow_end = bytes.flag() ? QueueEnd::newest : QueueEnd::oldest; break;
    case 7: policy.global_interval = bytes.below(8); break;
    case 8: policy.inject = bytes.flag() ? InjectKind::sharded : InjectKind::single; break;
    case 9: policy.inject_batch = bytes.below(4); break;
    default: policy.placement = {static_cast<Placement::Kind>(bytes.below(4)), bytes.below(3)}; break;
  }
}

/// Who takes from whom, who wakes whom, and when a worker looks up.
inline void change_search(Policy& policy, std::uint32_t field, Bytes& bytes) {
  switch (field) {
    case 0:
      policy.steal.kind = static_cast<StealAmount::Kind>(bytes.below(6));
      policy.steal.count = bytes.below(3);
      policy.steal.fraction = bytes.below(5) / 4.0;
      break;
    case 1: policy.steal_end = bytes.flag() ? QueueEnd::newest : QueueEnd::oldest; break;
    case 2: policy.steal_threshold = bytes.below(4); break;
    case 3: policy.victims = static_cast<VictimOrder>(bytes.below(8)); break;  // the last two lack what they need
    case 4: policy.attempts = bytes.below(4); break;
    case 5: policy.retry = !policy.retry; break;
    case 6: policy.max_searching = bytes.below(5) / 4.0; break;
    case 7: policy.spin = bytes.below(4); break;
    case 8: policy.notify = static_cast<WakeRule>(bytes.below(4)); break;
    case 9: policy.driver_handoff = !policy.driver_handoff; break;
    case 10: policy.coop_budget = bytes.below(8); break;
    default: policy.event_interval = bytes.below(8); break;
  }
}

inline void change_policy(Policy& policy, Bytes& bytes) {
  constexpr std::uint32_t queue_fields = 11, search_fields = 12;
  for (std::uint32_t left = 1 + bytes.below(3); left > 0; --left) {
    const std::uint32_t field = bytes.below(queue_fields + search_fields);
    if (field < queue_fields) {
      change_queues(policy, field, bytes);
    } else {
      change_search(policy, field - queue_fields, bytes);
    }
  }
}

}  // namespace rt::fuzz
