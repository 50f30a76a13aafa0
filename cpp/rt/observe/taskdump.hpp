// How is a dump made out of live tasks, without polling any?
//
// TraceBook is what a leader writes while the workers stand still: numbers and pointers only, so that the pause is short. Its text
// is made afterwards by whoever asked, on that thread. Invariant: a frame is read only while its task is claimed (task/state.hpp), and
// every claim is given back before the next task is looked at.
// Read next: core/worker/rendezvous.hpp (who calls this, and when), core/DUMP.md.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <source_location>
#include <span>
#include <unordered_map>
#include <vector>

#include "rt/features.hpp"
#include "rt/observe/taskdump_mock.hpp"
#include "rt/observe/taskdump_types.hpp"
#include "rt/observe/worker_metrics.hpp"
#include "rt/task/leaf.hpp"

namespace rt {

class RealTraceBook {
 public:
  RealTraceBook(Nanos now, const void* home) : at_(now), home_(home) {}
  RealTraceBook(const RealTraceBook&) = delete;
  RealTraceBook& operator=(const RealTraceBook&) = delete;

  // ---- the leader, in this order ----

  /// What a worker does at this moment; for one that did not arrive, also a line of its own.
  void add_worker(std::uint32_t worker, const WorkerMetrics& metrics, bool is_present, bool has_left);
  /// A task in a queue that the caller holds.
  void add_queued(Header& task, TracePlace place);
  /// Any slot of the registry.
  void add_from_registry(Header& slot);
  /// No worker was missing.
  void set_complete(bool complete) { complete_ = complete && !out_of_memory_; }
  void set_out_of_memory() noexcept {
    out_of_memory_ = true;
    complete_ = false;
  }
  /// Tasks that were woken while they were claimed, chained by queue_next; each has a reference of the queue it is to go to.
  [[nodiscard]] Header* take_woken() noexcept { return std::exchange(woken_, nullptr); }

  // ---- any thread, afterwards ----

  [[nodiscard]] DumpResult to_result() const;

 private:
  struct Raw {
    TaskRef task;
    TraceState state;
    TracePlace place;
    std::uint32_t polls;
    const char* waits_for;
    std::size_t first_frame;  // in frames_, innermost first
    std::size_t frames;
  };
  struct Poll {
    std::uint32_t worker;
    Nanos since;
  };
  class Claim;

  void add(TaskRef task, TraceState state, TracePlace place, bool is_claimed);
  void read_frames(Header& task, Raw& raw);
  [[nodiscard]] TraceEntry to_entry(const Raw& raw) const;
  [[nodiscard]] std::string where(const Raw& raw, const Poll* poll) const;

  const Nanos at_;
  const void* const home_;
  bool complete_ = false;
  bool out_of_memory_ = false;
  std::vector<Raw> raw_;
  std::vector<std::source_location> frames_;
  std::unordered_map<const Header*, std::size_t> queued_;  // those that the registry's walk will meet again
  std::unordered_map<std::uint64_t, Poll> polls_;          // by task id
  std::vector<MissingWorker> missing_;
  Header* woken_ = nullptr;
};

using TraceBook = std::conditional_t<taskdump, RealTraceBook, MockTraceBook>;

/// A wish for a dump. The leader serves it and tells whoever waits.
class DumpRequest {
 public:
  explicit DumpRequest(Nanos limit_at) : deadline(limit_at) {}
  DumpRequest(const DumpRequest&) = delete;
  DumpRequest& operator=(const DumpRequest&) = delete;
  virtual ~DumpRequest() = default;

  const Nanos deadline;
  void serve(const std::shared_ptr<const TraceBook>& book) {
    book_ = book;
    // release: pairs with is_served().
    served_.store(true, release);
  }
  virtual void tell() = 0;
  /// Under the rendezvous's lock: `woken` is whom this would tell, so it is off the list, and that one has to ask again.
  [[nodiscard]] virtual bool take_back(const Header& /*woken*/) { return false; }

  /// Any thread. True: result() may be called.
  [[nodiscard]] bool is_served() const { return served_.load(acquire); }  // acquire: pairs with serve()
  /// Makes the text. Throws std::bad_alloc, also if the leader had no memory even for a beginning.
  [[nodiscard]] DumpResult result() const {
    if (book_ == nullptr) throw std::bad_alloc();
    return book_->to_result();
  }

 private:
  std::shared_ptr<const TraceBook> book_;
  std::atomic<bool> served_{false};
};

/// A scheduler, as those see it who want a dump. Any thread. Without TASKDUMP, ask() throws std::runtime_error.
class DumpFace {
 public:
  virtual void ask(std::shared_ptr<DumpRequest> request) = 0;
  /// The requester goes away, at any time; nothing of the request is left behind.
  virtual void withdraw(const DumpRequest& request) = 0;
  /// At the requester's limit: what has come together by now has to do. Does not wait.
  virtual void hurry(const DumpRequest& request) = 0;
  [[nodiscard]] virtual Nanos dump_clock() = 0;

 protected:
  ~DumpFace() = default;
};

/// The dump that one thread waits for, and that another may call off. The face has to live longer.
class ThreadDump {
 public:
  /// The limit begins here.
  ThreadDump(DumpFace& dumps, Nanos limit);
  ThreadDump(const ThreadDump&) = delete;
  ThreadDump& operator=(const ThreadDump&) = delete;
  ~ThreadDump();

  /// A thread that is no worker, once: waits until the workers stand still, at most until the limit, and a moment longer for the dump
  /// itself. Nothing: it was called off. Hold no lock that a task could need (the lane's).
  [[nodiscard]] std::optional<DumpResult> take();
  /// Any thread, at any time.
  void call_off();

 private:
  class Request;
  DumpFace& dumps_;
  const Nanos deadline_;
  const std::shared_ptr<Request> request_;
};

/// The same, for a thread that waits to the end.
[[nodiscard]] DumpResult dump_on_thread(DumpFace& dumps, Nanos limit);

/// `co_await dump_here()` in a task: the dump of its own world. Dropping the wait leaves nothing behind.
class DumpLeaf final : public Leaf {
 public:
  explicit DumpLeaf(Nanos limit = tuning::dump_limit_ns) : limit_(limit) {}
  ~DumpLeaf() override;
  [[nodiscard]] bool poll(Header& task) override;
  [[nodiscard]] const char* what() const override { return "dump"; }
  /// After poll() said true, once. Throws std::runtime_error where no dump can be made.
  [[nodiscard]] DumpResult take();

 private:
  class Request;
  Nanos limit_;
  DumpFace* dumps_ = nullptr;
  std::shared_ptr<Request> request_;
};

[[nodiscard]] inline DumpLeaf dump_here(Nanos limit = tuning::dump_limit_ns) { return DumpLeaf(limit); }

/// For a person: what a compiler says about a function, without parameters and without the machinery of coroutines.
[[nodiscard]] std::string clean_function_name(const char* name);

}  // namespace rt
