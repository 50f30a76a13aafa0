// Which threads are there, and who runs what blocks?
//
// One pool for everything that needs a thread: the workers themselves, their stand-ins while a task blocks in place,
// and blocking jobs. Threads are made when a job finds none idle, up to a cap, and end after being idle for a while.
// After Tokio 1.48's runtime/blocking/pool.rs, but for one thing: a thread is sent for with a job only while few are on their way
// (tuning::pool_threads_coming), and one that arrives sends for the next while jobs are left. So short jobs in a row cost few wake-ups, and each
// that blocks has a thread of its own all the same. Invariant, under the mutex: while a job is queued, a thread is on its way, or all that may
// be made are busy. Explored in tests/cpp/model/pool_test.cpp. Read next: sleepers.hpp (who comes for a job).
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "rt/blocking/sleepers.hpp"
#include "rt/env/thread_env.hpp"
#include "rt/task/hooks.hpp"

namespace rt {

struct PoolOptions {
  std::uint32_t max_threads = 0;  // the workers included
  Nanos keep_alive = 0;
  std::string name;  // of a pool thread; workers name themselves
};

class BlockingPool {
 public:
  static constexpr std::uint32_t no_worker = Hooks::no_worker;

  /// What a thread of the pool runs: a blocking job, or a worker.
  struct Job {
    Header* task = nullptr;  // holds the queue's reference
    std::uint32_t worker = 0;
  };
  struct Callbacks {
    std::function<void(const Job&)> run;
    std::function<void(Header&)> refuse;  // a blocking job that comes too late
    /// With the worker that a thread was made for, or no_worker.
    std::function<void(std::uint32_t)> thread_start;
    std::function<void(std::uint32_t)> thread_stop;
    std::function<std::shared_ptr<void>()> keep_alive;  // what each thread holds while it lives
  };

  BlockingPool(PoolOptions options, Callbacks callbacks) : options_(std::move(options)), call_(std::move(callbacks)) {}
  ~BlockingPool();

  /// Any thread. Queues a blocking job; after close() it is refused.
  void submit(Header& task);
  /// Any thread. Gives a worker to a thread; false if none is idle and none may be made.
  [[nodiscard]] bool submit_worker(std::uint32_t worker);

  /// No more jobs; those still queued are refused if `cancel_queued`, idle threads end.
  void close(bool cancel_queued);
  /// True once every thread has ended; false at the deadline (steady clock).
  bool wait_ended(Nanos deadline);

  [[nodiscard]] std::size_t threads() const { return threads_.load(relaxed); }  // relaxed, these: figures
  [[nodiscard]] std::size_t idle() const { return idle_figure_.load(relaxed); }
  [[nodiscard]] std::size_t queued() const { return queued_.load(relaxed); }
  /// Blocking jobs not finished yet: queued and running.
  [[nodiscard]] std::size_t unfinished() const { return unfinished_.load(acquire); }

 private:
  void thread_main(std::list<std::thread>::iterator self, std::shared_ptr<void> hold);
  void work_until_idle_too_long(std::unique_lock<std::mutex>& lock);
  [[nodiscard]] std::optional<Job> next_job();
  void run(const Job& job, std::unique_lock<std::mutex>& lock);
  bool sleep(std::unique_lock<std::mutex>& lock);
  void send_for_another(std::unique_lock<std::mutex>& lock);
  bool start_for_one_job(std::unique_lock<std::mutex>& lock);
  void join_ended(std::unique_lock<std::mutex>& lock);

  const PoolOptions options_;
  const Callbacks call_;
  std::mutex mutex_;
  std::condition_variable work_;
  std::condition_variable ended_;
  std::deque<Job> queue_;
  std::list<std::thread> living_;
  std::list<std::thread> done_;  // ended by themselves, not joined yet
  PoolSleepers sleepers_;
  std::size_t starting_ = 0;  // threads that have been made and have not looked for a job yet
  bool closed_ = false;
  std::atomic<std::size_t> threads_{0};
  std::atomic<std::size_t> idle_figure_{0};
  std::atomic<std::size_t> queued_{0};
  std::atomic<std::size_t> unfinished_{0};
};

}  // namespace rt
