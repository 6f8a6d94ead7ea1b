#pragma once
// SIGINT and SIGTERM: the first asks a run to save and stop, a second ends the process at once.

namespace seqtape {

/// Installs the handlers.
void catch_signals();
/// The signal that asked to stop, or 0.
int stop_signal();

}  // namespace seqtape
