// Who drives a coroutine on a thread that is no worker? block_on: the thread polls it, and sleeps while it waits.
//
// The coroutine is a task like any other, but its home is a wrapper: a wake comes to this thread instead of a queue.
// It is in nobody's books, and a shutdown of the runtime does not cancel it. Everything it spawns runs on the workers,
// by way of inject, as in Tokio's Runtime::block_on.
#pragma once

#include <functional>

#include "rt/env/thread_env.hpp"
#include "rt/task/spawn.hpp"

namespace rt {

/// The home of a task that one outside thread drives. Lives on that thread's stack; see drive().
class ThreadHome final : public Home {
 public:
  explicit ThreadHome(Home& runtime) : Home(runtime.world()), runtime_(runtime) {}

  void schedule(Header& task, Ready how) override;
  [[nodiscard]] std::uint64_t next_id() override { return runtime_.next_id(); }
  void submit_new(Header& task, const Destination& to) override { runtime_.submit_new(task, to); }
  void submit_batch(Header& first, Header& last, std::size_t n) override { runtime_.submit_batch(first, last, n); }
  void submit_blocking(Header& task, Nanos cost) override { runtime_.submit_blocking(task, cost); }
  /// Maybe on another thread: a cancelled task is ended by the last of its branches (task/branch.hpp).
  void ended(Header&, Context*) override;
  [[nodiscard]] Nanos now() override { return runtime_.now(); }
  [[nodiscard]] TimeDriver& timers() override { return runtime_.timers(); }
  [[nodiscard]] SlotRegistry& slots() override { return runtime_.slots(); }
  [[nodiscard]] bool simulated() const override { return runtime_.simulated(); }
  void count_forced_yield() override { runtime_.count_forced_yield(); }
  void block_in_place(const std::function<void()>& blocking, Nanos) override { blocking(); }
  void call_at(Nanos when, std::function<void()> call) override { runtime_.call_at(when, std::move(call)); }
  void pause_workers() override { runtime_.pause_workers(); }
  void resume_workers() override { runtime_.resume_workers(); }
  [[nodiscard]] DumpFace* dumps() override { return runtime_.dumps(); }

  /// Polls the prepared task until it has ended. `interrupted` is asked every 20 ms; when it says yes, the task is
  /// cancelled, and driven on until it has ended. The caller holds the join reference.
  void drive(Header& task, const std::function<bool()>& interrupted = {});

 private:
  void poll_if_ready(Header& task);
  [[nodiscard]] Nanos look_after_timers();

  Home& runtime_;
  Parker<ThreadEnv> parker_;
  std::atomic<bool> ready_{false};
  std::atomic<bool> is_left_{false};  // the task has ended, and whoever ended it does not look at this object any more
};

template <class F, class... Args>
auto block_on(Home& runtime, F&& function, Args&&... args) {
  Context context;
  context.home = &runtime;
  const ContextScope scope(context);
  auto task = detail::make_task(std::forward<F>(function), std::forward<Args>(args)...);
  using T = typename decltype(task)::value_type;
  Header& header = *task.release();
  ThreadHome home(runtime);
  prepare_header(header, home, {}, {});
  header.state.init_new();
  JoinHandle<T> handle(header);
  home.drive(header);
  return handle.get();
}

}  // namespace rt
