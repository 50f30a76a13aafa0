// What does a spawn cost when each task makes exactly one successor? The LIFO slot's case: nothing to share or steal.
// Read next: spec.json for the sizes, tokio.rs for the same work on Tokio.

#include "workloads.hpp"

#include <atomic>

namespace {

std::atomic<std::uint64_t> reached;
bench::Signal done;

rt::Task<void> chain(std::uint64_t link, std::uint64_t links) {
  if (link < links) {
    rt::spawn(chain, link + 1, links);
    co_return;
  }
  reached.store(link, std::memory_order_relaxed);  // the signal's mutex hands it on
  done.raise();
}

}  // namespace

std::uint64_t bench::chained_spawn(rt::Runtime& runtime, const Sizes& sizes) {
  reached.store(0, std::memory_order_relaxed);
  runtime.spawn(chain, std::uint64_t{0}, size(sizes, "links"));
  done.wait();
  return reached.load(std::memory_order_relaxed);
}
