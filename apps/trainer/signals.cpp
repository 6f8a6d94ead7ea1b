#include "apps/trainer/signals.h"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <mutex>
#include <thread>

namespace seqtape {
namespace {

std::atomic<int> received{0};
std::atomic<bool> noting{false};

void wait_for(const sigset_t& signals) {
  for (;;) {
    int signal = 0;
    if (sigwait(&signals, &signal) != 0) continue;
    if (!noting || received.exchange(signal) != 0) _exit(128 + signal);
  }
}

}  // namespace

void hold_signals() {
  static std::once_flag once;
  std::call_once(once, [] {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    // A terminal that is closed, a connection that is lost; under nohup it is ignored, and stays so.
    struct sigaction hangup {};
    if (sigaction(SIGHUP, nullptr, &hangup) == 0 && hangup.sa_handler != SIG_IGN) sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    std::thread(wait_for, signals).detach();
  });
}

void catch_signals() {
  hold_signals();
  std::signal(SIGPIPE, SIG_IGN);  // a reader of the output that goes away ends no training
  noting = true;
}

int stop_signal() { return received; }

}  // namespace seqtape
