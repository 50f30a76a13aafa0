// What does a spawn cost when each task makes exactly one successor? The group is the signal: it waits for the whole chain.

#include "pool.hpp"

namespace {

std::uint64_t reached;  // written by the last task, read after the wait

void chain(tbb::task_group& group, std::uint64_t link, std::uint64_t links) {
  if (link < links) {
    group.run([&group, link, links] { chain(group, link + 1, links); });
    return;
  }
  reached = link;
}

}  // namespace

std::uint64_t bench::chained_spawn(Pool& pool, const Sizes& sizes) {
  reached = 0;
  pool.arena().execute([links = size(sizes, "links")] {
    tbb::task_group group;
    group.run([&group, links] { chain(group, 0, links); });
    group.wait();
  });
  return reached;
}
