// The extension module: the list of its classes, nothing else. Each stands in its own py_*.cpp.
#include "bind/classes.hpp"
#include "rt/features.hpp"
#include "rt/version.hpp"

PYBIND11_MODULE(_core, module, pybind11::mod_gil_not_used()) {
  module.doc() = "The C++ runtime. Private: import stealscope instead.";
  bind::init_wait(module);
  bind::init_deadline(module);
  bind::init_handle(module);
  bind::init_world(module);
  bind::init_runtime(module);
  bind::init_spawn(module);
  bind::init_policy(module);
  bind::init_simulation(module);
  bind::init_calibrate(module);
  bind::init_metrics(module);
  bind::init_inside(module);
  bind::init_region(module);
  bind::init_record(module);
  bind::init_sync(module);
  bind::init_channels(module);
  bind::init_simulate(module);
  bind::init_dump(module);
  bind::init_workload(module);
  bind::init_timeline(module);
  module.attr("VERSION") = rt::version();
  module.attr("COMPILER") = rt::compiler();
  module.attr("FEATURES") = pybind11::dict(pybind11::arg("unstable_metrics") = rt::unstable_metrics,
                                           pybind11::arg("taskdump") = rt::taskdump, pybind11::arg("timeline") = rt::timeline);
}
