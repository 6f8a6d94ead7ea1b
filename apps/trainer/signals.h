#pragma once
// SIGINT, SIGTERM and SIGHUP: the first asks a run to save and stop, a second ends the process at once.

namespace seqtape {

/// To be called before other threads are started. From then on a separate thread waits for the signals, and every other
/// thread blocks them: no handler may interrupt a matrix product, since oneDNN 2.6's sgemm then writes out of bounds
/// (it corrupted the heap; a loop of dnnl_sgemm under a timer's signals reproduces it without this program). Until
/// `catch_signals` a signal ends the process.
void hold_signals();
/// From then on the first signal is only recorded.
void catch_signals();
/// The signal that asked to stop, or 0.
int stop_signal();

}  // namespace seqtape
