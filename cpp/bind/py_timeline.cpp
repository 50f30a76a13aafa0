// A timeline's lanes as structured NumPy arrays over the memory that the workers write to: nothing is copied.
#include "bind/py_timeline.hpp"

#include <pybind11/numpy.h>

#include "bind/classes.hpp"
#include "bind/runtime_state.hpp"

namespace bind {
namespace {

struct TimelineView {
  std::shared_ptr<rt::Timeline> timeline;
};

py::dtype event_dtype() {
  const auto names = py::make_tuple("at", "task", "worker", "other", "count", "kind");
  const auto formats = py::make_tuple("<u8", "<u8", "<u4", "<u4", "<u4", "u1");
  const auto offsets =
      py::make_tuple(offsetof(rt::TimelineEvent, at), offsetof(rt::TimelineEvent, task), offsetof(rt::TimelineEvent, worker),
                     offsetof(rt::TimelineEvent, other), offsetof(rt::TimelineEvent, count), offsetof(rt::TimelineEvent, kind));
  py::dict fields;
  fields["names"] = names;
  fields["formats"] = formats;
  fields["offsets"] = offsets;
  fields["itemsize"] = sizeof(rt::TimelineEvent);
  return py::dtype::from_args(fields);
}

rt::Timeline::Lane& lane_of(const TimelineView& view, std::uint32_t lane) {
  if (lane >= view.timeline->lanes()) {
    throw py::index_error("lane " + std::to_string(lane) + "; there are 0.." + std::to_string(view.timeline->lanes() - 1));
  }
  return view.timeline->lane(lane);
}

/// What has been written so far; the array keeps the timeline alive.
py::array events(const py::object& self, std::uint32_t lane) {
  const auto& from = lane_of(self.cast<const TimelineView&>(), lane);
  py::array array(event_dtype(), {from.size()}, {sizeof(rt::TimelineEvent)}, from.events(), self);
  array.attr("setflags")(py::arg("write") = false);
  return array;
}

py::object turn_on(RuntimeState& runtime, std::size_t capacity) {
  return timeline_object(runtime.shared().start_timeline(capacity));
}

}  // namespace

py::object timeline_object(std::shared_ptr<rt::Timeline> timeline) {
  if (timeline == nullptr) return py::none();
  return py::cast(TimelineView{std::move(timeline)});
}

void init_timeline(py::module_& module) {
  py::class_<TimelineView>(module, "Timeline", "Events of workers, one lane a worker and a last one for all others.")
      .def_property_readonly("lanes", [](const TimelineView& self) { return self.timeline->lanes(); })
      .def("events", &events, py::arg("lane"), "The lane's records so far: a read-only structured array, not a copy.")
      .def(
          "dropped", [](const TimelineView& self, std::uint32_t lane) { return lane_of(self, lane).dropped(); }, py::arg("lane"),
          "Records that found the lane full.");
  module.def("timeline_on", &turn_on, py::arg("runtime"), py::arg("capacity"),
             "Starts a new timeline of that many events a worker; workers join in at their next upkeep.");
  module.def("timeline_off", [](RuntimeState& runtime) { runtime.shared().timelines.turn_off(); }, py::arg("runtime"));
  module.def(
      "timeline_of", [](RuntimeState& runtime) { return timeline_object(runtime.shared().timelines.current()); },
      py::arg("runtime"), "The timeline that is being written, or None.");
  py::tuple kinds =
      py::make_tuple("none", "poll_begin", "poll_end", "spawn", "wake", "steal_try", "steal", "park", "unpark", "inject_push",
                     "inject_pop", "overflow", "block_begin", "block_end", "dump", "timers", "lane_wait");
  if (kinds.size() != static_cast<std::size_t>(rt::EventKind::count)) throw std::logic_error("EVENT_KINDS lacks a kind");
  module.attr("EVENT_KINDS") = kinds;
}

}  // namespace bind
