#include "rt/task/leaf.hpp"

#include "rt/env/cpu.hpp"

namespace rt {

namespace coop {

bool proceed(Header& task) {
  Context* context = current();
  // Behind a block_in_place in virtual time: nothing is taken before it is over.
  if (context == nullptr || !context->budget.is_limited()) return !task.working;
  if (context->budget.left == 0) {
    defer(task);
    return false;
  }
  if (--context->budget.left == 0 && context->home != nullptr) context->home->count_forced_yield();
  return true;
}

void give_back() {
  Context* context = current();
  if (context != nullptr && context->budget.is_limited()) ++context->budget.left;
}

}  // namespace coop

bool ConsumeBudget::poll(Header& task) { return coop::proceed(task); }

bool Work::poll(Header& task) {
  if (begun_ || span_ == 0) return true;
  if (task.working) return false;  // it blocks first
  begun_ = true;
  Context* context = current();
  if (context == nullptr || !task.home->simulated()) {
    spin_for(span_);
    return true;
  }
  if (context->worker == nullptr) {  // this poll's worker was handed on
    task.home->block_in_place([] {}, span_);
    return !task.working;
  }
  context->worker->busy_until(context->worker->now() + span_);
  task.working = true;
  return false;
}

void spin_for(Nanos span) {
  const Nanos end = steady_now() + span;
  while (steady_now() < end) cpu_relax();
}

}  // namespace rt
