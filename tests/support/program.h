#pragma once
// Runs the built program as a user would.
#include <string>
#include <vector>

namespace seqtape::testing {

struct Outcome {
  int exit_code;
  std::string out, err;
};

/// `seqtape ARGUMENTS`, through the shell; `before`: shell text in front ("ulimit -f 100; ").
Outcome seqtape(const std::string& arguments, const std::string& before = "");

/// Output with the lines of a run's head whole again that were broken for a terminal of 80 columns.
std::string unwrapped(std::string out);

/// What a section of a config ("model") can name, as the program's own schema has it.
std::vector<std::string> names_of(const std::string& section);

}  // namespace seqtape::testing
