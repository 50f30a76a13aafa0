#include "rt/workload/workload.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "rt/task/poll.hpp"
#include "rt/task/spawn.hpp"
#include "rt/workload/child.hpp"
#include "rt/workload/classics.hpp"
#include "rt/workload/combine.hpp"
#include "rt/workload/dag.hpp"
#include "rt/workload/fork_join.hpp"

namespace rt {
namespace {

constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
/// Tasks of one workload: they are counted in 32 bits, and more would not fit in memory.  [tasks]
constexpr std::int64_t most_tasks = 1'000'000'000;

using Handle = JoinHandle<std::int64_t>;

struct Parameter {
  std::string_view name;
  std::int64_t low;
  std::int64_t high;
};

/// One kind: what it takes, and how its root task is started in the current runtime.
struct Kind {
  std::string_view name;
  std::vector<Parameter> parameters;
  Handle (*start)(const WorkloadPtr&);
};

// One row a kind. Names and orders are those of the Python constructors; the limits are at least as wide as theirs.
const std::array<Kind, 11>& kinds() {
  static const std::array<Kind, 11> table{{
      {"fib", {{"n", 0, 90}}, [](const WorkloadPtr& w) -> Handle { return spawn(workload::fib, w->ints[0]); }},
      {"skynet",
       {{"depth", 0, 64}, {"fanout", 1, most_tasks}},
       [](const WorkloadPtr& w) -> Handle { return spawn(workload::skynet, w->ints[0], w->ints[1], 0); }},
      {"fork_join",
       {{"depth", 0, 64}, {"fanout", 1, most_tasks}, {"work_ns", 0, most}},
       [](const WorkloadPtr& w) -> Handle { return spawn(workload::fork_join, w->ints[0], w->ints[1], w->ints[2]); }},
      {"nqueens", {{"n", 1, 31}}, [](const WorkloadPtr& w) -> Handle { return spawn(workload::nqueens, w->ints[0]); }},
      {"matmul", {{"n", 1, 8192}}, [](const WorkloadPtr& w) -> Handle { return spawn(workload::matmul, w->ints[0]); }},
      {"spawn_many",
       {{"n", 0, most_tasks}, {"origin", 0, 2}},
       [](const WorkloadPtr& w) -> Handle {
         return workload::spawn_many(w->ints[0], static_cast<workload::Origin>(w->ints[1]));
       }},
      {"yield_many",
       {{"tasks", 0, most_tasks}, {"yields", 0, most}},
       [](const WorkloadPtr& w) -> Handle { return spawn(workload::yield_many, w->ints[0], w->ints[1]); }},
      {"ping_pong",
       {{"pairs", 0, most_tasks}},
       [](const WorkloadPtr& w) -> Handle { return spawn(workload::ping_pong, w->ints[0]); }},
      {"chained_spawn",
       {{"n", 0, most_tasks}},
       [](const WorkloadPtr& w) -> Handle { return spawn(workload::chained_spawn, w->ints[0]); }},
      {"spawn_join", {{"n", 0, most}}, [](const WorkloadPtr& w) -> Handle { return spawn(workload::spawn_join, w->ints[0]); }},
      {"dag",
       {{"n", 0, most_tasks}},
       [](const WorkloadPtr& w) -> Handle { return spawn(workload::dag, w, std::shared_ptr<workload::DagTrace>()); }},
  }};
  return table;
}

bool is_combined(const Workload& workload) { return workload.kind == "sequence" || workload.kind == "together"; }

const Kind& find_kind(const std::string& name) {
  const auto& table = kinds();
  const auto found = std::find_if(table.begin(), table.end(), [&](const Kind& kind) { return kind.name == name; });
  if (found != table.end()) return *found;
  std::string known = "sequence, together";
  for (const Kind& kind : table) known.append(", ").append(kind.name);
  throw std::invalid_argument("kind=\"" + name + "\" is no workload; there are " + known);
}

void check_parameters(const Kind& kind, const std::vector<std::int64_t>& ints) {
  const std::string name(kind.name);
  if (ints.size() != kind.parameters.size()) {
    throw std::invalid_argument(name + ": " + std::to_string(ints.size()) + " integers; it takes " +
                                std::to_string(kind.parameters.size()));
  }
  for (std::size_t i = 0; i < ints.size(); ++i) {
    const Parameter& p = kind.parameters[i];
    if (ints[i] >= p.low && ints[i] <= p.high) continue;
    throw std::invalid_argument(name + ": " + std::string(p.name) + "=" + std::to_string(ints[i]) + "; need " +
                                std::to_string(p.low) + ".." + std::to_string(p.high));
  }
}

/// fanout^depth leaves must be countable; products that are answers must fit.
void check_size(const std::string& kind, const std::vector<std::int64_t>& ints) {
  if (kind == "skynet" || kind == "fork_join") {
    std::int64_t leaves = 1;
    for (std::int64_t level = 0; level < ints[0]; ++level) {
      leaves *= ints[1];
      if (leaves <= most_tasks) continue;
      throw std::invalid_argument(kind + ": depth=" + std::to_string(ints[0]) + ", fanout=" + std::to_string(ints[1]) +
                                  " have more than " + std::to_string(most_tasks) + " leaves; reduce one of them");
    }
  }
  if (kind == "yield_many" && ints[0] != 0 && ints[1] > most / ints[0]) {
    throw std::invalid_argument("yield_many: tasks * yields must be below 2^63; reduce one of them");
  }
}

Workload assemble_from(std::vector<Workload>& preorder, std::size_t& next) {
  if (next == preorder.size()) throw std::invalid_argument("a combined workload lacks some of its parts");
  Workload head = std::move(preorder[next++]);
  if (!is_combined(head)) return head;
  if (head.ints.size() != 1 || !head.parts.empty()) {
    throw std::invalid_argument(head.kind + " needs one integer, the number of its parts, and no parts of its own yet");
  }
  for (std::int64_t i = 0; i < head.ints[0]; ++i) head.parts.push_back(assemble_from(preorder, next));
  return head;
}

Task<Answers> run_checked(WorkloadPtr workload) {
  Coro<Answers> run = run_in_place(std::move(workload));
  co_return co_await std::move(run);
}

Coro<Answers> run_single(WorkloadPtr workload) {
  workload::Child<std::int64_t> root(find_kind(workload->kind).start(workload));
  const std::int64_t answer = co_await std::move(root);
  Answers answers(1, answer);
  co_return answers;
}

}  // namespace

Workload assemble_workload(std::vector<Workload> preorder) {
  std::size_t next = 0;
  Workload whole = assemble_from(preorder, next);
  if (next != preorder.size()) {
    throw std::invalid_argument(std::to_string(preorder.size() - next) +
                                " workloads are left over; each belongs to a head before it");
  }
  return whole;
}

void check_workload(const Workload& workload) {
  if (is_combined(workload)) {
    if (workload.ints.size() != 1 || workload.ints[0] != static_cast<std::int64_t>(workload.parts.size())) {
      throw std::invalid_argument(workload.kind + ": its one integer must be the number of its parts, " +
                                  std::to_string(workload.parts.size()));
    }
    for (const Workload& part : workload.parts) check_workload(part);
    return;
  }
  check_parameters(find_kind(workload.kind), workload.ints);
  check_size(workload.kind, workload.ints);
  if (workload.kind == "dag") workload::check_dag(workload);
}

Task<Answers> run_workload(WorkloadPtr workload) {
  check_workload(*workload);
  return run_checked(std::move(workload));
}

void stop_workload(const JoinRef& root) { shut_down_task(*root.task()); }

Coro<Answers> run_in_place(WorkloadPtr workload) {
  if (workload->kind == "sequence") return workload::sequence(std::move(workload));
  if (workload->kind == "together") return workload::together(std::move(workload));
  return run_single(std::move(workload));
}

}  // namespace rt
