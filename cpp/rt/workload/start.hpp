// How does a tree start a child: queue it and go on, or let it run first? Chosen once for the whole tree, when it is compiled.
//
// Read next: task/fork.hpp, fork_join.cpp.
#pragma once

#include <source_location>

#include "rt/policy/policy.hpp"
#include "rt/task/fork.hpp"

namespace rt::workload {

inline constexpr ForkOrder help_first = ForkOrder::help_first;
inline constexpr ForkOrder work_first = ForkOrder::work_first;

/// help_first: the JoinHandle of a spawned task. work_first: a Fork, which gives that handle when it is awaited.
template <ForkOrder order, class F, class... Args>
auto start(std::source_location at, F function, Args... args) {
  if constexpr (order == help_first) {
    return spawn(function, args..., at);
  } else {
    return fork(function, args..., at);
  }
}

}  // namespace rt::workload
