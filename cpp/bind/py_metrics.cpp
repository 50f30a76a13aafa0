#include "bind/py_metrics.hpp"

#include <pybind11/stl.h>

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

std::uint64_t elapsed(RuntimeState& runtime) { return rt::saturating_sub(rt::steady_now(), runtime.drive->started_at()); }

std::uint64_t blocking_threads(RuntimeState& runtime) {
  return rt::saturating_sub(runtime.drive->pool().threads(), runtime.shared().options.workers);
}

void add_in_poll(RuntimeState& runtime, const rt::WorkerMetrics& metrics, py::dict& result) {
  const auto poll = metrics.read_in_poll();
  result["in_poll_since"] =
      poll ? py::object(py::int_(rt::saturating_sub(poll->since_ns, runtime.drive->started_at()))) : py::none();
  result["in_poll_task"] = poll ? py::object(py::int_(poll->task)) : py::none();
}

}  // namespace

void need_feature(bool built, const char* what, const char* option) {
  if (built) return;
  throw_stealscope_error("FeatureNotEnabled",
                         std::string(what) + " needs a build with " + option + "=ON; this one has it OFF (see features())");
}

void check_worker(RuntimeState& runtime, std::int64_t worker) {
  const std::uint32_t workers = runtime.shared().options.workers;
  if (worker >= 0 && worker < workers) return;
  throw py::index_error("worker " + std::to_string(worker) + " is out of range; need 0.." + std::to_string(workers - 1));
}

py::dict worker_metrics(RuntimeState& runtime, std::uint32_t worker) {
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

py::dict scheduler_metrics(RuntimeState& runtime) {
  need_feature(rt::unstable_metrics, "scheduler_metrics()", "UNSTABLE_METRICS");
  py::dict result;
  result["remote_schedule_count"] = runtime.shared().metrics().remote_schedule_count();
  result["budget_forced_yield_count"] = runtime.shared().metrics().budget_forced_yield_count();
  return result;
}

void init_metrics(py::module_& module, py::class_<RuntimeState, std::shared_ptr<RuntimeState>>& runtime) {
  runtime.def("num_workers", [](RuntimeState& r) { return r.shared().options.workers; })
      .def("num_alive_tasks", [](RuntimeState& r) { return r.shared().alive_tasks(); })
      .def("injection_queue_depth", [](RuntimeState& r) { return r.shared().inject.len(); })
      .def("elapsed", elapsed)
      .def("spawned_tasks_count",
           [](RuntimeState& r) {
             need_feature(rt::unstable_metrics, "spawned_tasks_count()", "UNSTABLE_METRICS");
             return r.shared().spawned_tasks();
           })
      .def("num_blocking_threads",
           [](RuntimeState& r) {
             need_feature(rt::unstable_metrics, "num_blocking_threads()", "UNSTABLE_METRICS");
             return blocking_threads(r);
           })
      .def("num_idle_blocking_threads",
           [](RuntimeState& r) {
             need_feature(rt::unstable_metrics, "num_idle_blocking_threads()", "UNSTABLE_METRICS");
             return r.drive->pool().idle();
           })
      .def("blocking_queue_depth",
           [](RuntimeState& r) {
             need_feature(rt::unstable_metrics, "blocking_queue_depth()", "UNSTABLE_METRICS");
             return r.drive->pool().queued();
           })
      .def("worker_local_queue_depth",
           [](RuntimeState& r, std::int64_t worker) {
             need_feature(rt::unstable_metrics, "worker_local_queue_depth()", "UNSTABLE_METRICS");
             check_worker(r, worker);
             return r.shared().remotes[static_cast<std::size_t>(worker)]->queue.len();
           })
      .def("worker_metrics",
           [](RuntimeState& r, std::int64_t worker) {
             check_worker(r, worker);
             return worker_metrics(r, static_cast<std::uint32_t>(worker));
           })
      .def("scheduler_metrics", scheduler_metrics);
  py::list table;
  for (const rt::MetricInfo& metric : rt::metric_list) {
    table.append(py::make_tuple(std::string(metric.name), std::string(metric.unit), std::string(rt::to_string(metric.kind)),
                                std::string(rt::to_string(metric.scope)), std::string(metric.meaning), metric.available()));
  }
  module.attr("METRIC_LIST") = py::tuple(table);
}

}  // namespace bind
