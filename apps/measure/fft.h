#pragma once
// The time of our FFT beside FFTW's.

#include "core/io/json.h"

namespace seqtape {

/// Times our FFT (forward and inverse of real sequences) on one thread, beside FFTW's if libfftw3f is
/// installed; it is loaded for the comparison only, never linked. Objects like those of measure_kernels, with "fftw_ns"
/// and "ratio".
Json measure_fft();

}  // namespace seqtape
