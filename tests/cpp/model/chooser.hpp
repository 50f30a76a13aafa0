// Who answers the open decisions of a run? Depth first, a walk, PCT; or a line that was printed, or some deviations from the default.
//
// Invariant: after begin() the same run is played again, until next() says that there is another. Answer 0 is the default: the running
// thread goes on, a load reads the newest store, a wait does not time out unless nothing else can happen.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "rt/env/model_memory.hpp"

namespace rt {

/// One open decision.
struct Question {
  enum class Is : std::uint8_t {
    go_on,
    next,
    value
  };  // does another thread take over; the thread waits, so who does; which value

  Is is;
  std::uint32_t thread;          // who came to it; 0: the run begins
  std::uint32_t operation;       // that thread's, counted from its start
  std::uint32_t nth;             // within the operation, not counting go_on, of which there is at most one
  std::uint32_t options;         // at least 2
  const std::uint32_t* threads;  // by option, unless a value is asked for
  std::uint32_t time_outs;       // a bit for each option that ends a wait
  bool yields;                   // next: it could go on, but only another can change anything
};

/// An answer other than 0, so that it makes sense among other answers: who did what at which of its operations.
struct Deviation {
  Question::Is is;
  std::uint32_t thread;
  std::uint32_t operation;
  std::uint32_t nth;
  std::uint32_t to;  // a thread, or the number of the option
};

class Chooser {
 public:
  virtual ~Chooser() = default;
  virtual void begin() = 0;
  virtual std::uint32_t choose(const Question& question) = 0;
  /// True: there is another run.
  virtual bool next() { return false; }
  /// False: go_on would be answered by 0 from here on, so a run need not ask.
  [[nodiscard]] bool may_preempt() const { return may_preempt_; }

 protected:
  bool may_preempt_ = true;
};

class DepthFirst final : public Chooser {
 public:
  explicit DepthFirst(std::uint32_t preemptions) : bound_(preemptions) {}
  void begin() override;
  std::uint32_t choose(const Question& question) override;
  bool next() override;

 private:
  struct Decision {
    std::uint32_t chosen;
    std::uint32_t options;
  };
  const std::uint32_t bound_;
  std::uint32_t left_ = 0;
  std::vector<Decision> path_;
  std::size_t position_ = 0;
};

/// Steele, Lea and Flood's splitmix64, 2014: a stream for each run of each seed.
class Dice {
 public:
  Dice(std::uint64_t seed, std::uint64_t run) : state_(seed * 0x9e3779b97f4a7c15U + run) { (void)(*this)(2); }
  std::uint32_t operator()(std::uint32_t n);

 private:
  std::uint64_t state_;
};

class Walk final : public Chooser {
 public:
  explicit Walk(std::uint64_t seed) : seed_(seed) {}
  void begin() override { dice_ = Dice(seed_, run_); }
  std::uint32_t choose(const Question& question) override;
  bool next() override { return ++run_, true; }

 private:
  const std::uint64_t seed_;
  std::uint64_t run_ = 0;
  Dice dice_{0, 0};
};

class Pct final : public Chooser {
 public:
  Pct(std::uint64_t seed, std::uint32_t depth) : seed_(seed), depth_(depth) {}
  void begin() override;
  std::uint32_t choose(const Question& question) override;
  bool next() override;

 private:
  std::uint32_t best_of(const Question& question);

  // Strict priorities are unfair: two threads that wake each other may keep a third from running for ever. After so many steps the run
  // goes on as a walk.
  static constexpr std::uint32_t strict_steps = 1'000;

  const std::uint64_t seed_;
  const std::uint32_t depth_;
  std::uint64_t run_ = 0;
  Dice dice_{0, 0};
  std::array<std::int64_t, model_threads> priority_{};
  std::vector<std::uint32_t> change_at_;  // steps at which the running thread falls behind
  std::int64_t lowest_ = 0;
  std::uint32_t step_ = 0;
  std::uint32_t most_steps_ = 32;  // k; that of the first run, of which nothing is known, is a guess
};

/// The digits of a printed schedule; behind its end all is 0.
class Line final : public Chooser {
 public:
  explicit Line(const std::string& digits) : digits_(digits) {}
  void begin() override { position_ = 0; }
  /// Out of range if the line is of another program.
  std::uint32_t choose(const Question& question) override;

  static char digit(std::uint32_t value) { return static_cast<char>(value < 10 ? '0' + value : 'a' + (value - 10)); }

 private:
  const std::string digits_;
  std::size_t position_ = 0;
};

/// Deviations wherever they still apply; 0 elsewhere.
class Deviating final : public Chooser {
 public:
  explicit Deviating(std::vector<Deviation> deviations) : deviations_(std::move(deviations)) {}
  void begin() override {}
  std::uint32_t choose(const Question& question) override;

 private:
  const std::vector<Deviation> deviations_;
};

}  // namespace rt
