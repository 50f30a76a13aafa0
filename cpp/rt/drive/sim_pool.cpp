#include "rt/drive/sim_pool.hpp"

#include <algorithm>

#include "rt/task/lane.hpp"
#include "rt/task/poll.hpp"
#include "rt/task/waker.hpp"

namespace rt {
namespace {

class InLane {
 public:
  explicit InLane(Lane* lane) : lane_(lane) {
    if (lane_ != nullptr) lane_->enter();
  }
  ~InLane() {
    if (lane_ != nullptr) lane_->leave();
  }
  InLane(const InLane&) = delete;
  InLane& operator=(const InLane&) = delete;

 private:
  Lane* lane_;  // its own: the job may be gone by then
};

}  // namespace

void SimPool::submit(Header& job, Nanos cost) {
  if (is_closed_) return refuse(job);
  if (running_.size() == max_threads_) return queue_.push_back({&job, cost});
  start({&job, cost});
}

void SimPool::start(Job job) {
  Header& task = *job.task;
  running_.push_back(&task);
  threads_ = std::max(threads_, running_.size());
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
  const Nanos now = world_.now();
  world_.call_at(job.cost > no_deadline - now ? no_deadline : now + job.cost, [this, &task] { finish(task); });
}

void SimPool::finish(Header& task) {
  std::erase(running_, &task);
  world_.outside([&] {
    const InLane lane(task.lane);
    publish_job(task);
  });
  while (!queue_.empty() && running_.size() < max_threads_) {
    const Job next = queue_.front();
    queue_.pop_front();
    start(next);
  }
}

void SimPool::close() {
  is_closed_ = true;
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
