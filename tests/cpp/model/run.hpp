// One run of a model: one host thread plays the model's threads, and a chooser answers what is open.
//
// Invariant: given the same answers, the same happens. What a run was is its line: a digit for each question, without the last zeros.
// Read next: chooser.hpp (who answers), fibre.hpp (what a thread is here), explore.cpp (which runs there are).
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "chooser.hpp"
#include "fibre.hpp"
#include "rt/drive/explore.hpp"

namespace rt {

class ModelRun final : public ModelHost {
 public:
  struct Record {
    std::string failure;  // empty: none
    std::uint32_t questions = 0;
    // Only of a recorded run:
    std::string line;
    std::vector<Deviation> deviations;
    std::uint32_t preemptions = 0;
  };

  ModelRun(const ExploreOptions& options, const ModelSetup& setup) : options_(options), setup_(setup) {}

  /// With `recorded` every question is asked, so that the line does not depend on how many pre-emptions the chooser allows.
  const Record& play(Chooser& chooser, bool recorded);

  // ---- ModelHost ----
  ModelView& view() override { return players_[running_].view; }
  [[nodiscard]] bool is_weak() const override { return options_.weak_memory && phase_ == Phase::threads; }
  void step() override;
  std::uint32_t pick(std::uint32_t n) override;
  bool block(const void* place, bool may_time_out) override;
  void unblock(const void* place, bool all) override;
  void relax() override;
  void fail(const std::string& what) override;

 private:
  enum class Phase : std::uint8_t { setup, threads, after };
  enum class State : std::uint8_t { ready, blocked, done };
  struct Player {
    Fibre fibre;
    ModelView view;
    State state = State::done;
    const void* waits_at = nullptr;
    std::uint32_t operations = 0;
    std::uint32_t asked = 0;  // in this operation
    bool may_time_out = false;
    bool timed_out = false;
    bool yielded = false;       // until another thread has moved
    bool just_started = false;  // before its first operation
  };

  void begin();
  void start_threads(Model& model);
  void look_afterwards(Model& model);
  void guarded(const std::function<void()>& body);
  void end_thread();
  void count_step();
  void find_able(std::uint32_t first);
  std::uint32_t ask(Question::Is is, std::uint32_t options, bool yields);
  void give_up_control(bool yields);
  void go_to(std::uint32_t next);
  void fail_deadlocked();

  const ExploreOptions options_;
  const ModelSetup& setup_;
  Chooser* chooser_ = nullptr;
  Record record_;
  bool is_recorded_ = false;

  Phase phase_ = Phase::setup;
  std::uint32_t steps_ = 0;
  std::uint32_t threads_ = 0;
  std::uint32_t running_ = 0;
  std::array<Player, model_threads> players_;
  Fibre outside_;

  // Who can go on, as of the last find_able().
  std::array<std::uint32_t, model_threads> able_{};
  std::uint32_t found_ = 0;
  std::uint32_t time_outs_ = 0;  // a bit for each of them that would stop waiting
};

}  // namespace rt
