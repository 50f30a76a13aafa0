#include "rt/workload/dag.hpp"

#include <stdexcept>
#include <string>
#include <utility>

#include "rt/task/spawn.hpp"
#include "rt/workload/countdown.hpp"
#include "rt/workload/function.hpp"

namespace rt::workload {
namespace {

/// What all nodes of one run share. Goes with the last of their tasks.
class DagRun final : public Countdown {
 public:
  DagRun(WorkloadPtr graph, std::shared_ptr<DagTrace> trace)
      : graph_(std::move(graph)),
        trace_(std::move(trace)),
        open_edges_(nodes()),
        results_(calls_function() ? nodes() : std::size_t{0}) {
    // relaxed, here: no task knows these counters yet; being spawned tells them.
    for (const std::int64_t after : graph_->arrays[1]) count_of(after).fetch_add(1, relaxed);
  }

  [[nodiscard]] std::size_t nodes() const { return graph_->arrays[2].size(); }
  [[nodiscard]] Nanos cost(std::uint32_t node) const { return static_cast<Nanos>(graph_->arrays[2][node]); }
  [[nodiscard]] bool calls_function() const { return graph_->ints.size() == DagCalls::count; }
  /// Each node's task writes its own element.
  void call(std::uint32_t node) {
    const UserFunction function{graph_->ints[DagCalls::address], graph_->ints[DagCalls::data]};
    results_[node] = function(graph_->arrays[3][node]);
  }
  [[nodiscard]] std::int64_t sum() const { return wrapping_sum(results_); }
  // relaxed: before any node runs.
  [[nodiscard]] bool is_first(std::uint32_t node) const { return open_edges_[node].load(relaxed) == 0; }

  void spawn_first_nodes(Ticket ticket);
  /// Ends the node: its ticket goes on to the last successor that has become ready.
  void spawn_ready_successors(std::uint32_t node, Ticket ticket);

  void note_begin(std::uint32_t node) {
    if (trace_) trace_->begun[node] = next_position();
  }
  void note_end(std::uint32_t node) {
    if (trace_) trace_->ended[node] = next_position();
  }

 private:
  [[nodiscard]] std::atomic<std::uint32_t>& count_of(std::int64_t node) { return open_edges_[static_cast<std::size_t>(node)]; }
  [[nodiscard]] std::uint64_t next_position() {
    return trace_->clock.fetch_add(1, relaxed) + 1;  // relaxed: what orders begins and ends are the edges' counters
  }

  WorkloadPtr graph_;
  std::shared_ptr<DagTrace> trace_;
  std::vector<std::atomic<std::uint32_t>> open_edges_;  // by node: predecessors that have not ended
  std::vector<std::int64_t> results_;                   // by node; empty where nodes only work
};

Task<void> run_node(Ticket ticket, std::uint32_t node) {
  auto& run = ticket.as<DagRun>();
  if (ticket.is_abandoned()) co_return;
  run.note_begin(node);
  if (!run.calls_function() || current()->home->simulated()) {
    Work busy(run.cost(node));
    co_await busy;
  }
  if (run.calls_function()) run.call(node);
  run.note_end(node);
  ticket.add_credit();
  run.spawn_ready_successors(node, std::move(ticket));
}

void spawn_node(Ticket ticket, std::uint32_t node) { static_cast<void>(spawn(run_node, std::move(ticket), node)); }

void DagRun::spawn_first_nodes(Ticket ticket) {
  // A node that has run may have opened others: whether one is first must be known before any runs. Counters only fall
  // to zero for nodes that are not first, so those are told apart by a list.
  std::vector<std::uint32_t> first;
  for (std::uint32_t node = 0; node < nodes(); ++node) {
    if (is_first(node)) first.push_back(node);
  }
  for (const std::uint32_t node : first) {
    ticket.grow();
    spawn_node(ticket.split(), node);
  }
}

void DagRun::spawn_ready_successors(std::uint32_t node, Ticket ticket) {
  const auto& indptr = graph_->arrays[0];
  const auto begin = static_cast<std::size_t>(indptr[node]);
  const auto end = static_cast<std::size_t>(indptr[node + 1]);
  std::int64_t ready = -1;  // found, not yet spawned: the last one takes our ticket, so a chain never touches the count
  for (std::size_t edge = begin; edge < end; ++edge) {
    const std::int64_t after = graph_->arrays[1][edge];
    // acq_rel: the last predecessor's task must have seen the ends of the others before the successor begins.
    if (count_of(after).fetch_sub(1, acq_rel) != 1) continue;
    if (ready >= 0) {
      ticket.grow();
      spawn_node(ticket.split(), static_cast<std::uint32_t>(ready));
    }
    ready = after;
  }
  if (ready >= 0) spawn_node(std::move(ticket), static_cast<std::uint32_t>(ready));
}

[[noreturn]] void refuse(const std::string& what) { throw std::invalid_argument("dag: " + what); }

}  // namespace

Task<std::int64_t> dag(WorkloadPtr graph, std::shared_ptr<DagTrace> trace) {
  Owner<DagRun> owner(std::make_unique<DagRun>(std::move(graph), std::move(trace)));
  owner.state().spawn_first_nodes(owner.issue(1));
  Drained drained(owner);
  const std::int64_t ran = co_await drained;
  co_return owner.state().calls_function() ? owner.state().sum() : ran;
}

void check_dag(const Workload& workload) {
  const bool calls = workload.ints.size() == DagCalls::count;
  if (workload.arrays.size() != (calls ? 4 : 3)) {
    refuse(std::to_string(workload.arrays.size()) + " arrays; need indptr, indices and cost_ns" + (calls ? " and args" : ""));
  }
  if (calls && workload.ints[DagCalls::address] == 0) refuse("address=0; need a function");
  if (calls && workload.arrays[3].size() != workload.arrays[2].size()) refuse("args is not one a node");
  const auto& [indptr, indices, cost] = std::tie(workload.arrays[0], workload.arrays[1], workload.arrays[2]);
  const auto nodes = static_cast<std::int64_t>(cost.size());
  const auto edges = static_cast<std::int64_t>(indices.size());
  if (workload.ints[0] != nodes) refuse("n=" + std::to_string(workload.ints[0]) + ", but cost_ns has " + std::to_string(nodes));
  if (indptr.size() != cost.size() + 1 || indptr.front() != 0 || indptr.back() != edges) {
    refuse("indptr must have n + 1 = " + std::to_string(nodes + 1) + " elements, from 0 to the number of edges, " +
           std::to_string(edges));
  }
  for (std::size_t i = 0; i < cost.size(); ++i) {
    if (indptr[i] > indptr[i + 1]) refuse("indptr falls at node " + std::to_string(i) + "; it must never fall");
    if (cost[i] < 0) refuse("cost_ns=" + std::to_string(cost[i]) + " of node " + std::to_string(i) + "; need 0 or more");
  }
  for (const std::int64_t after : indices) {
    if (after < 0 || after >= nodes) {
      refuse("an edge to node " + std::to_string(after) + "; need 0.." + std::to_string(nodes - 1));
    }
  }
}

}  // namespace rt::workload
