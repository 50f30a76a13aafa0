#include "rt/observe/taskdump.hpp"

#include <cxxabi.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <stdexcept>
#include <string_view>

#include "rt/task/branch.hpp"
#include "rt/task/context.hpp"
#include "rt/task/coroutine.hpp"
#include "rt/task/lane.hpp"
#include "rt/task/poll.hpp"
#include "rt/task/slots.hpp"

namespace rt {
namespace {

std::string seconds(Nanos span) {
  std::array<char, 32> text{};
  static_cast<void>(std::snprintf(text.data(), text.size(), "%.3f s", static_cast<double>(span) * 1e-9));
  return text.data();
}

/// g++ names a coroutine's frame type behind its name: "void f(f(int)::_Z1fi.Frame*)". The mangled name in it says all.
std::string demangled_frame(std::string_view name) {
  constexpr std::string_view mark = ".Frame*)";
  const std::size_t end = name.rfind(mark);
  if (end == std::string_view::npos) return {};
  const std::size_t begin = name.rfind("::_Z", end);
  if (begin == std::string_view::npos) return {};
  const std::string mangled(name.substr(begin + 2, end - begin - 2));
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> text(abi::__cxa_demangle(mangled.c_str(), nullptr, nullptr, &status), std::free);
  return status == 0 ? std::string(text.get()) : mangled;
}

/// Without the last list of parameters, what stands behind it, and a return type before the name.
std::string without_parameters(std::string_view name) {
  const std::size_t close = name.rfind(')');
  if (close == std::string_view::npos) return std::string(name);
  std::size_t open = close;
  for (int depth = 0;; --open) {
    depth += name[open] == ')' ? 1 : name[open] == '(' ? -1 : 0;
    if (depth == 0 || open == 0) break;
  }
  if (open == 0) return std::string(name);
  name = name.substr(0, open);
  int depth = 0;
  for (std::size_t i = name.size(); i > 0; --i) {
    const char c = name[i - 1];
    depth += c == '>' || c == ')' || c == '}' ? 1 : c == '<' || c == '(' || c == '{' ? -1 : 0;
    const bool is_operator = name.substr(0, i - 1).ends_with("operator");
    if (c == ' ' && depth == 0 && !is_operator) return std::string(name.substr(i));
  }
  return std::string(name);
}

std::string missing_line(std::uint32_t worker, const WorkerMetrics& metrics, Nanos now, bool has_left) {
  const std::string who = "worker " + std::to_string(worker);
  if (has_left) return who + " has left: the runtime is shutting down";
  if (const auto wait = metrics.read_lane_wait()) {
    return who + " is waiting for " + wait->lane->what() + " since " + seconds(saturating_sub(now, wait->since_ns));
  }
  if (const auto poll = metrics.read_in_poll()) {
    return who + " polls task " + std::to_string(poll->task) + " since " + seconds(saturating_sub(now, poll->since_ns));
  }
  return who + " is between two tasks and has not come";
}

}  // namespace

std::string clean_function_name(const char* name) {
  if (name == nullptr) return {};
  const std::string frame = demangled_frame(name);
  return without_parameters(frame.empty() ? std::string_view(name) : std::string_view(frame));
}

/// The right to read a task's frames, for the length of a scope.
class RealTraceBook::Claim {
 public:
  Claim(Header& task, bool is_queued, Header*& woken) : task_(task), is_queued_(is_queued), woken_(woken) {
    if (is_queued && has_given_way(task)) {  // its queue is ours for now, and with it RUNNING
      keeps_running_ = held_ = true;
      return;
    }
    held_ = (is_queued ? task.state.claim_queued() : task.state.claim_idle()) == OnClaim::claimed;
  }
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;
  ~Claim() {
    if (!held_ || keeps_running_) return;
    if (is_queued_) {
      task_.state.release_queued();
    } else if (task_.state.release_idle() == OnRelease::submit) {
      task_.queue_next = woken_;
      woken_ = &task_;
    }
  }
  [[nodiscard]] explicit operator bool() const { return held_; }

