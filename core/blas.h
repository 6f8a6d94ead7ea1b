#pragma once
// The BLAS that is linked, and whether it can be trusted.

#include <string>

namespace seqtape {

/// Tells the BLAS to stay on the calling thread: ours is the only parallel loop. Cheap when repeated.
void prepare_blas();

/// "Haswell": the kernels that OpenBLAS chose for this processor.
std::string blas_core();

/// Makes OpenBLAS use kernels that fit this processor. A processor newer than the library is unknown to it, and gets
/// kernels of 2004 (seen on a recent Xeon, as "Prescott"; what this gains there has not been measured). The choice is made while the library
/// loads, so this sets OPENBLAS_CORETYPE and starts the program again; it does nothing where the variable is set or the
/// library's own choice will do. Call it first in main.
void choose_blas_kernels(char** argv);

/// "" when the linked OpenBLAS is the OpenMP build and multiplies correctly, else what is wrong and what would do.
std::string blas_problem();

}  // namespace seqtape
