// Much memory that is written once, from one end to the other: in large pages, where the system has them.
//
// A page of 4 KiB costs its first writer a fault, with every 256th record of a timeline; one of 2 MiB costs it a few dozen together.
#pragma once

#include <cstddef>

namespace rt {

/// Not initialised, and not there before it is written; std::free() gives it back. Null if there is none.
[[nodiscard]] void* take_pages(std::size_t bytes);

}  // namespace rt