 private:
  Header& task_;
  const bool is_queued_;
  Header*& woken_;
  bool held_ = false;
  bool keeps_running_ = false;
};

void RealTraceBook::add_worker(std::uint32_t worker, const WorkerMetrics& metrics, bool is_present, bool has_left) {
  if (is_present) return;
  if (const auto poll = metrics.read_in_poll()) polls_.emplace(poll->task, Poll{worker, poll->since_ns});
  missing_.push_back({worker, missing_line(worker, metrics, at_, has_left)});
}

void RealTraceBook::add_queued(Header& task, TracePlace place) {
  TaskRef ref(task);
  queued_.emplace(&task, raw_.size());
  const Claim claim(task, true, woken_);
  add(std::move(ref), TraceState::scheduled, place, static_cast<bool>(claim));
}

void RealTraceBook::add_from_registry(Header& slot) {
  if (!slot.state.try_ref()) return;
  TaskRef ref = TaskRef::adopt(slot);
  if (slot.state.load().is_complete() || (!queued_.empty() && queued_.contains(&slot))) return;
  if (slot.kind == Kind::blocking) {
    add(std::move(ref), TraceState::blocking, {}, false);  // a pool thread may begin it at any moment: nothing to claim
    return;
  }
  if (const Claim claim(slot, false, woken_); claim) {
    add(std::move(ref), TraceState::idle, {}, true);
    return;
  }
  const Snapshot now = slot.state.load();
  if (now.is_complete()) return;
  const bool is_polled = now.is_running() && !has_given_way(slot);
  add(std::move(ref), is_polled ? TraceState::running : TraceState::scheduled, {}, false);
}

void RealTraceBook::add(TaskRef task, TraceState state, TracePlace place, bool is_claimed) {
  Header& header = *task.get();
  // relaxed: a figure; of a claimed task exact.
  raw_.push_back({std::move(task), state, place, header.polls.load(relaxed), nullptr, frames_.size(), 0});
  if (is_claimed) read_frames(header, raw_.back());
}

/// The task is claimed: nobody polls, cancels or destroys it.
void RealTraceBook::read_frames(Header& task, Raw& raw) {
  if (task.leaf != nullptr) raw.waits_for = task.leaf->what();
  if (task.kind != Kind::native) return;
  for (const auto* promise = static_cast<PromiseBase*>(task.resume_at); promise != nullptr; promise = caller_in(task, *promise)) {
    if (promise->awaits_at.line() == 0) continue;  // it has not begun
    frames_.push_back(promise->awaits_at);
    ++raw.frames;
  }
}

DumpResult RealTraceBook::to_result() const {
  DumpResult result;
  result.complete = complete_;
  result.missing = missing_;
  result.at = at_;
  result.tasks.reserve(raw_.size());
  std::unordered_map<const char*, std::string> names;  // by address: each place has its own text
  for (const Raw& raw : raw_) {
    TraceEntry& entry = result.tasks.emplace_back(to_entry(raw));
    for (std::size_t i = raw.frames; i > 0; --i) {
      const std::source_location& at = frames_[raw.first_frame + i - 1];
      const auto [name, is_new] = names.try_emplace(at.function_name());
      if (is_new) name->second = clean_function_name(at.function_name());
      entry.frames.push_back({at.file_name(), at.line(), name->second});
    }
  }
  return result;
}

TraceEntry RealTraceBook::to_entry(const Raw& raw) const {
  const Header& task = *raw.task.get();
  TaskMeta meta = describe(task);
  TraceEntry entry;
  entry.id = task.id;
  entry.name = std::move(meta.name);
  entry.kind = task.kind;
  entry.state = raw.state;
  entry.spawned_at = std::move(meta.spawned_at);
  // relaxed, both: figures.
  entry.age = saturating_sub(at_, task.born.load(relaxed));
  entry.polls = raw.polls;
  const bool is_ours = task.home == home_ && task.kind != Kind::blocking;
  if (is_ours && raw.polls > 0) entry.last_worker = task.last_worker.load(relaxed);
  const auto poll = raw.state == TraceState::running ? polls_.find(task.id) : polls_.end();
  const Poll* found = poll != polls_.end() ? &poll->second : nullptr;
  if (found != nullptr) entry.in_poll_since = found->since;
  entry.where = where(raw, found);
  if (raw.waits_for != nullptr) entry.waits_for = raw.waits_for;
  if (task.kind == Kind::coroutine || task.kind == Kind::callable || task.lane != nullptr) entry.python = raw.task;
  return entry;
}

std::string RealTraceBook::where(const Raw& raw, const Poll* poll) const {
  const Header& task = *raw.task.get();
  if (raw.state == TraceState::blocking) return "blocking pool";
  if (task.home != home_) return "block_on";  // a thread of its own drives it
  if (raw.state == TraceState::idle) return {};
  if (poll != nullptr) return "worker " + std::to_string(poll->worker);
  if (raw.state == TraceState::running) return "a thread in block_in_place";
  const std::string worker = "worker " + std::to_string(raw.place.worker);
  switch (raw.place.kind) {
    case TracePlace::Kind::slot: return worker + ": LIFO slot";
    case TracePlace::Kind::queue: return worker + ": queue";
    case TracePlace::Kind::deferred: return worker + ": deferred";
    case TracePlace::Kind::inbox: return worker + ": inbox";
    case TracePlace::Kind::inject: return "inject";
    case TracePlace::Kind::nowhere: break;
  }
  return complete_ ? "on its way to a queue" : "with a missing worker";
}

// ---- those who want a dump ------------------------------------------------------------------------------------------

class ThreadDump::Request final : public DumpRequest {
 public:
  using DumpRequest::DumpRequest;
  void tell() override { parker_.notify(); }
  bool wait_until(Nanos until) { return parker_.wait(until); }

