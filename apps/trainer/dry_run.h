#pragma once
#include "apps/trainer/training.h"

namespace seqtape {

/// Prints what a run would be: parameters of each part, groups, memory, time. Trains a few steps for that and throws
/// them away; writes nothing.
void dry_run(RunConfig);

}  // namespace seqtape
