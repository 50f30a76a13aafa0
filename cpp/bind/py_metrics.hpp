// The published figures as Python dicts. Reads relaxed atomics; takes no lock of a worker.
#pragma once

#include "bind/runtime_state.hpp"

namespace bind {

py::dict worker_metrics(RuntimeState& runtime, std::uint32_t worker);
py::dict scheduler_metrics(RuntimeState& runtime);
void init_metrics(py::module_& module, py::class_<RuntimeState, std::shared_ptr<RuntimeState>>& runtime);

/// Raises FeatureNotEnabled naming the build option.
void need_feature(bool built, const char* what, const char* option);
/// Throws IndexError for a worker that is not there.
void check_worker(RuntimeState& runtime, std::int64_t worker);

}  // namespace bind
