#include "rt/observe/timeline.hpp"

#include <new>
#include <optional>

#include "rt/env/pages.hpp"

namespace rt {
namespace {

constexpr std::uint64_t task_of(std::uint64_t what) { return what & ((std::uint64_t{1} << Timeline::task_bits) - 1); }
constexpr EventKind kind_of(std::uint64_t what) {
  return static_cast<EventKind>((what & ~(Timeline::is_wide | Timeline::counts_one)) >> Timeline::task_bits);
}
/// How many slots the record that begins with this word has, and how many events it tells.
constexpr std::ptrdiff_t slots_of(std::uint64_t what) { return (what & Timeline::is_wide) != 0 ? 2 : 1; }
constexpr std::size_t events_of(std::uint64_t what) { return (what & ~task_of(what)) == Timeline::next_poll_tag ? 2 : 1; }

}  // namespace

void Timeline::Lane::drop() noexcept {
  dropped_.store(dropped_.load(relaxed) + 1, relaxed);  // relaxed: a figure, with one writer
}

void Timeline::Lane::write_end() noexcept {
  const Ticks at = std::exchange(ended_, 0);
  Slot* const to = next_.load(relaxed);
  if (to == end_) return drop();
  put(to, at, tag(EventKind::poll_end));
}

void Timeline::Lane::add(const TimelineEvent& event) noexcept {
  settle();
  Slot* const to = next_.load(relaxed);
  const std::uint64_t what = tag(event.kind) | event.task;
  const bool is_short = event.worker == worker_ && event.other == TimelineEvent::nobody && event.count <= 1;
  if (end_ - to < (is_short ? 1 : 2)) {
    short_end_ = end_ = to;  // nothing shorter comes after what was dropped
    return drop();
  }
  if (is_short) return put(to, event.at, what | (event.count == 1 ? counts_one : 0));
  to[1] = {event.other | std::uint64_t{event.count} << 32, event.worker};
  *to = {event.at, what | is_wide};
  next_.store(to + 2, release);  // release: as in put()
}

Timeline::Timeline(std::uint32_t lanes, std::size_t capacity, Times times, Lanes whose)
    : lane_count_(lanes),
      capacity_(capacity),
      lanes_(std::make_unique<Lane[]>(lanes)),
      memory_(static_cast<Slot*>(take_pages(lanes * capacity * 2 * sizeof(Slot)))) {
  if (memory_ == nullptr) throw std::bad_alloc();
  if (times == Times::cheapest && has_tick_counter()) scale_ = std::make_unique<TickScale>();
  constexpr std::uint32_t nobodys = TimelineEvent::nobody - 1;  // so that each record says whose it is
  for (std::uint32_t i = 0; i < lanes; ++i) {
    Lane& lane = lanes_[i];
    lane.begin_ = memory_.get() + i * 2 * capacity;
    lane.end_ = lane.begin_ + 2 * capacity;
    lane.next_.store(lane.begin_, relaxed);  // relaxed: not shared yet
    lane.uses_counter_ = scale_ != nullptr;
    lane.short_end_ = times == Times::cheapest && !lane.uses_counter_ ? lane.begin_ : lane.end_;
    lane.worker_ = whose == Lanes::common ? nobodys : i + 1 == lanes ? TimelineEvent::nobody : i;
  }
}

std::size_t Timeline::size(std::uint32_t lane) const {
  std::size_t events = 0;
  const auto [begin, end] = lanes_[lane].published();
  for (const Slot* slot = begin; slot != end; slot += slots_of(slot->what)) events += events_of(slot->what);
  return events;
}

std::vector<TimelineEvent> Timeline::events(std::uint32_t lane) {
  const auto [begin, end] = lanes_[lane].published();
  std::size_t count = 0;
  Ticks newest = 0;
  for (const Slot* slot = begin; slot != end; slot += slots_of(slot->what)) {
    count += events_of(slot->what);
    newest = std::max(newest, slot->at);
  }
  std::vector<TimelineEvent> found;
  found.reserve(count);
  std::optional<TickReader> times;
  if (scale_ != nullptr) times.emplace(scale_->up_to(newest));
  const std::uint32_t worker = lanes_[lane].worker_;
  Nanos last = 0;
  std::uint64_t polled = 0;
  for (const Slot* slot = begin; slot != end; slot += slots_of(slot->what)) {
    TimelineEvent event{slot->at, task_of(slot->what), worker, TimelineEvent::nobody, 0, kind_of(slot->what)};
    // Two readings of the counter that nothing orders may come the other way round.
    if (times) event.at = last = std::max(last, (*times)(slot->at));
    if ((slot->what & is_wide) != 0) {
      event.other = static_cast<std::uint32_t>(slot[1].at);
      event.count = static_cast<std::uint32_t>(slot[1].at >> 32);
      event.worker = static_cast<std::uint32_t>(slot[1].what);
    } else if ((slot->what & counts_one) != 0) {
      event.count = 1;
    }
    if (events_of(slot->what) == 2) {
      found.push_back({event.at, polled, worker, TimelineEvent::nobody, 0, EventKind::poll_end});
      event.kind = EventKind::poll_begin;
    }
    if (event.kind == EventKind::poll_end && event.task == 0) event.task = polled;
    if (event.kind == EventKind::poll_begin) polled = event.task;
    found.push_back(event);
  }
  return found;
}

}  // namespace rt
