#include "rt/blocking/pool.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

#include "rt/core/tuning.hpp"

namespace rt {
namespace {

std::chrono::steady_clock::time_point point(Nanos at) {
  return std::chrono::steady_clock::time_point(std::chrono::nanoseconds(at));
}

}  // namespace

BlockingPool::~BlockingPool() {
  close(true);
  std::unique_lock lock(mutex_);
  // Each living thread keeps the pool's owner alive, so the only thread that can still be here is this one.
  for (auto& thread : living_) {
    if (thread.get_id() == std::this_thread::get_id()) thread.detach();
  }
  join_ended(lock);
}

void BlockingPool::submit(Header& task) {
  std::unique_lock lock(mutex_);
  if (closed_) {
    lock.unlock();
    call_.refuse(task);
    return;
  }
  unfinished_.fetch_add(1, relaxed);  // relaxed, here and below: written under the mutex, read as a figure
  queue_.push_back({&task, 0});
  queued_.fetch_add(1, relaxed);
  send_for_another(lock);
}

bool BlockingPool::submit_worker(std::uint32_t worker) {
  std::unique_lock lock(mutex_);
  // A thread is on its way to this worker already, for a block that has ended since: it will find this core instead. Without
  // this look, short blocks in a row would each start a thread, up to the cap. Stand-ins are all at the front.
  for (const Job& job : queue_) {
    if (job.task != nullptr) break;
    if (job.worker == worker) return true;
  }
  // A stand-in is needed at once: it goes before the blocking jobs, and not at all if it would have to queue for ever.
  queue_.push_front({nullptr, worker});
  if (start_for_one_job(lock)) return true;
  queue_.pop_front();
  return false;
}

/// Also what a thread does that has come and taken a job. If every thread is taken, one of them comes to the rest.
void BlockingPool::send_for_another(std::unique_lock<std::mutex>& lock) {
  const std::size_t coming = starting_ + sleepers_.promised();
  if (coming < std::min(queue_.size(), tuning::pool_threads_coming)) static_cast<void>(start_for_one_job(lock));
}

bool BlockingPool::start_for_one_job(std::unique_lock<std::mutex>& lock) {
  if (sleepers_.promise()) {
    // relaxed: under the mutex; read as a figure.
    idle_figure_.store(sleepers_.idle(), relaxed);
    work_.notify_one();
    return true;
  }
  // relaxed: written under the mutex that we hold.
  if (threads_.load(relaxed) >= options_.max_threads) return false;
  auto hold = call_.keep_alive();
  living_.emplace_back();
  const auto self = std::prev(living_.end());
  try {
    // The new thread waits for the mutex, so the assignment is done before it looks.
    *self = std::thread([this, self, kept = std::move(hold)]() mutable { thread_main(self, std::move(kept)); });
  } catch (const std::system_error&) {
    living_.erase(self);  // the system has no thread to give; jobs wait for those that there are
    return false;
  }
  threads_.fetch_add(1, relaxed);
  ++starting_;
  join_ended(lock);
  return true;
}

void BlockingPool::thread_main(std::list<std::thread>::iterator self, std::shared_ptr<void> hold) {
  {
    std::unique_lock lock(mutex_);
    // The job it was made for, if nobody was quicker: a worker's thread is known by the worker's index from its start.
    --starting_;
    const std::optional<Job> first = next_job();
    send_for_another(lock);
    const std::uint32_t index = first && first->task == nullptr ? first->worker : no_worker;
    lock.unlock();
    call_.thread_start(index);
    lock.lock();
    if (first) run(*first, lock);
    work_until_idle_too_long(lock);
    lock.unlock();
    call_.thread_stop(index);
    lock.lock();
    done_.splice(done_.end(), living_, self);
    // relaxed: under the mutex.
    threads_.fetch_sub(1, relaxed);
    ended_.notify_all();
  }
  hold.reset();  // may destroy the pool: nothing after it
}

void BlockingPool::work_until_idle_too_long(std::unique_lock<std::mutex>& lock) {
  for (bool has_just_come = false;;) {
    while (const auto job = next_job()) {
      if (std::exchange(has_just_come, false)) send_for_another(lock);
      run(*job, lock);
    }
    if (closed_ || !sleep(lock)) return;
    has_just_come = true;
  }
}

std::optional<BlockingPool::Job> BlockingPool::next_job() {
  if (queue_.empty()) return std::nullopt;
  const Job job = queue_.front();
  queue_.pop_front();
  // relaxed: under the mutex.
  if (job.task != nullptr) queued_.fetch_sub(1, relaxed);
  return job;
}

void BlockingPool::run(const Job& job, std::unique_lock<std::mutex>& lock) {
  lock.unlock();
  call_.run(job);
  // release: pairs with the acquire in unfinished(); who sees it gone sees what the job did.
  if (job.task != nullptr) unfinished_.fetch_sub(1, release);
  lock.lock();
}

/// True if there may be work; false if it is time to end.
bool BlockingPool::sleep(std::unique_lock<std::mutex>& lock) {
  sleepers_.lie_down();
  // relaxed: under the mutex; read as a figure.
  idle_figure_.store(sleepers_.idle(), relaxed);
  const auto until = point(steady_now() + options_.keep_alive);
  while (!sleepers_.is_promised() && !closed_) {
    if (work_.wait_until(lock, until) == std::cv_status::timeout) break;
  }
  if (sleepers_.get_up()) return true;
  // relaxed: under the mutex; read as a figure.
  idle_figure_.store(sleepers_.idle(), relaxed);
  return closed_ && !queue_.empty();
}

void BlockingPool::close(bool cancel_queued) {
  std::deque<Job> refused;
  {
    const std::scoped_lock lock(mutex_);
    closed_ = true;
    if (cancel_queued) {
      for (auto job = queue_.begin(); job != queue_.end();) {
        if (job->task == nullptr) {
          ++job;
          continue;
        }
        refused.push_back(*job);
        job = queue_.erase(job);
      }
      // relaxed: under the mutex.
      queued_.fetch_sub(refused.size(), relaxed);
    }
    work_.notify_all();
  }
  for (const Job& job : refused) {
    call_.refuse(*job.task);
    unfinished_.fetch_sub(1, release);  // release: as in work_until_idle_too_long()
  }
}

bool BlockingPool::wait_ended(Nanos deadline) {
  std::unique_lock lock(mutex_);
  const auto all_ended = [this] { return living_.empty(); };
  if (deadline == no_deadline) {
    ended_.wait(lock, all_ended);
  } else if (!ended_.wait_until(lock, point(deadline), all_ended)) {
    return false;
  }
  join_ended(lock);
  return true;
}

/// Joins threads that have left their loop; they only have to return.
void BlockingPool::join_ended(std::unique_lock<std::mutex>& lock) {
  std::list<std::thread> done;
  done.splice(done.end(), done_);
  lock.unlock();
  for (auto& thread : done) {
    if (thread.get_id() == std::this_thread::get_id())
      thread.detach();
    else
      thread.join();
  }
  lock.lock();
}

}  // namespace rt
