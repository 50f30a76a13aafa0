// How long does one workload take on our runtime? Runs it and prints one JSON line, as tokio/src/main.rs does.
//
// Invariant: one runtime serves all repeats; one more repeat runs first and is not reported; the answer of each is checked.
// To add a workload: its ours.cpp, one declaration in bench.hpp and one line in `workloads` below.

#include "bench.hpp"

#include <chrono>
#include <cstdio>
#include <exception>
#include <fstream>
#include <sstream>
#include <vector>

namespace {

using Workload = std::uint64_t (*)(rt::Runtime&, const bench::Sizes&);

const std::map<std::string, Workload> workloads = {
    {"chained_spawn", bench::chained_spawn},
    {"fib", bench::fib},
    {"ping_pong", bench::ping_pong},
    {"skynet", bench::skynet},
    {"spawn_join_worker", bench::spawn_join_worker},
    {"spawn_many_local", bench::spawn_many_local},
    {"spawn_many_remote", bench::spawn_many_remote},
    {"spawn_many_worker", bench::spawn_many_worker},
    {"yield_many", bench::yield_many},
};

struct Arguments {
  std::map<std::string, std::string> text;
  bench::Sizes sizes;

  [[nodiscard]] const std::string& at(const std::string& option) const {
    const auto found = text.find(option);
    if (found == text.end()) throw std::runtime_error(option + " is missing");
    return found->second;
  }
};

std::uint64_t whole_number(const std::string& option, const std::string& digits) {
  if (digits.empty() || digits.find_first_not_of("0123456789") != std::string::npos) {
    throw std::runtime_error(option + " " + digits + "; need a whole number");
  }
  return std::stoull(digits);
}

Arguments parse(const std::vector<std::string>& words) {
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

/// The most memory this process has held, in KiB; see peak_kib in tokio/src/bench.rs for why it is read here.
std::uint64_t peak_kib() {
  std::ifstream status("/proc/self/status");
  const std::string key = "VmHWM:";
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(key)) return std::stoull(line.substr(key.size()));
  }
  return 0;
}

bool measure(const Arguments& arguments) {
  const auto number = [&](const std::string& option) { return whole_number(option, arguments.at(option)); };
  const std::string& name = arguments.at("--workload");
  const auto found = workloads.find(name);
  if (found == workloads.end()) throw std::runtime_error("workload " + name + " has no version of ours");
  const auto workers = number("--workers");
  const auto repeats = number("--repeats");
  const auto iterations = number("--iterations");
  const auto operations = number("--operations");
  const auto expected = number("--expect");

  rt::Runtime runtime({.workers = static_cast<unsigned>(workers)});
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
  line << R"({"peer":"ours","workload":")" << name << R"(","workers":)" << workers << R"(,"operations":)"
       << operations * iterations << R"(,"ns":[)" << times.str() << R"(],"answer_ok":)" << (answer_ok ? "true" : "false")
       << R"(,"peak_kib":)" << peak_kib() << '}';
  std::puts(line.str().c_str());
  return answer_ok;
}

}  // namespace

int main(int count, char** words) {
  try {
    if (measure(parse(std::vector<std::string>(words + 1, words + count)))) return 0;
    std::fputs("ours_bench: wrong answer\n", stderr);
    return 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "ours_bench: %s\n", error.what());
    return 2;
  }
}
