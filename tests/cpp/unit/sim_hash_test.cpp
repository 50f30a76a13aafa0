// The same arguments give the same run on every compiler and at every optimisation level: hashes of whole runs, pinned.
//
// A change of the scheduler's decisions, of its costs or of the order in which it asks for choices changes them; then the new ones,
// which a failing test prints, belong into the table, in the same commit as that change and after a run with another compiler.
#include <gtest/gtest.h>

#include "rt/drive/simulate.hpp"
#include "rt/features.hpp"
#include "rt/task/spawn.hpp"
#include "rt/workload/workload.hpp"

namespace rt {
namespace {

struct Pinned {
  const char* name;
  Workload workload;
  std::uint32_t workers;
  Policy policy;
  bool has_costs;
  std::uint64_t hash;
  Nanos now;
};

Policy policy_with(auto change) {
  Policy policy;
  change(policy);
  return policy;
}

Workload plain(const char* kind, std::vector<std::int64_t> ints) {
  Workload workload;
  workload.kind = kind;
  workload.ints = std::move(ints);
  return workload;
}

SimOptions options_of(const Pinned& row) {
  SimOptions options;
  options.scheduler.workers = row.workers;
  options.scheduler.seed = 42;
  options.scheduler.policy = row.policy;
  if (!row.has_costs) return options;
  for (std::size_t cost = 0; cost < options.costs.size(); ++cost) options.costs[cost] = 10 + 3 * cost;
  options.costs[static_cast<std::size_t>(Cost::wake_latency)] = CostLaw(std::vector<Nanos>{4'000, 8'000, 12'000, 44'000});
  options.costs[static_cast<std::size_t>(Cost::poll)] = CostLaw(std::vector<Nanos>{50, 100, 2'000});
  options.speeds.assign(row.workers, 1);
  options.speeds[0] = 0.7;
  options.faults = {{Fault::Kind::stall, 0, 20'000, 50'000}, {Fault::Kind::slow, row.workers - 1, 1'000, 90'000, 2.5}};
  options.topology.assign(std::size_t{row.workers} * row.workers, 25);
  return options;
}

SimResult run(const Pinned& row) {
  SimDrive drive(options_of(row));
  return drive.run([&] { static_cast<void>(spawn(run_workload, std::make_shared<const Workload>(row.workload))); }, 10'000'000);
}

std::vector<Pinned> table() {
  const Policy steal_one = policy_with([](Policy& p) {
    p.steal.kind = StealAmount::Kind::count;
    p.steal.count = 1;
    p.victims = VictimOrder::uniform;
    p.lifo_slot = false;
  });
  const Policy central = policy_with([](Policy& p) { p.placement.kind = Placement::Kind::central; });
  const Policy deque = policy_with([](Policy& p) {
    p.local_order = LocalOrder::lifo;
    p.victims = VictimOrder::two_choices;
  });
  return {
      {"fork_join, tokio, free", plain("fork_join", {6, 3, 500}), 16, {}, false, 0xbfefbf4978bf1e0cU, 23'000},
      {"fork_join, tokio, costs", plain("fork_join", {6, 3, 500}), 16, {}, true, 0xcd78f1d05e845fe8U, 135'734},
      {"fork_join, steal one", plain("fork_join", {6, 3, 500}), 7, steal_one, true, 0xd7bbda85e33e7447U, 301'292},
      {"fork_join, central", plain("fork_join", {5, 3, 500}), 5, central, true, 0xc9e7ba93c34b92c7U, 116'130},
      {"fork_join, deque", plain("fork_join", {6, 3, 500}), 8, deque, true, 0x6226324da3a75078U, 179'017},
      {"yield_many", plain("yield_many", {300, 7}), 4, {}, true, 0x53c0ec762087dc7U, 401'289},
      {"ping_pong", plain("ping_pong", {200}), 3, {}, true, 0xb5f60e3978d84694U, 169'302},
      {"chained_spawn", plain("chained_spawn", {500}), 64, {}, true, 0x1c7ab6975ff3acf7U, 319'600},
  };
}

TEST(TraceHash, is_the_pinned_one_on_every_compiler_and_optimisation_level) {
  for (const Pinned& row : table()) {
    const SimResult result = run(row);
    EXPECT_EQ(result.end, SimResult::End::finished) << row.name;
    EXPECT_EQ(result.trace_hash, row.hash) << row.name << std::hex << ": 0x" << result.trace_hash;
    EXPECT_EQ(result.now, row.now) << row.name;
  }
}

TEST(TraceHash, a_second_run_in_the_same_process_gives_the_same) {
  for (const Pinned& row : table()) EXPECT_EQ(run(row).trace_hash, run(row).trace_hash) << row.name;
}

}  // namespace
}  // namespace rt
