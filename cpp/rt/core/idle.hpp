// Who is awake, who is looking for work, and whom does a new task wake?
//
// One word counts the workers that search and those that are not parked; a stack under the scheduler's mutex names the parked
// ones. Invariants, under the mutex: unparked = workers - sleepers, and nobody sleeps twice (law S17); at any time: when some
// task can be taken, a worker runs, searches, or has been told (law S20). After Tokio 1.48's multi_thread/idle.rs.
// Read IDLE.md for why it is right. Explored in tests/cpp/model/idle_test.cpp.
#pragma once

#include <algorithm>
#include <atomic>
#include <cassert>
#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

#include "rt/env/environment.hpp"

namespace rt {
using enum std::memory_order;

/// The packed word as a value: low 16 bits searching, the rest unparked.
struct IdleCounts {
  static constexpr unsigned unparked_shift = 16;
  static constexpr std::uint32_t one_searching = 1;
  static constexpr std::uint32_t one_unparked = 1U << unparked_shift;
  static constexpr std::uint32_t most_workers = one_unparked - 1;

  std::uint32_t searching = 0;
  std::uint32_t unparked = 0;

  static constexpr IdleCounts unpack(std::uint32_t word) noexcept { return {word & (one_unparked - 1), word >> unparked_shift}; }
  [[nodiscard]] constexpr std::uint32_t pack() const noexcept { return (unparked << unparked_shift) | searching; }
};

template <Environment Env>
class Idle {
 public:
  /// The part that the scheduler's mutex guards; it stands beside Inject's.
  struct Synced {
    std::vector<std::uint32_t> sleepers;  // a stack: the last to park is warmest, so it is woken first
  };

  /// All workers begin awake, and none of them searches.
  /// `most_searching`: how many may search at once.
  Idle(std::uint32_t workers, std::uint32_t most_searching)
      : workers_(workers), most_searching_(most_searching), word_(IdleCounts{0, workers}.pack()) {
    assert(workers >= 1 && workers <= IdleCounts::most_workers);
  }
  Idle(const Idle&) = delete;
  Idle& operator=(const Idle&) = delete;

  /// Any thread, after it has published a task. The worker to unpark, if one should be: nobody searches and somebody sleeps.
  /// It is counted as searching from now on, so that further publishers leave the rest asleep.
  [[nodiscard]] std::optional<std::uint32_t> worker_to_notify(typename Env::mutex& mutex, Synced& synced) {
    return claim_warmest(mutex, synced, [this](IdleCounts now) { return now.searching == 0 && now.unparked < workers_; });
  }

  /// The same under the rules per_task and all: somebody sleeps, whoever searches.
  [[nodiscard]] std::optional<std::uint32_t> sleeper_to_notify(typename Env::mutex& mutex, Synced& synced) {
    return claim_warmest(mutex, synced, [this](IdleCounts now) { return now.unparked < workers_; });
  }

  /// The same under the rule never: all sleep.
  [[nodiscard]] std::optional<std::uint32_t> worker_if_all_sleep(typename Env::mutex& mutex, Synced& synced) {
    return claim_warmest(mutex, synced, [](IdleCounts now) { return now.unparked == 0; });
  }

  /// Own worker. False: enough of them search already. Only a hint: two may pass the test at once (INVARIANTS, Traps).
  [[nodiscard]] bool try_start_searching() {
    if (counts().searching >= most_searching_) return false;
    word_.fetch_add(IdleCounts::one_searching, seq_cst);  // seq_cst: as above
    return true;
  }

  /// Own worker, which found a task. True: it was the last searcher, and must notify one peer.
  [[nodiscard]] bool stop_searching() {
    // seq_cst: first half of the store-load pair; what the caller's notify reads next comes later in the one order.
    const IdleCounts before = IdleCounts::unpack(word_.fetch_sub(IdleCounts::one_searching, seq_cst));
    assert(before.searching >= 1);
    return before.searching == 1;
  }

