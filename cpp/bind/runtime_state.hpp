// What the Python objects of one runtime or simulation (Runtime, Machine, Handle, JoinHandle) have in common.
//
// World is the face that tasks, handles and dumps use, whichever it is; RuntimeState is the one on threads. Read next:
// sim_state.hpp (the one in virtual time).
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "bind/gil.hpp"
#include "rt/runtime.hpp"

namespace bind {

struct World : std::enable_shared_from_this<World> {
  World() = default;
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  virtual ~World() = default;

  std::string name;
  std::string policy;        // as a report names it
  std::uint64_t serial = 0;  // tells the worlds of this process apart

  [[nodiscard]] virtual rt::Home& home() = 0;
  [[nodiscard]] virtual std::uint32_t workers() const = 0;
  /// Throws where this thread may not spawn here.
  virtual void check_open() const = 0;
  /// Throws where this thread may not do `call` to this world at all.
  virtual void check_touch(const char* /*call*/) const {}
  /// Throws where this thread may not wait for a task of this world that has not ended.
  virtual void check_wait() const = 0;
  /// A task failed and nobody will ask. GIL held.
  virtual void report_unread(const std::string& what, PyObject* exception) = 0;
  /// KeyboardInterrupt or SystemExit ended a task. GIL held.
  virtual void note_interrupt(PyObject*) {}
  /// What its Python tasks run in.
  [[nodiscard]] virtual rt::Lane& lane() { return python_lane(); }
  /// No lock held, GIL released.
  [[nodiscard]] virtual rt::DumpResult dump(rt::Nanos limit) = 0;
  /// The clock's reading where this world's time began.
  [[nodiscard]] virtual rt::Nanos started_at() const { return 0; }
  /// Which timeline is being written, if any.
  [[nodiscard]] virtual rt::TimelineSwitch& timelines() = 0;
  virtual std::shared_ptr<rt::Timeline> start_timeline(std::size_t capacity) = 0;
};

/// GIL held, once a world: from then on world_of() finds it. Also gives it its serial number.
void register_world(const std::shared_ptr<World>& world);
/// GIL held. The world of a scheduler; null if it has gone.
[[nodiscard]] std::shared_ptr<World> world_of(const rt::Home& home);

/// What becomes of an exception that nobody has read when its task's last handle is dropped.
enum class Unhandled : std::uint8_t { report, shutdown, call };

/// To sys.unraisablehook. GIL held.
void report_unraisable(const std::string& what, PyObject* exception);

struct RuntimeState final : World {
  std::shared_ptr<rt::ThreadDrive> drive;
  Unhandled unhandled = Unhandled::report;
  PyRef unhandled_call;               // for `call`: fn(name, id, exception)
  PyRef first_unhandled;              // for `shutdown`: raised where the runtime is left
  std::atomic<bool> refusing{false};  // shutdown has begun: outsiders may not spawn
  unsigned fork_generation = 0;

  [[nodiscard]] rt::Home& home() override { return shared(); }
  [[nodiscard]] std::uint32_t workers() const override { return drive->shared().options.workers; }
  /// Throws RuntimeClosed after shutdown from outside, in a forked child always.
  void check_open() const override;
  void check_wait() const override;
  void report_unread(const std::string& what, PyObject* exception) override;
  [[nodiscard]] rt::DumpResult dump(rt::Nanos limit) override { return drive->dump(limit); }
  [[nodiscard]] rt::TimelineSwitch& timelines() override { return shared().timelines; }
  std::shared_ptr<rt::Timeline> start_timeline(std::size_t capacity) override { return shared().start_timeline(capacity); }
  [[nodiscard]] rt::Nanos started_at() const override { return drive->started_at(); }

  [[nodiscard]] bool is_forked_copy() const;
  rt::Shared<rt::ThreadEnv>& shared() { return drive->shared(); }

  // ---- figures ----
  [[nodiscard]] std::uint64_t elapsed() const { return rt::saturating_sub(rt::steady_now(), drive->started_at()); }
  [[nodiscard]] std::uint64_t pool_threads() { return rt::saturating_sub(drive->pool().threads(), workers()); }
  [[nodiscard]] std::uint64_t idle_pool_threads() { return drive->pool().idle(); }
  [[nodiscard]] std::uint64_t queued_jobs() { return drive->pool().queued(); }
};

/// Counts forks: a runtime made before the last one has no threads in this process.
void note_fork_in_child();
[[nodiscard]] unsigned current_fork_generation();

/// Throws a Python exception of stealscope.errors by name.
[[noreturn]] void throw_stealscope_error(const char* type, const std::string& message);
/// Sets it instead of throwing.
void set_stealscope_error(const char* type, const std::string& message);
/// stealscope.errors.<name>, looked up once.
PyObject* stealscope_error(const char* name);

/// Throws RuntimeError.
[[noreturn]] void throw_runtime_error(const std::string& message);

}  // namespace bind