 private:
  Parker<ThreadEnv> parker_;
};

ThreadDump::ThreadDump(DumpFace& dumps, Nanos limit)
    : dumps_(dumps),
      deadline_(later_by(limit, steady_now())),
      request_(std::make_shared<Request>(later_by(limit, dumps.dump_clock()))) {}

ThreadDump::~ThreadDump() = default;

std::optional<DumpResult> ThreadDump::take() {
  const Context* here = current();
  if (here != nullptr && here->worker != nullptr) {
    throw std::logic_error("dump() would block worker " + std::to_string(here->worker->index()) +
                           ", which has to stand still for it; inside a task use `co_await rt::dump_here()` "
                           "(Python: `await handle.dump_async()`)");
  }
  dumps_.ask(request_);
  if (!request_->wait_until(deadline_)) {
    dumps_.hurry(*request_);
    static_cast<void>(request_->wait_until(no_deadline));  // we led it, or somebody does; neither takes longer than the walk
  }
  if (request_->is_served()) return request_->result();
  dumps_.withdraw(*request_);  // called off, perhaps before it was asked for
  return std::nullopt;
}

void ThreadDump::call_off() {
  dumps_.withdraw(*request_);
  request_->tell();
}

DumpResult dump_on_thread(DumpFace& dumps, Nanos limit) { return ThreadDump(dumps, limit).take().value(); }

class DumpLeaf::Request final : public DumpRequest {
 public:
  using DumpRequest::DumpRequest;
  void tell() override { take_waker({}).wake(); }
  void set_waker(Header& task) {
    if (const std::lock_guard lock(mutex_); waker_.task() == &task) return;
    take_waker(Waker(task)).clear();
  }
  void forget() { take_waker({}).clear(); }
  /// True at first, and after it was taken back.
  [[nodiscard]] bool must_ask() {
    const std::lock_guard lock(mutex_);
    return !std::exchange(is_asked_, true);
  }
  [[nodiscard]] bool take_back(const Header& woken) override {
    const std::lock_guard lock(mutex_);
    if (waker_.task() != &woken) return false;
    is_asked_ = false;
    return true;
  }

 private:
  /// The old one, to be woken or dropped without the lock.
  Waker take_waker(Waker next) {
    const std::lock_guard lock(mutex_);
    return std::exchange(waker_, std::move(next));
  }
  std::mutex mutex_;
  Waker waker_;
  bool is_asked_ = false;
};

DumpLeaf::~DumpLeaf() {
  if (request_ == nullptr) return;
  request_->forget();
  if (!request_->is_served()) dumps_->withdraw(*request_);
}

bool DumpLeaf::poll(Header& task) {
  if (request_ == nullptr) {
    dumps_ = taskdump ? task.home->dumps() : nullptr;
    if (dumps_ == nullptr) return true;  // take() says so
    request_ = std::make_shared<Request>(later_by(limit_, dumps_->dump_clock()));
  }
  request_->set_waker(task);
  if (!request_->is_served() && request_->must_ask()) dumps_->ask(request_);
  return request_->is_served();
}

DumpResult DumpLeaf::take() {
  if (request_ == nullptr) throw std::runtime_error("no dump can be made here: the build has TASKDUMP=OFF");
  return request_->result();
}

}  // namespace rt
