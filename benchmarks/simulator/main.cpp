// How many steps a second does a simulation make, and how much memory does it need? Runs one workload and prints one JSON line.
//
//   simulator_bench WORKLOAD WORKERS COST INTEGER...     e.g.  simulator_bench yield_many 64 0 1000 1000
// COST: what each kind of step costs in virtual time, in ns. The integers are the workload's parameters.

#include <cstdio>
#include <ctime>
#include <exception>
#include <fstream>
#include <stdexcept>
#include <string>

#include "rt/drive/simulate.hpp"
#include "rt/task/spawn.hpp"
#include "rt/workload/workload.hpp"

namespace {

/// The most memory this process has held, in KiB.
unsigned long peak_kib() {
  std::ifstream status("/proc/self/status");
  const std::string key = "VmHWM:";
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(key)) return std::stoul(line.substr(key.size()));
  }
  return 0;
}

void measure(int count, char** words) {
  if (count < 4) throw std::runtime_error("need WORKLOAD WORKERS COST INTEGER...");
  auto workload = std::make_shared<rt::Workload>();
  workload->kind = words[1];
  for (int i = 4; i < count; ++i) workload->ints.push_back(std::stoll(words[i]));
  rt::SimOptions options;
  options.scheduler.workers = static_cast<std::uint32_t>(std::stoul(words[2]));
  options.costs.fill(rt::Nanos{std::stoull(words[3])});

  rt::SimDrive drive(std::move(options));
  const std::clock_t start = std::clock();  // this thread's own time: the machine may have other work
  drive.outside([&] { static_cast<void>(rt::spawn(rt::run_workload, rt::WorkloadPtr(workload))); });
  const rt::SimResult result = drive.play(~std::uint64_t{0});
  const std::clock_t taken = std::clock() - start;
  if (result.end != rt::SimResult::End::finished) throw std::runtime_error("the run did not finish");

  const double seconds = static_cast<double>(taken) / CLOCKS_PER_SEC;
  std::printf(R"({"workload":"%s","workers":%s,"cost_ns":%s,"tasks":%llu,"steps":%llu,"seconds":%.3f,"steps_per_second":%.0f,)"
              R"("now_ns":%llu,"peak_kib":%lu,"trace_hash":"%016llx"})"
              "\n",
              words[1], words[2], words[3], static_cast<unsigned long long>(drive.shared().spawned_tasks()),
              static_cast<unsigned long long>(result.steps), seconds, static_cast<double>(result.steps) / seconds,
              static_cast<unsigned long long>(result.now), peak_kib(), static_cast<unsigned long long>(result.trace_hash));
}

}  // namespace

int main(int count, char** words) {
  try {
    measure(count, words);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "simulator_bench: %s\n", error.what());
    return 2;
  }
}
