// Where do a worker's ready tasks wait, and how do others take half of them?
//
// A bounded FIFO ring: one owner pushes and pops, any number of thieves take some of the oldest, by default half. The one invariant: a slot
// between `steal` and `real` is being copied by exactly one thief, one between `real` and `tail` holds a task, and the
// owner writes no slot that lies in [steal, steal + capacity). After Tokio 1.48's runtime/scheduler/multi_thread/queue.rs,
// which has it from Go's runqput/runqgrab; BEHAVIOUR rules "Local queue". Explored in tests/cpp/model/ring_test.cpp.
// Read next: local_queue.hpp (what other queues a policy may want), inject.hpp (where the overflow goes).
#pragma once

#include <algorithm>
#include <atomic>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "rt/env/cpu.hpp"
#include "rt/env/environment.hpp"
#include "rt/policy/steal_amount.hpp"

namespace rt {
using enum std::memory_order;

/// The unsigned type of twice the width: two indices in one word.
template <class Index>
struct TwiceAsWide;
template <>
struct TwiceAsWide<std::uint8_t> {
  using type = std::uint16_t;
};
template <>
struct TwiceAsWide<std::uint16_t> {
  using type = std::uint32_t;
};
template <>
struct TwiceAsWide<std::uint32_t> {
  using type = std::uint64_t;
};

/// What became of a pushed task. Counters differ (BEHAVIOUR, Metrics): a batch is one overflow event, a single is one
/// remote schedule.
enum class Pushed : std::uint8_t { stored, overflowed_one, overflowed_batch };

/// Both ends that takers move, as one value. steal != real: a thief is copying the tasks in between.
template <class Index>
struct RingHead {
  using Word = typename TwiceAsWide<Index>::type;
  static constexpr unsigned bits = sizeof(Index) * 8;

  Index steal = 0;
  Index real = 0;

  static constexpr RingHead unpack(Word word) noexcept { return {static_cast<Index>(word >> bits), static_cast<Index>(word)}; }
  [[nodiscard]] constexpr Word pack() const noexcept { return static_cast<Word>((Word{steal} << bits) | Word{real}); }
  [[nodiscard]] constexpr bool is_being_stolen_from() const noexcept { return steal != real; }
  /// The owner takes the oldest task; an active thief's claim stays as it is.
  [[nodiscard]] constexpr RingHead after_pop() const noexcept {
    const auto next = static_cast<Index>(real + 1);
    return {is_being_stolen_from() ? steal : next, next};
  }
  /// Both ends on: the tasks in between belong to the owner at once.
  [[nodiscard]] constexpr RingHead after_overflow(Index n) const noexcept {
    const auto next = static_cast<Index>(real + n);
    return {next, next};
  }
  /// A thief claims n tasks and says so by leaving `steal` behind.
  [[nodiscard]] constexpr RingHead after_claim(Index n) const noexcept { return {steal, static_cast<Index>(real + n)}; }
  /// The thief is done; the owner may have popped meanwhile, so `real` counts.
  [[nodiscard]] constexpr RingHead after_copy() const noexcept { return {real, real}; }
};

/// T has a member `T* queue_next`; Overflow has push(T*) and push_batch(T* first, T* last, std::size_t n).
template <Environment Env, class T>
class Ring {
 public:
  using Index = typename Env::index;

  /// `start` is for tests that want to pass the wrap of the index soon. `alone`: there is no other worker, so nobody steals and
  /// nobody sleeps while the owner pushes, and plain stores do. `capacity`: a power of two.
  explicit Ring(Index start = 0, bool alone = false, std::size_t capacity = Env::ring_capacity)
      : head_(Head{start, start}.pack()),
        tail_(start),
        mask_(static_cast<Index>(capacity - 1)),
        alone_(alone),
        slots_(std::make_unique<Cell[]>(capacity)) {
    assert(capacity >= 2 && (capacity & (capacity - 1)) == 0);            // positions are masked
    assert(capacity <= (std::size_t{1} << (RingHead<Index>::bits - 1)));  // full and empty must differ after a wrap
  }
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  [[nodiscard]] std::size_t capacity() const { return std::size_t{mask_} + 1; }

  [[nodiscard]] bool is_alone() const { return alone_; }

  /// Owner thread only. False: it is full, and nothing was done.
  [[nodiscard]] bool push_if_room(T* task) {
    // acquire: pairs with the release of a thief's last step in finish_steal(); its reads of the slots come before our writes.
    return store_if_room(Head::unpack(head_.load(acquire)), task);
  }

  /// Owner thread only. Stores the task, or moves the oldest half and it to `overflow`.
  template <class Overflow>
  [[nodiscard]] Pushed push_back_or_overflow(T* task, Overflow& overflow) {
    for (;;) {
      // One look decides: with a younger head the ring may no longer be full, and have less than half to give.
      const Head head = Head::unpack(head_.load(acquire));  // acquire: as in push_if_room()
      if (store_if_room(head, task)) return Pushed::stored;
      // The thief is about to make room, so moving half away would be too much; but there is no room yet.
      if (head.is_being_stolen_from()) {
        overflow.push(task);
        return Pushed::overflowed_one;
      }
      if (move_oldest_half(head, task, overflow)) return Pushed::overflowed_batch;
    }
  }

