#pragma once
// A folder with a small config, and the program run on it.
#include <doctest/doctest.h>

#include <fstream>
#include <string>
#include <vector>

#include "core/io/file.h"
#include "core/io/json.h"
#include "tests/support/program.h"
#include "tests/support/temporary_folder.h"

namespace seqtape::testing {

inline constexpr const char* kConfig = R"({
  "task": {"name": "induction_heads", "vocab": 8, "length": 24, "eval_sequences": 32},
  "model": {"name": "mamba", "d_model": 16, "layers": 1, "d_state": 4},
  "train": {"steps": 20, "batch": 4, "eval_every": 10, "checkpoint_every": 5}
})";

struct Workplace {
  TemporaryFolder folder;
  std::string config = (folder / "c.json").string(), run = (folder / "run").string();
  explicit Workplace(const std::string& text = kConfig) { write_file(config, text); }
  Outcome train(const std::string& more = "", const std::string& before = "") const {
    return testing::seqtape("train " + config + " --out " + run + " " + more, before);
  }
  /// Of RUN/checkpoints/STEP.
  std::string bytes(const std::string& step, const std::string& file = "model.safetensors") const {
    return read_file(run + "/checkpoints/" + step + "/" + file);
  }
  std::vector<Json> metrics() const {
    std::vector<Json> lines;
    std::ifstream in(run + "/metrics.jsonl");
    for (std::string line; std::getline(in, line);) lines.push_back(Json::parse(line));
    return lines;
  }
};

/// "step-00000015"
inline std::string step_name(long long step) {
  const std::string digits = std::to_string(step);
  return "step-" + std::string(8 - digits.size(), '0') + digits;
}

inline void refused(const Outcome& outcome, int exit_code, const std::string& message) {
  CHECK_EQ(outcome.exit_code, exit_code);
  CHECK_EQ(outcome.err, "error: " + message + "\n");
}

}  // namespace seqtape::testing
