// Many tasks that start at once: how does a spawn become cheaper than one by one?
//
// The tasks of a batch are made and counted one by one, and then become ready together: one publication in the worker's queue, or one
// visit to inject's lock, and one sleeper woken, where each would have had its own. They stand in the queue in the order in which they were
// spawned, as if one by one. A batch belongs to one piece of code: nobody else may use it meanwhile.
#pragma once

#include <source_location>

#include "rt/task/spawn.hpp"

namespace rt {

class SpawnBatch {
 public:
  /// In a task, in a block_on, or in Runtime::spawn_batch(). A dump shows `at` as the place where its tasks were spawned.
  explicit SpawnBatch(std::source_location at = std::source_location::current()) : home_(detail::require_home()), at_(at) {}
  SpawnBatch(const SpawnBatch&) = delete;
  SpawnBatch& operator=(const SpawnBatch&) = delete;
  ~SpawnBatch() { start(); }

  /// As rt::spawn(), but the task does not start before start(): who awaits the handle before that waits for ever.
  template <class F, class... Args>
  auto spawn(F&& function, Args&&... args) {
    auto task = detail::make_task(std::forward<F>(function), std::forward<Args>(args)...);
    using T = typename decltype(task)::value_type;
    Header& header = *task.release();
    add(header);
    return JoinHandle<T>(header);
  }

  /// All that has been spawned is ready now. The batch may be used again.
  void start();

 private:
  void add(Header& task);

  Home& home_;
  const std::source_location at_;
  Header* first_ = nullptr;  // a chain by queue_next
  Header* last_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace rt
