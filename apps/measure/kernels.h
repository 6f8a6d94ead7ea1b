#pragma once
#include "core/io/json.h"

namespace seqtape {

/// Times every hot kernel alone. An object a kernel: name, sizes, threads, ns_per_element (median), floor_ns: what the
/// memory traffic or the arithmetic of the kernel alone would take on this machine, from rates measured in the same
/// call.
Json measure_kernels();

}  // namespace seqtape
