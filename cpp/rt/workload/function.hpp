// A compiled function of the user's, called by one task for each element of an array.
//
// Invariant: the function is called on workers, by several at once, without any lock of ours: int64 in, int64 out, and it must not
// throw. Read next: countdown.hpp.
#pragma once

#include <cstdint>

#include "rt/workload/workload.hpp"

namespace rt::workload {

using UserFunction = std::int64_t (*)(std::int64_t);

/// The integers of a workload "function": how many elements, the function's address, ns for each in a simulation (-1: none given).
struct FunctionCall {
  enum : std::size_t { elements, address, cost, count };
};

/// The sum of the results, modulo 2^64; the results themselves go to Workload::output, if there is one. Throws
/// std::invalid_argument in a simulation without a cost. Takes a checked workload.
[[nodiscard]] Task<std::int64_t> call_function(WorkloadPtr call);

/// Throws std::invalid_argument.
void check_function(const Workload& workload);

}  // namespace rt::workload
