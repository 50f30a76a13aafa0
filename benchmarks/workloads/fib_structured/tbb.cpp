// oneTBB's groups have no handle: the same as fib.

#include "pool.hpp"

std::uint64_t bench::fib_structured(Pool& pool, const Sizes& sizes) { return fib(pool, sizes); }
