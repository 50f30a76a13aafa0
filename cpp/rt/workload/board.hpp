// A partly filled chess board, as the search for queens sees it: what is attacked in the row to be filled next.
#pragma once

#include <cstdint>

namespace rt::workload {

/// One bit a column.
struct Board {
  std::uint32_t all;    // the columns that there are
  std::uint32_t taken;  // by a queen in the same column
  std::uint32_t left;   // by one on a diagonal that runs to lower columns
  std::uint32_t right;  // by one on a diagonal that runs to higher columns

  [[nodiscard]] static Board empty(std::int64_t n) { return {(std::uint32_t{1} << n) - 1, 0, 0, 0}; }
  [[nodiscard]] std::uint32_t safe() const { return all & ~(taken | left | right); }
  [[nodiscard]] bool is_full() const { return taken == all; }
  [[nodiscard]] Board with(std::uint32_t queen) const { return {all, taken | queen, (left | queen) >> 1, (right | queen) << 1}; }
};

}  // namespace rt::workload
