// Where does the memory of short-lived things come from that are no tasks? Frames of Coro, one-shots.
//
// Each thread keeps free blocks by size, up to a bound, in front of the general allocator: a thousand live blocks make
// malloc and free several times as dear as a list's push and pop. Invariant: every block is an allocation of its own, so
// any thread may give back what another one took, and a thread that ends frees what it kept.
#pragma once

#include <cstddef>

namespace rt {

/// Any thread. As operator new.
[[nodiscard]] void* take_block(std::size_t bytes);

/// Any thread. `bytes` as they were asked for.
void give_block(void* block, std::size_t bytes) noexcept;

/// A base for classes and promises whose objects come from here.
struct Pooled {
  static void* operator new(std::size_t bytes) { return take_block(bytes); }
  static void operator delete(void* block, std::size_t bytes) noexcept { give_block(block, bytes); }
};

}  // namespace rt
