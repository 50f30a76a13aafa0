// Which number does the next task get? Unique in its source, from 1; a worker takes a block at a time.
//
// On threads there is one source for the process, so a number in a log means one task whatever the runtime. A simulation
// has a source of its own, with blocks of one, so that its numbers are a function of its arguments.
#pragma once

#include <atomic>
#include <cstdint>

namespace rt {
using enum std::memory_order;

struct IdBlock {
  std::uint64_t next = 0;
  std::uint64_t end = 0;
};

class IdSource {
 public:
  explicit IdSource(std::uint64_t block) : block_(block) {}

  /// The source of all runtimes of this process.
  static IdSource& process() {
    static IdSource source(256);
    return source;
  }

  /// Any thread.
  [[nodiscard]] std::uint64_t one() { return next_.fetch_add(1, relaxed); }  // relaxed: only uniqueness matters

  /// Owner of the block.
  [[nodiscard]] std::uint64_t take(IdBlock& block) {
    if (block.next == block.end) {
      block.next = next_.fetch_add(block_, relaxed);  // relaxed: only uniqueness matters
      block.end = block.next + block_;
    }
    return block.next++;
  }

 private:
  const std::uint64_t block_;
  std::atomic<std::uint64_t> next_{1};
};

}  // namespace rt
