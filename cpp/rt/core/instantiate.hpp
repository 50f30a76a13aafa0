// All bodies of the scheduler's templates: for the instantiating files only.
#pragma once

#include "rt/core/admission.hpp"
#include "rt/core/shared_impl.hpp"
#include "rt/core/worker/forks.hpp"
#include "rt/core/worker/pick.hpp"
#include "rt/core/worker/record.hpp"
#include "rt/core/worker/rendezvous.hpp"
#include "rt/core/worker/rest.hpp"
#include "rt/core/worker/run.hpp"
#include "rt/core/worker/search.hpp"
#include "rt/core/worker/tick.hpp"
#include "rt/core/worker/upkeep.hpp"
#include "rt/core/worker/wake.hpp"
