// The blocking pool in virtual time: a job runs at once, and its thread is busy with it for what it is said to cost.
//
// So the others learn of its end when the cost is over, on the world's clock; and if all threads are busy a job waits for the first
// that becomes free. Invariant: a job that has run is in `running_` until its end is published.
// Read next: simulate.hpp (who owns it), blocking/pool.hpp (the one on real threads).
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <vector>

#include "rt/task/header.hpp"

namespace rt {

class SimPool {
 public:
  /// What the pool needs of its world.
  struct World {
    std::function<Nanos()> now;
    std::function<void(Nanos, std::function<void()>)> call_at;  // outside every task
    std::function<void(const std::function<void()>&)> outside;  // here and now, outside every task
  };

  SimPool(std::uint32_t max_threads, World world) : max_threads_(max_threads), world_(std::move(world)) {}

  void submit(Header& job, Nanos cost);
  /// A thread for a worker whose own one blocks; false if none is left.
  [[nodiscard]] bool lend_thread();
  void return_thread();
  /// What runs ends now, what waits is cancelled, and so is what comes from now on.
  void close();

  [[nodiscard]] std::size_t threads() const { return threads_; }  // once made, they stay
  [[nodiscard]] std::size_t idle() const { return threads_ - taken(); }
  [[nodiscard]] std::size_t queued() const { return queue_.size(); }
  /// Jobs not ended yet, waiting or running.
  [[nodiscard]] std::size_t unfinished() const { return queue_.size() + running_.size(); }

 private:
  struct Job {
    Header* task;  // holds the queue's reference
    Nanos cost;
  };
  [[nodiscard]] std::size_t taken() const { return running_.size() + lent_; }
  void start(Job job);
  void start_waiting();
  void finish(Header& task);
  void refuse(Header& task);

  const std::uint32_t max_threads_;
  const World world_;
  std::deque<Job> queue_;
  std::vector<Header*> running_;  // in the order of their starts
  std::size_t lent_ = 0;          // threads
  std::size_t threads_ = 0;
  bool is_closed_ = false;
};

}  // namespace rt