  /// Owner thread only. The first n <= remaining_slots() tasks of a chain become visible at once; returns the rest of the chain.
  T* push_back(T* chain, std::size_t n) {
    const Index tail = own_tail();
    // acquire: as in push_if_room().
    [[maybe_unused]] const Head head = Head::unpack(head_.load(acquire));
    assert(distance(head.steal, tail) + n <= capacity());
    auto end = tail;
    for (; end != static_cast<Index>(tail + n); ++end) {
      T* const task = std::exchange(chain, chain->queue_next);
      slot(end).set(task);
    }
    publish_and_let_searchers_see(end);
    return chain;
  }

  /// Owner thread only. The oldest task, or nullptr.
  [[nodiscard]] T* pop() {
    // relaxed: a wrong value makes the exchange fail. Slots from real on were written by this thread.
    Word word = head_.load(relaxed);
    for (;;) {
      const Head head = Head::unpack(word);
      if (head.real == own_tail()) return nullptr;
      if (alone_) {
        // release: as below, for who reads the length.
        head_.store(head.after_pop().pack(), release);
        break;
      }
      // release: whoever reads this head also sees the tail it was taken under; else tail - real could be negative for a thief.
      if (head_.compare_exchange_weak(word, head.after_pop().pack(), release, relaxed)) break;
    }
    const Index taken = Head::unpack(word).real;
    if constexpr (!Env::simulated) prefetch(static_cast<Index>(taken + 1));
    return slot(taken).get();
  }

  /// Owner thread of `dst` only, which is another ring of this size. Takes `amount` of the tasks here, the oldest: the youngest of
  /// them is returned, the others stand in `dst`. nullptr: nothing to take, another thief is at it, or `dst` is more than half full.
  [[nodiscard]] T* steal_into(Ring& dst, std::uint32_t& stolen, const StealAmount& amount = {}) {
    assert(&dst != this);
    stolen = 0;
    const Index dst_tail = dst.own_tail();
    // acquire: as in push_if_room(); our own slots may just have been read by a thief.
    const Head dst_head = Head::unpack(dst.head_.load(acquire));
    const std::size_t used = distance(dst_head.steal, dst_tail);
    if (used > capacity() / 2) return nullptr;  // law S11
    Head claimed;
    const Index n = claim(claimed, amount, capacity() - used);
    if (n == 0) return nullptr;

    const auto first = static_cast<Index>(claimed.real - n);
    for (Index i = 0; i + 1 < n; ++i) {
      dst.slot(static_cast<Index>(dst_tail + i)).set(slot(static_cast<Index>(first + i)).get());
    }
    T* const last = slot(static_cast<Index>(claimed.real - 1)).get();
    finish_steal(claimed);
    // release is enough: the thief is searching, and the idle word's exchange when it stops orders this for the next looker.
    if (n > 1) dst.tail_.store(static_cast<Index>(dst_tail + n - 1), release);
    stolen = n;
    return last;
  }

  /// Who stands in for the owner, which does not move. Appends every task to `into`, the oldest first, and keeps them from thieves
  /// until put_back(). False: a thief is in the middle of it, and nothing was done.
  template <class List>
  [[nodiscard]] bool steal_all(List& into) {
    into.reserve(into.size() + capacity());  // nothing may throw once they are ours
    const Index tail = own_tail();
    // acquire: as in claim().
    Word word = head_.load(acquire);
    for (;;) {
      const Head head = Head::unpack(word);
      if (head.is_being_stolen_from()) return false;
      const auto n = static_cast<Index>(tail - head.real);
      // acq_rel, acquire: as in claim().
      if (!head_.compare_exchange_weak(word, head.after_claim(n).pack(), acq_rel, acquire)) continue;
      for (Index i = 0; i < n; ++i) into.push_back(slot(static_cast<Index>(head.real + i)).get());
      return true;
    }
  }

  /// After steal_all(): they never moved, so their order is what it was.
  void put_back() {
    // relaxed: while the claim stands, nobody else changes the head.
    const Head head = Head::unpack(head_.load(relaxed));
    // seq_cst: for those who look for work, the tasks appear as if they were pushed now: see is_empty().
    head_.store(Head{head.steal, head.steal}.pack(), seq_cst);
  }

  /// Any thread. Tasks that can be taken, as of some moment during the call.
  [[nodiscard]] std::size_t len() const {
    // Head first: the tail read afterwards is not older, so the difference is never negative; it may be too large, hence min.
    // seq_cst on both: see is_empty().
    const Head head = Head::unpack(head_.load(seq_cst));
    return std::min(distance(head.real, tail_.load(seq_cst)), capacity());
  }

