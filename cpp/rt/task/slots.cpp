#include "rt/task/slots.hpp"

#include <algorithm>
#include <cstdlib>
#include <new>
#include <utility>

#include "rt/env/os_thread.hpp"
#include "rt/task/context.hpp"

namespace rt {
namespace {

std::size_t round_up(std::size_t bytes, std::size_t unit) { return (bytes + unit - 1) / unit * unit; }

void* aligned_block(std::size_t bytes) {
  void* block = std::aligned_alloc(chunk_bytes, round_up(bytes, chunk_bytes));
  if (block == nullptr) throw std::bad_alloc();
  return block;
}

/// Guards the lists of stocks of all registries, and who owns which. Taken before a depot's mutex.
std::mutex stocks_mutex;

// initial-exec: one instruction instead of a call, see context.cpp.
#if defined(__GNUC__) && defined(__linux__)
__attribute__((tls_model("initial-exec")))
#endif
constinit thread_local OutsideStock* the_stock = nullptr;
constinit thread_local bool is_ending = false;

/// Gives a thread's stock back at its end.
class StockKeeper {
 public:
  StockKeeper() = default;
  StockKeeper(const StockKeeper&) = delete;
  StockKeeper& operator=(const StockKeeper&) = delete;
  ~StockKeeper() {
    is_ending = true;
    OutsideStock* stock = std::exchange(the_stock, nullptr);
    if (stock == nullptr) return;
    SlotRegistry::return_stock(*stock);
    delete stock;
  }
};

/// The locks may be held by threads that the child does not have; what its parent's runtimes keep is theirs.
void forget_stocks_in_child() {
  the_stock = nullptr;
  new (&stocks_mutex) std::mutex;
}

}  // namespace

void SlotCache::refill(Stock& stock, std::uint16_t size_class) {
  std::swap(stock.loaded, stock.spare);
  if (stock.loaded.top != nullptr) return;
  const std::scoped_lock lock(registry_.depot_mutex_);
  stock.loaded = registry_.full_magazine(size_class);
}

void SlotCache::make_room(Stock& stock, std::uint16_t size_class) {
  if (stock.spare.count != 0) {
    const std::scoped_lock lock(registry_.depot_mutex_);
    registry_.depot_[size_class].push_back(stock.spare);
    stock.spare = {};
  }
  std::swap(stock.loaded, stock.spare);
}

void SlotCache::give_back_all() {
  const std::scoped_lock lock(registry_.depot_mutex_);
  for (std::size_t i = 0; i < stock_.size(); ++i) {
    for (Magazine* magazine : {&stock_[i].loaded, &stock_[i].spare}) {
      if (magazine->count != 0) registry_.depot_[i].push_back(*magazine);
      *magazine = {};
    }
  }
}

SlotRegistry::~SlotRegistry() {
  for (Chunk* chunk = chunks_.load(relaxed); chunk != nullptr;) {  // relaxed: nobody else is left
    Chunk* next = chunk->next;
    std::free(chunk);
    chunk = next;
  }
}

SlotRegistry::Chunk& SlotRegistry::chunk_of(Header& slot) {
  // Chunks are aligned to their size; a large chunk's only slot lies in its first 64 KiB.
  return *reinterpret_cast<Chunk*>(reinterpret_cast<std::uintptr_t>(&slot) & ~(std::uintptr_t{chunk_bytes} - 1));
}

SlotRegistry& SlotRegistry::of(Header& slot) { return *chunk_of(slot).registry; }

SlotRegistry::Chunk& SlotRegistry::add_chunk(std::uint16_t size_class, std::uint32_t slot_bytes, std::uint32_t slots) {
  const std::size_t bytes = sizeof(Chunk) + std::size_t{slot_bytes} * slots;
  auto* chunk = new (aligned_block(bytes)) Chunk;
  chunk->registry = this;
  chunk->next = chunks_.load(relaxed);  // relaxed: only written under the lock that we hold
  chunk->bytes = bytes;
  chunk->slot_bytes = slot_bytes;
  chunk->slots = slots;
  chunk->size_class = size_class;
  footprint_.store(footprint_.load(relaxed) + round_up(bytes, chunk_bytes), relaxed);  // a gauge
  // release: pairs with the acquire in for_each_slot(); the fields above are read after it.
  chunks_.store(chunk, release);
  return *chunk;
}

void SlotRegistry::carve(Chunk& chunk, Magazine& into, std::uint32_t most) {
  const std::uint32_t begin = chunk.carved.load(relaxed);  // relaxed: only written under the lock that we hold
  const std::uint32_t end = std::min(begin + most, chunk.slots);
  for (std::uint32_t i = end; i > begin; --i) {  // from the back: the lowest address is taken first
    auto* header = new (&chunk.slot(i - 1)) Header;
    header->size_class = chunk.size_class;
    into.push(*header);
  }
  // release: pairs with the acquire in for_each_slot(); the headers have been constructed before it.
  chunk.carved.store(end, release);
}

Magazine SlotRegistry::full_magazine(std::uint16_t size_class) {
  auto& stored = depot_[size_class];
  if (!stored.empty()) {
    const Magazine magazine = stored.back();
    stored.pop_back();
    return magazine;
  }
  Chunk*& open = open_chunk_[size_class];
  if (open == nullptr || open->carved.load(relaxed) == open->slots) {  // relaxed: under the lock
    const std::uint32_t bytes = slot_sizes[size_class];
    open = &add_chunk(size_class, bytes, static_cast<std::uint32_t>((chunk_bytes - sizeof(Chunk)) / bytes));
  }
  Magazine magazine;
  carve(*open, magazine, Magazine::capacity);
  return magazine;
}

// Never inlined: a coroutine goes on on other threads, and compilers keep thread-local addresses (see context.hpp).
[[gnu::noinline]] OutsideStock* SlotRegistry::stock_here() {
  OutsideStock* stock = the_stock;
  return stock != nullptr && stock->is_of(*this) ? stock : lease_stock();
}

OutsideStock* SlotRegistry::lease_stock() {
  static thread_local StockKeeper keeper;
  static_cast<void>(keeper);
  static const bool told = (call_in_forked_child(forget_stocks_in_child), true);
  static_cast<void>(told);
  if (is_ending) return nullptr;
  if (the_stock == nullptr) the_stock = new OutsideStock;
  const std::scoped_lock lock(stocks_mutex);
  unlink(*the_stock);
  link(*the_stock);
  return the_stock;
}

void SlotRegistry::return_stock(OutsideStock& stock) {
  const std::scoped_lock lock(stocks_mutex);
  unlink(stock);
}

void SlotRegistry::link(OutsideStock& stock) {
  stock.slots_.emplace(*this);
  stock.next_ = stocks_;
  if (stocks_ != nullptr) stocks_->previous_ = &stock;
  stocks_ = &stock;
  stock.of_.store(this, relaxed);  // relaxed: see is_of()
}

void SlotRegistry::unlink(OutsideStock& stock) {
  SlotRegistry* registry = stock.of_.load(relaxed);  // relaxed, both: written under the lock that we hold
  if (registry == nullptr) return;
  stock.of_.store(nullptr, relaxed);
  stock.slots_.reset();  // gives all back
  stock.ids_ = {};
  (stock.previous_ == nullptr ? registry->stocks_ : stock.previous_->next_) = stock.next_;
  if (stock.next_ != nullptr) stock.next_->previous_ = stock.previous_;
  stock.previous_ = stock.next_ = nullptr;
}

[[gnu::noinline]] void SlotRegistry::give_to_stock(Header& slot) {
  OutsideStock* stock = the_stock;
  if (stock != nullptr && stock->is_of(of(slot))) {
    stock->slots().give(slot);
  } else {
    give(slot);
  }
}

Header& SlotRegistry::take_large(std::size_t bytes) {
  for (std::size_t i = 0; i < large_free_.size(); ++i) {
    Header* slot = large_free_[i];
    if (chunk_of(*slot).slot_bytes < bytes || chunk_of(*slot).slot_bytes > 2 * bytes) continue;
    large_free_[i] = large_free_.back();
    large_free_.pop_back();
    return *slot;
  }
  Chunk& chunk = add_chunk(large_class, static_cast<std::uint32_t>(round_up(bytes, 64)), 1);
  Magazine one;
  carve(chunk, one, 1);
  return *one.pop();
}

Header& SlotRegistry::take(SlotPlan plan, SlotCache* cache) {
  const std::uint16_t size_class = plan.size_class;
  Header* slot = nullptr;
  if (size_class != large_class && cache != nullptr && &cache->registry_ == this) {
    slot = &cache->take(size_class);
  } else {
    const std::scoped_lock lock(depot_mutex_);
    if (size_class == large_class) {
      slot = &take_large(plan.bytes);
    } else {
      Magazine& stock = outside_[size_class];
      if (stock.top == nullptr) stock = full_magazine(size_class);
      slot = stock.pop();
    }
    if (orphaned_) ++held_;
  }
  slot->body_offset = plan.body_offset;
  return *slot;
}

void SlotRegistry::give(Header& slot) {
  SlotRegistry& registry = of(slot);
  Context* context = current();
  if (slot.size_class != large_class && context != nullptr && context->slots != nullptr &&
      &context->slots->registry_ == &registry) {
    context->slots->give(slot);
    return;
  }
  registry.give_outside(slot);
}

void SlotRegistry::give_outside(Header& slot) {
  bool last = false;
  {
    const std::scoped_lock lock(depot_mutex_);
    if (slot.size_class == large_class) {
      large_free_.push_back(&slot);
    } else {
      Magazine& stock = outside_[slot.size_class];
      if (stock.count == Magazine::capacity) {
        depot_[slot.size_class].push_back(stock);
        stock = {};
      }
      stock.push(slot);
    }
    if (orphaned_) last = --held_ == 0;
  }
  if (last) end();
}

void SlotRegistry::end() {
  delete home_;
  delete this;
}

void SlotRegistry::orphan(Home* home) {
  {
    const std::scoped_lock lock(stocks_mutex);
    while (stocks_ != nullptr) unlink(*stocks_);
  }
  bool last = false;
  {
    const std::scoped_lock lock(depot_mutex_);
    orphaned_ = true;
    home_ = home;
    // A slot that is being given back right now has no reference any more but waits for our lock: what is not in a
    // free list counts as held, whatever its word says.
    std::size_t free_slots = large_free_.size();
    for (const auto& magazine : outside_) free_slots += magazine.count;
    for (const auto& stored : depot_) {
      for (const auto& magazine : stored) free_slots += magazine.count;
    }
    std::size_t carved = 0;
    for_each_slot([&](Header&) { ++carved; });
    held_ = carved - free_slots;
    last = held_ == 0;
  }
  if (last) end();
}

}  // namespace rt
