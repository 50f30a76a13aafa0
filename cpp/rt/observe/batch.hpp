// What does a worker count between two flushes, and how long does it think a poll takes?
// Invariant: plain memory of whoever holds the core, totals since the start; it reads no clock, each time is an argument.
// Read next: rt/observe/worker_metrics.hpp (where submit() puts it), BEHAVIOUR.md "Metrics" (when it is called).
//
// Tokio 1.48's MetricsBatch and Stats in one: both see the same polls, and the tuned interval needs the batch's own times.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "rt/core/tuning.hpp"
#include "rt/env/time_book.hpp"
#include "rt/features.hpp"
#include "rt/observe/histogram.hpp"
#include "rt/observe/worker_metrics.hpp"

namespace rt {

/// (1 - alpha)^polls: the share of the old mean that is left after so many polls. By repeated products only: libm differs
/// between machines, and a simulation must not.
constexpr double ewma_decay(std::uint64_t polls) noexcept {
  constexpr auto powers = [] {
    std::array<double, tuning::max_global_interval + 1> table{};
    table[0] = 1.0;
    for (std::size_t n = 1; n < table.size(); ++n) table[n] = table[n - 1] * (1.0 - tuning::poll_time_ewma_alpha);
    return table;
  }();
  constexpr std::uint64_t longest = powers.size() - 1;
  constexpr double nothing_left = 1e-30;  // far below what a double keeps beside the new mean
  double decay = 1.0;
  for (; polls > longest && decay > nothing_left; polls -= longest) decay *= powers[longest];
  return decay > nothing_left ? decay * powers[polls] : 0.0;
}

/// Owner only, every function. `now` is in ns on the worker's clock; where the clock need not be read, any value will do.
class MetricsBatch {
 public:
  /// `watch_polls`: polls are timed even without a histogram, so that "in this poll since" is exact (the watchdog wants it).
  explicit MetricsBatch(const HistogramOptions& options = {}, bool watch_polls = false) {
    if constexpr (unstable_metrics) {
      if (options.poll) poll_histogram_.emplace(*options.poll);
      if (options.task_poll) task_poll_histogram_.emplace(*options.task_poll);
      if (options.latency) latency_histogram_.emplace(*options.latency);
      needs_clock_ = watch_polls || options.poll || options.task_poll || options.latency;
    }
  }

  /// In virtual time: keeps the same account exactly, for reading at any instant.
  void also_keep(TimeBook& book) noexcept { book_ = &book; }

  // ---- what the caller must measure ----

  /// Whether start_poll, end_poll, start_task_poll and end_task_poll want a real time.
  bool needs_clock() const noexcept { return needs_clock_; }

  /// Whether the times from wake to poll are wanted.
  bool needs_latency() const noexcept { return latency_histogram_.has_value(); }

  /// The latest time this worker was told: of the batch's start or end, and of every poll if needs_clock().
  std::uint64_t clock() const noexcept { return clock_; }

  // ---- a batch: from the start of running tasks to a search, a park or upkeep ----

  /// A batch that is still open is dropped: its core was handed over inside a poll.
  void start_processing(std::uint64_t now) noexcept {
    turn_to(Doing::busy, now);
    clock_ = now;
    started_ = now;
    polls_in_batch_ = 0;
    processing_ = true;
  }

  /// Counts the span as busy and takes its polls into the mean. Without an open batch nothing happens.
  void end_processing(std::uint64_t now) noexcept {
    if (!std::exchange(processing_, false)) return;
    turn_to(Doing::searching, now);
    clock_ = now;
    const std::uint64_t span = saturating_sub(now, started_);
    busy_duration_total_ += span;
    if (polls_in_batch_ == 0) return;
    const double mean = static_cast<double>(span) / static_cast<double>(polls_in_batch_);
    const double weight = 1.0 - ewma_decay(polls_in_batch_);
    mean_poll_ns_ = weight * mean + (1.0 - weight) * mean_poll_ns_;
  }

  /// Since `from` everybody stood still for a dump: that was not busy.
  void leave_out(std::uint64_t from, std::uint64_t now) noexcept {
    if (!processing_) return;
    started_ += saturating_sub(now, from);
    turn_to(Doing::parked, from);
    turn_to(Doing::busy, now);
  }

  // ---- a turn: a task and those that follow it through the LIFO slot ----

  void start_poll(std::uint64_t now) noexcept {
    ++polls_in_batch_;
    if constexpr (unstable_metrics) {
      ++poll_count_;
      if (needs_clock_) clock_ = turn_started_ = now;
    }
  }

  void end_poll(std::uint64_t now) noexcept {
    if constexpr (unstable_metrics) {
      if (!needs_clock_) return;
      clock_ = now;
      if (poll_histogram_) poll_histogram_->measure(saturating_sub(now, turn_started_));
    }
  }

  // ---- one real poll: not a run that only cancels ----

  void start_task_poll(std::uint64_t now) noexcept {
    if constexpr (unstable_metrics) {
      ++task_poll_count_;
      if (needs_clock_) clock_ = task_poll_started_ = now;
    }
  }

  void end_task_poll(std::uint64_t now) noexcept {
    if constexpr (unstable_metrics) {
      if (!needs_clock_) return;
      clock_ = now;
      if (task_poll_histogram_) task_poll_histogram_->measure(saturating_sub(now, task_poll_started_));
    }
  }

  /// From wake to poll, if needs_latency().
  void measure_latency(std::uint64_t ns) noexcept {
    if constexpr (unstable_metrics) {
      if (latency_histogram_) latency_histogram_->measure(ns);
    }
  }

  // ---- parking ----

