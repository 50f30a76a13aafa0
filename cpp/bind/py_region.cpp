#include "bind/py_region.hpp"

#include <vector>

#include "bind/classes.hpp"
#include "rt/task/context.hpp"

namespace bind {
namespace {

struct Region {
  rt::Header* task;
  rt::HandedOver given;
};

// initial-exec: as in rt/task/context.cpp. How many regions this thread has: each poll asks, and nearly always there are none.
#if defined(__GNUC__) && defined(__linux__)
__attribute__((tls_model("initial-exec")))
#endif
thread_local std::uint32_t depth = 0;

/// Those of this thread, outermost first. More than one task's, where a region drives a coroutine by block_on.
std::vector<Region>& regions() {
  thread_local std::vector<Region> list;
  return list;
}

void add_region(const Region& region) {
  regions().push_back(region);
  ++depth;
}

rt::Header* current_task() {
  rt::Context* context = rt::current();
  return context != nullptr ? context->task : nullptr;
}

void begin() {
  rt::Header* task = current_task();
  if (task == nullptr) return;
  rt::HandedOver given;
  {
    const WithoutGil unlocked;  // the hand-over wakes tasks and may make a thread
    given = rt::current()->home->hand_over();
  }
  add_region({task, given});
}

void end_last() {
  const Region region = regions().back();
  regions().pop_back();
  --depth;
  if (region.given.worker == nullptr) return;
  const WithoutGil unlocked;
  rt::current()->home->take_back(region.given);
}

void end() {
  if (in_region()) end_last();
}

}  // namespace

bool in_region() {
  if (depth == 0) return false;
  const std::vector<Region>& list = regions();
  return !list.empty() && list.back().task == current_task();
}

bool end_regions() {
  bool any = false;
  for (; in_region(); any = true) end_last();
  return any;
}

RegionMark::RegionMark() {
  if (rt::Header* task = current_task()) add_region({task, {}});
}

RegionMark::~RegionMark() { end(); }

void init_region(py::module_& module) {
  module.def("begin_blocking", &begin, "Hands this worker's core on, until end_blocking().");
  module.def("end_blocking", &end, "Takes it back, if an await has not done so already.");
}

}  // namespace bind
