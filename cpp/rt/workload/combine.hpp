// Workloads of workloads: one after the other, or all at the same time.
#pragma once

#include "rt/workload/workload.hpp"

namespace rt::workload {

/// The parts in their order, inside the coroutine that awaits; the next begins when the last has ended.
[[nodiscard]] Coro<Answers> sequence(WorkloadPtr parts);

/// A task for each part; if one fails, the others are cancelled.
[[nodiscard]] Coro<Answers> together(WorkloadPtr parts);

}  // namespace rt::workload
