// Workloads: each answer against a serial computation of its own, in one queue and on real workers; the order of a task
// graph; and that a run which is dropped at any moment leaves nothing behind.
#include "rt/workload/workload.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <random>
#include <stdexcept>

#include "rt/runtime.hpp"
#include "rt/workload/classics.hpp"
#include "rt/workload/dag.hpp"
#include "unit/sync_home.hpp"

namespace rt {
namespace {

using testing_home::QueueHome;

Workload make(std::string kind, std::vector<std::int64_t> ints) { return {std::move(kind), std::move(ints), {}, {}, {}}; }

Workload combine(std::string kind, std::vector<Workload> parts) {
  const auto count = static_cast<std::int64_t>(parts.size());
  return {std::move(kind), {count}, {}, {}, std::move(parts)};
}

// ---- serial answers -------------------------------------------------------------------------------------------------

std::int64_t serial_fib(std::int64_t n) { return n < 2 ? n : serial_fib(n - 1) + serial_fib(n - 2); }

std::int64_t serial_queens(std::vector<int>& rows, int n) {
  if (static_cast<int>(rows.size()) == n) return 1;
  std::int64_t ways = 0;
  for (int column = 0; column < n; ++column) {
    bool safe = true;
    for (int row = 0; row < static_cast<int>(rows.size()); ++row) {
      const int other = rows[static_cast<std::size_t>(row)];
      safe = safe && other != column && std::abs(other - column) != static_cast<int>(rows.size()) - row;
    }
    if (!safe) continue;
    rows.push_back(column);
    ways += serial_queens(rows, n);
    rows.pop_back();
  }
  return ways;
}

std::int64_t serial_matmul(std::int64_t n) {
  std::int64_t sum = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j < n; ++j) {
      for (std::int64_t k = 0; k < n; ++k) sum += ((i * 3 + k * 7) % 11) * ((k * 5 + j * 2) % 13);
    }
  }
  return sum;
}

struct Case {
  Workload workload;
  std::int64_t answer;
};

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const std::int64_t n : {0, 1, 2, 3, 11, 15}) {
    for (const char* kind : {"fib", "fib_structured"}) all.push_back({make(kind, {n}), serial_fib(n)});
  }
  all.push_back({make("skynet_structured", {0, 10}), 0});
  all.push_back({make("skynet_structured", {4, 6}), 1296 * 1295 / 2});
  all.push_back({make("fork_join_structured", {0, 3, 10}), 1});
  all.push_back({make("fork_join_structured", {3, 5, 100}), 125});
  all.push_back({make("skynet", {0, 10}), 0});
  all.push_back({make("skynet", {1, 1}), 0});
  all.push_back({make("skynet", {1, 7}), 21});
  all.push_back({make("skynet", {4, 6}), 1296 * 1295 / 2});
  all.push_back({make("skynet", {64, 1}), 0});
  all.push_back({make("fork_join", {0, 3, 10}), 1});
  all.push_back({make("fork_join", {3, 5, 100}), 125});
  for (const int n : {1, 2, 3, 4, 5, 6, 8}) {
    std::vector<int> rows;
    all.push_back({make("nqueens", {n}), serial_queens(rows, n)});
    all.push_back({make("nqueens_structured", {n}), all.back().answer});
  }
  for (const std::int64_t n : {1, 63, 64, 65, 130, 200}) all.push_back({make("matmul", {n}), serial_matmul(n)});
  for (const std::int64_t origin : {0, 1, 2}) {
    for (const std::int64_t n : {0, 1, 2, 1000}) all.push_back({make("spawn_many", {n, origin}), n});
  }
  all.push_back({make("yield_many", {0, 5}), 0});
  all.push_back({make("yield_many", {5, 0}), 0});
  all.push_back({make("yield_many", {7, 300}), 2100});
  for (const std::int64_t n : {0, 1, 500}) {
    all.push_back({make("ping_pong", {n}), n});
    all.push_back({make("chained_spawn", {n}), n});
    all.push_back({make("spawn_join", {n}), n});
  }
  return all;
}

std::string shown(const Workload& workload) {
  std::string text = workload.kind;
  for (const std::int64_t value : workload.ints) text += " " + std::to_string(value);
  return text;
}

WorkloadPtr share(Workload workload) { return std::make_shared<const Workload>(std::move(workload)); }

Answers run_in_queue(const WorkloadPtr& workload) {
  QueueHome home;
  auto handle = home.spawn(run_workload, workload);
  home.run();
  EXPECT_EQ(home.alive(), 0);
  return handle.get();
}

TEST(WorkloadTest, answers_are_right_in_one_queue) {
  for (const Case& it : cases()) EXPECT_EQ(run_in_queue(share(it.workload)), Answers{it.answer}) << shown(it.workload);
}

