#include "rt/workload/fork_join.hpp"

#include <bit>
#include <vector>

#include "rt/task/fork.hpp"
#include "rt/workload/board.hpp"
#include "rt/workload/child.hpp"
#include "rt/workload/start.hpp"

namespace rt::workload {
namespace {

using Children = std::vector<Child<std::int64_t>>;

std::int64_t leaves_of(std::int64_t depth, std::int64_t fanout) {
  std::int64_t leaves = 1;
  while (depth-- > 0) leaves *= fanout;
  return leaves;
}

template <class... Cost>
Task<std::int64_t> numbered_leaf(std::int64_t number, Cost... cost) {
  if constexpr (sizeof...(cost) != 0) {
    Work busy(cost...);
    co_await busy;
  }
  co_return number;
}

Task<std::int64_t> working_leaf(std::int64_t work_ns) {
  Work busy(static_cast<Nanos>(work_ns));
  co_await busy;
  co_return 1;
}

template <ForkOrder order, class... Cost>
Task<std::int64_t> place_queens(Board board, Cost... cost);

/// The next row's `queen`.
template <ForkOrder order, class... Cost>
auto start_queen(const Board& board, std::uint32_t queen, Cost... cost) {
  const Board next = board.with(queen);
  if (next.is_full()) return start<order>(std::source_location::current(), numbered_leaf<Cost...>, 1, cost...);
  return start<order>(std::source_location::current(), place_queens<order, Cost...>, next, cost...);
}

template <class... Cost>
Children place_next_row(const Board& board, Cost... cost) {
  Children children;
  children.reserve(static_cast<std::size_t>(std::popcount(board.safe())));
  for (std::uint32_t safe = board.safe(); safe != 0; safe &= safe - 1) {
    children.emplace_back(start_queen<help_first>(board, safe & -safe, cost...));
  }
  return children;
}

template <ForkOrder order, class... Cost>
Task<std::int64_t> place_queens(Board board, Cost... cost) {
  if constexpr (sizeof...(cost) != 0) {
    Work busy(cost...);
    co_await busy;
  }
  Children children;
  if constexpr (order == help_first) {
    children = place_next_row(board, cost...);
  } else {
    for (std::uint32_t safe = board.safe(); safe != 0; safe &= safe - 1) {
      auto forked = start_queen<order>(board, safe & -safe, cost...);
      auto child = co_await forked;
      children.emplace_back(std::move(child));
    }
  }
  std::int64_t ways = 0;
  for (auto& child : children) {
    const std::int64_t below = co_await std::move(child);
    ways += below;
  }
  co_return ways;
}

}  // namespace

template <ForkOrder order, class... Cost>
Task<std::int64_t> fib(std::int64_t n, Cost... cost) {
  if constexpr (sizeof...(cost) != 0) {
    Work busy(cost...);
    co_await busy;
  }
  if (n < 2) co_return n;
  std::int64_t sum = 0;
  if constexpr (order == help_first) {
    Child<std::int64_t> children[]{Child(spawn(fib<order, Cost...>, n - 1, cost...)),
                                   Child(spawn(fib<order, Cost...>, n - 2, cost...))};
    for (auto& child : children) {
      const std::int64_t part = co_await std::move(child);
      sum += part;
    }
  } else {
    Children children;
    for (std::int64_t less = 1; less <= 2; ++less) {
      auto forked = fork(fib<order, Cost...>, n - less, cost...);
      auto child = co_await forked;
      children.emplace_back(std::move(child));
    }
    for (auto& child : children) {
      const std::int64_t part = co_await std::move(child);
      sum += part;
    }
  }
  co_return sum;
}

namespace {

template <ForkOrder order, class... Cost>
auto start_skynet(const SkynetTree& tree, std::int64_t i, Cost... cost) {
  const std::int64_t number = tree.first + i * leaves_of(tree.depth - 1, tree.fanout);
  if (tree.depth == 1) return start<order>(std::source_location::current(), numbered_leaf<Cost...>, number, cost...);
  return start<order>(std::source_location::current(), skynet<order, Cost...>, SkynetTree{tree.depth - 1, tree.fanout, number},
                      cost...);
}

template <class... Cost>
Children fork_skynet(const SkynetTree& tree, Cost... cost) {
  Children children;
  children.reserve(static_cast<std::size_t>(tree.fanout));
  for (std::int64_t i = 0; i < tree.fanout; ++i) children.emplace_back(start_skynet<help_first>(tree, i, cost...));
  return children;
}

template <ForkOrder order>
auto start_working(std::int64_t depth, std::int64_t fanout, std::int64_t work_ns) {
  if (depth <= 1) return start<order>(std::source_location::current(), working_leaf, work_ns);
  return start<order>(std::source_location::current(), fork_join<order>, depth - 1, fanout, work_ns);
}

Children fork_working(std::int64_t depth, std::int64_t fanout, std::int64_t work_ns) {
  Children children;
  if (depth == 0) fanout = 1;  // the root is the only leaf, and works in a task of its own
  children.reserve(static_cast<std::size_t>(fanout));
  for (std::int64_t i = 0; i < fanout; ++i) children.emplace_back(start_working<help_first>(depth, fanout, work_ns));
  return children;
}

}  // namespace

template <ForkOrder order, class... Cost>
Task<std::int64_t> skynet(SkynetTree tree, Cost... cost) {
  if constexpr (sizeof...(cost) != 0) {
    Work busy(cost...);
    co_await busy;
  }
  if (tree.depth == 0) co_return tree.first;
  Children children;
  if constexpr (order == help_first) {
    children = fork_skynet(tree, cost...);
  } else {
    for (std::int64_t i = 0; i < tree.fanout; ++i) {
      auto forked = start_skynet<order>(tree, i, cost...);
      auto child = co_await forked;
      children.emplace_back(std::move(child));
    }
  }
  std::int64_t sum = 0;
  for (auto& child : children) {
    const std::int64_t below = co_await std::move(child);
    sum += below;
  }
  co_return sum;
}

template <ForkOrder order>
Task<std::int64_t> fork_join(std::int64_t depth, std::int64_t fanout, std::int64_t work_ns) {
  Children children;
  if constexpr (order == help_first) {
    children = fork_working(depth, fanout, work_ns);
  } else {
    for (std::int64_t i = 0; i < (depth == 0 ? 1 : fanout); ++i) {
      auto forked = start_working<order>(depth, fanout, work_ns);
      auto child = co_await forked;
      children.emplace_back(std::move(child));
    }
  }
  std::int64_t leaves = 0;
  for (auto& child : children) {
    const std::int64_t below = co_await std::move(child);
    leaves += below;
  }
  co_return leaves;
}

template <ForkOrder order, class... Cost>
Task<std::int64_t> nqueens(std::int64_t n, Cost... cost) {
  return place_queens<order>(Board::empty(n), cost...);
}

template Task<std::int64_t> fib<help_first>(std::int64_t);
template Task<std::int64_t> fib<help_first>(std::int64_t, Nanos);
template Task<std::int64_t> fib<work_first>(std::int64_t);
template Task<std::int64_t> fib<work_first>(std::int64_t, Nanos);
template Task<std::int64_t> skynet<help_first>(SkynetTree);
template Task<std::int64_t> skynet<help_first>(SkynetTree, Nanos);
template Task<std::int64_t> skynet<work_first>(SkynetTree);
template Task<std::int64_t> skynet<work_first>(SkynetTree, Nanos);
template Task<std::int64_t> nqueens<help_first>(std::int64_t);
template Task<std::int64_t> nqueens<help_first>(std::int64_t, Nanos);
template Task<std::int64_t> nqueens<work_first>(std::int64_t);
template Task<std::int64_t> nqueens<work_first>(std::int64_t, Nanos);
template Task<std::int64_t> fork_join<help_first>(std::int64_t, std::int64_t, std::int64_t);
template Task<std::int64_t> fork_join<work_first>(std::int64_t, std::int64_t, std::int64_t);

}  // namespace rt::workload
