#pragma once
// `train --dry-run`.

#include "apps/trainer/training.h"

namespace seqtape {

/// Prints what a run would take: parameters of each part, groups, memory, time. Trains a few steps to measure it, and
/// writes nothing.
void dry_run(RunConfig);

}  // namespace seqtape
