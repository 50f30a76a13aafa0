// In which bucket does a duration fall, and where does each bucket begin and end?
// Invariant: the buckets cover 0 to 2^64 - 1 ns without gap or overlap, so every value has exactly one.
// Read next: rt/observe/batch.hpp (who measures), rt/observe/worker_metrics.hpp (who publishes).
//
// H2 buckets are those of Tokio 1.48's LogHistogram: `2^p` linear steps in each power of two, all that lies below `low` folded
// into the first bucket, `high` rounded up to a power of two and everything from there in the last one. We differ in the
// precisions that are allowed: 0 to 10.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "rt/core/tuning.hpp"

namespace rt {

using enum std::memory_order;

/// Buckets of equal width; the last one has no upper end.
struct Linear {
  std::uint64_t width_ns = tuning::linear_width_ns;
  std::uint32_t buckets = tuning::linear_buckets;
};

/// Buckets with a relative width of at most 2^-precision between `low_ns` and `high_ns`.
struct H2 {
  std::uint64_t low_ns = tuning::h2_low_ns;
  std::uint64_t high_ns = tuning::h2_high_ns;
  std::uint32_t precision = tuning::h2_precision;
};

/// A checked choice of buckets: a small value, cheap to copy.
class HistogramConfig {
 public:
  HistogramConfig() : HistogramConfig(H2{}) {}

  /// @throws std::invalid_argument  a width of 0, no bucket, too many, or a last bucket that begins above 2^64 - 1 ns.
  HistogramConfig(const Linear& linear) : linear_(true), width_(linear.width_ns), buckets_(linear.buckets) {
    require(linear.width_ns >= 1, "Linear: width", linear.width_ns, "at least 1 ns");
    require(linear.buckets >= 1 && linear.buckets <= tuning::max_histogram_buckets, "Linear: buckets", linear.buckets,
            "1 to " + std::to_string(tuning::max_histogram_buckets));
    const std::uint64_t widest = linear.buckets == 1 ? max_ns : (max_ns - 1) / (linear.buckets - 1);
    require(linear.width_ns <= widest, "Linear: width", linear.width_ns,
            "at most " + std::to_string(widest) + " ns with " + std::to_string(linear.buckets) + " buckets");
  }

  /// @throws std::invalid_argument  a precision above 10, or `low` not below `high`.
  HistogramConfig(const H2& h2) : precision_(h2.precision) {
    require(h2.precision <= tuning::max_h2_precision, "H2: precision", h2.precision,
            "0 to " + std::to_string(tuning::max_h2_precision));
    require(h2.low_ns < h2.high_ns, "H2: low", h2.low_ns, "less than high, which is " + std::to_string(h2.high_ns) + " ns");
    const auto bits = std::max(static_cast<std::uint32_t>(std::bit_width(h2.high_ns - 1)), h2.precision);
    const std::uint32_t all = (bits - h2.precision + 1) << h2.precision;
    // The bucket of `low` becomes the second one: all below it is the first.
    first_ = std::max(h2_index(h2.low_ns, h2.precision), std::uint64_t{1}) - 1;
    buckets_ = all - static_cast<std::uint32_t>(first_);
  }

  std::uint32_t buckets() const noexcept { return buckets_; }

  /// The bucket of a duration, below `buckets()`. A few instructions: it runs after every measured poll.
  std::uint32_t bucket_of(std::uint64_t ns) const noexcept {
    const std::uint64_t index = linear_ ? ns / width_ : h2_index(ns, precision_);
    const std::uint64_t shifted = index < first_ ? 0 : index - first_;
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(shifted, buckets_ - 1));
  }

  /// `buckets() + 1` ascending values in ns: bucket b holds `edges[b] <= ns < edges[b + 1]`, the last one its upper edge 2^64 -
  /// 1 too.
  std::vector<std::uint64_t> edges() const {
    std::vector<std::uint64_t> edges(buckets_ + std::size_t{1});
    for (std::uint32_t bucket = 1; bucket < buckets_; ++bucket) {
      edges[bucket] = linear_ ? width_ * bucket : h2_begin(bucket + first_, precision_);
    }
    edges[buckets_] = max_ns;
    return edges;
  }

