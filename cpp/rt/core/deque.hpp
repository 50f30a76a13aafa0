// Where do a worker's ready tasks wait when it takes its youngest first? A deque: the owner at the bottom, thieves at the top.
//
// After Chase and Lev, "Dynamic circular work-stealing deque" (SPAA 2005), in the form of Le, Pop, Cohen and Zappa Nardelli,
// "Correct and efficient work-stealing for weak memory models" (PPoPP 2013), with sequentially consistent operations in the place of
// its fences (ThreadSanitizer cannot see fences). It grows and never overflows; buffers that were outgrown are kept until the end,
// since a slow thief may still read one. Invariant: tasks lie in [top, bottom); each leaves by one exchange of top, or by the
// owner alone while at least one other is left. Explored in tests/cpp/model/deque_test.cpp.
#pragma once

#include <atomic>
#include <cassert>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "rt/core/any_queue.hpp"
#include "rt/env/environment.hpp"
#include "rt/policy/steal_amount.hpp"

namespace rt {
using enum std::memory_order;

template <Environment Env, class T>
class Deque final : public AnyQueue<T> {
 public:
  /// `capacity`: a power of two, the first size.
  explicit Deque(std::size_t capacity) { grow_to(capacity); }

  [[nodiscard]] Spill<T> push(T* task) override {
    const Position bottom = bottom_.load(relaxed);  // relaxed: only the owner writes it
    // acquire: pairs with the exchange of a thief; an old top only makes the buffer look fuller than it is.
    if (bottom - top_.load(acquire) > buffer_.load(relaxed)->mask) grow(bottom);
    buffer_.load(relaxed)->at(bottom).store(task, relaxed);  // relaxed, both: published by the next line
    // seq_cst: release for the thief's load of bottom, and one order with the idle word: see Ring::is_empty().
    bottom_.store(bottom + 1, seq_cst);
    return {};
  }

  [[nodiscard]] T* pop() override {
    const Position bottom = bottom_.load(relaxed) - 1;  // relaxed: only the owner writes it
    Buffer& buffer = *buffer_.load(relaxed);
    // seq_cst, both: a thief reads top, then bottom; here bottom is written, then top read. With less, both could take the last task.
    bottom_.store(bottom, seq_cst);
    Position top = top_.load(seq_cst);
    if (top > bottom) {  // it was empty
      bottom_.store(bottom + 1, relaxed);
      return nullptr;
    }
    T* const task = buffer.at(bottom).load(relaxed);  // relaxed: written by this thread
    if (top < bottom) return task;
    // The last one: whoever moves top has it.
    const bool is_ours = top_.compare_exchange_strong(top, top + 1, seq_cst, relaxed);  // seq_cst: as in steal()
    bottom_.store(bottom + 1, relaxed);                                                 // relaxed: the deque is empty either way
    return is_ours ? task : nullptr;
  }

  [[nodiscard]] T* steal_into(AnyQueue<T>& other, std::uint32_t& stolen, const StealAmount& amount) override {
    auto& dst = static_cast<Deque&>(other);
    assert(&dst != this);
    const auto most = static_cast<std::uint32_t>(std::min<std::size_t>(len(), std::numeric_limits<std::uint32_t>::max()));
    const std::uint32_t wanted = tasks_to_steal(amount, most);
    T* last = nullptr;
    // One exchange a task: between two of them the owner may pop from the other end, so no range can be claimed.
    for (stolen = 0; stolen < wanted; ++stolen) {
      T* const task = steal();
      if (task == nullptr) break;
      if (last != nullptr) static_cast<void>(dst.push(last));
      last = task;
    }
    return last;
  }

  /// The owner does not move, so the whole range can be claimed at once.
  [[nodiscard]] bool steal_all(std::vector<T*>& into) override {
    const Position bottom = bottom_.load(seq_cst);
    into.reserve(into.size() + len());  // nothing may throw once they are ours
    Position top = top_.load(seq_cst);
    while (top < bottom && !top_.compare_exchange_weak(top, bottom, seq_cst, seq_cst)) {  // seq_cst: as in steal()
    }
    claimed_from_ = top;
    for (Position i = top; i < bottom; ++i) into.push_back(buffer_.load(acquire)->at(i).load(relaxed));
    return true;
  }

  /// A thief that read the old top before steal_all() may succeed now: its task has not moved, so it is right.
  void put_back() override { top_.store(claimed_from_, seq_cst); }  // seq_cst: as a push, see Ring::put_back()

  [[nodiscard]] std::size_t len() const override {
    // seq_cst: see Ring::is_empty(). Top first; pop() lets bottom fall below it for a moment.
    const Position top = top_.load(seq_cst);
    const Position bottom = bottom_.load(seq_cst);
    return bottom > top ? static_cast<std::size_t>(bottom - top) : 0;
  }

  [[nodiscard]] std::size_t remaining_slots() const override { return std::numeric_limits<std::uint32_t>::max(); }

 private:
  using Position = std::int64_t;  // wide enough never to wrap
  using Slot = typename Env::template atomic<T*>;

  struct Buffer {
    explicit Buffer(std::size_t capacity)
        : mask(static_cast<Position>(capacity) - 1), slots(std::make_unique<Slot[]>(capacity)) {}
    [[nodiscard]] Slot& at(Position position) const { return slots[static_cast<std::size_t>(position & mask)]; }
    const Position mask;
    const std::unique_ptr<Slot[]> slots;
  };

  void grow_to(std::size_t capacity) {
    buffers_.push_back(std::make_unique<Buffer>(capacity));
    buffer_.store(buffers_.back().get(), release);  // release: pairs with the thief's acquire; its slots are filled
  }

  /// Owner.
  void grow(Position bottom) {
    const Buffer& old = *buffers_.back();
    auto bigger = std::make_unique<Buffer>(2 * (static_cast<std::size_t>(old.mask) + 1));
    // relaxed, all: written by this thread, published with the buffer below
    for (Position i = top_.load(relaxed); i < bottom; ++i) bigger->at(i).store(old.at(i).load(relaxed), relaxed);
    buffers_.push_back(std::move(bigger));
    buffer_.store(buffers_.back().get(), release);  // release: as in grow_to()
  }

  /// Any thread. The oldest task, or nullptr: there is none, or another was faster.
  [[nodiscard]] T* steal() {
    // seq_cst, all three: the thief's half of the pair in pop().
    Position top = top_.load(seq_cst);
    if (top >= bottom_.load(seq_cst)) return nullptr;
    // acquire: pairs with the release of a new buffer. An outgrown one still has this task at its place.
    T* const task = buffer_.load(acquire)->at(top).load(relaxed);  // relaxed: ordered by the load of bottom
    return top_.compare_exchange_strong(top, top + 1, seq_cst, relaxed) ? task : nullptr;
  }

  alignas(128) typename Env::template atomic<Position> top_{0};
  alignas(128) typename Env::template atomic<Position> bottom_{0};
  typename Env::template atomic<Buffer*> buffer_{nullptr};
  std::vector<std::unique_ptr<Buffer>> buffers_;  // owner; the last is in use
  Position claimed_from_ = 0;                     // between steal_all() and put_back()
};

}  // namespace rt
