// How many shared queues are there? One, or one a worker: a policy's choice between one order for all and less crowding at a lock.
//
// Each shard has a lock of its own, so that pushes meet neither each other's nor the sleepers'. A producer always uses the same
// shard, so its tasks keep their order (law F3); a consumer looks at its own shard first. Invariant: a closed shard accepts
// nothing, and close() closes all of them.
// Read next: inject.hpp (one of them), idle.hpp (who is told).
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>

#include "rt/core/inject.hpp"
#include "rt/env/environment.hpp"

namespace rt {

template <Environment Env, class T>
class InjectShards {
 public:
  explicit InjectShards(std::uint32_t shards) : count_(shards), shards_(std::make_unique<Shard[]>(shards)) {}

  /// Any thread. False: closed, and the task is still the caller's. `producer`: any number, the same for one producer.
  [[nodiscard]] bool push(T* task, std::uint32_t producer) {
    Shard& shard = of(producer);
    const std::lock_guard lock(shard.mutex);
    return shard.queue.push(shard.synced, task);
  }

  /// Any thread. A chain of n >= 1 tasks, all or none.
  [[nodiscard]] bool push_batch(T* first, T* last, std::size_t n, std::uint32_t producer) {
    Shard& shard = of(producer);
    const std::lock_guard lock(shard.mutex);
    return shard.queue.push_batch(shard.synced, first, last, n);
  }

  /// Any thread. Up to most(len()) of the oldest in the first shard that has any, from the consumer's own on, as a chain that
  /// ends with nullptr; `got` says how many. `most` is asked under the lock, with what is there in all shards.
  template <class Most>
  [[nodiscard]] T* pop_n(std::uint32_t consumer, Most&& most, std::uint32_t& got) {
    got = 0;
    for (std::uint32_t i = 0; i < count_; ++i) {
      Shard& shard = of(consumer + i);
      if (shard.queue.is_empty()) continue;  // one load, before any lock
      const std::lock_guard lock(shard.mutex);
      if (T* const first = shard.queue.pop_n(shard.synced, most(len()), got)) return first;
    }
    return nullptr;
  }

  /// Any thread. The oldest task of the first shard that has any, or nullptr.
  [[nodiscard]] T* pop(std::uint32_t consumer) {
    std::uint32_t got = 0;
    return pop_n(consumer, [](std::size_t) { return std::size_t{1}; }, got);
  }

  /// Any thread. True the first time.
  [[nodiscard]] bool close() {
    bool first_time = true;
    for (std::uint32_t i = 0; i < count_; ++i) {
      const std::lock_guard lock(shards_[i].mutex);
      first_time = shards_[i].queue.close(shards_[i].synced) && first_time;
    }
    return first_time;
  }

  /// Any thread. Every task, shard by shard from the oldest on; `visit` leaves them as they are.
  template <class Visit>
  void for_each(Visit&& visit) {
    for (std::uint32_t i = 0; i < count_; ++i) {
      const std::lock_guard lock(shards_[i].mutex);
      shards_[i].queue.for_each(shards_[i].synced, visit);
    }
  }

  /// Which shard a producer's pushes go to.
  [[nodiscard]] std::uint32_t shard_of(std::uint32_t producer) const { return count_ == 1 ? 0 : producer % count_; }
  /// Any thread, no lock: where the consumer would find something; its own shard if nowhere.
  [[nodiscard]] std::uint32_t filled_shard(std::uint32_t consumer) const {
    for (std::uint32_t i = 0; i < count_; ++i) {
      if (!of(consumer + i).queue.is_empty()) return shard_of(consumer + i);
    }
    return shard_of(consumer);
  }

  /// Any thread, no lock; out of date as soon as it is read.
  [[nodiscard]] std::size_t len() const {
    std::size_t sum = 0;
    for (std::uint32_t i = 0; i < count_; ++i) sum += shards_[i].queue.len();
    return sum;
  }
  [[nodiscard]] bool is_empty() const {
    for (std::uint32_t i = 0; i < count_; ++i) {
      if (!shards_[i].queue.is_empty()) return false;
    }
    return true;
  }

 private:
  struct alignas(128) Shard {
    typename Env::mutex mutex;
    Inject<Env, T> queue;
    typename Inject<Env, T>::Synced synced;  // under mutex
  };
  [[nodiscard]] Shard& of(std::uint32_t number) const { return shards_[shard_of(number)]; }

  const std::uint32_t count_;
  const std::unique_ptr<Shard[]> shards_;
};

}  // namespace rt
