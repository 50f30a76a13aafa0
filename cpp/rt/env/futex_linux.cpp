// ThreadEnv's sleep and wake on Linux: the futex system call on the word itself.
#if defined(__linux__)

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

#include "rt/env/thread_env.hpp"

namespace rt {

static_assert(sizeof(std::atomic<std::uint32_t>) == sizeof(std::uint32_t));

bool ThreadEnv::wait_on(std::atomic<std::uint32_t>& word, std::uint32_t expected, Nanos deadline) noexcept {
  timespec until{};
  timespec* limit = nullptr;
  if (deadline != no_deadline) {
    until.tv_sec = static_cast<time_t>(deadline / 1'000'000'000U);
    until.tv_nsec = static_cast<long>(deadline % 1'000'000'000U);
    limit = &until;
  }
  // FUTEX_WAIT_BITSET takes an absolute time of the monotonic clock, which is steady_clock here.
  const long result =
      syscall(SYS_futex, &word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, expected, limit, nullptr, FUTEX_BITSET_MATCH_ANY);
  return !(result == -1 && errno == ETIMEDOUT);
}

void ThreadEnv::wake_one(std::atomic<std::uint32_t>& word) noexcept {
  syscall(SYS_futex, &word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, nullptr, nullptr, 0);
}

}  // namespace rt

#endif
