// Test programs in virtual time, for Hypothesis: data in, data out. Private; ss.Simulation is the public face.
#include <pybind11/stl.h>

#include "bind/classes.hpp"
#include "bind/sim_state.hpp"
#include "rt/drive/run_program.hpp"

namespace bind {
namespace {

py::dict worker_dict(const rt::WorkerFigures& figures) {
  py::dict result;
  result["poll_count"] = figures.poll_count;
  result["task_poll_count"] = figures.task_poll_count;
  result["local_schedule_count"] = figures.local_schedule_count;
  result["steal_count"] = figures.steal_count;
  result["steal_operations"] = figures.steal_operations;
  result["overflow_count"] = figures.overflow_count;
  result["park_count"] = figures.park_count;
  result["noop_count"] = figures.noop_count;
  return result;
}

py::dict task_dict(const rt::TaskRecord& task) {
  py::dict result;
  result["started"] = task.started;
  result["finished"] = task.finished;
  result["cancelled"] = task.cancelled;
  result["polls"] = task.polls;
  result["id"] = task.id;
  return result;
}

template <class T, class F>
py::list list_of(const std::vector<T>& items, F&& make) {
  py::list result;
  for (const T& item : items) result.append(make(item));
  return result;
}

/// `rows`: flat (task, instruction, argument) triples; `schedule`: a byte a decision, see rt::Chooser.
py::dict simulate(std::uint64_t tasks, const std::vector<std::int64_t>& rows, std::uint32_t workers, const py::bytes& schedule,
                  std::uint64_t seed, const std::vector<std::uint64_t>& dump_at) {
  const std::string bytes = schedule;
  const rt::Program program = rt::program_from_rows(tasks, rows);
  rt::ProgramResult run;
  {
    const WithoutGil unlocked;
    run = rt::run_program_sim(program, workers, {bytes.begin(), bytes.end()}, seed, dump_at);
  }
  py::dict result;
  result["end"] = end_name(run.sim.end);
  result["steps"] = run.sim.steps;
  result["now"] = run.sim.now;
  result["decisions"] = run.sim.decisions;
  result["trace_hash"] = run.sim.trace_hash;
  result["tasks"] = list_of(run.tasks, task_dict);
  result["polled"] = run.polled;
  result["workers"] = list_of(run.workers, worker_dict);
  result["spawned"] = run.spawned;
  result["remote_schedule_count"] = run.remote_schedule_count;
  result["budget_forced_yield_count"] = run.budget_forced_yield_count;
  result["dumps"] = list_of(run.dumps, [](const rt::DumpFigures& dump) { return py::make_tuple(dump.complete, dump.ids); });
  return result;
}

}  // namespace

void init_simulate(py::module_& module) {
  module.def("_simulate", &simulate, py::arg("tasks"), py::arg("rows"), py::arg("workers"), py::arg("schedule") = py::bytes(),
             py::arg("seed") = 0, py::arg("dump_at") = std::vector<std::uint64_t>(),
             "Runs a small test program in virtual time; the same arguments give the same result.");
  const char* const names[] = {"work", "yield",  "spawn",  "join",  "sleep", "notify", "wait",
                               "lock", "unlock", "cancel", "block", "send",  "recv"};
  static_assert(std::size(names) == static_cast<std::size_t>(rt::OpKind::count));
  py::dict kinds;
  for (std::size_t kind = 0; kind < std::size(names); ++kind) kinds[names[kind]] = kind;
  module.attr("_OP_KINDS") = kinds;
}

}  // namespace bind
