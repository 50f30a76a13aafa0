// A simulated machine, as its Python objects see it: one run in virtual time, played on one host thread.
//
// Invariant: while it is played, the host thread takes the GIL at the first poll of a Python task and keeps it until the
// slice of steps is over; virtual workers come and go in between without noticing.
#pragma once

#include <memory>
#include <string>
#include <thread>

#include "bind/runtime_state.hpp"
#include "rt/drive/simulate.hpp"

namespace bind {

struct SimState final : World {
  std::unique_ptr<rt::SimDrive> drive;
  std::thread::id owner;  // the thread that plays it
  bool was_played = false;
  bool is_playing = false;
  PyRef interrupt;  // KeyboardInterrupt or SystemExit that came out of a task, or an error of a victims function
  rt::SimResult last;

  [[nodiscard]] rt::Home& home() override { return shared(); }
  [[nodiscard]] std::uint32_t workers() const override { return drive->shared().options.workers; }
  void check_open() const override;
  /// Throws RuntimeError on another thread than its own.
  void check_touch(const char* call) const override;
  void check_wait() const override;
  void report_unread(const std::string& what, PyObject* exception) override { report_unraisable(what, exception); }
  void note_interrupt(PyObject* exception) override;
  [[nodiscard]] rt::Lane& lane() override;
  /// Plays on until the workers stand still, so tasks may be polled.
  [[nodiscard]] rt::DumpResult dump(rt::Nanos limit) override;
  [[nodiscard]] rt::TimelineSwitch& timelines() override { return shared().timelines; }
  std::shared_ptr<rt::Timeline> start_timeline(std::size_t capacity) override { return shared().start_timeline(capacity); }

  rt::Shared<rt::SimEnv>& shared() { return drive->shared(); }
  /// It belongs to this thread from now on.
  void adopt() {
    owner = std::this_thread::get_id();
    drive->adopt();
  }

  // ---- figures ----
  [[nodiscard]] std::uint64_t elapsed() const { return drive->now(); }
  [[nodiscard]] std::uint64_t pool_threads() const { return drive->pool().threads(); }
  [[nodiscard]] std::uint64_t idle_pool_threads() const { return drive->pool().idle(); }
  [[nodiscard]] std::uint64_t queued_jobs() const { return drive->pool().queued(); }
};

/// How a run ended, as Python names it.
[[nodiscard]] const char* end_name(rt::SimResult::End end);

}  // namespace bind
