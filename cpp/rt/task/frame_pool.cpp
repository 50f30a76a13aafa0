#include "rt/task/frame_pool.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <new>

#include "rt/env/cpu.hpp"

namespace rt {
namespace {

constexpr std::size_t cache_line = 64;
constexpr std::size_t classes = 16;  // up to 1 KiB; what is larger is rare
/// What one thread keeps of one size.  [bytes]
constexpr std::size_t most_kept = 128 * 1024;

struct FreeBlock {
  FreeBlock* next;
};

struct FreeList {
  FreeBlock* top = nullptr;
  std::size_t room = 0;  // how many more it may keep; 0 too before the thread's first block and after its end
};

using FreeLists = std::array<FreeList, classes + 1>;  // by lines; [0] is unused

// initial-exec: one instruction instead of a call, see context.cpp. No destructor, so that the lists can still be asked,
// and refuse, when other thread-local objects free their blocks at the end of the thread.
#if defined(__GNUC__) && defined(__linux__)
__attribute__((tls_model("initial-exec")))
#endif
constinit thread_local FreeLists the_lists{};

/// Opens the lists of its thread, and empties them at its end.
class Keeper {
 public:
  Keeper() {
    for (std::size_t lines = 1; lines <= classes; ++lines) the_lists[lines].room = most_kept / (lines * cache_line);
  }
  ~Keeper() {
    for (FreeList& list : the_lists) {
      list.room = 0;
      while (FreeBlock* block = list.top) {
        list.top = block->next;
        ::operator delete(block);
      }
    }
  }
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;
};

std::size_t lines_of(std::size_t bytes) { return (bytes + cache_line - 1) / cache_line; }

[[gnu::noinline]] void* take_new_block(std::size_t bytes) {
  static thread_local Keeper keeper;
  static_cast<void>(keeper);
  return ::operator new(lines_of(bytes) * cache_line);
}

}  // namespace

// Never inlined: a coroutine goes on on other threads, and compilers keep thread-local addresses (see context.hpp).
[[gnu::noinline]] void* take_block(std::size_t bytes) {
  const std::size_t lines = lines_of(bytes);
  if (lines <= classes) {
    FreeList& list = the_lists[lines];
    if (FreeBlock* block = list.top) {
      list.top = block->next;
      ++list.room;
      if (list.top != nullptr) prefetch_for_write(list.top, std::min<std::size_t>(bytes, 256));  // it is likely to be the next
      return block;
    }
  }
  return take_new_block(bytes);
}

[[gnu::noinline]] void give_block(void* memory, std::size_t bytes) noexcept {
  const std::size_t lines = lines_of(bytes);
  if (lines > classes || the_lists[lines].room == 0) {
    ::operator delete(memory);
    return;
  }
  FreeList& list = the_lists[lines];
  --list.room;
  list.top = new (memory) FreeBlock{list.top};
}

}  // namespace rt
