#pragma once
// Runs the built program as a user would.
#include <string>

namespace seqtape::testing {

struct Outcome {
  int exit_code;
  std::string out, err;
};

/// `seqtape ARGUMENTS`, through the shell; `before`: shell text in front ("ulimit -f 100; ").
Outcome seqtape(const std::string& arguments, const std::string& before = "");

}  // namespace seqtape::testing
