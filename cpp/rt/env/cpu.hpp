// The processor's own hints, for each architecture we know: for a spinning thread, and for memory that is needed soon.
#pragma once

#include <cstddef>

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#endif

namespace rt {

inline void cpu_relax() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/// These bytes will be written soon: fetch their lines meanwhile. Any address will do, nothing is read.
inline void prefetch_for_write([[maybe_unused]] const void* memory, [[maybe_unused]] std::size_t bytes) noexcept {
#if defined(__GNUC__)
  for (std::size_t at = 0; at < bytes; at += 64) __builtin_prefetch(static_cast<const char*>(memory) + at, 1);
#endif
}

}  // namespace rt
