// Where do tasks live, and how are all of them found?
//
// A slot is a header, room for a result, and a frame or payload. Slots are carved from 64 KiB chunks by size class; the
// chunks are the registry of live tasks: dump and shutdown walk them, so a spawn inserts into no list and takes no
// lock. Headers are constructed at carving and never destroyed before the registry, so a walk may read any of them.
//
// Each worker has a cache of free slots, two magazines a class; full and empty magazines are exchanged with a shared
// depot (Bonwick and Adams, "Magazines and Vmem", 2001), so that memory freed by another thread than the one that took
// it comes round again. A thread that is no worker has a stock of its own for the runtime it spawned on last (OutsideStock);
// what has no context at all, such as the drop of a handle somewhere, shares one cache under the depot's lock.
//
// The registry outlives its runtime as long as a handle or a waker keeps a slot: orphan() counts what is still held.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "rt/env/cpu.hpp"
#include "rt/task/context.hpp"
#include "rt/task/header.hpp"
#include "rt/task/ids.hpp"

namespace rt {

inline constexpr std::size_t chunk_bytes = 64 * 1024;
inline constexpr std::array<std::uint32_t, 14> slot_sizes{192, 256,  320,  384,  448,  512,  640,
                                                          768, 1024, 1280, 1536, 2048, 3072, 4096};
inline constexpr std::uint16_t large_class = slot_sizes.size();  // one slot a chunk

constexpr std::uint16_t slot_class_for(std::size_t bytes) {
  for (std::uint16_t i = 0; i < slot_sizes.size(); ++i) {
    if (bytes <= slot_sizes[i]) return i;
  }
  return large_class;
}

// One table look-up instead of the search above, by 64-byte steps.
inline constexpr std::array<std::uint8_t, 65> slot_class_by_line = [] {
  std::array<std::uint8_t, 65> table{};
  for (std::size_t line = 0; line < table.size(); ++line) {
    table[line] = static_cast<std::uint8_t>(slot_class_for(line * 64));
  }
  return table;
}();

/// How a header, a result and a body lie in a slot: known when a coroutine's ramp is compiled.
struct SlotPlan {
  std::size_t bytes;
  std::uint16_t size_class;
  std::uint16_t body_offset;
};
constexpr SlotPlan slot_plan(std::size_t output_bytes, std::size_t body_bytes) {
  const std::size_t output_room = output_bytes < 16 ? 16 : (output_bytes + 15) / 16 * 16;
  const std::size_t offset = sizeof(Header) + output_room;
  const std::size_t bytes = offset + body_bytes;
  return {bytes, bytes > slot_sizes.back() ? large_class : std::uint16_t{slot_class_by_line[(bytes + 63) / 64]},
          static_cast<std::uint16_t>(offset)};
}

/// A chain of free slots of one class, linked by queue_next.
struct Magazine {
  static constexpr std::uint32_t capacity = 128;
  Header* top = nullptr;
  std::uint32_t count = 0;

  void push(Header& slot) noexcept {
    slot.queue_next = top;
    top = &slot;
    ++count;
  }
  Header* pop() noexcept {
    Header* slot = top;
    if (slot != nullptr) {
      top = slot->queue_next;
      --count;
    }
    return slot;
  }
};

class SlotRegistry;

/// One thread's stock of free slots. Owner thread only.
class SlotCache {
 public:
  explicit SlotCache(SlotRegistry& registry) : registry_(registry) {}
  SlotCache(const SlotCache&) = delete;
  SlotCache& operator=(const SlotCache&) = delete;
  ~SlotCache() { give_back_all(); }

  [[nodiscard]] Header& take(std::uint16_t size_class) {
    Stock& stock = stock_[size_class];
    if (stock.loaded.top == nullptr) refill(stock, size_class);
    Header& slot = *stock.loaded.pop();
    // A burst of spawns takes one after the other; header and the beginning of the frame are four lines.
    if (stock.loaded.top != nullptr) prefetch_for_write(stock.loaded.top, 256);
    return slot;
  }
  void give(Header& slot) {
    Stock& stock = stock_[slot.size_class];
    if (stock.loaded.count == Magazine::capacity) make_room(stock, slot.size_class);
    stock.loaded.push(slot);
  }
  void give_back_all();
  [[nodiscard]] SlotRegistry& registry() const { return registry_; }

 private:
  friend class SlotRegistry;
  struct Stock {
    Magazine loaded;
    Magazine spare;
  };
  [[gnu::noinline]] void refill(Stock& stock, std::uint16_t size_class);
  [[gnu::noinline]] void make_room(Stock& stock, std::uint16_t size_class);

  SlotRegistry& registry_;
  std::array<Stock, slot_sizes.size()> stock_;
};

/// What a thread that is no worker keeps of the runtime that it spawned on last: free slots, and numbers for tasks. Only its thread
/// takes from it, and only in a context of that runtime, whose end nobody in such a context can meet. It changes hands under one lock of
/// the process: its thread goes over to another runtime, or ends; or the runtime ends, on whatever thread.
class OutsideStock {
 public:
  OutsideStock() = default;
  OutsideStock(const OutsideStock&) = delete;
  OutsideStock& operator=(const OutsideStock&) = delete;
  ~OutsideStock() = default;

