// A timeline's lanes as structured NumPy arrays, unpacked from the records that the workers write.
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
  const auto formats = py::make_tuple("<i8", "<u8", "<u4", "<u4", "<u4", "u1");
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

rt::Timeline& with_lane(const TimelineView& view, std::uint32_t lane) {
  if (lane >= view.timeline->lanes()) {
    throw py::index_error("lane " + std::to_string(lane) + "; there are 0.." + std::to_string(view.timeline->lanes() - 1));
  }
  return *view.timeline;
}

/// What has been written so far.
py::array events(const TimelineView& self, std::uint32_t lane) {
  rt::Timeline& timeline = with_lane(self, lane);
  auto found = std::make_unique<std::vector<rt::TimelineEvent>>();
  {
    const py::gil_scoped_release released;
    *found = timeline.events(lane);
  }
  const auto& from = *found;
  const py::capsule owner(found.release(), [](void* vector) { delete static_cast<std::vector<rt::TimelineEvent>*>(vector); });
  py::array array(event_dtype(), {from.size()}, {sizeof(rt::TimelineEvent)}, from.data(), owner);
  array.attr("setflags")(py::arg("write") = false);
  return array;
}

py::object turn_on(World& world, std::size_t capacity) {
  world.check_touch("timeline_on()");
  return timeline_object(world.start_timeline(capacity));
}

void turn_off(World& world) {
  world.check_touch("timeline_off()");
  world.timelines().turn_off();
}

}  // namespace

py::object timeline_object(std::shared_ptr<rt::Timeline> timeline) {
  if (timeline == nullptr) return py::none();
  return py::cast(TimelineView{std::move(timeline)});
}

void init_timeline(py::module_& module) {
  py::class_<TimelineView>(module, "Timeline",
                           "Events of workers: one lane a worker and a last one for all others, of a simulation a single one.")
      .def_property_readonly("lanes", [](const TimelineView& self) { return self.timeline->lanes(); })
      .def_property_readonly(
          "capacity", [](const TimelineView& self) { return self.timeline->capacity(); },
          "Events for which a lane has room in any case.")
      .def("events", &events, py::arg("lane"), "The lane's events so far: a read-only structured array.")
      .def(
          "size", [](const TimelineView& self, std::uint32_t lane) { return with_lane(self, lane).size(lane); }, py::arg("lane"),
          "How many those are.")
      .def(
          "dropped", [](const TimelineView& self, std::uint32_t lane) { return with_lane(self, lane).lane(lane).dropped(); },
          py::arg("lane"), "Events that found the lane full.");
  module.def("timeline_on", &turn_on, py::arg("world"), py::arg("capacity"),
             "Starts a new timeline of that many events a worker; workers join in at their next upkeep.");
  module.def("timeline_off", &turn_off, py::arg("world"), "Events are not written any more; what was written stays.");
  module.def(
      "timeline_of", [](World& world) { return timeline_object(world.timelines().current()); }, py::arg("world"),
      "The timeline that is being written, or None.");
  module.attr("TIMELINE_CAPACITY") = rt::tuning::timeline_capacity;
  py::tuple kinds =
      py::make_tuple("none", "poll_begin", "poll_end", "spawn", "wake", "steal_try", "steal", "park", "unpark", "inject_push",
                     "inject_pop", "overflow", "block_begin", "block_end", "dump", "timers", "lane_wait");
  if (kinds.size() != static_cast<std::size_t>(rt::EventKind::count)) throw std::logic_error("EVENT_KINDS lacks a kind");
  module.attr("EVENT_KINDS") = kinds;
}

}  // namespace bind
