#pragma once
// The BLAS that is linked, and whether it can be trusted.

#include <string>

namespace seqtape {

/// Tells the BLAS to stay on the calling thread: ours is the only parallel loop. Cheap when repeated.
void prepare_blas();

/// "Haswell": the kernels that OpenBLAS chose for this processor.
std::string blas_core();

/// "" when the linked OpenBLAS is the OpenMP build and multiplies correctly, else what is wrong and what would do.
std::string blas_problem();

}  // namespace seqtape
