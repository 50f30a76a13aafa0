#include "rt/drive/sim_pool.hpp"

#include <algorithm>

#include "rt/task/lane.hpp"
#include "rt/task/poll.hpp"
#include "rt/task/waker.hpp"

namespace rt {

void SimPool::submit(Header& job, Nanos cost) {
  if (is_closed_) return refuse(job);
  if (taken() == max_threads_) return queue_.push_back({&job, cost});
  start({&job, cost});
}

void SimPool::start(Job job) {
  Header& task = *job.task;
  running_.push_back(&task);
  threads_ = std::max(threads_, taken());
  bool has_run = false;
  world_.outside([&] {
    const InLane lane(task.lane);
    has_run = run_unpublished(task);
  });
  if (!has_run) {  // it was cancelled while it waited, and has ended
    std::erase(running_, &task);
    return;
  }
  if (job.cost == 0) return finish(task);
  world_.call_at(later_by(job.cost, world_.now()), [this, &task] { finish(task); });
}

void SimPool::finish(Header& task) {
  std::erase(running_, &task);
  world_.outside([&] {
    const InLane lane(task.lane);
    publish_job(task);
  });
  start_waiting();
}

void SimPool::start_waiting() {
  while (!queue_.empty() && taken() < max_threads_) {
    const Job next = queue_.front();
    queue_.pop_front();
    start(next);
  }
}

bool SimPool::lend_thread() {
  if (taken() == max_threads_) return false;
  ++lent_;
  threads_ = std::max(threads_, taken());
  return true;
}

void SimPool::return_thread() {
  --lent_;
  start_waiting();
}

void SimPool::close() {
  is_closed_ = true;
  lent_ = 0;  // who blocked has been ended
  for (const Job& job : std::exchange(queue_, {})) refuse(*job.task);
  while (!running_.empty()) finish(*running_.front());
}

void SimPool::refuse(Header& task) {
  world_.outside([&] {
    const InLane lane(task.lane);
    shut_down_task(task);
    drop_reference(task);
  });
}

}  // namespace rt