TEST(WorkloadTest, answers_are_right_on_workers_from_a_task_and_from_block_on) {
  for (const std::uint32_t workers : {1U, 2U}) {
    Runtime runtime({.workers = workers});
    for (const Case& it : cases()) {
      const WorkloadPtr workload = share(it.workload);
      EXPECT_EQ(runtime.spawn(run_workload, workload).get(), Answers{it.answer}) << shown(it.workload);
      EXPECT_EQ(runtime.block_on(run_workload, workload), Answers{it.answer}) << shown(it.workload);
    }
  }
}

// ---- task graphs ----------------------------------------------------------------------------------------------------

struct Graph {
  std::vector<std::int64_t> indptr{0};
  std::vector<std::int64_t> indices;
  std::vector<std::int64_t> cost;

  void add_node(const std::vector<std::int64_t>& successors, std::int64_t cost_ns) {
    indices.insert(indices.end(), successors.begin(), successors.end());
    indptr.push_back(static_cast<std::int64_t>(indices.size()));
    cost.push_back(cost_ns);
  }
  [[nodiscard]] std::size_t size() const { return cost.size(); }
};

Workload as_workload(Graph graph) {
  auto kept = std::make_shared<const Graph>(std::move(graph));
  return {"dag", {static_cast<std::int64_t>(kept->size())}, {kept->indptr, kept->indices, kept->cost}, kept, {}};
}

/// Edges run along a random order of the nodes, so node numbers say nothing about who comes first. Some are there twice.
Graph random_graph(std::mt19937& random, std::size_t nodes) {
  std::vector<std::int64_t> order(nodes);
  std::iota(order.begin(), order.end(), 0);
  std::shuffle(order.begin(), order.end(), random);
  std::vector<std::vector<std::int64_t>> successors(nodes);
  for (std::size_t i = 0; i + 1 < nodes; ++i) {
    for (std::size_t edges = random() % 4; edges > 0; --edges) {
      const std::size_t later = i + 1 + random() % (nodes - i - 1);
      successors[static_cast<std::size_t>(order[i])].push_back(order[later]);
    }
  }
  Graph graph;
  for (const auto& after : successors) graph.add_node(after, static_cast<std::int64_t>(random() % 500));
  return graph;
}

void expect_order(const Graph& graph, const workload::DagTrace& trace) {
  for (std::size_t node = 0; node < graph.size(); ++node) {
    ASSERT_GT(trace.begun[node], 0U);
    ASSERT_GT(trace.ended[node], trace.begun[node]);
    const auto end = static_cast<std::size_t>(graph.indptr[node + 1]);
    for (auto edge = static_cast<std::size_t>(graph.indptr[node]); edge < end; ++edge) {
      ASSERT_GT(trace.begun[static_cast<std::size_t>(graph.indices[edge])], trace.ended[node]) << "edge from " << node;
    }
  }
}

TEST(WorkloadTest, a_node_begins_after_all_its_predecessors_have_ended) {
  std::mt19937 random(81);
  Runtime runtime({.workers = 2});
  for (int round = 0; round < 200; ++round) {
    const Graph graph = random_graph(random, 1 + random() % 120);
    const WorkloadPtr workload = share(as_workload(graph));
    check_workload(*workload);
    auto trace = std::make_shared<workload::DagTrace>(graph.size());
    EXPECT_EQ(runtime.spawn(workload::dag, workload, trace).get(), static_cast<std::int64_t>(graph.size()));
    EXPECT_EQ(trace->clock.load(), 2 * graph.size()) << "each node begins and ends once";
    expect_order(graph, *trace);
  }
}

TEST(WorkloadTest, a_graph_without_nodes_has_the_answer_0) { EXPECT_EQ(run_in_queue(share(as_workload({}))), Answers{0}); }

TEST(WorkloadTest, a_graph_with_a_cycle_ends_and_counts_what_ran) {
  Graph graph;
  graph.add_node({1}, 0);
  graph.add_node({2}, 0);
  graph.add_node({1}, 0);  // 1 and 2 wait for each other
  graph.add_node({}, 0);
  EXPECT_EQ(run_in_queue(share(as_workload(graph))), Answers{2});
}

constexpr std::size_t million = 1'000'000;

TEST(WorkloadTest, a_chain_of_a_million_nodes_needs_no_more_slots_than_a_short_one) {
  Graph graph;
  for (std::size_t i = 0; i < million; ++i) {
    graph.add_node(i + 1 < million ? std::vector{static_cast<std::int64_t>(i + 1)} : std::vector<std::int64_t>{}, 0);
  }
  Runtime runtime({.workers = 2});
  EXPECT_EQ(runtime.spawn(run_workload, share(as_workload(std::move(graph)))).get(), Answers{million});
  EXPECT_LT(runtime.drive().shared().slots().footprint(), std::size_t{1} << 20);
}