  /// Any thread; the last searcher's question.
  [[nodiscard]] bool is_empty() const {
    // seq_cst: "I stop searching, then read the tail" here and "I store the tail, then read who searches" in the push are a
    // store-load pair; with less, both miss the other and the task waits while all sleep (IDLE.md, law S20).
    const Head head = Head::unpack(head_.load(seq_cst));
    return head.real == tail_.load(seq_cst);
  }

  /// Owner thread only. How many tasks push_back() may bring; a thief's claim still counts as taken.
  [[nodiscard]] std::size_t remaining_slots() const {
    // acquire: as in push_if_room(); the caller will write these slots.
    return capacity() - distance(Head::unpack(head_.load(acquire)).steal, own_tail());
  }

 private:
  using Head = RingHead<Index>;
  using Word = typename Head::Word;
  using Cell = typename Env::template cell<T*>;

  static std::size_t distance(Index from, Index to) noexcept { return static_cast<Index>(to - from); }
  Cell& slot(Index position) noexcept { return slots_[position & mask_]; }

  /// relaxed: only the owner writes the tail, and only the owner calls this.
  [[nodiscard]] Index own_tail() const noexcept { return tail_.load(relaxed); }

  bool store_if_room(Head head, T* task) {
    const Index tail = own_tail();
    if (distance(head.steal, tail) > mask_) return false;
    slot(tail).set(task);
    publish_and_let_searchers_see(static_cast<Index>(tail + 1));
    return true;
  }

  /// Owner. The next one is likely to be polled next, and may long have left the cache.
  void prefetch(Index position) {
    if (position != own_tail()) prefetch_for_write(slot(position).get(), 256);  // header and the beginning of the frame
  }

  /// The task's publication, and half of a store-load pair.
  void publish_and_let_searchers_see(Index tail) {
    if (alone_) {
      tail_.store(tail, release);  // release: for a dump, which reads the slots while the owner stands still
      return;
    }
    // seq_cst: release for the thief's acquire load (the slot and what the task points to), and one order with the idle word
    // that the caller reads next: see is_empty().
    tail_.store(tail, seq_cst);
  }

  /// Owner. Law S10: half of a full ring and the new task leave in their order. False: a thief was faster.
  template <class Overflow>
  bool move_oldest_half(Head head, T* task, Overflow& overflow) {
    const auto half = static_cast<Index>(capacity() / 2);
    Word word = head.pack();
    // release: as in pop(). Both halves move in one exchange, so no thief can claim among these slots (Tokio #2382).
    if (!head_.compare_exchange_strong(word, head.after_overflow(half).pack(), release, relaxed)) return false;
    T* const first = slot(head.real).get();
    T* last = first;
    for (Index i = 1; i < half; ++i) {
      T* const next = slot(static_cast<Index>(head.real + i)).get();
      last->queue_next = next;
      last = next;
    }
    last->queue_next = task;
    task->queue_next = nullptr;
    overflow.push_batch(first, task, std::size_t{half} + 1);
    return true;
  }

  /// Thief. Claims `amount` of the tasks here, at most `room`, or 0; `claimed` is the head as it then stands.
  Index claim(Head& claimed, const StealAmount& amount, std::size_t room) {
    // acquire: pairs with the releases in pop() and finish_steal(): the tail read below belongs to this head or is younger.
    Word word = head_.load(acquire);
    for (;;) {
      const Head head = Head::unpack(word);
      // acquire: pairs with the publication in the owner's push; the slots are written.
      const Index tail = tail_.load(acquire);
      if (head.is_being_stolen_from()) return 0;
      const auto available = static_cast<Index>(tail - head.real);
      const auto n = static_cast<Index>(std::min<std::size_t>(tasks_to_steal(amount, available), room));
      if (n == 0) return 0;
      const Head next = head.after_claim(n);
      // release: the next thief must see the tail that we saw. acquire on failure: as for the load above.
      if (head_.compare_exchange_weak(word, next.pack(), acq_rel, acquire)) {
        assert(n <= capacity());  // law S9; a stale head with a newer tail cannot get here, the exchange fails
        claimed = next;
        return n;
      }
    }
  }

  /// Thief. Gives the copied slots back to the owner.
  void finish_steal(Head claimed) {
    Word word = claimed.pack();
    for (;;) {
      const Head head = Head::unpack(word);
      assert(head.is_being_stolen_from());
      // release: pairs with the owner's acquire load of the head before it writes a slot (law S8).
      if (head_.compare_exchange_weak(word, head.after_copy().pack(), acq_rel, acquire)) return;
    }
  }

  // The owner writes both at each turn, so they share a line, away from the neighbours'.
  alignas(128) typename Env::template atomic<Word> head_;
  typename Env::template atomic<Index> tail_;
  const Index mask_;
  const bool alone_;
  const std::unique_ptr<Cell[]> slots_;
};

}  // namespace rt