  /// Own thread. relaxed: only equality with a living registry means something, and its thread has set that itself; another thread
  /// sets null, before that registry's memory can become another one's.
  [[nodiscard]] bool is_of(const SlotRegistry& registry) const { return of_.load(relaxed) == &registry; }
  [[nodiscard]] SlotCache& slots() { return *slots_; }
  [[nodiscard]] IdBlock& ids() { return ids_; }

 private:
  friend class SlotRegistry;
  std::atomic<SlotRegistry*> of_{nullptr};
  std::optional<SlotCache> slots_;  // as long as it is of a registry
  IdBlock ids_;
  OutsideStock* previous_ = nullptr;  // in the registry's list
  OutsideStock* next_ = nullptr;
};

/// All slots of one runtime or simulation.
class SlotRegistry {
 public:
  static SlotRegistry* create() { return new SlotRegistry; }
  SlotRegistry(const SlotRegistry&) = delete;
  SlotRegistry& operator=(const SlotRegistry&) = delete;

  /// Any thread. A free slot of that plan; from `cache` if that is ours.
  [[nodiscard]] Header& take(SlotPlan plan, SlotCache* cache);
  [[nodiscard]] Header& take(std::size_t output_bytes, std::size_t body_bytes, SlotCache* cache) {
    return take(slot_plan(output_bytes, body_bytes), cache);
  }

  /// A thread that is no worker, in a context of this registry's home: its stock. Null when the thread is about to end.
  [[nodiscard]] OutsideStock* stock_here();
  /// Own thread only, at its end.
  static void return_stock(OutsideStock& stock);

  /// Any thread. The slot's word must say: no references.
  static void give(Header& slot);
  /// The same for a task that has had a home. `here` is this thread's context.
  static void give_task(Header& slot, Context* here) {
    // A worker's cache is of its home's registry, and so is a task's slot: the slot's chunk need not be looked at.
    if (here != nullptr && here->slots != nullptr && here->home == slot.home && slot.size_class != large_class) {
      here->slots->give(slot);
    } else if (here != nullptr && here->worker == nullptr && here->home == slot.home && slot.size_class != large_class) {
      give_to_stock(slot);
    } else {
      give(slot);
    }
  }

  /// The registry that a slot belongs to.
  static SlotRegistry& of(Header& slot);

  /// Calls visit(Header&) for every slot ever carved, live or free. Any thread, at any time; slots carved meanwhile may
  /// be missed. Part `part` of `parts`, so that several workers can share a walk.
  template <class Visit>
  void for_each_slot(Visit&& visit, std::size_t part = 0, std::size_t parts = 1) {
    std::size_t number = 0;
    // acquire: pairs with the release in add_chunk(); the chunk's header is read next.
    for (Chunk* chunk = chunks_.load(acquire); chunk != nullptr; chunk = chunk->next) {
      if (number++ % parts != part) continue;
      // acquire: pairs with the release in carve(); the headers below the mark have been constructed.
      const std::uint32_t carved = chunk->carved.load(acquire);
      for (std::uint32_t i = 0; i < carved; ++i) visit(chunk->slot(i));
    }
  }

  /// The runtime is gone: from now on the registry lives as long as its last held slot, and `home` with it (a wake may be
  /// on its way to it). Both are deleted then. Call once, no worker running.
  void orphan(Home* home);

  /// Bytes in chunks.
  [[nodiscard]] std::size_t footprint() const { return footprint_.load(relaxed); }

 private:
  friend class SlotCache;

  struct alignas(64) Chunk {
    SlotRegistry* registry;
    Chunk* next;
    std::size_t bytes;
    std::uint32_t slot_bytes;
    std::uint32_t slots;
    std::atomic<std::uint32_t> carved{0};
    std::uint16_t size_class;
    [[nodiscard]] Header& slot(std::uint32_t i) noexcept {
      return *reinterpret_cast<Header*>(reinterpret_cast<std::byte*>(this + 1) + std::size_t{slot_bytes} * i);
    }
  };
  static_assert(sizeof(Chunk) == 64);

  SlotRegistry() = default;
  ~SlotRegistry();
  void end();
  static Chunk& chunk_of(Header& slot);
  [[gnu::noinline]] static void give_to_stock(Header& slot);
  OutsideStock* lease_stock();
  void link(OutsideStock& stock);
  static void unlink(OutsideStock& stock);

  // All of these: with depot_mutex_ held.
  Chunk& add_chunk(std::uint16_t size_class, std::uint32_t slot_bytes, std::uint32_t slots);
  void carve(Chunk& chunk, Magazine& into, std::uint32_t most);
  [[nodiscard]] Magazine full_magazine(std::uint16_t size_class);
  Header& take_large(std::size_t bytes);
  void give_outside(Header& slot);

  std::atomic<Chunk*> chunks_{nullptr};
  std::atomic<std::size_t> footprint_{0};
  std::mutex depot_mutex_;
  std::array<std::vector<Magazine>, slot_sizes.size()> depot_;
  std::array<Chunk*, slot_sizes.size()> open_chunk_{};
  std::array<Magazine, slot_sizes.size()> outside_;  // the cache of those who have none
  std::vector<Header*> large_free_;
  bool orphaned_ = false;
  Home* home_ = nullptr;  // of an orphaned registry: deleted with it
  std::size_t held_ = 0;
  OutsideStock* stocks_ = nullptr;  // under the process's lock of stocks, see slots.cpp
};

/// How a scheduler's owner lets go of it: see SlotRegistry::orphan().
struct RetireHome {
  void operator()(Home* home) const { home->slots().orphan(home); }
};

}  // namespace rt
