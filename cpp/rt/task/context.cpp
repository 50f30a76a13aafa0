#include "rt/task/context.hpp"

#include <stdexcept>

#include "rt/task/home.hpp"

namespace rt {
namespace {

// initial-exec: one instruction instead of a call; the variable is 8 bytes, so the static TLS reserve is no concern.
#if defined(__GNUC__) && defined(__linux__)
__attribute__((tls_model("initial-exec")))
#endif
thread_local Context* the_context = nullptr;

}  // namespace

// In a file of their own so that they are never inlined into a coroutine (see context.hpp).
[[gnu::noinline]] Context* current() noexcept { return the_context; }
[[gnu::noinline]] void set_current(Context* context) noexcept { the_context = context; }

void Home::submit_batch(Header& first, Header&, std::size_t) {
  for (Header* task = &first; task != nullptr;) submit_new(*std::exchange(task, task->queue_next), {});
}
HandedOver Home::hand_over() { return {}; }
void Home::take_back(const HandedOver&) {}
void Home::call_at(Nanos, std::function<void()>) { throw std::logic_error("this scheduler has no clock to call by"); }

}  // namespace rt
