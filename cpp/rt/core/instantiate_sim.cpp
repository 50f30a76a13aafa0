// The scheduler for virtual time: the same source, once more.
#include "rt/core/instantiate.hpp"
#include "rt/env/sim_env.hpp"

namespace rt {
template class Shared<SimEnv>;
template class Worker<SimEnv>;
}  // namespace rt
