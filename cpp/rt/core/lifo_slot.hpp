// Which one task does a worker run next, before all in its queue, and may others take it?
//
// Only the owner fills the slot; whoever takes a task out of it has it. By default nobody but the owner looks, and the slot costs what a
// plain pointer does. Where the policy lets thieves in (lifo_steal_after), both sides exchange the pointer instead. Invariant: a task that
// was put in comes out once. Explored in tests/cpp/model/lifo_slot_test.cpp. Read next: worker/search.hpp (when a thief may), IDLE.md.
#pragma once

#include <atomic>

#include "rt/env/environment.hpp"

namespace rt {
using enum std::memory_order;

template <Environment Env, class T>
class LifoSlot {
 public:
  explicit LifoSlot(bool is_shared) : is_shared_(is_shared) {}
  LifoSlot(const LifoSlot&) = delete;
  LifoSlot& operator=(const LifoSlot&) = delete;

  /// Thieves may take from it.
  [[nodiscard]] bool is_shared() const { return is_shared_; }

  /// Owner thread only. The task that was in it, if any.
  [[nodiscard]] T* put(T* task) {
    // seq_cst: release for the thief's acquire, and one order with the idle word that the caller reads next: see looks_full().
    if (is_shared_) [[unlikely]]
      return task_.exchange(task, seq_cst);
    return swap_own(task);
  }

  /// Owner thread only.
  [[nodiscard]] T* take() {
    if (!is_full()) return nullptr;
    // relaxed: what the owner finds it has put there itself; that it is still there is the exchange's to say.
    if (is_shared_) [[unlikely]]
      return task_.exchange(nullptr, relaxed);
    return swap_own(nullptr);
  }

  /// Owner thread only; where thieves are let in any thread, and the answer may be out of date.
  [[nodiscard]] bool is_full() const { return task_.load(relaxed) != nullptr; }  // relaxed: as in take()

  /// Any thread, where thieves are let in.
  [[nodiscard]] T* steal() {
    // relaxed: only spares an exchange of the owner's line.
    if (task_.load(relaxed) == nullptr) return nullptr;
    // acquire: pairs with the owner's put(); what it did before, the thief's poll sees (law S6).
    return task_.exchange(nullptr, acquire);
  }

  /// Any thread, where thieves are let in; the last searcher's question.
  [[nodiscard]] bool looks_full() const {
    // seq_cst: "I stop searching, then look here" and the owner's "I put a task here, then read who searches" are a store-load
    // pair, as in Ring::is_empty().
    return task_.load(seq_cst) != nullptr;
  }

  /// Who stands in for the owner, which does not move: keeps the task from thieves until put_back().
  [[nodiscard]] T* hold() {
    // relaxed: the barrier at which the owner stands has brought it.
    return is_shared_ ? task_.exchange(nullptr, relaxed) : task_.load(relaxed);
  }
  void put_back(T* held) {
    // seq_cst: for those who look for work it appears as if it were put there now.
    if (is_shared_) task_.store(held, seq_cst);
  }

 private:
  /// Nobody else looks. relaxed: a core that moves to another thread takes it along by the exchange that moves the core.
  T* swap_own(T* task) {
    T* const old = task_.load(relaxed);
    task_.store(task, relaxed);
    return old;
  }

  typename Env::template atomic<T*> task_{nullptr};
  const bool is_shared_;
};

}  // namespace rt
