// Native workloads from Python: values in, one task that runs them without the GIL, a record out.
#pragma once

#include <memory>
#include <vector>

#include "bind/py_join.hpp"
#include "rt/workload/workload.hpp"

namespace bind {

struct NativeWorkload {
  rt::WorkloadPtr workload;                                         // checked
  std::vector<std::shared_ptr<std::vector<std::int64_t>>> outputs;  // of its open systems: sojourns, ns, by arrival
};

/// `preorder`: a list of (kind, integers, arrays), see rt/workload/workload.hpp. Throws std::invalid_argument.
NativeWorkload native_workload(const py::list& preorder);

/// (answers, started, ended, outputs): the outputs are NumPy arrays that keep what they show.
py::tuple record_tuple(const RunRecord& record);

/// In a context with a home. The handle's result is `transform(record_tuple(...))`.
py::object spawn_workload(const std::shared_ptr<World>& runtime, const py::list& preorder, const rt::SpawnOptions& options,
                          const py::object& transform);

}  // namespace bind
