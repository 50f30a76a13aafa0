#include "rt/workload/structured.hpp"

#include <bit>

#include "rt/task/fork_join.hpp"
#include "rt/workload/board.hpp"

namespace rt::workload::structured {
namespace {

using Answer = std::int64_t;

template <class... Cost>
Coro<Answer> fib_branch(std::int64_t n, Cost... cost) {
  if constexpr (sizeof...(cost) != 0) {
    Work busy(cost...);
    co_await busy;
  }
  if (n < 2) co_return n;
  auto both = rt::fork_join(fib_branch<Cost...>(n - 1, cost...), fib_branch<Cost...>(n - 2, cost...));
  const auto [more, less] = co_await both;
  co_return more + less;
}

template <class... Cost>
Coro<Answer> numbered_leaf(std::int64_t number, Cost... cost) {
  if constexpr (sizeof...(cost) != 0) {
    Work busy(cost...);
    co_await busy;
  }
  co_return number;
}

Coro<Answer> working_leaf(std::int64_t work_ns) {
  Work busy(static_cast<Nanos>(work_ns));
  co_await busy;
  co_return 1;
}

Answer sum_of(Branches<Answer>& children) {
  Answer sum = 0;
  for (std::uint32_t i = 0; i < children.size(); ++i) sum += children.take(i);
  return sum;
}

std::int64_t leaves_of(std::int64_t depth, std::int64_t fanout) {
  std::int64_t leaves = 1;
  while (depth-- > 0) leaves *= fanout;
  return leaves;
}

template <class... Cost>
Coro<Answer> skynet_branch(SkynetTree tree, Cost... cost) {
  if constexpr (sizeof...(cost) != 0) {
    Work busy(cost...);
    co_await busy;
  }
  if (tree.depth == 0) co_return tree.first;
  Branches<Answer> children(static_cast<std::size_t>(tree.fanout));
  const std::int64_t share = leaves_of(tree.depth - 1, tree.fanout);
  for (std::int64_t i = 0; i < tree.fanout; ++i) {
    const std::int64_t first = tree.first + i * share;
    if (tree.depth == 1) {
      children.add(numbered_leaf<Cost...>(first, cost...));
    } else {
      children.add(skynet_branch<Cost...>(SkynetTree{tree.depth - 1, tree.fanout, first}, cost...));
    }
  }
  co_await children;
  co_return sum_of(children);
}

Coro<Answer> working_branch(std::int64_t depth, std::int64_t fanout, std::int64_t work_ns) {
  if (depth == 0) fanout = 1;  // the root is the only leaf, and works in a branch of its own
  Branches<Answer> children(static_cast<std::size_t>(fanout));
  for (std::int64_t i = 0; i < fanout; ++i) {
    children.add(depth <= 1 ? working_leaf(work_ns) : working_branch(depth - 1, fanout, work_ns));
  }
  co_await children;
  co_return sum_of(children);
}

template <class... Cost>
Coro<Answer> place_queens(Board board, Cost... cost) {
  if constexpr (sizeof...(cost) != 0) {
    Work busy(cost...);
    co_await busy;
  }
  Branches<Answer> children(static_cast<std::size_t>(std::popcount(board.safe())));
  for (std::uint32_t safe = board.safe(); safe != 0; safe &= safe - 1) {
    const Board next = board.with(safe & -safe);
    if (next.is_full()) {
      children.add(numbered_leaf<Cost...>(1, cost...));
    } else {
      children.add(place_queens<Cost...>(next, cost...));
    }
  }
  co_await children;
  co_return sum_of(children);
}

}  // namespace

template <class... Cost>
Task<std::int64_t> fib(std::int64_t n, Cost... cost) {
  auto root = fib_branch<Cost...>(n, cost...);
  co_return co_await std::move(root);
}

template <class... Cost>
Task<std::int64_t> skynet(SkynetTree tree, Cost... cost) {
  auto root = skynet_branch<Cost...>(tree, cost...);
  co_return co_await std::move(root);
}

Task<std::int64_t> fork_join(std::int64_t depth, std::int64_t fanout, std::int64_t work_ns) {
  auto root = working_branch(depth, fanout, work_ns);
  co_return co_await std::move(root);
}

template <class... Cost>
Task<std::int64_t> nqueens(std::int64_t n, Cost... cost) {
  auto root = place_queens<Cost...>(Board::empty(n), cost...);
  co_return co_await std::move(root);
}

template Task<std::int64_t> fib<>(std::int64_t);
template Task<std::int64_t> fib<Nanos>(std::int64_t, Nanos);
template Task<std::int64_t> skynet<>(SkynetTree);
template Task<std::int64_t> skynet<Nanos>(SkynetTree, Nanos);
template Task<std::int64_t> nqueens<>(std::int64_t);
template Task<std::int64_t> nqueens<Nanos>(std::int64_t, Nanos);

}  // namespace rt::workload::structured
