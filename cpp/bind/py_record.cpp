// Handle.record(): a thread of its own that looks at a runtime's figures every so often, without the GIL.
//
// A look copies numbers into plain vectors; Python objects are made when somebody asks for them. Invariant: a sample is
// one row of runtime figures and one row a worker, in the order of `keys`.
#include <pybind11/stl.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <sstream>
#include <thread>

#include "bind/classes.hpp"
#include "bind/py_metrics.hpp"
#include "rt/env/os_thread.hpp"
#include "rt/features.hpp"
#include "rt/observe/metric_list.hpp"

namespace bind {
namespace {

constexpr auto relaxed = std::memory_order::relaxed;  // figures, each on its own

struct WorkerSample {
  std::vector<std::uint64_t> numbers;  // in the order of worker_keys()
  std::optional<rt::InPoll> in_poll;
  std::vector<std::uint64_t> histograms[3];
};

struct Sample {
  std::vector<std::uint64_t> numbers;  // in the order of runtime_keys()
  std::vector<WorkerSample> workers;
};

std::vector<const char*> runtime_keys() {
  std::vector<const char*> keys{"elapsed", "num_workers", "num_alive_tasks", "injection_queue_depth"};
  if constexpr (rt::unstable_metrics) {
    keys.insert(keys.end(), {"spawned_tasks_count", "num_blocking_threads", "num_idle_blocking_threads", "blocking_queue_depth",
                             "remote_schedule_count", "budget_forced_yield_count"});
  }
  return keys;
}

std::vector<std::uint64_t> runtime_numbers(RuntimeState& runtime) {
  auto& shared = runtime.shared();
  std::vector<std::uint64_t> numbers{rt::saturating_sub(rt::steady_now(), runtime.drive->started_at()), shared.options.workers,
                                     shared.alive_tasks(), shared.inject.len()};
  if constexpr (rt::unstable_metrics) {
    auto& pool = runtime.drive->pool();
    numbers.insert(numbers.end(),
                   {shared.spawned_tasks(), rt::saturating_sub(pool.threads(), shared.options.workers), pool.idle(),
                    pool.queued(), shared.metrics().remote_schedule_count(), shared.metrics().budget_forced_yield_count()});
  }
  return numbers;
}

std::vector<const char*> worker_keys() {
  std::vector<const char*> keys{"busy_duration_total", "queue_depth", "thread_id", "park_count", "park_unpark_count"};
  if constexpr (rt::unstable_metrics) {
    keys.insert(keys.end(), {"noop_count", "steal_count", "steal_operations", "poll_count", "mean_poll_time",
                             "local_schedule_count", "overflow_count", "task_poll_count", "gil_wait_count", "gil_wait_time",
                             "searching_duration_total", "parked_duration_total"});
  }
  return keys;
}

std::vector<std::uint64_t> worker_numbers(const rt::WorkerMetrics& of, std::uint64_t queue_depth) {
  std::vector<std::uint64_t> numbers{of.busy_duration_total.load(relaxed), queue_depth, of.thread_id.load(relaxed),
                                     of.park_count.load(relaxed), of.park_unpark_count.load(relaxed)};
  if constexpr (rt::unstable_metrics) {
    for (const auto* counter : {&of.noop_count, &of.steal_count, &of.steal_operations, &of.poll_count, &of.mean_poll_time,
                                &of.local_schedule_count, &of.overflow_count, &of.task_poll_count, &of.lane_wait_count,
                                &of.lane_wait_time, &of.searching_duration_total, &of.parked_duration_total}) {
      numbers.push_back(counter->load(relaxed));
    }
  }
  return numbers;
}

const std::optional<rt::HistogramCells>* histograms_of(const rt::WorkerMetrics& of, int which) {
  const std::optional<rt::HistogramCells>* all[] = {&of.poll_histogram, &of.task_poll_histogram, &of.latency_histogram};
  return all[which];
}
constexpr const char* histogram_keys[] = {"poll_count_histogram", "task_poll_histogram", "schedule_latency_histogram"};

Sample look(RuntimeState& runtime) {
  Sample sample{runtime_numbers(runtime), {}};
  for (auto& remote : runtime.shared().remotes) {
    WorkerSample worker{worker_numbers(remote->metrics, remote->queue.len()), {}, {}};
    if constexpr (rt::unstable_metrics) {
      worker.in_poll = remote->metrics.read_in_poll();
      for (int i = 0; i < 3; ++i) {
        const auto* cells = histograms_of(remote->metrics, i);
        if (*cells) worker.histograms[i] = (*cells)->counts();
      }
    }
    sample.workers.push_back(std::move(worker));
  }
  return sample;
}

void put_numbers(py::dict& into, const std::vector<const char*>& keys, const std::vector<std::uint64_t>& numbers) {
  for (std::size_t i = 0; i < keys.size(); ++i) into[keys[i]] = numbers[i];
}

py::dict worker_dict(RuntimeState& runtime, const WorkerSample& sample, const rt::WorkerMetrics& of) {
  py::dict result;
  put_numbers(result, worker_keys(), sample.numbers);
  if constexpr (rt::unstable_metrics) {
    for (int i = 0; i < 3; ++i) {
      const auto* cells = histograms_of(of, i);
      if (!*cells) {
        result[histogram_keys[i]] = py::none();
        continue;
      }
      py::dict histogram;
      histogram["edges_ns"] = py::cast((*cells)->config().edges());
      histogram["counts"] = py::cast(sample.histograms[i]);
      result[histogram_keys[i]] = histogram;
    }
    const auto& poll = sample.in_poll;
    result["in_poll_since"] =
        poll ? py::object(py::int_(rt::saturating_sub(poll->since_ns, runtime.drive->started_at()))) : py::none();
    result["in_poll_task"] = poll ? py::object(py::int_(poll->task)) : py::none();
  }
  return result;
}

/// The sampling thread and what it has collected.
class Recorder {
 public:
  Recorder(std::shared_ptr<RuntimeState> runtime, std::uint64_t every_ns)
      : runtime_(std::move(runtime)),
        every_(every_ns),
        features_(py::module_::import("stealscope._core").attr("FEATURES")),
        samples_{look(*runtime_)},
        thread_([this] { run(); }) {}
  ~Recorder() {
    const WithoutGil unlocked;
    end_thread();
  }
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  /// In a forked child: the thread is in the parent, and may be anywhere in what it does.
  [[nodiscard]] bool is_forked_copy() const { return runtime_->is_forked_copy(); }

