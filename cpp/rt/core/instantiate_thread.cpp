// The scheduler for real threads.
#include "rt/core/instantiate.hpp"
#include "rt/env/thread_env.hpp"

namespace rt {
template class Shared<ThreadEnv>;
template class Worker<ThreadEnv>;
}  // namespace rt
