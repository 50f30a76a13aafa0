// Which figures does a runtime show, under which names, and what does each one mean?
// Invariant: the one table of metrics; dict keys, documentation, stubs and exporters are made from it, in its order.
// Read next: rt/observe/worker_metrics.hpp (where a worker's figures live), BEHAVIOUR.md "Metrics" (when they move).
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "rt/features.hpp"

namespace rt {

/// How a figure behaves over time, and so what a delta of two snapshots does: counters and histograms subtract, the others keep
/// the later value.
enum class MetricKind { counter, gauge, histogram, label };

/// Of what it is a figure.
enum class MetricScope { worker, scheduler, runtime };

/// Whether every build has it, or only one with UNSTABLE_METRICS.
enum class MetricGate { stable, unstable };

struct MetricInfo {
  std::string_view name;
  std::string_view unit;  ///< "ns", what is counted, or "" for a label
  MetricKind kind;
  MetricScope scope;
  MetricGate gate;
  std::string_view meaning;

  /// Whether this build measures it.
  constexpr bool available() const noexcept { return unstable_metrics || gate == MetricGate::stable; }
};

namespace metric_table {  // its own, so that short enumerator names stay out of everybody else's way
using enum MetricKind;
using enum MetricScope;
using enum MetricGate;

inline constexpr auto rows = std::to_array<MetricInfo>({
    // The keys of worker_metrics(i), in this order: first the seeds', then ours.
    {"busy_duration_total", "ns", counter, worker, stable,
     "time spent running tasks and looking at its own queues; without stealing, parking and polls of the timer driver"},
    {"queue_depth", "tasks", gauge, worker, stable,
     "length of the local queue now, without the LIFO slot; the same as worker_local_queue_depth(i)"},
    {"thread_id", "", label, worker, stable,
     "identifier of the thread that runs the worker; changes with block_in_place; None before the start"},
    {"park_count", "parks", counter, worker, stable, "real parks, a repeated one after a wake-up for nothing included"},
    {"park_unpark_count", "events", counter, worker, stable, "parks plus unparks: odd while the worker is parked"},
    {"noop_count", "parks", counter, worker, unstable,
     "parks with no turn since the park before; the first park of a fresh worker counts"},
    {"steal_count", "tasks", counter, worker, unstable, "tasks taken from other workers, the one run at once included"},
    {"steal_operations", "steals", counter, worker, unstable, "steals that brought at least one task"},
    {"poll_count", "turns", counter, worker, unstable,
     "turns: polls that followed through the LIFO slot are part of the turn before; a turn that only cancels counts"},
    {"mean_poll_time", "ns", gauge, worker, unstable,
     "moving mean of the time of a turn; 0 until the first flush, then 3278 until a turn was measured"},
    {"local_schedule_count", "tasks", counter, worker, unstable,
     "tasks put into the worker's own LIFO slot or queue, those that yielded included"},
    {"overflow_count", "events", counter, worker, unstable, "times that a full local queue gave tasks to the injection queue"},
    {"poll_count_histogram", "ns", histogram, worker, unstable, "times of turns; None unless it was asked for"},
    {"task_poll_count", "polls", counter, worker, unstable,
     "polls of tasks, those from the LIFO slot included; a run that only cancels does not count"},
    {"task_poll_histogram", "ns", histogram, worker, unstable, "times of single polls; None unless it was asked for"},
    {"schedule_latency_histogram", "ns", histogram, worker, unstable,
     "times from a wake to the poll it caused; None unless it was asked for"},
    {"in_poll_since", "ns", gauge, worker, unstable,
     "when the poll that runs now began, on the scale of elapsed; None between polls; may be early by up to one "
     "event interval unless a histogram or the watchdog is on"},
    {"in_poll_task", "", label, worker, unstable, "id of the task that is polled now; None between polls"},
    {"gil_wait_count", "waits", counter, worker, unstable, "times that the worker waited for the GIL"},
    {"gil_wait_time", "ns", counter, worker, unstable, "time that the worker waited for the GIL"},
    {"searching_duration_total", "ns", counter, worker, unstable,
     "time awake without running tasks: looking for work at the other workers and at the timers, and going to sleep"},
    {"parked_duration_total", "ns", counter, worker, unstable,
     "time asleep, and standing still for a dump; up to the last wake-up"},

    // The keys of scheduler_metrics().
    {"remote_schedule_count", "tasks", counter, scheduler, unstable,
     "tasks pushed one by one to the injection queue: spawned or woken from outside or by a worker without its core, "
     "or pushed while the full local queue was being stolen from"},
    {"budget_forced_yield_count", "events", counter, scheduler, unstable,
     "times that a task's budget reached 0, also when nothing was refused afterwards"},

    // The methods of Handle.
    {"num_workers", "workers", gauge, runtime, stable, "workers that the runtime was made with"},
    {"num_alive_tasks", "tasks", gauge, runtime, stable, "tasks spawned and not yet ended; goes down after the joiner was woken"},
    {"injection_queue_depth", "tasks", gauge, runtime, stable, "length of the queue that all workers share"},
    {"spawned_tasks_count", "tasks", counter, runtime, unstable, "tasks ever spawned; refused spawns do not count"},
    {"num_blocking_threads", "threads", gauge, runtime, unstable,
     "threads of the blocking pool that are not one of the workers; the stand-in of block_in_place is one of them"},
    {"num_idle_blocking_threads", "threads", gauge, runtime, unstable, "threads of the blocking pool that wait for a job"},
    {"blocking_queue_depth", "jobs", gauge, runtime, unstable, "blocking jobs that no thread has started"},
    {"elapsed", "ns", counter, runtime, stable, "time since the runtime started"},
    {"runtime", "", label, runtime, stable, "a string that no other runtime has"},
});
}  // namespace metric_table

/// All metrics.
inline constexpr const auto& metric_list = metric_table::rows;

/// The row of a name, or null.
constexpr const MetricInfo* find_metric(std::string_view name) noexcept {
  for (const MetricInfo& metric : metric_list) {
    if (metric.name == name) return &metric;
  }
  return nullptr;
}

constexpr std::string_view to_string(MetricKind kind) noexcept {
  constexpr std::array<std::string_view, 4> names{"counter", "gauge", "histogram", "label"};
  return names[static_cast<std::size_t>(kind)];
}

constexpr std::string_view to_string(MetricScope scope) noexcept {
  constexpr std::array<std::string_view, 3> names{"worker", "scheduler", "runtime"};
  return names[static_cast<std::size_t>(scope)];
}

}  // namespace rt
