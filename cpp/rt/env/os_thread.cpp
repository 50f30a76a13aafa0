#include "rt/env/os_thread.hpp"

#include <functional>
#include <thread>

#if defined(__linux__) || defined(__APPLE__)
#include <pthread.h>
#endif
#if defined(__linux__)
#include <sched.h>
#endif

namespace rt {

void name_this_thread(const std::string& name) {
#if defined(__linux__)
  pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
#elif defined(__APPLE__)
  pthread_setname_np(name.c_str());
#else
  static_cast<void>(name);
#endif
}

std::vector<std::uint32_t> usable_cpus() {
  std::vector<std::uint32_t> cpus;
#if defined(__linux__)
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0) {
    for (std::uint32_t cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
    }
  }
#endif
  if (cpus.empty()) {
    const std::uint32_t count = std::max(1U, std::thread::hardware_concurrency());
    for (std::uint32_t cpu = 0; cpu < count; ++cpu) cpus.push_back(cpu);
  }
  return cpus;
}

bool pin_this_thread(std::uint32_t cpu) {
#if defined(__linux__)
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  return pthread_setaffinity_np(pthread_self(), sizeof set, &set) == 0;
#else
  static_cast<void>(cpu);
  return false;
#endif
}

std::uint64_t this_thread_id() {
#if defined(__linux__) || defined(__APPLE__)
  return (std::uint64_t)pthread_self();  // an integer or a pointer, by system
#else
  return std::hash<std::thread::id>{}(std::this_thread::get_id());
#endif
}

void call_in_forked_child(void (*function)()) {
#if defined(__linux__) || defined(__APPLE__)
  pthread_atfork(nullptr, nullptr, function);
#else
  static_cast<void>(function);
#endif
}

}  // namespace rt
