// How long does one workload take on our runtime? Runs it and prints one JSON line; see ../shared/bench.hpp.
// To add a workload: its ours.cpp, one declaration in workloads.hpp and one line here.

#include "workloads.hpp"

#include <sstream>
#include <stdexcept>
#include <string>

namespace {

/// Sizes with the names of policy fields are just that. `--see A,B` switches on what is off unless somebody asks for it; ../seeing.py
/// measures what each costs.
rt::Runtime make_runtime(unsigned workers, const bench::Arguments& arguments) {
  rt::RuntimeOptions options{.workers = workers};
  const auto set = [&](const char* name, std::uint32_t& field) {
    if (const auto size = arguments.sizes.find(name); size != arguments.sizes.end())
      field = static_cast<std::uint32_t>(size->second);
  };
  set("inject_batch", options.scheduler.policy.inject_batch);
  set("global_interval", options.scheduler.policy.global_interval);
  const auto asked = arguments.text.find("--see");
  std::istringstream names(asked == arguments.text.end() ? "" : asked->second);
  for (std::string name; std::getline(names, name, ',');) {
    if (name == "poll") {
      options.scheduler.histograms.poll = rt::H2{};
    } else if (name == "task_poll") {
      options.scheduler.histograms.task_poll = rt::H2{};
    } else if (name == "latency") {
      options.scheduler.histograms.latency = rt::H2{};
    } else if (name == "watchdog") {
      options.scheduler.watch_polls = true;
    } else if (name == "timeline") {
      options.scheduler.timeline = true;
      options.scheduler.timeline_capacity = 4'000'000;  // room for all repeats: to drop an event costs another price
    } else {
      throw std::runtime_error("--see " + name + "; need poll, task_poll, latency, watchdog or timeline");
    }
  }
  return rt::Runtime(options);
}

}  // namespace

int main(int count, char** words) {
  const bench::Workloads<rt::Runtime> workloads = {
      {"blocking_pool", bench::blocking_pool},
      {"chained_spawn", bench::chained_spawn},
      {"channel", bench::channel},
      {"fib", bench::fib},
      {"fib_structured", bench::fib_structured},
      {"ping_pong", bench::ping_pong},
      {"skynet", bench::skynet},
      {"skynet_structured", bench::skynet_structured},
      {"spawn_batch", bench::spawn_batch},
      {"spawn_join_latency", bench::spawn_join_latency},
      {"spawn_join_worker", bench::spawn_join_worker},
      {"spawn_many_local", bench::spawn_many_local},
      {"spawn_many_remote", bench::spawn_many_remote},
      {"spawn_many_remote_busy1", bench::spawn_many_remote_busy1},
      {"spawn_many_remote_busy2", bench::spawn_many_remote_busy2},
      {"spawn_many_remote_busy2_policy", bench::spawn_many_remote_busy2_policy},
      {"spawn_many_worker", bench::spawn_many_worker},
      {"timer_many", bench::timer_many},
      {"yield_many", bench::yield_many},
  };
  return bench::run("ours", workloads, count, words, make_runtime);
}
