#pragma once
// The BLAS libraries and a check that they compute correctly: oneDNN's sgemm for training on x86-64, OpenBLAS for
// double precision, for products with one row, and everywhere else.

#include <string>

namespace seqtape {

/// Makes both libraries compute on the calling thread alone: `parallel_for` is the only parallel loop. To be called on
/// every thread that multiplies; cheap when repeated.
void prepare_blas();

/// The kernels that OpenBLAS chose for this processor: "Haswell".
std::string openblas_core();

/// The library and kernels that determine the bits of training's matrix products: "oneDNN 2.6.3 (AVX-512)",
/// "OpenBLAS Haswell".
std::string blas_core();

/// "" when the linked OpenBLAS is the OpenMP build and both multiply correctly, else what is wrong and the remedy.
std::string blas_problem();

}  // namespace seqtape
