#include "models/check.h"

#include <iostream>

#include "apps/commands/command.h"
#include "apps/trainer/run_config.h"
#include "core/strings.h"

namespace seqtape {
namespace {

void check_options(cxxopts::Options& options) {
  options.add_options()("config", "config file", cxxopts::value<std::string>());
  common_options(options);
  options.parse_positional({"config"});
}

int run_check(const cxxopts::ParseResult& args) {
  RunConfig config = RunConfig::load(argument(args, "config"), sets(args));
  const Json model = config.to_json()["model"];
  if (config.task->shape().outputs == 0)
    config.task->prepare(static_cast<std::uint64_t>(config.seed));  // it counts them
  const std::vector<CheckResult> results = f64::check_model({model, config.task->shape()});
  bool all = true;
  for (const CheckResult& result : results) {
    std::cout << format("%-6s  %-62s  %s\n", result.passed ? "ok" : "FAILED", result.name.c_str(),
                        result.detail.c_str());
    all = all && result.passed;
  }
  return all ? 0 : 1;
}

}  // namespace

const Command kCheck{"check",
                     "CONFIG",
                     "gradients, streaming, causality, padding and determinism of a model, in double",
                     "seqtape check configs/text/s4.json",
                     check_options,
                     run_check};

}  // namespace seqtape
