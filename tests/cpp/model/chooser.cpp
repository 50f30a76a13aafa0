#include "chooser.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace rt {

// ---- depth first

void DepthFirst::begin() {
  position_ = 0;
  left_ = bound_;
  may_preempt_ = left_ != 0;
}

std::uint32_t DepthFirst::choose(const Question& question) {
  const bool goes_on = question.is == Question::Is::go_on;
  if (goes_on && left_ == 0) return 0;
  if (position_ == path_.size()) path_.push_back({0, question.options});
  const Decision& decision = path_[position_++];
  // Not the options of last time: the program is no function of its schedule, and an answer out of range says so.
  if (decision.options != question.options) return question.options;
  if (goes_on && decision.chosen != 0) may_preempt_ = --left_ != 0;
  return decision.chosen;
}

bool DepthFirst::next() {
  while (!path_.empty() && path_.back().chosen + 1 >= path_.back().options) path_.pop_back();
  if (path_.empty()) return false;
  ++path_.back().chosen;
  return true;
}

// ---- by chance

std::uint32_t Dice::operator()(std::uint32_t n) {
  std::uint64_t z = state_ += 0x9e3779b97f4a7c15U;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
  return static_cast<std::uint32_t>(((z ^ (z >> 31)) >> 32) * n >> 32);
}

std::uint32_t Walk::choose(const Question& question) {
  if (question.is == Question::Is::value && dice_(2) == 0) return 0;
  return dice_(question.options);
}

void Pct::begin() {
  dice_ = Dice(seed_, run_);
  step_ = 0;
  lowest_ = 0;
  // Above all that change points give: depth - 1, ..., 1.
  std::iota(priority_.begin(), priority_.end(), std::int64_t{depth_});
  for (std::uint32_t i = model_threads; i > 1; --i) std::swap(priority_[i - 1], priority_[dice_(i)]);
  change_at_.clear();
  for (std::uint32_t i = 1; i < depth_; ++i) change_at_.push_back(1 + dice_(most_steps_));
}

bool Pct::next() {
  most_steps_ = std::max(most_steps_, std::min(step_, strict_steps));
  ++run_;
  return true;
}

std::uint32_t Pct::choose(const Question& question) {
  if (question.is == Question::Is::value) return dice_(2) == 0 ? 0 : dice_(question.options);
  if (question.is == Question::Is::go_on) {
    ++step_;
    for (std::uint32_t i = 0; i < change_at_.size(); ++i) {
      if (change_at_[i] == step_) priority_[question.thread] = depth_ - 1 - i;
    }
  }
  if (step_ > strict_steps) return dice_(question.options);
  // Who spins falls behind all, or two that wait for a third could keep it from running for ever.
  if (question.yields) priority_[question.thread] = --lowest_;
  return best_of(question);
}

/// A time-out comes last, but for one in eight: it is the clock's doing and no thread's.
std::uint32_t Pct::best_of(const Question& question) {
  std::uint32_t best = 0;
  std::int64_t best_rank = INT64_MIN;
  for (std::uint32_t i = 0; i < question.options; ++i) {
    const bool is_late = (question.time_outs >> i & 1U) != 0 && dice_(8) != 0;
    const std::int64_t rank = priority_[question.threads[i]] - (is_late ? INT64_MAX / 2 : 0);
    if (rank > best_rank) best = i, best_rank = rank;
  }
  return best;
}

// ---- from before

std::uint32_t Line::choose(const Question&) {
  if (position_ == digits_.size()) return 0;
  const char digit = digits_[position_++];
  return static_cast<std::uint32_t>(digit <= '9' ? digit - '0' : digit - 'a' + 10);
}

std::uint32_t Deviating::choose(const Question& question) {
  for (const Deviation& d : deviations_) {
    if (d.is != question.is || d.thread != question.thread || d.operation != question.operation || d.nth != question.nth)
      continue;
    if (question.is == Question::Is::value) return d.to < question.options ? d.to : 0;
    const auto* const end = question.threads + question.options;
    const auto* const at = std::find(question.threads, end, d.to);
    return at == end ? 0 : static_cast<std::uint32_t>(at - question.threads);
  }
  return 0;
}

}  // namespace rt
