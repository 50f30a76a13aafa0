// Recursive fork and join: a task for each call, an answer for each task. All tasks own those that they fork (child.hpp).
//
// Invariant: a call is a task however small it is, since these workloads measure the scheduler; only matmul stops at a
// block that is worth a task. Live tasks need one slot each, so frames are kept small: leaves have a function of their own.
#pragma once

#include <cstdint>

#include "rt/task/coroutine.hpp"

namespace rt::workload {

/// The n-th Fibonacci number.
[[nodiscard]] Task<std::int64_t> fib(std::int64_t n);

/// The sum of the numbers of all fanout^depth leaves, the first of which is `first`.
[[nodiscard]] Task<std::int64_t> skynet(std::int64_t depth, std::int64_t fanout, std::int64_t first);

/// How many leaves a tree of fanout^depth has, each of which works for `work_ns`.
[[nodiscard]] Task<std::int64_t> fork_join(std::int64_t depth, std::int64_t fanout, std::int64_t work_ns);

/// In how many ways n queens stand on an n by n board without attacking each other; n <= 31.
[[nodiscard]] Task<std::int64_t> nqueens(std::int64_t n);

/// The sum of the elements of A B, where A[i][j] = (3i + 7j) mod 11 and B[i][j] = (5i + 2j) mod 13, n by n.
[[nodiscard]] Task<std::int64_t> matmul(std::int64_t n);

}  // namespace rt::workload
