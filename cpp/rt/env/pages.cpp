#include "rt/env/pages.hpp"

#include <cstdlib>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace rt {

void* take_pages(std::size_t bytes) {
#if defined(__linux__)
  constexpr std::size_t large_page = std::size_t{2} << 20;
  if (bytes >= large_page) {
    const std::size_t whole = (bytes + large_page - 1) / large_page * large_page;
    void* memory = std::aligned_alloc(large_page, whole);
    // Advice only: without large pages it is memory all the same.
    if (memory != nullptr) static_cast<void>(madvise(memory, whole, MADV_HUGEPAGE));
    return memory;
  }
#endif
  return std::malloc(bytes);
}

}  // namespace rt
