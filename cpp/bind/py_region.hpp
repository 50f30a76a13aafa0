// A part of a task's code that blocks: with ss.blocking(). The core is handed on at its start and taken back at its end.
//
// Invariant: no task suspends inside its region: what would suspend it ends the region first (end_regions), so that
// the core is back, or gone for good, before the poll goes on. Nothing happens outside a task.
#pragma once

#include "bind/gil.hpp"
#include "rt/task/header.hpp"

namespace bind {

/// The task whose code runs on this thread stands inside such a region.
[[nodiscard]] bool in_region();
/// Ends all regions of the task whose code runs on this thread. True if there was one. GIL held; gives it up meanwhile.
bool end_regions();

/// For block_in_place, which moves the core itself: says that this task stands in a region, for a scope.
class RegionMark {
 public:
  RegionMark();
  ~RegionMark();
  RegionMark(const RegionMark&) = delete;
  RegionMark& operator=(const RegionMark&) = delete;
};

}  // namespace bind
