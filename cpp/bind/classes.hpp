// One function a file of classes: what module.cpp lists.
#pragma once

#include "bind/gil.hpp"

namespace bind {

void init_wait(py::module_& module);
void init_deadline(py::module_& module);
void init_handle(py::module_& module);
void init_world(py::module_& module);
void init_spawn(py::module_& module);
void init_runtime(py::module_& module);
void init_policy(py::module_& module);
void init_simulation(py::module_& module);
void init_calibrate(py::module_& module);
void init_metrics(py::module_& module);
void init_inside(py::module_& module);
void init_region(py::module_& module);
void init_record(py::module_& module);
void init_sync(py::module_& module);
void init_channels(py::module_& module);
void init_simulate(py::module_& module);
void init_dump(py::module_& module);
void init_workload(py::module_& module);
void init_timeline(py::module_& module);

}  // namespace bind
