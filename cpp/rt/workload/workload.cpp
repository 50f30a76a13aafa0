#include "rt/workload/workload.hpp"

#include <algorithm>
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
#include "rt/workload/function.hpp"
#include "rt/workload/open_system.hpp"
#include "rt/workload/program.hpp"
#include "rt/workload/start.hpp"
#include "rt/workload/structured.hpp"
#include "rt/workload/uts.hpp"

namespace rt {
namespace {

constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
/// Tasks of one workload: they are counted in 32 bits, and more would not fit in memory.  [tasks]
constexpr std::int64_t most_tasks = 1'000'000'000;
constexpr std::int64_t most_int32 = std::numeric_limits<std::int32_t>::max();

using Handle = JoinHandle<std::int64_t>;

struct Parameter {
  std::string_view name;
  std::int64_t low;
  std::int64_t high;
};

constexpr Parameter any(std::string_view name) { return {name, std::numeric_limits<std::int64_t>::min(), most}; }
constexpr Parameter natural(std::string_view name, std::int64_t high = most) { return {name, 0, high}; }

/// One kind: what it takes, and how its root task is started in the current runtime.
struct Kind {
  std::string_view name;
  std::vector<Parameter> parameters;
  Handle (*start)(const WorkloadPtr&);
  void (*check)(const Workload&) = nullptr;  // what the ranges do not say
  bool takes_cost = false;                   // one integer more, if given: ns for each task in a simulation
};

/// Spawns the root of a tree. `make<order>()` and, where time is virtual and a cost was given, `make<order, Nanos>()` are its
/// function: the policy's order and the cost are settled here for the whole tree.
template <class Make, class... Args>
Handle spawn_tree(const Workload& workload, std::size_t parameters, Make make, Args... args) {
  using workload::help_first, workload::work_first;
  const Home& home = *current()->home;
  if (workload.ints.size() > parameters && home.simulated()) {
    const auto cost = static_cast<Nanos>(workload.ints.back());
    if (home.forks_child_first()) return spawn(make.template operator()<work_first, Nanos>(), args..., cost);
    return spawn(make.template operator()<help_first, Nanos>(), args..., cost);
  }
  if (home.forks_child_first()) return spawn(make.template operator()<work_first>(), args...);
  return spawn(make.template operator()<help_first>(), args...);
}

/// The same of a structured tree, which knows no order: its branches are queued by nobody.
template <class Make, class... Args>
Handle spawn_structured(const Workload& workload, std::size_t parameters, Make make, Args... args) {
  if (workload.ints.size() > parameters && current()->home->simulated()) {
    return spawn(make.template operator()<Nanos>(), args..., static_cast<Nanos>(workload.ints.back()));
  }
  return spawn(make.template operator()<>(), args...);
}

void check_tree(const Workload& workload);
void check_yields(const Workload& workload);

// One row a kind. Names and orders are those of the Python constructors; the limits are at least as wide as theirs.

/// What computes: on threads its tasks take their own time, in a simulation a declared one.
std::vector<Kind> computing_kinds() {
  return {
      {.name = "fib",
       .parameters = {natural("n", 90)},
       .start = [](const WorkloadPtr& w) -> Handle {
         return spawn_tree(*w, 1, []<ForkOrder order, class... Cost>() { return &workload::fib<order, Cost...>; }, w->ints[0]);
       },
       .takes_cost = true},
      {.name = "skynet",
       .parameters = {natural("depth", 64), {"fanout", 1, most_tasks}},
       .start = [](const WorkloadPtr& w) -> Handle {
         const workload::SkynetTree tree{w->ints[0], w->ints[1], 0};
         return spawn_tree(*w, 2, []<ForkOrder order, class... Cost>() { return &workload::skynet<order, Cost...>; }, tree);
       },
       .check = check_tree,
       .takes_cost = true},
      {.name = "fork_join",
       .parameters = {natural("depth", 64), {"fanout", 1, most_tasks}, natural("work_ns")},
       .start = [](const WorkloadPtr& w) -> Handle {
         const auto root = current()->home->forks_child_first() ? &workload::fork_join<ForkOrder::work_first>
                                                                : &workload::fork_join<ForkOrder::help_first>;
         return spawn(root, w->ints[0], w->ints[1], w->ints[2]);
       },
       .check = check_tree},
      {.name = "nqueens",
       .parameters = {{"n", 1, 31}},
       .start = [](const WorkloadPtr& w) -> Handle {
         return spawn_tree(
             *w, 1, []<ForkOrder order, class... Cost>() { return &workload::nqueens<order, Cost...>; }, w->ints[0]);
       },
       .takes_cost = true},
      {.name = "matmul",
       .parameters = {{"n", 1, 8192}},
       .start = [](const WorkloadPtr& w) -> Handle {
         return spawn_tree(*w, 1, []<ForkOrder, class... Cost>() { return &workload::matmul<Cost...>; }, w->ints[0]);
       },
       .takes_cost = true},
      {.name = "uts",
       .parameters = {natural("shape", 1), natural("seed", most_int32), natural("root_children", most_int32),
                      natural("children", most_int32), natural("threshold"), natural("depth", most_int32)},
       .start = [](const WorkloadPtr& w) -> Handle {
         return spawn_tree(
             *w, workload::UtsTree::integers, []<ForkOrder order, class... Cost>() { return &workload::uts<order, Cost...>; },
             workload::UtsTree::from(w->ints));
       },
       .takes_cost = true},
  };
}

/// Trees whose calls are branches of one task instead of tasks.
std::vector<Kind> structured_kinds() {
  namespace trees = workload::structured;
  return {
      {.name = "fib_structured",
       .parameters = {natural("n", 90)},
       .start = [](const WorkloadPtr& w) -> Handle {
         return spawn_structured(*w, 1, []<class... Cost>() { return &trees::fib<Cost...>; }, w->ints[0]);
       },
       .takes_cost = true},
      {.name = "skynet_structured",
       .parameters = {natural("depth", 64), {"fanout", 1, most_tasks}},
       .start = [](const WorkloadPtr& w) -> Handle {
         const workload::SkynetTree tree{w->ints[0], w->ints[1], 0};
         return spawn_structured(*w, 2, []<class... Cost>() { return &trees::skynet<Cost...>; }, tree);
       },
       .check = check_tree,
       .takes_cost = true},
      {.name = "fork_join_structured",
       .parameters = {natural("depth", 64), {"fanout", 1, most_tasks}, natural("work_ns")},
       .start = [](const WorkloadPtr& w) -> Handle { return spawn(trees::fork_join, w->ints[0], w->ints[1], w->ints[2]); },
       .check = check_tree},
      {.name = "nqueens_structured",
       .parameters = {{"n", 1, 31}},
       .start = [](const WorkloadPtr& w) -> Handle {
         return spawn_structured(*w, 1, []<class... Cost>() { return &trees::nqueens<Cost...>; }, w->ints[0]);
       },
       .takes_cost = true},
  };
}

/// What only spawns, waits, and is busy for as long as it is told.
std::vector<Kind> scheduling_kinds() {
  return {
      {.name = "spawn_many",
       .parameters = {natural("n", most_tasks), natural("origin", 2)},
       .start = [](const WorkloadPtr& w) -> Handle {
         return workload::spawn_many(w->ints[0], static_cast<workload::Origin>(w->ints[1]));
       }},
      {.name = "yield_many",
       .parameters = {natural("tasks", most_tasks), natural("yields")},
       .start = [](const WorkloadPtr& w) -> Handle { return spawn(workload::yield_many, w->ints[0], w->ints[1]); },
       .check = check_yields},
      {.name = "ping_pong",
       .parameters = {natural("pairs", most_tasks)},
       .start = [](const WorkloadPtr& w) -> Handle { return spawn(workload::ping_pong, w->ints[0]); }},
      {.name = "chained_spawn",
       .parameters = {natural("n", most_tasks)},
       .start = [](const WorkloadPtr& w) -> Handle { return spawn(workload::chained_spawn, w->ints[0]); }},
      {.name = "spawn_join",
       .parameters = {natural("n")},
       .start = [](const WorkloadPtr& w) -> Handle { return spawn(workload::spawn_join, w->ints[0]); }},
      {.name = "dag",
       .parameters = {natural("n", most_tasks)},
       .start = [](const WorkloadPtr& w) -> Handle { return spawn(workload::dag, w, std::shared_ptr<workload::DagTrace>()); },
       .check = workload::check_dag},
      {.name = "dag_calls",
       .parameters = {natural("n", most_tasks), any("address"), any("data")},
       .start = [](const WorkloadPtr& w) -> Handle { return spawn(workload::dag, w, std::shared_ptr<workload::DagTrace>()); },
       .check = workload::check_dag},
      {.name = "open_system",
       .parameters = {natural("n", most_tasks), any("seed"), natural("place", 3), natural("choices", most_int32),
                      natural("slice_ns"), any("arrivals"), any("a"), any("b"), any("c"), any("service"), any("a"), any("b"),
                      any("c")},
       .start = [](const WorkloadPtr& w) -> Handle { return spawn(workload::open_system, w); },
       .check = workload::check_open_system},
      {.name = "program",
       .parameters = {{"tasks", 1, most_tasks}, {"capacity", 1, most_tasks}},
       .start = [](const WorkloadPtr& w) -> Handle { return spawn(workload::program, w); },
       .check = workload::check_program},
      {.name = "function",
       .parameters = {natural("n", most_tasks), any("address"), {"cost_ns", -1, most}, any("data")},
       .start = [](const WorkloadPtr& w) -> Handle { return spawn(workload::call_function, w); },
       .check = workload::check_function},
  };
}

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> table = [] {
    std::vector<Kind> all = computing_kinds();
    for (auto&& more : {structured_kinds(), scheduling_kinds()}) all.insert(all.end(), more.begin(), more.end());
    return all;
  }();
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
  const bool has_cost = kind.takes_cost && ints.size() == kind.parameters.size() + 1;
  if (ints.size() != kind.parameters.size() && !has_cost) {
    throw std::invalid_argument(name + ": " + std::to_string(ints.size()) + " integers; it takes " +
                                std::to_string(kind.parameters.size()));
  }
  for (std::size_t i = 0; i < ints.size(); ++i) {
    const Parameter& p = i < kind.parameters.size() ? kind.parameters[i] : natural("cost_ns");
    if (ints[i] >= p.low && ints[i] <= p.high) continue;
    throw std::invalid_argument(name + ": " + std::string(p.name) + "=" + std::to_string(ints[i]) + "; need " +
                                std::to_string(p.low) + ".." + std::to_string(p.high));
  }
}

/// fanout^depth leaves must be countable.
void check_tree(const Workload& tree) {
  const std::int64_t depth = tree.ints[0], fanout = tree.ints[1];
  std::int64_t leaves = 1;
  for (std::int64_t level = 0; level < depth; ++level) {
    leaves *= fanout;
    if (leaves <= most_tasks) continue;
    throw std::invalid_argument(tree.kind + ": depth=" + std::to_string(depth) + ", fanout=" + std::to_string(fanout) +
                                " have more than " + std::to_string(most_tasks) + " leaves; reduce one of them");
  }
}

/// The answer must fit.
void check_yields(const Workload& yields) {
  if (yields.ints[0] == 0 || yields.ints[1] <= most / yields.ints[0]) return;
  throw std::invalid_argument("yield_many: tasks * yields must be below 2^63; reduce one of them");
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
  const auto& kind = find_kind(workload.kind);
  check_parameters(kind, workload.ints);
  if (kind.check != nullptr) kind.check(workload);
}

Task<Answers> run_workload(WorkloadPtr workload) {
  check_workload(*workload);
  return run_checked(std::move(workload));
}

void stop_workload(const JoinRef& root) {
  // The end goes from the root downwards. Workers that go on meanwhile make the tree grow at its leaves, which may be faster.
  struct Pause {
    explicit Pause(Home& of) : home(of) { home.pause_workers(); }
    Pause(const Pause&) = delete;
    Pause& operator=(const Pause&) = delete;
    ~Pause() { home.resume_workers(); }
    Home& home;
  };
  const Pause pause(*root.task()->home);
  shut_down_task(*root.task());
}

Coro<Answers> run_in_place(WorkloadPtr workload) {
  if (workload->kind == "sequence") return workload::sequence(std::move(workload));
  if (workload->kind == "together") return workload::together(std::move(workload));
  return run_single(std::move(workload));
}

}  // namespace rt
