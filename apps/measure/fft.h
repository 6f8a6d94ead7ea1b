#pragma once
#include "core/io/json.h"

namespace seqtape {

/// Times our FFT (forward and inverse of real sequences) on one thread, beside FFTW's where libfftw3f is installed:
/// loaded for the comparison only, never linked. Objects like those of measure_kernels, with "fftw_ns" and "ratio".
Json measure_fft();

}  // namespace seqtape
