#include "rt/task/spawn.hpp"

#include <stdexcept>

#include "rt/task/blocking.hpp"
#include "rt/task/ids.hpp"

namespace rt {

namespace {

/// From the block of this thread's worker, while there is something in it.
std::uint64_t number_for(Home& home) {
  Context* context = current();
  if (context == nullptr || context->home != &home || context->ids == nullptr) return home.next_id();
  IdBlock& block = *context->ids;
  return block.next != block.end ? block.next++ : home.next_id();
}

[[gnu::noinline]] TaskExtra* name_only(std::string_view name) { return new TaskExtra{std::string(name), {}}; }

}  // namespace

void prepare_header(Header& task, Home& home, const SpawnOptions& options, std::source_location at) {
  task.queue_next = nullptr;
  task.home = &home;
  task.id = number_for(home);
  task.leaf = nullptr;
  task.polls.store(0, relaxed);  // relaxed, all three: published with the word, or a dump's reading that may lag
  task.ready_since.store(0, relaxed);
  task.outcome = Outcome::none;
  task.join_waker = {};
  task.lane = nullptr;
  task.spawned_at = at;
  task.finished = false;
  task.working = false;
  task.extra = options.name.empty() ? nullptr : name_only(options.name);
}

namespace detail {

Home& require_home() {
  Context* context = current();
  if (context == nullptr || context->home == nullptr) {
    throw std::logic_error("spawn() outside every runtime; use runtime.spawn()");
  }
  return *context->home;
}

void launch(Header& task, Home& home, const SpawnOptions& options, std::source_location at) {
  prepare_header(task, home, options, at);
  task.state.init_new();
  home.submit_new(task, options.to);
}

void launch_blocking(Header& task, Home& home, const SpawnOptions& options, std::source_location at, Nanos cost) {
  prepare_header(task, home, options, at);
  task.state.init_new();
  home.submit_blocking(task, cost);
}

}  // namespace detail
}  // namespace rt
