// Who turns the workers on real threads? Each worker has a thread of the pool; this file is its loop.
//
// The loop does what a verdict says: go on, sleep on the worker's wake slot, or end. It also moves a core from a thread
// that is about to block to another one (block_in_place), and starts and ends the whole. The same worker is driven in
// virtual time by simulate.hpp.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "rt/blocking/pool.hpp"
#include "rt/core/worker.hpp"
#include "rt/drive/alarm.hpp"
#include "rt/drive/hand_off.hpp"
#include "rt/env/thread_env.hpp"

namespace rt {

struct ThreadOptions {
  std::string name = "ss-worker";
  std::uint32_t max_blocking_threads = tuning::max_blocking_threads;
  Nanos keep_alive = tuning::thread_keep_alive_ns;
  bool pin = false;
  /// What metric thread_id says of the calling thread; by default the system's handle of it.
  std::function<std::uint64_t()> thread_id;
};

class ThreadDrive final : public DriveFace, public std::enable_shared_from_this<ThreadDrive> {
 public:
  /// Throws std::invalid_argument for options out of range.
  static std::shared_ptr<ThreadDrive> start(const SchedulerOptions& options, ThreadOptions threads);
  ~ThreadDrive();

  [[nodiscard]] Shared<ThreadEnv>& shared() { return shared_; }
  [[nodiscard]] BlockingPool& pool() { return pool_; }
  [[nodiscard]] Nanos started_at() const { return started_at_; }

  // ---- DriveFace ----
  void run_blocking(Header& job, Nanos cost) override;
  void block_in_place(const std::function<void()>& blocking, Nanos cost) override;
  HandedOver hand_over() override;
  void take_back(const HandedOver& given) override;
  void on_stopped() override;
  void call_at(Nanos when, std::function<void()> call) override;

  /// Any thread that is no worker, without locks that a task may need. Every live task, and where it waits; nothing changes by it.
  /// Workers that do not come within `limit` are named. Throws std::logic_error on a worker: co_await dump_here() there.
  [[nodiscard]] DumpResult dump(Nanos limit = tuning::dump_limit_ns);

  /// Any thread that is no worker. True once no task lives and no blocking job is unfinished; `give_up` is asked about
  /// every 20 ms. Tasks may still spawn meanwhile.
  bool wait_drained(Nanos deadline, const std::function<bool()>& give_up = {});
  /// Any thread. Cancels all tasks and ends the workers; waits for nothing.
  void close();
  /// Any thread that is no worker. True once all threads have ended.
  bool wait_ended(Nanos deadline, const std::function<bool()>& give_up = {});

 private:
  ThreadDrive(const SchedulerOptions& options, ThreadOptions threads);
  BlockingPool::Callbacks callbacks();
  void run_worker(std::uint32_t index);
  void run_job(Header& job);
  void take_seat_name(std::uint32_t index);

  const ThreadOptions threads_;
  const Nanos started_at_;
  const std::unique_ptr<Shared<ThreadEnv>, RetireHome> owner_;
  Shared<ThreadEnv>& shared_;
  std::vector<std::unique_ptr<Worker<ThreadEnv>>> workers_;
  std::unique_ptr<HandOff<ThreadEnv, Worker<ThreadEnv>>[]> hand_off_;
  std::atomic<bool> stopped_{false};
  BlockingPool pool_;
  Alarm alarm_;  // after what its calls use
};

}  // namespace rt
