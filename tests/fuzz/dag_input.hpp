// Bytes as the arrays of a task graph, sound or not: refused, or every node that can run runs once, after those before it?
//
// Two ways to read them: as arrays of any numbers, most of which are no graph; or as a list of edges, which always is one, with
// cycles unless the bytes forbid them. Invariant: a graph of the second kind is never refused.
// Read next: cpp/rt/workload/dag.hpp, fuzz_dag.cpp.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "fuzz/bytes.hpp"
#include "rt/drive/simulate.hpp"
#include "rt/task/spawn.hpp"
#include "rt/workload/dag.hpp"

namespace rt::fuzz {

using Numbers = std::vector<std::int64_t>;

struct Graph {
  std::int64_t n = 0;
  Numbers indptr, indices, cost;
  [[nodiscard]] std::size_t size() const { return cost.size(); }
};

/// Small numbers, negative ones, and now and then one at the edge of 64 bits.
inline Numbers any_numbers(Bytes& bytes) {
  constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min(), most = std::numeric_limits<std::int64_t>::max();
  Numbers numbers(bytes.below(12));
  for (std::int64_t& number : numbers) {
    const auto byte = static_cast<std::int8_t>(bytes.next());
    number = byte == -128 ? least : byte == 127 ? most : byte;
  }
  return numbers;
}

inline Graph any_arrays(Bytes& bytes) {
  Graph graph;
  graph.n = static_cast<std::int8_t>(bytes.next());
  graph.indptr = any_numbers(bytes);
  graph.indices = any_numbers(bytes);
  graph.cost = any_numbers(bytes);
  return graph;
}

inline Graph graph_of_edges(Bytes& bytes, bool may_have_cycles) {
  Graph graph;
  const std::size_t nodes = 1 + bytes.below(24);
  for (std::size_t i = 0; i < nodes; ++i) graph.cost.push_back(static_cast<std::int64_t>(bytes.wide()));
  std::vector<Numbers> successors(nodes);
  for (std::uint32_t left = bytes.below(64); left > 0 && !bytes.is_empty(); --left) {
    std::size_t from = bytes.next() % nodes, to = bytes.next() % nodes;
    if (!may_have_cycles) {
      if (from == to) continue;
      std::tie(from, to) = std::minmax({from, to});
    }
    successors[from].push_back(static_cast<std::int64_t>(to));
  }
  graph.n = static_cast<std::int64_t>(nodes);
  graph.indptr.push_back(0);
  for (const Numbers& after : successors) {
    graph.indices.insert(graph.indices.end(), after.begin(), after.end());
    graph.indptr.push_back(static_cast<std::int64_t>(graph.indices.size()));
  }
  return graph;
}

inline WorkloadPtr as_workload(Graph graph) {
  auto kept = std::make_shared<const Graph>(std::move(graph));
  return std::make_shared<const Workload>(Workload{"dag", {kept->n}, {kept->indptr, kept->indices, kept->cost}, kept, {}});
}

/// Walks a sound graph as a list: what can run at all, and the longest path through that.
struct GraphWalk {
  explicit GraphWalk(const Graph& graph) : runs(graph.size()), earliest(graph.size()) {
    std::vector<std::size_t> before(graph.size());
    for (const std::int64_t after : graph.indices) ++before[static_cast<std::size_t>(after)];
    std::vector<std::size_t> ready;
    for (std::size_t node = 0; node < graph.size(); ++node) {
      if (before[node] == 0) ready.push_back(node);
    }
    while (!ready.empty()) {
      const std::size_t node = ready.back();
      ready.pop_back();
      runs[node] = true;
      ++count;
      const auto cost = static_cast<Nanos>(graph.cost[node]);
      work += cost;
      span = std::max(span, earliest[node] + cost);
      for (auto edge = graph.indptr[node]; edge < graph.indptr[node + 1]; ++edge) {
        const auto after = static_cast<std::size_t>(graph.indices[static_cast<std::size_t>(edge)]);
        earliest[after] = std::max(earliest[after], earliest[node] + cost);
        if (--before[after] == 0) ready.push_back(after);
      }
    }
  }
  std::vector<bool> runs;
  std::vector<Nanos> earliest;  // when its last predecessor could have ended
  std::size_t count = 0;
  Nanos work = 0, span = 0;
};

/// Times of a simulation are below 2^64; what is longer in sum is refused where graphs are made (TaskGraph in Python).
inline bool is_too_long(const Graph& graph) {
  std::uint64_t left = std::uint64_t{1} << 62U;
  for (const std::int64_t cost : graph.cost) {
    if (static_cast<std::uint64_t>(cost) > left) return true;
    left -= static_cast<std::uint64_t>(cost);
  }
  return false;
}

inline void check_order(const Graph& graph, const GraphWalk& walk, const workload::DagTrace& trace) {
  need(trace.clock.load() == 2 * walk.count, "not every node that can run began and ended once");
  for (std::size_t node = 0; node < graph.size(); ++node) {
    need((trace.begun[node] != 0) == walk.runs[node], "node " + std::to_string(node) + " ran, or did not, against its edges");
    if (!walk.runs[node]) continue;
    need(trace.ended[node] > trace.begun[node], "node " + std::to_string(node) + " ended before it began");
    for (auto edge = graph.indptr[node]; edge < graph.indptr[node + 1]; ++edge) {
      const auto after = static_cast<std::size_t>(graph.indices[static_cast<std::size_t>(edge)]);
      need(!walk.runs[after] || trace.begun[after] > trace.ended[node],
           "node " + std::to_string(after) + " began before node " + std::to_string(node) + " had ended");
    }
  }
}

inline SimResult run_graph(const Graph& graph, const SimOptions& options) {
  const GraphWalk walk(graph);
  auto trace = std::make_shared<workload::DagTrace>(graph.size());
  SimDrive drive(options);
  JoinHandle<std::int64_t> root;
  const SimResult sim = drive.run([&] { root = spawn(workload::dag, as_workload(graph), trace); }, 200'000);
  need(sim.end == SimResult::End::finished, "it does not end");
  need(root.get() == static_cast<std::int64_t>(walk.count), "the answer is not the number of nodes that can run");
  check_order(graph, walk, *trace);
  // With `interleave`, workers move whatever their clocks say, so times are not ordered by what happens.
  need(options.interleave || sim.now >= walk.span, "it took less than its longest path");
  need(options.scheduler.workers > 1 || options.interleave || sim.now == walk.work, "one worker did not take the whole work");
  need(drive.shared().alive_tasks() == 0, "a task lives after the end");
  return sim;
}

/// What the fuzzer calls. True: the bytes were a graph, and it ran; false: they were refused as they should be.
inline bool try_dag(std::span<const std::uint8_t> data) {
  Bytes bytes(data);
  const std::uint8_t flags = bytes.next();
  SimOptions options;
  options.scheduler.workers = 1 + bytes.below(4);
  options.scheduler.seed = bytes.next();
  options.interleave = (flags & 1U) != 0;
  const bool is_sound = (flags & 2U) == 0;
  const Graph graph = is_sound ? graph_of_edges(bytes, (flags & 4U) != 0) : any_arrays(bytes);
  options.schedule = bytes.rest();
  try {
    check_workload(*as_workload(graph));
  } catch (const std::invalid_argument& error) {
    need(!is_sound, std::string("a graph was refused: ") + error.what());
    return false;
  }
  if (is_too_long(graph)) return false;
  const SimResult once = run_graph(graph, options), again = run_graph(graph, options);
  need(once.trace_hash == again.trace_hash, "two runs of the same bytes have different traces");
  return true;
}

}  // namespace rt::fuzz
