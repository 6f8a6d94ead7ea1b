#pragma once
// SIGINT, SIGTERM and SIGHUP: the first asks a run to save and stop, a second ends the process at once.

namespace seqtape {

/// To be called before other threads are started. From here on a thread of its own waits for the signals, and every
/// other thread blocks them: no handler may interrupt a matrix product, since oneDNN 2.6's sgemm then writes where it
/// should not (seen as a corrupted heap; a loop of dnnl_sgemm under a timer's signals shows it without this program).
/// Until `catch_signals` a signal ends the process.
void hold_signals();
/// From here on the first signal is only noted.
void catch_signals();
/// The signal that asked to stop, or 0.
int stop_signal();

}  // namespace seqtape
