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

/// Those of this thread, outermost first. More than one task's, where a region drives a coroutine by block_on.
std::vector<Region>& regions() {
  thread_local std::vector<Region> list;
  return list;
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
  regions().push_back({task, given});
}

void end_last() {
  const Region region = regions().back();
  regions().pop_back();
  if (region.given.worker == nullptr) return;
  const WithoutGil unlocked;
  rt::current()->home->take_back(region.given);
}

void end() {
  if (in_region()) end_last();
}

}  // namespace

bool in_region() {
  const std::vector<Region>& list = regions();
  return !list.empty() && list.back().task == current_task();
}

bool end_regions() {
  bool any = false;
  for (; in_region(); any = true) end_last();
  return any;
}

RegionMark::RegionMark() {
  if (rt::Header* task = current_task()) regions().push_back({task, {}});
}

RegionMark::~RegionMark() { end(); }

void init_region(py::module_& module) {
  module.def("begin_blocking", &begin, "Hands this worker's core on, until end_blocking().");
  module.def("end_blocking", &end, "Takes it back, if an await has not done so already.");
}

}  // namespace bind