  friend bool operator==(const HistogramConfig&, const HistogramConfig&) = default;

 private:
  static constexpr std::uint64_t max_ns = std::numeric_limits<std::uint64_t>::max();

  /// Bucket numbers before `low` is cut off: values below 2^(p+1) have one each, then every power of two has 2^p.
  static constexpr std::uint64_t h2_index(std::uint64_t value, std::uint32_t precision) noexcept {
    const auto bits = static_cast<std::uint32_t>(std::bit_width(value));
    const std::uint32_t coarseness = bits > precision + 1 ? bits - precision - 1 : 0;
    return (std::uint64_t{coarseness} << precision) + (value >> coarseness);
  }

  /// The smallest value with this number: the inverse of h2_index.
  static constexpr std::uint64_t h2_begin(std::uint64_t index, std::uint32_t precision) noexcept {
    const std::uint64_t row = index >> precision;
    if (row == 0) return index;
    const std::uint64_t steps = std::uint64_t{1} << precision;
    return (steps + (index & (steps - 1))) << (row - 1);
  }

  static void require(bool holds, const char* what, std::uint64_t value, const std::string& allowed) {
    if (!holds) throw std::invalid_argument(std::string(what) + "=" + std::to_string(value) + "; need " + allowed);
  }

  bool linear_ = false;
  std::uint32_t precision_ = 0;
  std::uint64_t width_ = 1;
  std::uint64_t first_ = 0;  ///< bucket numbers cut off below `low`
  std::uint32_t buckets_ = 0;
};

/// Which durations are counted; each one that is on costs clock reads.
struct HistogramOptions {
  std::optional<HistogramConfig> poll;       ///< turns: a task and what followed it through the LIFO slot
  std::optional<HistogramConfig> task_poll;  ///< single polls
  std::optional<HistogramConfig> latency;    ///< from wake to poll

  /// What `histograms="default"` means: all three, H2.
  static HistogramOptions all() { return {HistogramConfig(), HistogramConfig(), HistogramConfig()}; }
};

/// The published counts of one worker: written by it, read by anybody.
class HistogramCells {
 public:
  explicit HistogramCells(const HistogramConfig& config) : config_(config), counts_(config.buckets()) {}

  const HistogramConfig& config() const noexcept { return config_; }

  /// Whoever holds the worker's core.
  void publish(std::uint32_t bucket, std::uint64_t count) noexcept {
    // relaxed: each count stands for itself; nothing is published through it.
    counts_[bucket].store(count, relaxed);
  }

  /// Any thread. Each count is exact as of the last flush; their sum may mix two flushes.
  std::vector<std::uint64_t> counts() const {
    std::vector<std::uint64_t> counts(counts_.size());
    // relaxed: as in publish().
    std::transform(counts_.begin(), counts_.end(), counts.begin(), [](const auto& count) { return count.load(relaxed); });
    return counts;
  }

 private:
  HistogramConfig config_;
  std::vector<std::atomic<std::uint64_t>> counts_;
};

/// The worker's own counts, plain memory: totals since the start, of which a flush publishes those that changed.
class HistogramBatch {
 public:
  explicit HistogramBatch(const HistogramConfig& config) : config_(config), counts_(config.buckets()) {}

  const HistogramConfig& config() const noexcept { return config_; }

  /// Owner only.
  void measure(std::uint64_t ns) noexcept {
    const std::uint32_t bucket = config_.bucket_of(ns);
    ++counts_[bucket];
    first_changed_ = std::min(first_changed_, bucket);
    end_changed_ = std::max(end_changed_, bucket + 1);
  }

  /// Owner only. `cells` must have the same buckets, and no other writer.
  void submit(HistogramCells& cells) noexcept {
    for (std::uint32_t bucket = first_changed_; bucket < end_changed_; ++bucket) cells.publish(bucket, counts_[bucket]);
    first_changed_ = config_.buckets();
    end_changed_ = 0;
  }

 private:
  HistogramConfig config_;
  std::vector<std::uint64_t> counts_;
  std::uint32_t first_changed_ = std::numeric_limits<std::uint32_t>::max();
  std::uint32_t end_changed_ = 0;
};

}  // namespace rt
