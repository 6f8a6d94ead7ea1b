#pragma once
// Progress of a long run: one live line on a terminal, plain lines in a pipe.

#include <chrono>
#include <iosfwd>
#include <string>

namespace seqtape {

class Progress {
 public:
  /// On standard output, or on standard error where that has the results.
  enum class On { out, err };
  explicit Progress(On on = On::out);
  /// On a terminal: redraws the line, at most ten times a second unless `now`. Elsewhere: nothing.
  void live(const std::string& text, bool now = false);
  /// A line that stays.
  void line(const std::string& text);
  /// Takes the live line away.
  void clear();
  bool is_live() const { return live_; }

 private:
  std::ostream& out_;
  int fd_;
  bool live_, drawn_ = false;
  std::chrono::steady_clock::time_point last_{};
};

}  // namespace seqtape
