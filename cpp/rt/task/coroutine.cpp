#include "rt/task/coroutine.hpp"

#include <stdexcept>

#include "rt/task/context.hpp"

namespace rt::detail {

Header& take_slot(SlotPlan plan) {
  Context* context = current();
  if (context == nullptr || context->home == nullptr) {
    throw std::logic_error("a Task was made outside every runtime; pass the function to spawn() or block_on() instead");
  }
  if (SlotCache* cache = context->slots) return cache->registry().take(plan, cache);  // a worker's, of its own home's registry
  SlotRegistry& registry = context->home->slots();
  OutsideStock* stock = registry.stock_here();
  return registry.take(plan, stock != nullptr ? &stock->slots() : nullptr);
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
