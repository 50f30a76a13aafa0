// What do the programs of the C++ peers share? Sizes, the signal an outside thread waits for, the command line, the JSON line.
//
// Invariant: the counterpart of bench.rs, with the same costs: one runtime serves all repeats; one more repeat runs first and
// is not reported; the answer of each is checked. Read next: ../ours/main.cpp, ../tbb/main.cpp, ../workloads/*/ours.cpp.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <fstream>
#include <map>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace bench {

/// The sizes of one workload, as spec.json gives them.
using Sizes = std::map<std::string, std::uint64_t>;

inline std::uint64_t size(const Sizes& sizes, const std::string& name) {
  const auto found = sizes.find(name);
  if (found == sizes.end()) throw std::runtime_error("size " + name + " is missing; pass --size " + name + "=NUMBER");
  return found->second;
}

/// One outside thread waits, the last task of a workload notifies. A mutex and a condition variable in every peer,
/// so that this one round trip costs all of them the same.
class Signal {
 public:
  void raise() {
    {
      const std::scoped_lock lock(mutex_);
      raised_ = true;
    }
    changed_.notify_one();
  }

  /// Blocks the calling thread until the signal is raised, and lowers it again for the next repeat.
  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return raised_; });
    raised_ = false;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool raised_ = false;
};

struct Arguments {
  std::map<std::string, std::string> text;
  Sizes sizes;

  [[nodiscard]] const std::string& at(const std::string& option) const {
    const auto found = text.find(option);
    if (found == text.end()) throw std::runtime_error(option + " is missing");
    return found->second;
  }
};

inline std::uint64_t whole_number(const std::string& option, const std::string& digits) {
  if (digits.empty() || digits.find_first_not_of("0123456789") != std::string::npos) {
    throw std::runtime_error(option + " " + digits + "; need a whole number");
  }
  return std::stoull(digits);
}

inline Arguments parse(const std::vector<std::string>& words) {
  Arguments parsed;
  for (std::size_t at = 0; at < words.size(); at += 2) {
    const std::string& option = words[at];
    if (at + 1 == words.size()) throw std::runtime_error(option + " needs a value");
    const std::string& value = words[at + 1];
    if (option != "--size") {
      parsed.text[option] = value;
      continue;
    }
    const auto equals = value.find('=');
    if (equals == std::string::npos) throw std::runtime_error("--size " + value + "; need NAME=NUMBER");
    parsed.sizes[value.substr(0, equals)] = whole_number(option, value.substr(equals + 1));
  }
  return parsed;
}

/// The most memory this process has held, in KiB; see peak_kib in bench.rs for why it is read here.
inline std::uint64_t peak_kib() {
  std::ifstream status("/proc/self/status");
  const std::string key = "VmHWM:";
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(key)) return std::stoull(line.substr(key.size()));
  }
  return 0;
}

/// A workload's name, and one iteration of it, which returns its answer.
template <class Runtime>
using Workloads = std::map<std::string, std::uint64_t (*)(Runtime&, const Sizes&)>;

/// How a peer's runtime is made, unless it has options of its own.
template <class Runtime>
Runtime make_runtime(unsigned workers, const Arguments&) {
  return Runtime({.workers = workers});
}

/// Runs the workload that the arguments name and prints its line; false when an answer was wrong.
template <class Runtime, class Make>
bool measure(const std::string& peer, const Workloads<Runtime>& workloads, const Arguments& arguments, Make make) {
  const auto number = [&](const std::string& option) { return whole_number(option, arguments.at(option)); };
  const std::string& name = arguments.at("--workload");
  const auto found = workloads.find(name);
  if (found == workloads.end()) throw std::runtime_error("workload " + name + " has no version for " + peer);
  const auto workers = number("--workers");
  const auto repeats = number("--repeats");
  const auto iterations = number("--iterations");
  const auto operations = number("--operations");
  const auto expected = number("--expect");

  Runtime runtime = make(static_cast<unsigned>(workers), arguments);
  bool answer_ok = true;
  std::ostringstream times;
  for (std::uint64_t repeat = 0; repeat <= repeats; ++repeat) {
    const auto start = std::chrono::steady_clock::now();
    for (std::uint64_t iteration = 0; iteration < iterations; ++iteration) {
      answer_ok &= found->second(runtime, arguments.sizes) == expected;
    }
    const auto taken = std::chrono::steady_clock::now() - start;
    if (repeat == 0) continue;
    times << (repeat > 1 ? "," : "") << std::chrono::nanoseconds(taken).count();
  }
  std::ostringstream line;
  line << R"({"peer":")" << peer << R"(","workload":")" << name << R"(","workers":)" << workers << R"(,"operations":)"
       << operations * iterations << R"(,"ns":[)" << times.str() << R"(],"answer_ok":)" << (answer_ok ? "true" : "false")
       << R"(,"peak_kib":)" << peak_kib() << '}';
  std::puts(line.str().c_str());
  return answer_ok;
}

/// The whole of a peer's `main`. `make(workers, arguments)` returns the runtime.
template <class Runtime, class Make = Runtime (*)(unsigned, const Arguments&)>
int run(const std::string& peer, const Workloads<Runtime>& workloads, int count, char** words,
        Make make = make_runtime<Runtime>) {
  try {
    if (measure(peer, workloads, parse(std::vector<std::string>(words + 1, words + count)), make)) return 0;
    std::fprintf(stderr, "%s: wrong answer\n", peer.c_str());
    return 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", peer.c_str(), error.what());
    return 2;
  }
}

}  // namespace bench
