#include "rt/task/coroutine.hpp"

#include <stdexcept>

#include "rt/task/context.hpp"

namespace rt::detail {

namespace {

/// By a thread that is no worker, or a large one.
[[gnu::noinline]] Header& take_slot_outside(SlotPlan plan, Context* context) {
  if (context == nullptr || context->home == nullptr) {
    throw std::logic_error("a Task was made outside every runtime; pass the function to spawn() or block_on() instead");
  }
  SlotRegistry& registry = context->home->slots();
  if (context->slots != nullptr) return registry.take(plan, context->slots);
  OutsideStock* stock = registry.stock_here();
  return registry.take(plan, stock != nullptr ? &stock->slots() : nullptr);
}

}  // namespace

Header& take_slot(SlotPlan plan) {
  Context* context = current();
  // A worker's, of its own home's registry.
  if (SlotCache* cache = context != nullptr ? context->slots : nullptr; cache != nullptr && plan.size_class != large_class)
      [[likely]] {
    Header& slot = cache->take(plan.size_class);
    slot.body_offset = plan.body_offset;
    return slot;
  }
  return take_slot_outside(plan, context);
}

void give_up_slot(Header& header) noexcept { SlotRegistry::give(header); }

PollResult poll_coroutine(Header& task) {
  if (Leaf* leaf = task.leaf) {
    if (!leaf->poll(task)) return PollResult::pending;
    task.leaf = nullptr;
  }
  static_cast<PromiseBase*>(task.resume_at)->self.resume();
  return task.finished ? PollResult::ready : PollResult::pending;
}

void cancel_coroutine(Header& task) { task.outcome = Outcome::cancelled; }

void destroy_frame(Header& task) {
  task.leaf = nullptr;
  std::coroutine_handle<>::from_address(task.body()).destroy();
}

}  // namespace rt::detail
