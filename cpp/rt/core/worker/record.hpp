// What goes onto the timeline, and which timeline is it? See observe/timeline.hpp.
//
// Invariant: with no timeline a record costs one look at a pointer; with one, what each task does is written without a call.
#pragma once

#include <algorithm>
#include <limits>

#include "rt/core/worker.hpp"

namespace rt {

/// The switch was turned: from now on onto the new one, or onto none.
template <Environment Env>
void Worker<Env>::follow_timeline() {
  settle_record();
  timeline_epoch_ = shared_.timelines.epoch();
  timeline_ = shared_.timelines.current();
  recorder_ = timeline_ != nullptr ? &timeline_->lane(index_) : nullptr;
}

template <Environment Env>
void Worker<Env>::write_record(EventKind kind, std::uint64_t task, std::uint32_t other, std::uint64_t count) {
  // The one that this worker says it is in: the task may be gone.
  if (kind == EventKind::poll_end) task = remote_.metrics.in_poll_task.load(relaxed);  // relaxed: our own
  const auto most = std::uint64_t{std::numeric_limits<std::uint32_t>::max()};
  const Ticks now = world_.ticks(recorder_->uses_counter());
  recorder_->add({now, task, index_, other, static_cast<std::uint32_t>(std::min(count, most)), kind});
}

template <Environment Env>
[[gnu::always_inline]] inline void Worker<Env>::record_poll_begin(std::uint64_t task) {
  if constexpr (timeline) {
    if (recorder_ == nullptr) return;
    if constexpr (!Env::simulated) {
      if (recorder_->go_on_to(task)) return;
    }
    record_short<EventKind::poll_begin>(task);
  }
}

template <Environment Env>
template <EventKind kind>
[[gnu::always_inline]] inline void Worker<Env>::record_short(std::uint64_t task, std::uint32_t count) {
  // What another thread did first, a push to the shared queue, has the earlier time.
  constexpr bool in_order = kind == EventKind::inject_pop;
  if constexpr (timeline) {
    if (recorder_ == nullptr) return;
    if constexpr (!Env::simulated) {
      // A spawn is inside a poll. One between two polls, of a hook, comes before the end of the first then, which is read as no earlier.
      if constexpr (kind != EventKind::spawn) recorder_->settle();
      const std::uint64_t what = Timeline::tag(kind) | (count != 0 ? Timeline::counts_one : 0) | task;
      if (recorder_->add_short(in_order ? world_.ticks(true) : world_.counter(), what)) return;
    }
    write_record(kind, task, TimelineEvent::nobody, count);
  }
}

template <Environment Env>
[[gnu::always_inline]] inline void Worker<Env>::record_poll_end() {
  if constexpr (timeline) {
    if (recorder_ == nullptr) return;
    if constexpr (!Env::simulated) {
      if (recorder_->uses_counter()) [[likely]]
        return recorder_->note_end(world_.counter());
    }
    write_record(EventKind::poll_end, 0, TimelineEvent::nobody, 0);
  }
}

}  // namespace rt
