// Recursive fork and join: a task for each call, an answer for each task. All tasks own those that they fork (child.hpp).
//
// Invariant: a call is a task however small it is, since these workloads measure the scheduler; only matmul stops at a
// block that is worth a task. Live tasks need one slot each, so frames are kept small: leaves have a function of their own.
// On threads the computation takes the time that it takes. In a simulation it takes none, so there each task is charged a declared
// cost: `Cost...` is then one Nanos, which is handed down, and else empty, so that frames on threads do not know of it. Likewise
// `order` is the policy's: a tree that forks work-first suspends at each fork and needs room for it, one that forks help-first
// spawns.
#pragma once

#include <cstdint>

#include "rt/env/environment.hpp"
#include "rt/policy/policy.hpp"
#include "rt/task/coroutine.hpp"

namespace rt::workload {

/// The n-th Fibonacci number.
template <ForkOrder order, class... Cost>
[[nodiscard]] Task<std::int64_t> fib(std::int64_t n, Cost... cost);

struct SkynetTree {
  std::int64_t depth;
  std::int64_t fanout;
  std::int64_t first;
};
/// The sum of the numbers of all fanout^depth leaves, the first of which is `first`.
template <ForkOrder order, class... Cost>
[[nodiscard]] Task<std::int64_t> skynet(SkynetTree tree, Cost... cost);

/// How many leaves a tree of fanout^depth has, each of which works for `work_ns`.
template <ForkOrder order>
[[nodiscard]] Task<std::int64_t> fork_join(std::int64_t depth, std::int64_t fanout, std::int64_t work_ns);

/// In how many ways n queens stand on an n by n board without attacking each other; n <= 31.
template <ForkOrder order, class... Cost>
[[nodiscard]] Task<std::int64_t> nqueens(std::int64_t n, Cost... cost);

/// The sum of the elements of A B, where A[i][j] = (3i + 7j) mod 11 and B[i][j] = (5i + 2j) mod 13, n by n.
/// A block of 64 by 64 by 64 costs `cost`, smaller ones their share.
template <class... Cost>
[[nodiscard]] Task<std::int64_t> matmul(std::int64_t n, Cost... cost);

}  // namespace rt::workload
