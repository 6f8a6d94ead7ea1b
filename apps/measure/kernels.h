#pragma once
// The times of single kernels.

#include "core/io/json.h"

namespace seqtape {

/// Times every hot kernel. An object for each: name, sizes, threads, ns_per_element (median), and floor_ns, the larger
/// of what the kernel's memory traffic and its arithmetic alone would take on this machine, at rates measured in the
/// same call.
Json measure_kernels();

}  // namespace seqtape
