// What can anybody read about a worker and about the scheduler, at any time, without disturbing them?
// Invariant: a worker's block is written by whoever holds that worker's core and by nobody else, so its writes are plain stores.
// Read next: rt/observe/batch.hpp (the counts before they are published), rt/observe/metric_list.hpp (their names and meaning).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "rt/core/tuning.hpp"
#include "rt/features.hpp"
#include "rt/observe/histogram.hpp"

namespace rt {

using enum std::memory_order;

/// a - b, but never below zero: for differences of figures that were read at different instants.
constexpr std::uint64_t saturating_sub(std::uint64_t a, std::uint64_t b) noexcept { return a > b ? a - b : 0; }

/// Which task a worker polls, and since when.
struct InPoll {
  std::uint64_t task;      ///< id, from 1
  std::uint64_t since_ns;  ///< on the scale of the runtime's elapsed time
};

class Lane;

/// Which lane a worker waits for, and since when.
struct LaneWait {
  const Lane* lane;
  std::uint64_t since_ns;  ///< on the scale of the runtime's elapsed time
};

/// One worker's published figures. 128 bytes: the pair of cache lines that is prefetched together belongs to one worker.
struct alignas(tuning::metrics_alignment) WorkerMetrics {
  using Counter = std::atomic<std::uint64_t>;

  // Stable.
  Counter busy_duration_total{0};  ///< [ns]
  Counter park_count{0};
  Counter park_unpark_count{0};
  Counter thread_id{0};  ///< 0: no thread runs this worker yet

  // Changed at every poll: for thieves and placements that count a task in service, and for the dump, which names what a worker
  // that does not arrive is running.
  Counter in_poll_since{0};  ///< [ns], valid while in_poll_task is not 0
  Counter in_poll_task{0};   ///< 0: in no poll

  // For the dump.
  Counter lane_wait_since{0};                        ///< [ns], valid while the next is not null
  std::atomic<const Lane*> waits_for_lane{nullptr};  ///< a lane lasts as long as the process

  // Unstable.
  Counter noop_count{0};
  Counter steal_count{0};
  Counter steal_operations{0};
  Counter poll_count{0};
  Counter task_poll_count{0};
  Counter mean_poll_time{0};  ///< [ns]; 0 until the first flush
  Counter local_schedule_count{0};
  Counter overflow_count{0};
  Counter lane_wait_count{0};
  Counter lane_wait_time{0};            ///< [ns]
  Counter searching_duration_total{0};  ///< [ns]
  Counter parked_duration_total{0};     ///< [ns]

  std::optional<HistogramCells> poll_histogram;
  std::optional<HistogramCells> task_poll_histogram;
  std::optional<HistogramCells> latency_histogram;

  WorkerMetrics() = default;

  /// With the histograms that are asked for; without UNSTABLE_METRICS there are none.
  static WorkerMetrics from_config(const HistogramOptions& options) { return WorkerMetrics(options); }
  explicit WorkerMetrics(const HistogramOptions& options) {
    if constexpr (unstable_metrics) {
      if (options.poll) poll_histogram.emplace(*options.poll);
      if (options.task_poll) task_poll_histogram.emplace(*options.task_poll);
      if (options.latency) latency_histogram.emplace(*options.latency);
    }
  }

  /// The thread that begins to run this worker, once it holds the core.
  void set_thread_id(std::uint64_t id) noexcept { thread_id.store(id, relaxed); }  // relaxed: a figure on its own

  /// Holder of the core, before a poll. Each needs its leave_poll(): read_in_poll() relies on the 0 between two polls.
  void enter_poll(std::uint64_t task, std::uint64_t since_ns) noexcept {
    // release: pairs with the second load in read_in_poll(): who sees this `since` also sees that the task before has ended.
    in_poll_since.store(since_ns, release);
    // release: pairs with the first load in read_in_poll(): who sees this task sees its `since` or a later one.
    in_poll_task.store(task, release);
  }

  /// Holder of the core, after a poll.
  void leave_poll() noexcept {
    in_poll_task.store(0, relaxed);  // relaxed: ordered by the release of the next `since`
  }

  /// Holder of the core, before and after it enters a lane.
  void begin_lane_wait(const Lane& lane, std::uint64_t since_ns) noexcept {
    lane_wait_since.store(since_ns, relaxed);  // relaxed: published by the next
    // release: pairs with read_lane_wait().
    waits_for_lane.store(&lane, release);
  }
  void end_lane_wait() noexcept { waits_for_lane.store(nullptr, relaxed); }  // relaxed: a figure for a dump

  /// Any thread. A wait that has ended meanwhile may be told with the start of the next.
  std::optional<LaneWait> read_lane_wait() const noexcept {
    // acquire: pairs with begin_lane_wait().
    const Lane* lane = waits_for_lane.load(acquire);
    if (lane == nullptr) return std::nullopt;
    return LaneWait{lane, lane_wait_since.load(relaxed)};  // relaxed: ordered by the acquire above
  }

  /// Any thread. The task and its own start, or nothing: between two polls, or a poll began during the look.
  std::optional<InPoll> read_in_poll() const noexcept {
    // acquire, acquire: pair with the stores in enter_poll(), in the opposite order.
    const std::uint64_t task = in_poll_task.load(acquire);
    const std::uint64_t since = in_poll_since.load(acquire);
    if (task == 0 || in_poll_task.load(relaxed) != task) return std::nullopt;  // relaxed: ordered by the acquire above
    return InPoll{task, since};
  }
};

static_assert(alignof(WorkerMetrics) == tuning::metrics_alignment);
static_assert(sizeof(WorkerMetrics) % tuning::metrics_alignment == 0);
static_assert(WorkerMetrics::Counter::is_always_lock_free);

/// Counts that belong to no worker: any thread adds, so they are read-modify-writes, on paths that are rare or locked anyway.
class alignas(tuning::metrics_alignment) SchedulerMetrics {
 public:
  /// Any thread: one task was pushed to the inject queue on its own.
  void inc_remote_schedule_count(std::uint64_t tasks = 1) noexcept { add(remote_schedule_count_, tasks); }

  /// Any thread: a budget reached 0.
  void inc_budget_forced_yield_count() noexcept { add(budget_forced_yield_count_); }

  /// Any thread. How many since a reading taken earlier (0: since the start); never below zero, whichever was read first.
  std::uint64_t remote_schedule_count(std::uint64_t earlier = 0) const noexcept {
    return saturating_sub(remote_schedule_count_.load(relaxed), earlier);  // relaxed: a figure on its own
  }
  std::uint64_t budget_forced_yield_count(std::uint64_t earlier = 0) const noexcept {
    return saturating_sub(budget_forced_yield_count_.load(relaxed), earlier);  // relaxed: a figure on its own
  }

 private:
  using Counter = std::atomic<std::uint64_t>;

  static void add(Counter& counter, std::uint64_t count = 1) noexcept {
    if constexpr (unstable_metrics) counter.fetch_add(count, relaxed);  // relaxed: only the sum matters
  }

  Counter remote_schedule_count_{0};
  Counter budget_forced_yield_count_{0};
};

}  // namespace rt