TEST(WorkloadTest, a_million_tasks_that_live_at_once_fit_in_half_a_gibibyte) {
  Graph fan;
  std::vector<std::int64_t> all(million - 1);
  std::iota(all.begin(), all.end(), 1);
  fan.add_node(all, 0);
  for (std::size_t i = 1; i < million; ++i) fan.add_node({}, 0);
  for (const Workload& workload : {as_workload(std::move(fan)), make("spawn_many", {million, 0}), make("skynet", {6, 10})}) {
    QueueHome home;
    auto handle = home.spawn(run_workload, share(workload));
    home.run();
    const std::int64_t answer = workload.kind == "skynet" ? 499'999'500'000 : std::int64_t{million};
    EXPECT_EQ(handle.get(), Answers{answer});
    EXPECT_LT(home.slots().footprint(), std::size_t{512} << 20) << workload.kind;
  }
}

// ---- combined -------------------------------------------------------------------------------------------------------

TEST(WorkloadTest, answers_of_parts_come_in_the_order_of_the_parts) {
  const Workload inner = combine("together", {make("fib", {10}), make("chained_spawn", {3}), make("spawn_many", {4, 2})});
  const WorkloadPtr whole = share(combine("sequence", {make("nqueens", {6}), inner, combine("together", {make("fib", {1})})}));
  const Answers expected{4, 55, 3, 4, 1};
  EXPECT_EQ(run_in_queue(whole), expected);
  Runtime runtime({.workers = 2});
  EXPECT_EQ(runtime.spawn(run_workload, whole).get(), expected);
  EXPECT_EQ(runtime.block_on(run_workload, whole), expected);
}

TEST(WorkloadTest, a_walk_with_each_head_before_its_parts_gives_the_whole) {
  const Workload whole =
      assemble_workload({make("sequence", {2}), make("together", {2}), make("fib", {5}), make("fib", {6}), make("fib", {7})});
  EXPECT_EQ(run_in_queue(share(whole)), (Answers{5, 8, 13}));
  EXPECT_THROW(static_cast<void>(assemble_workload({make("sequence", {2}), make("fib", {5})})), std::invalid_argument);
  EXPECT_THROW(static_cast<void>(assemble_workload({make("fib", {5}), make("fib", {5})})), std::invalid_argument);
  EXPECT_THROW(static_cast<void>(assemble_workload({})), std::invalid_argument);
}

// ---- refusals -------------------------------------------------------------------------------------------------------

TEST(WorkloadTest, what_cannot_be_run_is_refused_with_its_value) {
  for (const Workload& wrong :
       {make("fibonacci", {3}), make("fib", {}), make("fib", {1, 2, 3}), make("fib", {-1}), make("fib", {91}),
        make("skynet", {10, 10}), make("skynet", {2, 0}), make("fork_join", {1, 2, -1}), make("nqueens", {0}),
        make("nqueens", {32}), make("matmul", {0}), make("spawn_many", {1, 3}), make("spawn_many", {-1, 0}),
        make("yield_many", {1'000'000'000, 10'000'000'000}), make("dag", {0}), make("sequence", {1})}) {
    EXPECT_THROW(check_workload(wrong), std::invalid_argument) << shown(wrong);
  }
  try {
    check_workload(make("fib", {91}));
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(), "fib: n=91; need 0..90");
  }
}

TEST(WorkloadTest, arrays_that_are_no_graph_are_refused) {
  const auto refused = [](Graph graph) { EXPECT_THROW(check_workload(as_workload(std::move(graph))), std::invalid_argument); };
  refused({{0, 1}, {1}, {0}});  // an edge to a node that is not there
  refused({{0, 1}, {-1}, {0}});
  refused({{0, 0}, {0}, {0}});                 // indptr ends early
  refused({{0}, {}, {0}});                     // a node without indptr
  refused({{0, 2, 1, 2}, {0, 1}, {0, 0, 0}});  // indptr falls
  refused({{0, 0}, {}, {-1}});                 // a negative cost
}

// ---- dropped runs ---------------------------------------------------------------------------------------------------

/// Drops the run after every possible number of turns.
void drop_everywhere(const Workload& workload) {
  bool ended = false;
  for (int turns = 0; !ended; ++turns) {
    QueueHome home;
    auto handle = home.spawn(run_workload, share(workload));
    for (int i = 0; i < turns; ++i) static_cast<void>(home.turn());
    ended = handle.done();
    handle.cancel();
    home.run();
    ASSERT_EQ(home.alive(), 0) << shown(workload) << " dropped after " << turns << " turns";
  }
}

