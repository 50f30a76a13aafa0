#include "bind/py_workload.hpp"

#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include "rt/workload/workload.hpp"

namespace bind {
namespace {

using Array = py::array_t<std::int64_t, py::array::c_style>;

/// Keeps NumPy arrays alive while C++ reads them; may be dropped on any thread.
struct KeptArrays {
  std::vector<PyRef> arrays;
};

rt::Workload workload_from(const py::tuple& triple, KeptArrays& kept) {
  rt::Workload workload;
  workload.kind = triple[0].cast<std::string>();
  workload.ints = triple[1].cast<std::vector<std::int64_t>>();
  for (const py::handle item : triple[2].cast<py::tuple>()) {
    const auto array = py::reinterpret_borrow<py::object>(item).cast<Array>();
    workload.arrays.emplace_back(array.data(), static_cast<std::size_t>(array.size()));
    kept.arrays.push_back(PyRef::borrow(array.ptr()));
  }
  return workload;
}

rt::Task<RunRecord> run_and_time(rt::WorkloadPtr workload) {
  RunRecord record;
  rt::Home& home = *rt::current()->home;
  record.started = home.now();
  record.answers = co_await rt::run_in_place(workload);
  record.ended = home.now();
  co_return record;
}

}  // namespace

std::unique_ptr<JoinHandle> spawn_workload(const std::shared_ptr<World>& runtime, const py::list& preorder,
                                           const rt::SpawnOptions& options, const py::object& transform) {
  auto kept = std::make_shared<KeptArrays>();
  std::vector<rt::Workload> walk;
  for (const py::handle item : preorder) walk.push_back(workload_from(item.cast<py::tuple>(), *kept));
  rt::Workload whole = rt::assemble_workload(std::move(walk));
  rt::check_workload(whole);
  whole.keep = kept;
  auto workload = std::make_shared<const rt::Workload>(std::move(whole));
  auto handle = rt::spawn_with(options, {}, run_and_time, std::move(workload));
  rt::JoinRef ref = std::move(handle).into_ref();
  auto result = std::make_unique<JoinHandle>(std::move(ref), runtime, transform.is_none() ? py::object() : transform);
  return result;
}

}  // namespace bind
