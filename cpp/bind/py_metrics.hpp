// The published figures as Python dicts. Reads relaxed atomics; takes no lock of a worker.
#pragma once

#include "bind/runtime_state.hpp"

namespace bind {

struct SimState;

void add_metrics(py::class_<RuntimeState, World, std::shared_ptr<RuntimeState>>& runtime);
void add_metrics(py::class_<SimState, World, std::shared_ptr<SimState>>& machine);
/// The table of all metrics.
void init_metrics(py::module_& module);

/// Raises FeatureNotEnabled naming the build option.
void need_feature(bool built, const char* what, const char* option);
/// Throws IndexError for a worker that is not there.
void check_worker(const World& world, std::int64_t worker);

}  // namespace bind