TEST(WorkloadTest, a_run_that_is_dropped_at_any_moment_leaves_no_task) {
  Graph graph;
  graph.add_node({1, 2}, 0);
  graph.add_node({3}, 0);
  graph.add_node({3}, 0);
  graph.add_node({}, 0);
  for (const Workload& workload :
       {make("fib", {6}), make("skynet", {2, 3}), make("fork_join", {2, 2, 0}), make("nqueens", {4}), make("matmul", {130}),
        make("spawn_many", {5, 0}), make("spawn_many", {5, 1}), make("yield_many", {3, 4}), make("ping_pong", {3}),
        make("chained_spawn", {5}), make("spawn_join", {3}), as_workload(graph), make("fib_structured", {6}),
        make("skynet_structured", {2, 3}), make("nqueens_structured", {4}),
        combine("sequence", {make("fib", {3}), combine("together", {make("fib", {4}), make("ping_pong", {2})})})}) {
    drop_everywhere(workload);
  }
}

TEST(WorkloadTest, a_tree_that_grows_with_every_turn_is_dropped_as_a_whole) {
  for (const Workload& workload : {make("fib", {60}), make("nqueens", {20}), make("fork_join", {20, 2, 0})}) {
    QueueHome home;
    auto handle = home.spawn(run_workload, share(workload));
    for (int i = 0; i < 300; ++i) static_cast<void>(home.turn());
    handle.cancel();
    // The cancelled root has its turn after one round of what is queued; from then on there are only empty turns.
    for (int i = 0; home.turn(); ++i) ASSERT_LT(i, 200'000) << shown(workload) << " outgrows its own end";
    EXPECT_EQ(home.alive(), 0) << shown(workload);
  }
}

TEST(WorkloadTest, an_endless_run_that_is_stopped_on_workers_is_gone_soon) {
  for (const Workload& workload : {make("fib", {60}), make("fib_structured", {60}), make("yield_many", {100, 1'000'000'000}),
                                   make("chained_spawn", {1'000'000'000}), make("fork_join", {3, 10, 1'000'000})}) {
    Runtime runtime({.workers = 2});
    const JoinRef root = runtime.spawn(run_workload, share(workload)).into_ref();
    spin_for(2'000'000);
    const std::uint64_t before = runtime.drive().shared().spawned_tasks();
    stop_workload(root);
    // Each worker comes to its upkeep, and rests: a few thousand. Else the tree may grow by tens of millions while it is ended.
    EXPECT_LT(runtime.drive().shared().spawned_tasks() - before, 2'000'000U) << shown(workload);
    EXPECT_TRUE(runtime.shutdown(false, steady_now() + 60'000'000'000)) << shown(workload);
    EXPECT_THROW(static_cast<void>(take_output<Answers>(*root.task())), Cancelled);
  }
}

// ---- from outside ---------------------------------------------------------------------------------------------------

TEST(WorkloadTest, a_thread_outside_spawns_and_waits) {
  Runtime runtime({.workers = 2});
  EXPECT_EQ(workload::run_outside(runtime.drive().shared(), make("spawn_many", {10'000, 2})), 10'000);
  EXPECT_EQ(workload::run_outside(runtime.drive().shared(), make("spawn_many", {0, 2})), 0);
  EXPECT_THROW(static_cast<void>(workload::run_outside(runtime.drive().shared(), make("spawn_many", {5, 0}))),
               std::invalid_argument);
  EXPECT_THROW(static_cast<void>(workload::run_outside(runtime.drive().shared(), make("fib", {5}))), std::invalid_argument);
}

TEST(WorkloadTest, waiting_outside_keeps_its_deadline_and_can_go_on) {
  QueueHome home;
  workload::OutsideRun run(home, make("spawn_many", {50, 2}));
  EXPECT_FALSE(run.wait_until(steady_now() + 1'000'000));
  for (int i = 0; i < 20; ++i) static_cast<void>(home.turn());
  EXPECT_FALSE(run.wait_until(steady_now()));
  home.run();
  EXPECT_TRUE(run.wait_until(steady_now()));
  EXPECT_EQ(run.answer(), 50);
}

TEST(WorkloadTest, dropping_an_outside_run_cancels_its_tasks) {
  QueueHome home;
  {
    const workload::OutsideRun run(home, make("spawn_many", {50, 2}));
    EXPECT_EQ(home.alive(), 50);
  }
  home.run();
  EXPECT_EQ(home.alive(), 0);
}

}  // namespace
}  // namespace rt