  /// Before each real park, also a repeated one; submit() follows.
  void about_to_park(std::uint64_t now) noexcept {
    turn_to(Doing::parked, now);
    ++park_count_;
    ++park_unpark_count_;
    if constexpr (unstable_metrics) {
      // A park without a turn since the one before was woken for nothing; a fresh worker's first park counts too.
      if (poll_count_ == polls_at_last_park_) ++noop_count_;
      polls_at_last_park_ = poll_count_;
    }
  }

  void unparked(std::uint64_t now) noexcept {
    turn_to(Doing::searching, now);
    ++park_unpark_count_;
  }

  // ---- events ----

  void inc_steal_count(std::uint64_t tasks) noexcept { add(steal_count_, tasks); }
  void inc_steal_operations() noexcept { add(steal_operations_, 1); }
  void inc_local_schedule_count(std::uint64_t tasks = 1) noexcept { add(local_schedule_count_, tasks); }
  void inc_overflow_count() noexcept { add(overflow_count_, 1); }

  /// The worker waited for a lane.
  void add_lane_wait(std::uint64_t ns) noexcept {
    add(lane_wait_count_, 1);
    add(lane_wait_time_, ns);
  }

  // ---- the mean and what follows from it ----

  double mean_poll_ns() const noexcept { return mean_poll_ns_; }

  /// Turns after which inject should be looked at first: as many polls as fit in the goal, within bounds.
  std::uint32_t tuned_interval() const noexcept {
    const double fitting = static_cast<double>(tuning::target_global_interval_ns) / mean_poll_ns_;
    // Compared before the conversion: a mean of 0 (free polls in a simulation) gives infinity.
    if (!(fitting < tuning::max_global_interval)) return tuning::max_global_interval;
    if (fitting < tuning::min_global_interval) return tuning::min_global_interval;
    return static_cast<std::uint32_t>(fitting);
  }

  /// The interval to use from now on: the current one unless the tuned one is farther than the jitter.
  std::uint32_t retuned(std::uint32_t current) const noexcept {
    const std::uint32_t next = tuned_interval();
    const std::uint32_t change = next > current ? next - current : current - next;
    return change > tuning::global_interval_jitter ? next : current;
  }

  /// Publishes everything. Only the holder of this worker's core may call it: the block has one writer.
  void submit(WorkerMetrics& to) noexcept {
    // relaxed, all of them: each figure stands for itself, and a total that is stored needs no read-modify-write.
    to.busy_duration_total.store(busy_duration_total_, relaxed);
    to.park_count.store(park_count_, relaxed);
    to.park_unpark_count.store(park_unpark_count_, relaxed);
    if constexpr (unstable_metrics) {
      to.noop_count.store(noop_count_, relaxed);
      to.steal_count.store(steal_count_, relaxed);
      to.steal_operations.store(steal_operations_, relaxed);
      to.poll_count.store(poll_count_, relaxed);
      to.task_poll_count.store(task_poll_count_, relaxed);
      to.mean_poll_time.store(static_cast<std::uint64_t>(mean_poll_ns_), relaxed);
      to.local_schedule_count.store(local_schedule_count_, relaxed);
      to.overflow_count.store(overflow_count_, relaxed);
      to.lane_wait_count.store(lane_wait_count_, relaxed);
      to.lane_wait_time.store(lane_wait_time_, relaxed);
      to.searching_duration_total.store(searching_duration_total_, relaxed);
      to.parked_duration_total.store(parked_duration_total_, relaxed);
      submit(poll_histogram_, to.poll_histogram);
      submit(task_poll_histogram_, to.task_poll_histogram);
      submit(latency_histogram_, to.latency_histogram);
    }
  }

 private:
  static void submit(std::optional<HistogramBatch>& from, std::optional<HistogramCells>& to) noexcept {
    if (from && to) from->submit(*to);
  }

  /// Busy time is counted by batches, at their ends.
  void turn_to(Doing doing, std::uint64_t now) noexcept {
    if (doing_ == Doing::searching) searching_duration_total_ += saturating_sub(now, since_);
    if (doing_ == Doing::parked) parked_duration_total_ += saturating_sub(now, since_);
    doing_ = doing;
    since_ = now;
    if (book_ != nullptr) book_->turn_to(doing, now);
  }

  static void add(std::uint64_t& total, std::uint64_t count) noexcept {
    if constexpr (unstable_metrics) total += count;
  }

  // The poll path writes the first line only.
  std::uint64_t poll_count_ = 0;
  std::uint64_t task_poll_count_ = 0;
  std::uint64_t local_schedule_count_ = 0;
  std::uint64_t polls_in_batch_ = 0;
  std::uint64_t clock_ = 0;
  std::uint64_t turn_started_ = 0;
  std::uint64_t task_poll_started_ = 0;
  bool needs_clock_ = false;
  bool processing_ = false;

  std::uint64_t started_ = 0;
  std::uint64_t busy_duration_total_ = 0;
  std::uint64_t searching_duration_total_ = 0;
  std::uint64_t parked_duration_total_ = 0;
  std::uint64_t since_ = 0;
  Doing doing_ = Doing::busy;
  TimeBook* book_ = nullptr;
  double mean_poll_ns_ = tuning::initial_mean_poll_ns;
  std::uint64_t park_count_ = 0;
  std::uint64_t park_unpark_count_ = 0;
  std::uint64_t noop_count_ = 0;
  std::uint64_t polls_at_last_park_ = 0;
  std::uint64_t steal_count_ = 0;
  std::uint64_t steal_operations_ = 0;
  std::uint64_t overflow_count_ = 0;
  std::uint64_t lane_wait_count_ = 0;
  std::uint64_t lane_wait_time_ = 0;

  std::optional<HistogramBatch> poll_histogram_;
  std::optional<HistogramBatch> task_poll_histogram_;
  std::optional<HistogramBatch> latency_histogram_;
};

}  // namespace rt
