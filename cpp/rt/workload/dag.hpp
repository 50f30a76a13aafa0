// A task graph: one task a node, spawned when the last node with an edge to it has ended.
//
// The successors of node i are indices[indptr[i] .. indptr[i + 1]); an edge that is there twice counts twice. Invariant: a
// node's task exists only once it may run, so a million nodes need a counter each and slots for those that are ready.
// A graph with a cycle ends too: its answer is then smaller than its number of nodes. Read next: countdown.hpp.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "rt/workload/workload.hpp"

namespace rt::workload {

/// When each node began and ended, as positions in one count of all begins and ends, from 1; 0: not at all.
struct DagTrace {
  explicit DagTrace(std::size_t nodes) : begun(nodes), ended(nodes) {}
  std::atomic<std::uint64_t> clock{0};
  std::vector<std::uint64_t> begun;  // a node's task writes its own element
  std::vector<std::uint64_t> ended;
};

/// The integers of a workload "dag_calls": how many nodes, and the function that each calls with its element of a fourth array.
struct DagCalls {
  enum : std::size_t { nodes, address, data, count };
};

/// Each node works for its cost; the answer is how many ran. Takes a checked workload of kind "dag", or "dag_calls": then each
/// node calls the function once its predecessors' calls have returned, the cost is that of a simulation, and the answer is the
/// sum of what the calls gave, modulo 2^64.
[[nodiscard]] Task<std::int64_t> dag(WorkloadPtr graph, std::shared_ptr<DagTrace> trace);

/// Throws std::invalid_argument unless the arrays are a graph (a cycle is not looked for).
void check_dag(const Workload& workload);

}  // namespace rt::workload
