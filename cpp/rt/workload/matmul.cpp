// The product of two matrices by halving: the longest of rows, columns and inner length is split until a block is small.
//
// Halves of rows or columns write different parts of C and run side by side; halves of the inner length write the same
// and run one after the other. The matrices live until the last task is gone, which may be after the root was dropped.
#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "rt/task/spawn.hpp"
#include "rt/workload/child.hpp"
#include "rt/workload/fork_join.hpp"

namespace rt::workload {
namespace {

/// Longest side of a block that is multiplied without a split: three of them fit in a first-level cache of 128 KiB or in
/// the second level of any machine; measure with matmul(1024), whose time is flat around it.  [elements]
constexpr std::int64_t block_side = 64;

struct Matrices {
  explicit Matrices(std::int64_t n) : side(n), a(area()), b(area()), c(area()) {
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t j = 0; j < n; ++j) {
        a[at(i, j)] = (3 * i + 7 * j) % 11;
        b[at(i, j)] = (5 * i + 2 * j) % 13;
      }
    }
  }
  [[nodiscard]] std::size_t area() const { return static_cast<std::size_t>(side * side); }
  [[nodiscard]] std::size_t at(std::int64_t i, std::int64_t j) const { return static_cast<std::size_t>(i * side + j); }

  std::int64_t side;
  std::vector<std::int64_t> a;
  std::vector<std::int64_t> b;
  std::vector<std::int64_t> c;
};

struct Span {
  std::int64_t begin;
  std::int64_t end;
  [[nodiscard]] std::int64_t length() const { return end - begin; }
  [[nodiscard]] std::pair<Span, Span> halves() const {
    const std::int64_t middle = begin + length() / 2;
    return {{begin, middle}, {middle, end}};
  }
};

/// C[rows][columns] += A[rows][inner] B[inner][columns].
struct Block {
  Span rows;
  Span columns;
  Span inner;

  /// What the block costs if a whole one costs `cost`.
  [[nodiscard]] Nanos share_of(Nanos cost) const {
    const auto volume = static_cast<Nanos>(rows.length() * columns.length() * inner.length());
    return cost * volume / static_cast<Nanos>(block_side * block_side * block_side);
  }
  [[nodiscard]] Span& longest() {
    return *std::max({&rows, &columns, &inner}, [](const Span* x, const Span* y) { return x->length() < y->length(); });
  }
};

void multiply_block(Matrices& m, const Block& block) {
  for (std::int64_t i = block.rows.begin; i < block.rows.end; ++i) {
    for (std::int64_t k = block.inner.begin; k < block.inner.end; ++k) {
      const std::int64_t factor = m.a[m.at(i, k)];
      const std::int64_t* from = &m.b[m.at(k, 0)];
      std::int64_t* to = &m.c[m.at(i, 0)];
      for (std::int64_t j = block.columns.begin; j < block.columns.end; ++j) to[j] += factor * from[j];
    }
  }
}

using MatricesPtr = std::shared_ptr<Matrices>;

template <class... Cost>
Task<void> multiply(MatricesPtr matrices, Block block, Cost... cost) {
  Span& longest = block.longest();
  if (longest.length() <= block_side) {
    if constexpr (sizeof...(cost) != 0) {
      Work busy(block.share_of(cost...));
      co_await busy;
    }
    multiply_block(*matrices, block);
    co_return;
  }
  const bool in_order = &longest == &block.inner;
  const std::pair<Span, Span> halves = longest.halves();
  longest = halves.first;
  Child first(spawn(multiply<Cost...>, matrices, block, cost...));
  if (in_order) co_await std::move(first);
  longest = halves.second;
  Child second(spawn(multiply<Cost...>, matrices, block, cost...));
  if (!in_order) co_await std::move(first);
  co_await std::move(second);
}

}  // namespace

template <class... Cost>
Task<std::int64_t> matmul(std::int64_t n, Cost... cost) {
  auto matrices = std::make_shared<Matrices>(n);
  const Block all{{0, n}, {0, n}, {0, n}};
  Child product(spawn(multiply<Cost...>, matrices, all, cost...));
  co_await std::move(product);
  std::int64_t sum = 0;
  for (const std::int64_t element : matrices->c) sum += element;
  co_return sum;
}
template Task<std::int64_t> matmul(std::int64_t);
template Task<std::int64_t> matmul(std::int64_t, Nanos);

}  // namespace rt::workload
