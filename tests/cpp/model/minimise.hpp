// Which schedule shows this failure most simply? A shorter story is read sooner.
//
// Invariant: what comes out fails with the same words as what went in, with no more pre-emptions, and as many or fewer deviations.
// After Zeller and Hildebrandt, "Simplifying and isolating failure-inducing input", 2002, over deviations instead of lines.
#pragma once

#include "run.hpp"

namespace rt {

/// `found`: a recorded run that failed.
ModelRun::Record minimised(ModelRun::Record found, ModelRun& run);

}  // namespace rt
