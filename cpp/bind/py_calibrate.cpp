// Measures this machine for a cost table: names in, samples out.
#include <pybind11/stl.h>

#include "bind/classes.hpp"
#include "rt/drive/measure_costs.hpp"

namespace bind {
namespace {

const char* cost_name(rt::Cost cost) {
  switch (cost) {
    case rt::Cost::pop: return "pop";
    case rt::Cost::push: return "push";
    case rt::Cost::spawn: return "spawn";
    case rt::Cost::poll: return "poll";
    case rt::Cost::steal_hit: return "steal_hit";
    case rt::Cost::steal_miss: return "steal_miss";
    case rt::Cost::move: return "move";
    case rt::Cost::inject: return "inject";
    case rt::Cost::park: return "park";
    case rt::Cost::unpark: return "unpark";
    case rt::Cost::wake_latency: return "wake_latency";
    case rt::Cost::timers: return "timers";
    case rt::Cost::count: break;
  }
  return "";
}

py::dict measure_costs(std::uint32_t rounds) {
  std::vector<rt::MeasuredCost> measured;
  {
    const WithoutGil unlocked;
    measured = rt::measure_costs(rounds);
  }
  py::dict result;
  for (const rt::MeasuredCost& cost : measured) result[cost_name(cost.cost)] = cost.samples;
  return result;
}

}  // namespace

void init_calibrate(py::module_& module) {
  module.def("measure_costs", &measure_costs, py::arg("rounds"), "Samples of each cost, ns.");
}

}  // namespace bind
