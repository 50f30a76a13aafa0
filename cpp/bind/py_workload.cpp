#include "bind/py_workload.hpp"

#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include "bind/classes.hpp"
#include "rt/workload/counter_random.hpp"
#include "rt/workload/law.hpp"
#include "rt/workload/uts.hpp"

namespace bind {
namespace {

using Array = py::array_t<std::int64_t, py::array::c_style>;
using Numbers = std::vector<std::int64_t>;

/// Keeps NumPy arrays alive while C++ reads them; may be dropped on any thread.
struct KeptArrays {
  std::vector<PyRef> arrays;
};

rt::Workload workload_from(const py::tuple& triple, KeptArrays& kept) {
  rt::Workload workload;
  workload.kind = triple[0].cast<std::string>();
  workload.ints = triple[1].cast<Numbers>();
  for (const py::handle item : triple[2].cast<py::tuple>()) {
    const auto array = py::reinterpret_borrow<py::object>(item).cast<Array>();
    workload.arrays.emplace_back(array.data(), static_cast<std::size_t>(array.size()));
    kept.arrays.push_back(PyRef::borrow(array.ptr()));
  }
  return workload;
}

rt::Task<RunRecord> run_and_time(NativeWorkload native) {
  RunRecord record;
  record.outputs = std::move(native.outputs);
  rt::Home& home = *rt::current()->home;
  record.started = home.now();
  record.answers = co_await rt::run_in_place(std::move(native.workload));
  record.ended = home.now();
  co_return record;
}

/// The vector itself as an array, which keeps it.
py::object array_of(const std::shared_ptr<Numbers>& numbers) {
  auto* const keep = new std::shared_ptr<Numbers>(numbers);
  const py::capsule owner(keep, [](void* data) { delete static_cast<std::shared_ptr<Numbers>*>(data); });
  return Array(static_cast<py::ssize_t>(numbers->size()), numbers->data(), owner);
}

/// The draws of jobs 0 .. n - 1: with `column` 0 an open system's gaps, with 1 its sizes.
py::object draw_law(const Numbers& law, const Array& values, std::uint64_t seed, std::size_t n, std::size_t column) {
  const std::span<const std::int64_t> view(values.data(), static_cast<std::size_t>(values.size()));
  const rt::workload::Sampler sampler(rt::workload::Law::from(law, view, "law"));
  auto draws = std::make_shared<Numbers>(n);
  {
    const WithoutGil unlocked;
    for (std::size_t i = 0; i < n; ++i) {
      const rt::workload::Words words = rt::workload::random_words({.seed = seed}, i);
      (*draws)[i] = static_cast<std::int64_t>(sampler.draw(words[2 * column], words[2 * column + 1]));
    }
  }
  return array_of(draws);
}

py::tuple measure_uts(const Numbers& ints) {
  const auto tree = rt::workload::UtsTree::from(ints);
  rt::workload::UtsSize size;
  {
    const WithoutGil unlocked;
    size = rt::workload::measure(tree);
  }
  return py::make_tuple(size.nodes, size.leaves, size.depth);
}

}  // namespace

NativeWorkload native_workload(const py::list& preorder) {
  auto kept = std::make_shared<KeptArrays>();
  NativeWorkload native;
  std::vector<rt::Workload> walk;
  for (const py::handle item : preorder) {
    rt::Workload& workload = walk.emplace_back(workload_from(item.cast<py::tuple>(), *kept));
    if (workload.kind != "open_system" || workload.ints.empty() || workload.ints[0] < 0) continue;
    workload.output = std::make_shared<Numbers>(static_cast<std::size_t>(workload.ints[0]));
    native.outputs.push_back(workload.output);
  }
  rt::Workload whole = rt::assemble_workload(std::move(walk));
  rt::check_workload(whole);
  whole.keep = kept;
  native.workload = std::make_shared<const rt::Workload>(std::move(whole));
  return native;
}

py::tuple record_tuple(const RunRecord& record) {
  py::list outputs;
  for (const auto& output : record.outputs) outputs.append(array_of(output));
  return py::make_tuple(py::cast(record.answers), record.started, record.ended, outputs);
}

py::object spawn_workload(const std::shared_ptr<World>& runtime, const py::list& preorder, const rt::SpawnOptions& options,
                          const py::object& transform) {
  auto handle = rt::spawn_with(options, {}, run_and_time, native_workload(preorder));
  rt::JoinRef ref = std::move(handle).into_ref();
  return make_handle(std::move(ref), runtime, transform.is_none() ? py::object() : transform);
}

void init_workload(py::module_& module) {
  module.def(
      "_check_workload", [](const py::list& preorder) { static_cast<void>(native_workload(preorder)); }, py::arg("preorder"),
      "ValueError for what cannot be run.");
  module.def("_draw_law", &draw_law, py::arg("law"), py::arg("values"), py::arg("seed"), py::arg("n"), py::arg("column"),
             "n draws of a service law, ns.");
  module.def("_measure_uts", &measure_uts, py::arg("ints"), "(nodes, leaves, depth) of a UTS tree, by walking it.");
}

}  // namespace bind
