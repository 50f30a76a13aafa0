// What the operating system knows of a thread: its name, its number, where it may run. One file for each system.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace rt {

/// Names the calling thread, cut to what the system takes (15 bytes on Linux).
void name_this_thread(const std::string& name);
/// The CPUs this process may use, in order.
[[nodiscard]] std::vector<std::uint32_t> usable_cpus();
/// Ties the calling thread to one CPU; false where the system cannot.
bool pin_this_thread(std::uint32_t cpu);
/// A number that tells threads apart: the pthread handle, which is also Python's threading.get_ident().
[[nodiscard]] std::uint64_t this_thread_id();
/// From now on `function` is called in each forked child, on its only thread; nothing happens where processes do not fork.
void call_in_forked_child(void (*function)());

}  // namespace rt
