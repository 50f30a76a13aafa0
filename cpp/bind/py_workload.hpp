// Native workloads from Python: values in, one task that runs them without the GIL, a record out.
#pragma once

#include <memory>

#include "bind/py_join.hpp"

namespace bind {

/// `preorder`: a list of (kind, integers, arrays), see rt/workload/workload.hpp. In a context with a home. The handle's
/// result is `transform((answers, started_ns, ended_ns))`.
std::unique_ptr<JoinHandle> spawn_workload(const std::shared_ptr<World>& runtime, const py::list& preorder,
                                           const rt::SpawnOptions& options, const py::object& transform);

}  // namespace bind
