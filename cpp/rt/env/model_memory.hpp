// Which values may a load return, and what does a thread know after it?
//
// The C++20 memory model as far as the scheduler uses it, over vector clocks: each atomic keeps all its stores in their modification
// order. A store may arrive late, which puts it before others that were executed earlier. Invariant: a thread never reads a store
// older than one it has read, written, or that happened before, and never writes one there. Not modelled: fences, stores that overtake
// loads (no load buffering, so no out-of-thin-air values), weak exchanges that fail for nothing, and an order of the seq_cst operations other than
// that of execution. tests/cpp/model/litmus_test.cpp says what that comes to. Idea: Relacy Race Detector and CDSChecker. For tests
// only. Read next: model_env.hpp, drive/explore.hpp.
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
  std::uint64_t arrived = 0;  // since its last relax() it sees the stores up to this number, though nothing orders them

  /// A new event of this thread.
  std::uint32_t tick() { return ++clock.at[thread]; }
};

constexpr bool model_acquires(std::memory_order order) {
  return order == acquire || order == acq_rel || order == seq_cst || order == consume;
}
constexpr bool model_releases(std::memory_order order) { return order == release || order == acq_rel || order == seq_cst; }

/// What may be chosen among, by index into a history; the first is what happens without any weakness.
class ModelChoices {
 public:
  static constexpr std::uint32_t most = 36;  // one digit of a schedule each

  void add(std::size_t index) {
    if (n_ < most) at_[n_++] = static_cast<std::uint32_t>(index);
  }
  [[nodiscard]] std::uint32_t size() const { return n_; }
  std::size_t operator[](std::uint32_t i) const { return at_[i]; }

 private:
  std::array<std::uint32_t, most> at_;
  std::uint32_t n_ = 0;
};

/// All stores to one atomic, by their place in the modification order.
class ModelHistory {
 public:
  explicit ModelHistory(std::uint64_t initial) { stores_.push_back({initial, {}, unseen(), ++executed, false}); }

  /// Stores so far, to any atomic.
  static inline std::uint64_t executed = 0;

  [[nodiscard]] std::size_t last() const { return stores_.size() - 1; }
  [[nodiscard]] std::uint64_t value(std::size_t index) const { return stores_[index].value; }
  [[nodiscard]] std::uint64_t newest() const { return stores_.back().value; }
  void replace_newest(std::uint64_t value) { stores_.back().value = value; }  // outside of any run

  /// The stores that a load may return.
  [[nodiscard]] ModelChoices readable(const ModelView& view, std::memory_order order) const {
    ModelChoices found;
    const std::size_t from = oldest(view, order);
    for (std::size_t i = last() + 1; i-- > from;) found.add(i);
    return found;
  }
  /// The stores behind which another may be put.
  [[nodiscard]] ModelChoices places(const ModelView& view, std::memory_order order) const {
    ModelChoices found;
    const std::size_t from = oldest(view, order);
    for (std::size_t i = last() + 1; i-- > from;) {
      if (takes_another_behind(i)) found.add(i);
    }
    return found;
  }
  /// The stores that a compare-exchange may meet: one that it replaces, or, as a load, one of another value.
  [[nodiscard]] ModelChoices comparable(const ModelView& view, std::uint64_t expected, std::memory_order success,
                                        std::memory_order failure) const {
    ModelChoices found;
    const std::size_t oldest_replaced = oldest(view, success);
    const std::size_t oldest_read = oldest(view, failure);
    const std::size_t from = std::min(oldest_replaced, oldest_read);
    for (std::size_t i = last() + 1; i-- > from;) {
      const bool replaces = stores_[i].value == expected;
      if (replaces ? i >= oldest_replaced && takes_another_behind(i) : i >= oldest_read) found.add(i);
    }
    return found;
  }

  std::uint64_t load(ModelView& view, std::memory_order order, std::size_t index) {
    Store& store = stores_[index];
    const std::uint32_t now = view.tick();
    store.seen[view.thread] = std::min(store.seen[view.thread], now);
    if (order == seq_cst) seq_cst_floor_ = std::max(seq_cst_floor_, index);
    if (model_acquires(order)) view.clock.join(store.sync);
    return store.value;
  }

  void store(ModelView& view, std::memory_order order, std::uint64_t value, std::size_t behind) {
    insert(view, order, value, behind, ModelClock{}, false);
  }

  /// Reads the store there and writes right behind it: its release sequence goes on.
  void exchange(ModelView& view, std::memory_order order, std::uint64_t value, std::size_t behind) {
    const ModelClock sync = stores_[behind].sync;
    if (model_acquires(order)) view.clock.join(sync);
    insert(view, order, value, behind, sync, true);
  }

 private:
  using Seen = std::array<std::uint32_t, model_threads>;
  struct Store {
    std::uint64_t value;
    ModelClock sync;  // what an acquire load of it learns
    Seen seen;        // by each thread: the number of the event that first read or wrote it
    std::uint64_t number;
    bool is_change;  // it has read the one before it: nothing comes between them
  };

  static Seen unseen() {
    Seen seen;
    seen.fill(std::numeric_limits<std::uint32_t>::max());
    return seen;
  }

  static bool is_known(const Store& store, const ModelView& view) {
    if (store.number <= view.arrived) return true;
    for (std::size_t i = 0; i < model_threads; ++i) {
      if (store.seen[i] <= view.clock.at[i]) return true;
    }
    return false;
  }

  /// The oldest store that this operation may read or be put behind.
  [[nodiscard]] std::size_t oldest(const ModelView& view, std::memory_order order) const {
    std::size_t index = last();
    while (index > 0 && !is_known(stores_[index], view)) --index;
    // The single order of seq_cst operations is the order of execution: such an operation goes behind every store that an earlier
    // seq_cst operation wrote or read.
    return order == seq_cst ? std::max(index, seq_cst_floor_) : index;
  }

  [[nodiscard]] bool takes_another_behind(std::size_t index) const { return index == last() || !stores_[index + 1].is_change; }

  void insert(ModelView& view, std::memory_order order, std::uint64_t value, std::size_t behind, ModelClock sync,
              bool is_change) {
    const std::uint32_t now = view.tick();
    if (model_releases(order)) sync.join(view.clock);
    Seen seen = unseen();
    seen[view.thread] = now;
    const std::size_t index = behind + 1;
    stores_.insert(stores_.begin() + static_cast<std::ptrdiff_t>(index), {value, sync, seen, ++executed, is_change});
    if (seq_cst_floor_ >= index) ++seq_cst_floor_;
    if (order == seq_cst) seq_cst_floor_ = std::max(seq_cst_floor_, index);
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
