// ThreadEnv's sleep and wake where there is no futex: a small table of condition variables, chosen by address.
#if !defined(__linux__)

#include <array>
#include <chrono>
#include <condition_variable>
#include <mutex>

#include "rt/env/thread_env.hpp"

namespace rt {
namespace {

struct Bucket {
  std::mutex mutex;
  std::condition_variable changed;
};

Bucket& bucket_of(const void* address) {
  static std::array<Bucket, 64> buckets;
  return buckets[(reinterpret_cast<std::uintptr_t>(address) >> 6U) % buckets.size()];
}

}  // namespace

bool ThreadEnv::wait_on(std::atomic<std::uint32_t>& word, std::uint32_t expected, Nanos deadline) noexcept {
  Bucket& bucket = bucket_of(&word);
  std::unique_lock lock(bucket.mutex);
  // acquire: the caller reads what the waker wrote before it changed the word. wake_one() passes through the same
  // mutex after the change, so a change between this load and the wait cannot be missed.
  if (word.load(acquire) != expected) return true;
  if (deadline == no_deadline) {
    bucket.changed.wait(lock);
    return true;
  }
  const std::chrono::steady_clock::time_point until{std::chrono::nanoseconds(deadline)};
  return bucket.changed.wait_until(lock, until) != std::cv_status::timeout;
}

void ThreadEnv::wake_one(std::atomic<std::uint32_t>& word) noexcept {
  Bucket& bucket = bucket_of(&word);
  {
    const std::scoped_lock lock(bucket.mutex);
  }
  bucket.changed.notify_all();  // words share a bucket: each sleeper looks at its own again
}

}  // namespace rt

#endif