  /// Takes a last look, ends the thread, and gives what was collected since the last call, as Handle.metrics() would. Nothing in a
  /// forked child.
  py::list stop() {
    if (is_forked_copy()) return py::list();
    {
      const WithoutGil unlocked;
      end_thread();
    }
    const std::vector<Sample> samples = std::exchange(samples_, {});  // nobody else is left
    std::ostringstream runtime_id;
    runtime_id << runtime_->name << '#' << runtime_->serial;  // as Handle.metrics() has it
    py::list result;
    for (const Sample& sample : samples) {
      py::dict row;
      row["runtime"] = runtime_id.str();
      row["features"] = features_.attr("copy")();
      put_numbers(row, runtime_keys(), sample.numbers);
      py::list workers;
      for (std::size_t i = 0; i < sample.workers.size(); ++i) {
        workers.append(worker_dict(*runtime_, sample.workers[i], runtime_->shared().remotes[i]->metrics));
      }
      row["workers"] = workers;
      result.append(row);
    }
    return result;
  }

 private:
  void end_thread() {
    {
      const std::scoped_lock lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
  }

  void run() {
    rt::name_this_thread(runtime_->name + "-rec");
    std::unique_lock lock(mutex_);
    const std::chrono::nanoseconds every(every_);
    for (auto next = std::chrono::steady_clock::now() + every;;) {
      changed_.wait_until(lock, next, [this] { return stopping_; });
      lock.unlock();
      Sample sample = look(*runtime_);
      lock.lock();
      samples_.push_back(std::move(sample));
      if (stopping_) return;
      // Against a fixed grid, so that the time a look takes does not add up; ticks that were missed are left out.
      const auto now = std::chrono::steady_clock::now();
      next += every * (1 + (now - next) / every);
    }
  }

  const std::shared_ptr<RuntimeState> runtime_;
  const std::uint64_t every_;
  const py::object features_;  // taken at the start: stop() may be called at interpreter exit, when nothing can be imported
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  std::vector<Sample> samples_;
  std::thread thread_;
};

/// A forked child leaves it as it is: the thread could not be joined there.
struct EndRecorder {
  void operator()(Recorder* recorder) const {
    if (!recorder->is_forked_copy()) delete recorder;
  }
};

}  // namespace

void init_record(py::module_& module) {
  py::class_<Recorder, std::unique_ptr<Recorder, EndRecorder>>(
      module, "Recorder", "Samples a runtime's metrics from a thread of its own, without the GIL.")
      .def(py::init<std::shared_ptr<RuntimeState>, std::uint64_t>(), py::arg("runtime"), py::arg("every_ns"))
      .def("stop", &Recorder::stop);
}

}  // namespace bind
