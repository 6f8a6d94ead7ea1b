#include "apps/trainer/signals.h"

#include <unistd.h>

#include <csignal>

namespace seqtape {
namespace {

volatile std::sig_atomic_t received = 0;

void handle(int signal) {
  if (received) _exit(128 + signal);
  received = signal;
}

}  // namespace

void catch_signals() {
  struct sigaction action {};
  action.sa_handler = handle;
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

int stop_signal() { return received; }

}  // namespace seqtape