  /// Own worker, which found nothing. True: nobody searches any more, so it must look at every queue once more, and notify if one has
  /// something. It may be unparked from now on.
  [[nodiscard]] bool park(typename Env::mutex& mutex, Synced& synced, std::uint32_t worker, bool is_searching) {
    const std::lock_guard lock(mutex);
    assert(std::find(synced.sleepers.begin(), synced.sleepers.end(), worker) == synced.sleepers.end());
    const std::uint32_t left = IdleCounts::one_unparked + (is_searching ? IdleCounts::one_searching : 0);
    // seq_cst: as in stop_searching(); pairs with the first look of a publisher that still saw us search.
    const IdleCounts before = IdleCounts::unpack(word_.fetch_sub(left, seq_cst));
    assert(before.unparked >= 1 && (!is_searching || before.searching >= 1));
    synced.sleepers.push_back(worker);
    // Also if it was refused the search: who searched then may since have found work, and nobody asleep to tell (Go #45867); and a
    // publisher under the rule never has relied on whoever was the last one awake (IDLE.md).
    return before.searching == (is_searching ? 1U : 0U);
  }

  /// Any thread. Wakes up this worker and no other: if it sleeps it is taken from the sleepers and counted as searching, as in
  /// worker_to_notify(), and the caller unparks it. False: it is awake.
  [[nodiscard]] bool claim_sleeper(typename Env::mutex& mutex, Synced& synced, std::uint32_t worker) {
    const std::lock_guard lock(mutex);
    const auto place = std::find(synced.sleepers.begin(), synced.sleepers.end(), worker);
    if (place == synced.sleepers.end()) return false;
    synced.sleepers.erase(place);
    word_.fetch_add(IdleCounts::one_unparked + IdleCounts::one_searching, seq_cst);  // seq_cst: as above
    return true;
  }

  /// Own worker, woken with something of its own to do. True: it was still among the sleepers, so nobody has counted it as
  /// searching; it is awake now, not searching. False: a peer took it off the stack, and it searches.
  [[nodiscard]] bool remove_sleeper(typename Env::mutex& mutex, Synced& synced, std::uint32_t worker) {
    const std::lock_guard lock(mutex);
    const auto place = std::find(synced.sleepers.begin(), synced.sleepers.end(), worker);
    if (place == synced.sleepers.end()) return false;
    *place = synced.sleepers.back();
    synced.sleepers.pop_back();
    word_.fetch_add(IdleCounts::one_unparked, seq_cst);  // seq_cst: as above
    return true;
  }

  /// Any thread.
  [[nodiscard]] bool is_parked(typename Env::mutex& mutex, Synced& synced, std::uint32_t worker) const {
    const std::lock_guard lock(mutex);
    return std::find(synced.sleepers.begin(), synced.sleepers.end(), worker) != synced.sleepers.end();
  }

  /// Any thread; out of date as soon as it is read.
  [[nodiscard]] std::uint32_t searching() const { return counts().searching; }
  [[nodiscard]] std::uint32_t unparked() const { return counts().unparked; }
  [[nodiscard]] std::uint32_t workers() const { return workers_; }

 private:
  // seq_cst: second half of the publisher's pair: its queue's store, then this load, against the last searcher's change of this
  // word, then its loads of the queues. Tokio reads by fetch_add(0) here; a load leaves the shared line shared.
  [[nodiscard]] IdleCounts counts() const { return IdleCounts::unpack(word_.load(seq_cst)); }

  template <class Condition>
  std::optional<std::uint32_t> claim_warmest(typename Env::mutex& mutex, Synced& synced, Condition&& wanted) {
    if (!wanted(counts())) return std::nullopt;
    const std::lock_guard lock(mutex);
    if (!wanted(counts())) return std::nullopt;
    // seq_cst: all changes of the word are in one order with the queues' lengths (IDLE.md).
    word_.fetch_add(IdleCounts::one_unparked + IdleCounts::one_searching, seq_cst);
    assert(!synced.sleepers.empty());
    const std::uint32_t worker = synced.sleepers.back();
    synced.sleepers.pop_back();
    return worker;
  }

  const std::uint32_t workers_;
  const std::uint32_t most_searching_;
  // A line of its own: every publisher reads it, hardly anybody writes it.
  alignas(128) typename Env::template atomic<std::uint32_t> word_;
};

}  // namespace rt
