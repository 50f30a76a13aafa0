// Who answers what the scheduler leaves open in virtual time, and how are two runs compared?
//
// Every open decision has a number, from 0. The seed answers it, by a function of the number alone; whoever wants another run
// says so for single decisions. Invariant: a decision's own answer does not depend on how the others were answered.
// Read next: sim_env.hpp.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "rt/env/xorshift.hpp"

namespace rt {

/// Random bits as a function of where they are used: 64 of them for each (key, stream, number).
/// Counter-based (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011), so no draw moves another.
constexpr std::uint64_t random_bits(std::uint64_t key, std::uint64_t stream, std::uint64_t number) noexcept {
  return SplitMix(SplitMix(key ^ (stream * 0x9e3779b97f4a7c15U)).next() ^ (number * 0xd1342543de82ef95U)).next();
}

/// In decision `number`, the `by`-th option after the seed's answer.
struct Deviation {
  std::uint64_t number = 0;
  std::uint32_t by = 0;
  friend bool operator==(const Deviation&, const Deviation&) = default;
};

/// A decision as it was answered.
struct Decision {
  static constexpr std::uint32_t driver = ~std::uint32_t{0};  // who moves next?
  static constexpr std::uint32_t outside = driver - 1;        // where does a task from outside start?
  std::uint32_t asked_by;                                     // one of those, or the worker that chooses
  std::uint32_t options;
  std::uint32_t answer;
  std::uint32_t by;  // so far from the seed's answer
};

/// Numbers each decision and answers it: the seed's answer, moved on by what was asked for.
///
/// A schedule has a byte a decision: 0 keeps the seed's answer, k takes the k-th option after it, modulo their number; where the
/// schedule ends, everything is 0. So a shorter schedule with more zeros is nearer to the ordinary run, and shrinks to it.
/// Deviations say the same for single decisions, and win over the schedule.
class Chooser {
 public:
  explicit Chooser(std::uint64_t seed = 0, std::vector<std::uint8_t> schedule = {}, std::vector<Deviation> deviations = {},
                   bool records = false)
      : seed_(seed), schedule_(std::move(schedule)), deviations_(std::move(deviations)), records_(records) {
    std::ranges::stable_sort(deviations_, {}, &Deviation::number);
  }

  std::uint32_t choose(std::uint32_t n, std::uint32_t asked_by) {
    if (n <= 1) return 0;  // no decision, so no number
    const std::uint64_t number = decisions_++;
    const std::uint64_t mixed = SplitMix(seed_ ^ (number * 0xd1342543de82ef95U)).next();
    const auto own = static_cast<std::uint32_t>(((mixed >> 32U) * n) >> 32U);
    std::uint32_t by = asked_for(number);
    if (by != 0) [[unlikely]] {
      by %= n;
      if (by != 0) taken_.push_back({number, by});
    }
    const std::uint32_t answer = by < n - own ? own + by : own - (n - by);
    if (records_) record_.push_back({asked_by, n, answer, by});
    return answer;
  }

  [[nodiscard]] std::uint64_t decisions() const { return decisions_; }
  /// Where this run left the seed's answers, by number: with the same seed and options it gives the same run.
  [[nodiscard]] const std::vector<Deviation>& taken() const { return taken_; }
  /// Every decision, in order; empty unless they are recorded.
  [[nodiscard]] const std::vector<Decision>& record() const { return record_; }

 private:
  [[nodiscard]] std::uint32_t asked_for(std::uint64_t number) {
    std::uint32_t by = number < schedule_.size() ? schedule_[number] : 0;
    for (; next_ < deviations_.size() && deviations_[next_].number <= number; ++next_) {
      if (deviations_[next_].number == number) by = deviations_[next_].by;
    }
    return by;
  }

  std::uint64_t seed_;
  std::uint64_t decisions_ = 0;
  std::vector<std::uint8_t> schedule_;
  std::vector<Deviation> deviations_;
  std::size_t next_ = 0;  // of the deviations, which are sorted as the decisions come
  std::vector<Deviation> taken_;
  bool records_;
  std::vector<Decision> record_;
};

/// What happened, folded into one number: two runs with the same number took the same steps (law S25).
class SimTrace {
 public:
  template <class... Words>
  void add(Words... words) {
    (fold(static_cast<std::uint64_t>(words)), ...);
  }
  [[nodiscard]] std::uint64_t hash() const { return hash_; }

 private:
  // FNV-1a by words, with a shift so that high bits reach low ones too.
  void fold(std::uint64_t word) {
    hash_ = (hash_ ^ word) * 0x100000001b3U;
    hash_ ^= hash_ >> 29U;
  }
  std::uint64_t hash_ = 0xcbf29ce484222325U;
};

}  // namespace rt
