// Where do branches wait that have been forked and not begun? On a stack: the owner at the bottom, thieves at the top.
//
// A Chase-Lev deque (core/deque.hpp) whose youngest part thieves cannot see: as long as there is something older for them to take,
// a push and a pop are plain memory. When thieves have taken all they saw, the owner shows them the rest at its next push or pop.
// After van Dijk and van de Pol, "Lace: non-blocking split deque for work-stealing" (Euro-Par 2014); different here: nobody asks,
// and everything is shown at once. Invariant: items lie in [top, bottom), thieves see [top, split); split <= bottom; an item below
// split leaves by one exchange of top, or by the owner alone while an older one is left.
// Explored in tests/cpp/model/fork_test.cpp. Read next: branch.hpp (what is pushed).
#pragma once

#include <atomic>
#include <cassert>
#include <cstdint>
#include <memory>
#include <new>

#include "rt/env/environment.hpp"

namespace rt {
using enum std::memory_order;

template <Environment Env, class T>
class ForkStack {
 public:
  /// `capacity`: a power of two; there is none before the first push, since most workers never fork. `alone`: there are no thieves.
  ForkStack(std::size_t capacity, bool alone) : capacity_(capacity), alone_(alone) {}

  /// Owner. False: it is full, or there is no memory for it.
  [[nodiscard]] bool push(T* item) noexcept {
    // acquire: pairs with the exchange of a thief, which has read its slot by then; an old top only makes it look fuller.
    if (bottom_ - top_.load(acquire) > mask_ && !open()) return false;
    slots_[static_cast<std::size_t>(bottom_ & mask_)].store(item, relaxed);  // relaxed: published by share()
    ++bottom_;
    return true;
  }

  /// Owner. The youngest item, or nullptr: there is none, or thieves were faster.
  [[nodiscard]] T* pop() noexcept {
    if (bottom_ == split_.load(relaxed)) return pop_shared();  // relaxed: only the owner writes it
    --bottom_;
    return slots_[static_cast<std::size_t>(bottom_ & mask_)].load(relaxed);  // relaxed: written by this thread
  }

  /// Owner. Thieves have nothing to see, and there is something: share() it.
  [[nodiscard]] bool must_share() const noexcept {
    const Position split = split_.load(relaxed);  // relaxed: only the owner writes it
    // relaxed: a hint; who looks again at each push and pop sees it soon.
    return !alone_ && split != bottom_ && top_.load(relaxed) == split;
  }
  void share() noexcept {
    // seq_cst: release for the thief's load, and one order with the idle word: see Ring::is_empty().
    split_.store(bottom_, seq_cst);
  }

  /// Owner: whether it holds anything at all.
  [[nodiscard]] bool is_empty() const noexcept {
    const Position split = split_.load(relaxed);             // relaxed: only the owner writes it
    return split == bottom_ && top_.load(relaxed) == split;  // relaxed: an old top only makes it look fuller
  }

  /// Any thread. The oldest item that is shown, or nullptr: there is none, or another was faster.
  [[nodiscard]] T* steal() noexcept {
    // seq_cst, all three: the thief's half of the pair in pop_shared(); and the loads are the look of the last searcher.
    Position top = top_.load(seq_cst);
    if (top >= split_.load(seq_cst)) return nullptr;
    T* const item = slots_[static_cast<std::size_t>(top & mask_)].load(relaxed);  // relaxed: ordered by the load of split
    return top_.compare_exchange_strong(top, top + 1, seq_cst, relaxed) ? item : nullptr;
  }

  /// Any thread: how many a thief sees.
  [[nodiscard]] std::size_t len() const noexcept {
    // seq_cst: see Ring::is_empty(). Top first; pop_shared() lets split fall below it for a moment.
    const Position top = top_.load(seq_cst);
    const Position split = split_.load(seq_cst);
    return split > top ? static_cast<std::size_t>(split - top) : 0;
  }

 private:
  /// Before the first push. False: it is open already, or there is no memory.
  [[nodiscard]] [[gnu::noinline]] bool open() noexcept {
    if (slots_ != nullptr) return false;
    slots_.reset(new (std::nothrow) Slot[capacity_]());
    if (slots_ == nullptr) return false;
    mask_ = static_cast<Position>(capacity_) - 1;  // thieves read both behind a split above 0, which share() publishes
    return true;
  }

  using Position = std::int64_t;  // wide enough never to wrap
  using Slot = typename Env::template atomic<T*>;

  /// All that is left is shown. As Deque::pop().
  [[nodiscard]] T* pop_shared() noexcept {
    if (top_.load(relaxed) == bottom_) return nullptr;  // relaxed: top only grows, and never beyond split
    const Position last = bottom_ - 1;
    // seq_cst, both: a thief reads top, then split; here split is written, then top read. With less, both could take the last item.
    split_.store(last, seq_cst);
    Position top = top_.load(seq_cst);
    if (top > last) {                  // a thief has it
      split_.store(bottom_, relaxed);  // relaxed: it is empty either way
      return nullptr;
    }
    T* const item = slots_[static_cast<std::size_t>(last & mask_)].load(relaxed);  // relaxed: written by this thread
    if (top < last) {
      bottom_ = last;
      return item;
    }
    // The last one: whoever moves top has it.
    const bool is_ours = top_.compare_exchange_strong(top, top + 1, seq_cst, relaxed);  // seq_cst: as in steal()
    split_.store(bottom_, relaxed);                                                     // relaxed: as above
    return is_ours ? item : nullptr;
  }

  alignas(64) typename Env::template atomic<Position> top_{0};
  alignas(64) typename Env::template atomic<Position> split_{0};
  alignas(64) Position bottom_ = 0;  // owner
  std::unique_ptr<Slot[]> slots_;
  Position mask_ = -1;
  const std::size_t capacity_;
  const bool alone_;
};

}  // namespace rt
