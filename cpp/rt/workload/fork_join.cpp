#include "rt/workload/fork_join.hpp"

#include <bit>
#include <vector>

#include "rt/task/spawn.hpp"
#include "rt/workload/child.hpp"

namespace rt::workload {
namespace {

using Children = std::vector<Child<std::int64_t>>;

std::int64_t leaves_of(std::int64_t depth, std::int64_t fanout) {
  std::int64_t leaves = 1;
  while (depth-- > 0) leaves *= fanout;
  return leaves;
}

Task<std::int64_t> numbered_leaf(std::int64_t number) { co_return number; }

Task<std::int64_t> working_leaf(std::int64_t work_ns) {
  Work busy(static_cast<Nanos>(work_ns));
  co_await busy;
  co_return 1;
}

/// A partly filled board, from the row to be filled next: what is attacked in it, a bit a column.
struct Board {
  std::uint32_t all;    // the columns that there are
  std::uint32_t taken;  // by a queen in the same column
  std::uint32_t left;   // by one on a diagonal that runs to lower columns
  std::uint32_t right;  // by one on a diagonal that runs to higher columns

  [[nodiscard]] std::uint32_t safe() const { return all & ~(taken | left | right); }
  [[nodiscard]] bool is_full() const { return taken == all; }
  [[nodiscard]] Board with(std::uint32_t queen) const { return {all, taken | queen, (left | queen) >> 1, (right | queen) << 1}; }
};

Task<std::int64_t> place_queens(Board board);

Children place_next_row(const Board& board) {
  Children children;
  children.reserve(static_cast<std::size_t>(std::popcount(board.safe())));
  for (std::uint32_t safe = board.safe(); safe != 0; safe &= safe - 1) {
    const Board next = board.with(safe & -safe);
    if (next.is_full()) {
      children.emplace_back(spawn(numbered_leaf, 1));
    } else {
      children.emplace_back(spawn(place_queens, next));
    }
  }
  return children;
}

Task<std::int64_t> place_queens(Board board) {
  Children children = place_next_row(board);
  std::int64_t ways = 0;
  for (auto& child : children) {
    const std::int64_t below = co_await std::move(child);
    ways += below;
  }
  co_return ways;
}

}  // namespace

Task<std::int64_t> fib(std::int64_t n) {
  if (n < 2) co_return n;
  Child<std::int64_t> children[]{Child(spawn(fib, n - 1)), Child(spawn(fib, n - 2))};
  std::int64_t sum = 0;
  for (auto& child : children) {
    const std::int64_t part = co_await std::move(child);
    sum += part;
  }
  co_return sum;
}

namespace {

Children fork_skynet(std::int64_t depth, std::int64_t fanout, std::int64_t first) {
  const std::int64_t below = leaves_of(depth - 1, fanout);
  Children children;
  children.reserve(static_cast<std::size_t>(fanout));
  for (std::int64_t i = 0; i < fanout; ++i) {
    const std::int64_t number = first + i * below;
    if (depth == 1) {
      children.emplace_back(spawn(numbered_leaf, number));
    } else {
      children.emplace_back(spawn(skynet, depth - 1, fanout, number));
    }
  }
  return children;
}

Children fork_working(std::int64_t depth, std::int64_t fanout, std::int64_t work_ns) {
  Children children;
  if (depth == 0) fanout = 1;  // the root is the only leaf, and works in a task of its own
  children.reserve(static_cast<std::size_t>(fanout));
  for (std::int64_t i = 0; i < fanout; ++i) {
    if (depth <= 1) {
      children.emplace_back(spawn(working_leaf, work_ns));
    } else {
      children.emplace_back(spawn(fork_join, depth - 1, fanout, work_ns));
    }
  }
  return children;
}

}  // namespace

Task<std::int64_t> skynet(std::int64_t depth, std::int64_t fanout, std::int64_t first) {
  if (depth == 0) co_return first;
  Children children = fork_skynet(depth, fanout, first);
  std::int64_t sum = 0;
  for (auto& child : children) {
    const std::int64_t part = co_await std::move(child);
    sum += part;
  }
  co_return sum;
}

Task<std::int64_t> fork_join(std::int64_t depth, std::int64_t fanout, std::int64_t work_ns) {
  Children children = fork_working(depth, fanout, work_ns);
  std::int64_t leaves = 0;
  for (auto& child : children) {
    const std::int64_t below = co_await std::move(child);
    leaves += below;
  }
  co_return leaves;
}

Task<std::int64_t> nqueens(std::int64_t n) {
  const Board empty{(std::uint32_t{1} << n) - 1, 0, 0, 0};
  return place_queens(empty);
}

}  // namespace rt::workload
