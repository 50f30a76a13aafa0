#include "rt/workload/combine.hpp"

#include <iterator>
#include <utility>

#include "rt/task/spawn.hpp"
#include "rt/workload/child.hpp"

namespace rt::workload {
namespace {

/// One part, which keeps the whole alive.
WorkloadPtr part_of(const WorkloadPtr& whole, std::size_t i) { return {whole, &whole->parts[i]}; }

Task<Answers> run_as_task(WorkloadPtr part) {
  Coro<Answers> run = run_in_place(std::move(part));
  co_return co_await std::move(run);
}

void append(Answers& all, Answers&& more) { all.insert(all.end(), more.begin(), more.end()); }

}  // namespace

Coro<Answers> sequence(WorkloadPtr parts) {
  Answers all;
  for (std::size_t i = 0; i < parts->parts.size(); ++i) {
    Coro<Answers> run = run_in_place(part_of(parts, i));
    Answers answers = co_await std::move(run);
    append(all, std::move(answers));
  }
  co_return all;
}

Coro<Answers> together(WorkloadPtr parts) {
  std::vector<Child<Answers>> children;
  children.reserve(parts->parts.size());
  for (std::size_t i = 0; i < parts->parts.size(); ++i) children.emplace_back(spawn(run_as_task, part_of(parts, i)));
  Answers all;
  for (auto& child : children) {
    Answers answers = co_await std::move(child);
    append(all, std::move(answers));
  }
  co_return all;
}

}  // namespace rt::workload
