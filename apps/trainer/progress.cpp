#include "apps/trainer/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>

#include "core/strings.h"

namespace seqtape {

Progress::Progress(On on)
    : out_(on == On::out ? std::cout : std::cerr), fd_(on == On::out ? STDOUT_FILENO : STDERR_FILENO) {
  const char* const term = std::getenv("TERM");
  live_ = isatty(fd_) && term && std::string(term) != "dumb";
}

void Progress::live(const std::string& shown, bool now) {
  const auto time = std::chrono::steady_clock::now();
  if (!live_ || (!now && time - last_ < std::chrono::milliseconds(100))) return;
  last_ = time;
  const std::string text = printable(shown);
  // A line that wraps could not be drawn over.
  winsize size{};
  const bool known = ioctl(fd_, TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
  out_ << "\r\033[K" << text.substr(0, known ? size.ws_col - 1 : text.size()) << std::flush;
  drawn_ = true;
}

void Progress::clear() {
  if (drawn_) out_ << "\r\033[K" << std::flush;
  drawn_ = false;
}

void Progress::line(const std::string& text) {
  clear();
  out_ << printable_text(text) << '\n' << std::flush;
}

}  // namespace seqtape
