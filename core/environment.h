#pragma once
// Settings that OpenBLAS and OpenMP read only while they are loaded.

namespace seqtape {

/// Sets the environment's variables below, each unless the user has set it, and starts the program again if that
/// changed anything. Call it first in main; on failure the program goes on, slower and still right.
///
/// OPENBLAS_CORETYPE. A processor newer than the library gets kernels of 2004. On a Xeon that OpenBLAS 0.3.21 took for
/// a "Prescott" this took a training step of the LSTM from 10,000 to 31,000 tokens/s.
///
/// GOMP_SPINCOUNT, on one or two processors. Threads that wait for others spin; beside other programs' load they spin
/// away the time in which the others would have come. A short spin costs nothing on two free cores (30,300 against
/// 30,700 tokens/s for the transformer at length 256), and beside three busy processes makes 6,600 of 650 tokens/s. On 16
/// threads it is left alone: waking them costs more there than spinning (mamba at 1024: half the speed).
void settle_environment(char** argv);

}  // namespace seqtape
