// What goes onto the timeline, and which timeline is it? See observe/timeline.hpp.
#pragma once

#include <algorithm>
#include <limits>

#include "rt/core/worker.hpp"

namespace rt {

/// The switch was turned: from now on onto the new one, or onto none.
template <Environment Env>
void Worker<Env>::follow_timeline() {
  timeline_epoch_ = shared_.timelines.epoch();
  timeline_ = shared_.timelines.current();
  recorder_ = timeline_ != nullptr ? &timeline_->lane(index_) : nullptr;
}

template <Environment Env>
void Worker<Env>::write_record(EventKind kind, std::uint64_t task, std::uint32_t other, std::uint64_t count) {
  if (kind == EventKind::poll_begin) recorded_poll_ = task;
  if (kind == EventKind::poll_end) task = recorded_poll_;  // the task may be gone
  const auto most = std::uint64_t{std::numeric_limits<std::uint32_t>::max()};
  recorder_->add({world_.now(), task, index_, other, static_cast<std::uint32_t>(std::min(count, most)), kind});
}

}  // namespace rt
