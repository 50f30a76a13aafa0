#include "bind/py_metrics.hpp"

#include <pybind11/stl.h>

#include "bind/sim_state.hpp"
#include "rt/features.hpp"
#include "rt/observe/metric_list.hpp"

namespace bind {
namespace {

constexpr auto relaxed = std::memory_order::relaxed;  // figures, each on its own

py::object histogram_dict(const std::optional<rt::HistogramCells>& cells) {
  if (!cells) return py::none();
  py::dict result;
  result["edges_ns"] = py::cast(cells->config().edges());
  result["counts"] = py::cast(cells->counts());
  return result;
}

void add_in_poll(const World& world, const rt::WorkerMetrics& metrics, py::dict& result) {
  const auto poll = metrics.read_in_poll();
  result["in_poll_since"] = poll ? py::object(py::int_(rt::saturating_sub(poll->since_ns, world.started_at()))) : py::none();
  result["in_poll_task"] = poll ? py::object(py::int_(poll->task)) : py::none();
}

}  // namespace

void need_feature(bool built, const char* what, const char* option) {
  if (built) return;
  throw_stealscope_error("FeatureNotEnabled",
                         std::string(what) + " needs a build with " + option + "=ON; this one has it OFF (see features())");
}

void check_worker(const World& world, std::int64_t worker) {
  const std::uint32_t workers = world.workers();
  if (worker >= 0 && worker < workers) return;
  throw py::index_error("worker " + std::to_string(worker) + " is out of range; need 0.." + std::to_string(workers - 1));
}

namespace {

template <class State>
py::dict worker_metrics(State& runtime, std::uint32_t worker) {
  auto& remote = *runtime.shared().remotes[worker];
  const rt::WorkerMetrics& metrics = remote.metrics;
  py::dict result;
  result["busy_duration_total"] = metrics.busy_duration_total.load(relaxed);
  result["queue_depth"] = remote.queue.len();
  result["thread_id"] = metrics.thread_id.load(relaxed);
  result["park_count"] = metrics.park_count.load(relaxed);
  result["park_unpark_count"] = metrics.park_unpark_count.load(relaxed);
  if constexpr (rt::unstable_metrics) {
    result["noop_count"] = metrics.noop_count.load(relaxed);
    result["steal_count"] = metrics.steal_count.load(relaxed);
    result["steal_operations"] = metrics.steal_operations.load(relaxed);
    result["poll_count"] = metrics.poll_count.load(relaxed);
    result["mean_poll_time"] = metrics.mean_poll_time.load(relaxed);
    result["local_schedule_count"] = metrics.local_schedule_count.load(relaxed);
    result["overflow_count"] = metrics.overflow_count.load(relaxed);
    result["poll_count_histogram"] = histogram_dict(metrics.poll_histogram);
    result["task_poll_count"] = metrics.task_poll_count.load(relaxed);
    result["task_poll_histogram"] = histogram_dict(metrics.task_poll_histogram);
    result["schedule_latency_histogram"] = histogram_dict(metrics.latency_histogram);
    add_in_poll(runtime, metrics, result);
    result["gil_wait_count"] = metrics.lane_wait_count.load(relaxed);
    result["gil_wait_time"] = metrics.lane_wait_time.load(relaxed);
    result["searching_duration_total"] = metrics.searching_duration_total.load(relaxed);
    result["parked_duration_total"] = metrics.parked_duration_total.load(relaxed);
  }
  return result;
}

template <class State>
py::dict scheduler_metrics(State& runtime) {
  need_feature(rt::unstable_metrics, "scheduler_metrics()", "UNSTABLE_METRICS");
  py::dict result;
  result["remote_schedule_count"] = runtime.shared().metrics().remote_schedule_count();
  result["budget_forced_yield_count"] = runtime.shared().metrics().budget_forced_yield_count();
  return result;
}

/// Who sleeps and how many search, read together under the lock: for a runtime at rest.
template <class State>
py::dict idle_state(State& runtime) {
  auto& shared = runtime.shared();
  std::vector<std::uint32_t> sleepers;
  std::uint32_t unparked = 0;
  std::uint32_t searching = 0;
  {
    const std::scoped_lock lock(shared.mutex);
    sleepers = shared.idle_synced.sleepers;
    unparked = shared.idle.unparked();
    searching = shared.idle.searching();
  }
  py::dict result;
  result["sleepers"] = sleepers;
  result["unparked"] = unparked;
  result["searching"] = searching;
  return result;
}

/// The methods that Handle asks, the same for each kind of world.
template <class State>
void add_figures(py::class_<State, World, std::shared_ptr<State>>& type) {
  type.def("num_workers", [](State& r) { return r.shared().options.workers; })
      .def("num_alive_tasks", [](State& r) { return r.shared().alive_tasks(); })
      .def("injection_queue_depth", [](State& r) { return r.shared().inject.len(); })
      .def("elapsed", &State::elapsed)
      .def("spawned_tasks_count",
           [](State& r) {
             need_feature(rt::unstable_metrics, "spawned_tasks_count()", "UNSTABLE_METRICS");
             return r.shared().spawned_tasks();
           })
      .def("num_blocking_threads",
           [](State& r) {
             need_feature(rt::unstable_metrics, "num_blocking_threads()", "UNSTABLE_METRICS");
             return r.pool_threads();
           })
      .def("num_idle_blocking_threads",
           [](State& r) {
             need_feature(rt::unstable_metrics, "num_idle_blocking_threads()", "UNSTABLE_METRICS");
             return r.idle_pool_threads();
           })
      .def("blocking_queue_depth",
           [](State& r) {
             need_feature(rt::unstable_metrics, "blocking_queue_depth()", "UNSTABLE_METRICS");
             return r.queued_jobs();
           })
      .def("worker_local_queue_depth",
           [](State& r, std::int64_t worker) {
             need_feature(rt::unstable_metrics, "worker_local_queue_depth()", "UNSTABLE_METRICS");
             check_worker(r, worker);
             return r.shared().remotes[static_cast<std::size_t>(worker)]->queue.len();
           })
      .def("worker_metrics",
           [](State& r, std::int64_t worker) {
             check_worker(r, worker);
             return worker_metrics(r, static_cast<std::uint32_t>(worker));
           })
      .def("scheduler_metrics", &scheduler_metrics<State>)
      .def("idle_state", &idle_state<State>)
      .def_property_readonly("is_closed", [](State& r) { return r.shared().is_closed(); });
}

}  // namespace

void add_metrics(py::class_<RuntimeState, World, std::shared_ptr<RuntimeState>>& runtime) { add_figures(runtime); }
void add_metrics(py::class_<SimState, World, std::shared_ptr<SimState>>& machine) { add_figures(machine); }

void init_metrics(py::module_& module) {
  py::list table;
  for (const rt::MetricInfo& metric : rt::metric_list) {
    table.append(py::make_tuple(std::string(metric.name), std::string(metric.unit), std::string(rt::to_string(metric.kind)),
                                std::string(rt::to_string(metric.scope)), std::string(metric.meaning), metric.available()));
  }
  module.attr("METRIC_LIST") = py::tuple(table);
}

}  // namespace bind
