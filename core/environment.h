#pragma once
// Environment variables that OpenBLAS and OpenMP read only when they are loaded.

namespace seqtape {

/// Sets the variables below, unless the user has set them, and executes the program again if that changed anything. To
/// be called first in main with its `argv`; if it fails, the program continues, slower but correct.
///
/// OPENBLAS_CORETYPE. On a processor that it does not know, OpenBLAS falls back to kernels of 2004. On a Xeon that
/// version 0.3.21 took for a "Prescott", setting it raised the training of an LSTM from 10,000 to 31,000 tokens/s.
///
/// GOMP_SPINCOUNT, on one or two processors. Waiting threads spin; when other programs load the machine, they burn the
/// time that the awaited threads need. A short spin costs nothing on two idle cores (30,300 against 30,700 tokens/s for
/// the transformer at length 256), and beside three busy processes raises 650 to 6,600 tokens/s. With 16 threads it is
/// not set: waking them costs more than spinning (mamba at 1024: half the speed).
void settle_environment(char** argv);

}  // namespace seqtape
