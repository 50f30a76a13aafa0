#include "rt/task/spawn_batch.hpp"

#include <utility>

namespace rt {

void SpawnBatch::add(Header& task) {
  prepare_header(task, home_, {}, at_);
  (first_ == nullptr ? first_ : last_->queue_next) = &task;
  last_ = &task;
  ++size_;
  task.state.init_new();
}

void SpawnBatch::start() {
  if (first_ != nullptr) home_.submit_batch(*std::exchange(first_, nullptr), *last_, std::exchange(size_, 0));
}

}  // namespace rt
