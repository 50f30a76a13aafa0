// Which values may a load return, and what does a thread know after it?
//
// The C++20 memory model as far as the scheduler uses it, over vector clocks: each atomic keeps all its stores, in the order in
// which they were executed, which is also its modification order. Invariant: a thread never reads a store older than one it
// has read, written, or that happened before. Not modelled: fences, and stores that overtake loads (no out-of-thin-air values,
// no 2+2W). Idea: Relacy Race Detector and CDSChecker. For tests only. Read next: model_env.hpp, drive/explore.hpp.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

namespace rt {
using enum std::memory_order;

/// Thread 0 is the one that sets up and looks afterwards.
inline constexpr std::size_t model_threads = 6;

/// What a thread knows of the others: their events up to this number happened before its next one.
struct ModelClock {
  std::array<std::uint32_t, model_threads> at{};

  void join(const ModelClock& other) {
    for (std::size_t i = 0; i < model_threads; ++i) at[i] = std::max(at[i], other.at[i]);
  }
};

/// One thread's position in the world.
struct ModelView {
  std::uint32_t thread = 0;
  ModelClock clock;
  bool fresh = false;  // after relax(): what others wrote has arrived, until this thread writes again

  /// A new event of this thread.
  std::uint32_t tick() { return ++clock.at[thread]; }
};

constexpr bool model_acquires(std::memory_order order) {
  return order == acquire || order == acq_rel || order == seq_cst || order == consume;
}
constexpr bool model_releases(std::memory_order order) { return order == release || order == acq_rel || order == seq_cst; }

/// All stores to one atomic.
class ModelHistory {
 public:
  explicit ModelHistory(std::uint64_t initial) { stores_.push_back({initial, {}, unseen()}); }

  [[nodiscard]] std::uint64_t newest() const { return stores_.back().value; }
  void replace_newest(std::uint64_t value) { stores_.back().value = value; }  // outside of any run

  /// How many of the youngest stores this load may return; 1: only the newest.
  [[nodiscard]] std::uint32_t candidates(const ModelView& view, std::memory_order order) const {
    std::size_t oldest = stores_.size() - 1;
    while (oldest > 0 && !is_known(stores_[oldest], view.clock)) --oldest;
    // The single order of seq_cst operations is the order of execution: such a load reads no store older than one that an earlier
    // seq_cst operation wrote or read.
    if (order == seq_cst) oldest = std::max(oldest, seq_cst_floor_);
    return static_cast<std::uint32_t>(stores_.size() - oldest);
  }

  /// Reads the `age`-th youngest store.
  std::uint64_t load(ModelView& view, std::memory_order order, std::uint32_t age) {
    const std::size_t index = stores_.size() - 1 - age;
    Store& store = stores_[index];
    const std::uint32_t now = view.tick();
    store.seen[view.thread] = std::min(store.seen[view.thread], now);
    if (order == seq_cst) seq_cst_floor_ = std::max(seq_cst_floor_, index);
    if (model_acquires(order)) view.clock.join(store.sync);
    return store.value;
  }

  void store(ModelView& view, std::memory_order order, std::uint64_t value) { append(view, order, value, ModelClock{}); }

  /// Reads the newest store and writes on top of it: its release sequence goes on.
  std::uint64_t exchange(ModelView& view, std::memory_order order, std::uint64_t value) {
    const Store before = stores_.back();
    if (model_acquires(order)) view.clock.join(before.sync);
    append(view, order, value, before.sync);
    return before.value;
  }

 private:
  using Seen = std::array<std::uint32_t, model_threads>;
  struct Store {
    std::uint64_t value;
    ModelClock sync;  // what an acquire load of it learns
    Seen seen;        // by each thread: the number of the event that first read or wrote it
  };

  static Seen unseen() {
    Seen seen;
    seen.fill(std::numeric_limits<std::uint32_t>::max());
    return seen;
  }

  static bool is_known(const Store& store, const ModelClock& clock) {
    for (std::size_t i = 0; i < model_threads; ++i) {
      if (store.seen[i] <= clock.at[i]) return true;
    }
    return false;
  }

  void append(ModelView& view, std::memory_order order, std::uint64_t value, ModelClock sync) {
    const std::uint32_t now = view.tick();
    view.fresh = false;
    if (model_releases(order)) sync.join(view.clock);
    Seen seen = unseen();
    seen[view.thread] = now;
    stores_.push_back({value, sync, seen});
    if (order == seq_cst) seq_cst_floor_ = stores_.size() - 1;
  }

  std::vector<Store> stores_;
  std::size_t seq_cst_floor_ = 0;
};

/// Who touched a piece of plain memory last. Two touches, one of them a write, that no order connects are a data race.
class ModelTouches {
 public:
  /// The thread against which this read races.
  std::optional<std::uint32_t> read(ModelView& view) {
    const auto other = unordered_write(view);
    reads_[view.thread] = view.tick();
    return other;
  }

  /// The thread against which this write races.
  std::optional<std::uint32_t> write(ModelView& view) {
    auto other = unordered_write(view);
    for (std::uint32_t i = 0; i < model_threads && !other; ++i) {
      if (reads_[i] > view.clock.at[i]) other = i;
    }
    writer_ = view.thread;
    written_ = view.tick();
    return other;
  }

 private:
  [[nodiscard]] std::optional<std::uint32_t> unordered_write(const ModelView& view) const {
    if (written_ > view.clock.at[writer_]) return writer_;
    return std::nullopt;
  }

  std::array<std::uint32_t, model_threads> reads_{};
  std::uint32_t writer_ = 0;
  std::uint32_t written_ = 0;
};

}  // namespace rt
