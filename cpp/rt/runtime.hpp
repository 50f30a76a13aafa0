// The public face for C++: start a runtime, spawn on it, drive a coroutine from this thread, read its figures, stop it.
//
//   rt::Task<int> child(int n) { co_await rt::yield_now(); co_return n + 1; }
//   rt::Runtime runtime({.workers = 2});
//   int two = runtime.spawn(child, 1).get();
//
// Read next: task/spawn.hpp and task/coroutine.hpp (what tasks can do), sync/ (how they wait for each other).
#pragma once

#include <memory>

#include "rt/drive/block_on.hpp"
#include "rt/drive/threads.hpp"
#include "rt/task/blocking.hpp"
#include "rt/task/spawn.hpp"
#include "rt/task/spawn_batch.hpp"

namespace rt {

struct RuntimeOptions {
  /// 0: as many as CPUs that this process may use.
  std::uint32_t workers = 0;
  SchedulerOptions scheduler{};  // its `workers` is set from above
  ThreadOptions threads{};
};

class Runtime {
 public:
  explicit Runtime(RuntimeOptions options = {});
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;
  /// Cancels what lives and waits for all threads.
  ~Runtime();

  /// Any thread. See task/spawn.hpp.
  template <class F, class... Args>
  auto spawn(F&& function, Args&&... args) {
    return spawn_with({}, std::forward<F>(function), std::forward<Args>(args)...);
  }
  template <class F, class... Args>
  auto spawn_with(const SpawnOptions& options, F&& function, Args&&... args) {
    return in_context([&] { return rt::spawn_with(options, {}, std::forward<F>(function), std::forward<Args>(args)...); });
  }

  /// Any thread. `fill(batch)` spawns, and all that it has spawned starts when it returns. See task/spawn_batch.hpp.
  template <class F>
  void spawn_batch(F&& fill) {
    in_context([&] {
      SpawnBatch batch{std::source_location{}};
      std::forward<F>(fill)(batch);
    });
  }

  /// Any thread. Runs on the blocking pool.
  template <class F, class... Args>
  auto spawn_blocking(F&& function, Args&&... args) {
    return in_context([&] { return rt::spawn_blocking(std::forward<F>(function), std::forward<Args>(args)...); });
  }

  /// A thread that is no worker: drives the coroutine here, its children run on the workers.
  template <class F, class... Args>
  auto block_on(F&& function, Args&&... args) {
    return rt::block_on(drive_->shared(), std::forward<F>(function), std::forward<Args>(args)...);
  }

  /// Waits for all tasks and blocking jobs (`cancel`: cancels them instead), then ends the threads. False if something
  /// still lives at the deadline (steady clock). Again: the same, for what is left.
  bool shutdown(bool cancel = false, Nanos deadline = no_deadline);

  [[nodiscard]] std::uint32_t workers() const { return drive_->shared().options.workers; }
  /// Any thread. Figures of one worker while it goes on, each right by itself; they live as long as the runtime. What they mean:
  /// observe/metric_list.hpp. Throws std::out_of_range.
  [[nodiscard]] const WorkerMetrics& worker_metrics(std::uint32_t worker) const;

  [[nodiscard]] ThreadDrive& drive() { return *drive_; }
  [[nodiscard]] std::shared_ptr<ThreadDrive> share() { return drive_; }

 private:
  template <class F>
  auto in_context(F&& function) {
    Context* here = current();
    if (here != nullptr && here->home == &drive_->shared()) return function();  // a worker's own spawn stays local
    Context context;
    context.home = &drive_->shared();
    const ContextScope scope(context);
    return function();
  }

  std::shared_ptr<ThreadDrive> drive_;
};

}  // namespace rt
