#pragma once
// The libraries that multiply matrices, and whether they can be trusted: oneDNN's sgemm for training on x86-64,
// OpenBLAS for double precision, for products with one row, and everywhere else.

#include <string>

namespace seqtape {

/// Tells them to stay on the calling thread: ours is the only parallel loop. Cheap when repeated.
void prepare_blas();

/// "Haswell": the kernels that OpenBLAS chose for this processor.
std::string openblas_core();

/// "oneDNN 2.6.3 (AVX-512)", "OpenBLAS Haswell": what decides the bits of a training's matrix products.
std::string blas_core();

/// "" when the linked OpenBLAS is the OpenMP build and both multiply correctly, else what is wrong and what would do.
std::string blas_problem();

}  // namespace seqtape
