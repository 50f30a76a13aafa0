// oneTBB's groups have no handle: the same as skynet.

#include "pool.hpp"

std::uint64_t bench::skynet_structured(Pool& pool, const Sizes& sizes) { return skynet(pool, sizes); }
