#include "apps/command.h"
#include "apps/trainer/trainer.h"
#include "core/error.h"

namespace seqtape {
namespace {

void options(cxxopts::Options& options) {
  options.add_options()("config", "config file (JSON)", cxxopts::value<std::string>())(
      "out", "run folder; default: runs/ and the config's path below configs/", cxxopts::value<std::string>(), "RUN")(
      "resume", "go on from the run's last checkpoint; without one, start")("force", "replace an existing run");
  common_options(options);
  options.parse_positional({"config"});
}

/// configs/text/mamba.json -> runs/text/mamba; what is not below a folder "configs": runs/ and the file's name.
std::filesystem::path default_out(const std::filesystem::path& config) {
  std::filesystem::path below;
  bool found = false;
  for (const auto& part : std::filesystem::absolute(config).lexically_normal()) {
    if (found) below /= part;
    if (part == "configs") found = true, below.clear();
  }
  return std::filesystem::path("runs") / (below.empty() ? config.filename() : below).replace_extension();
}

int run(const cxxopts::ParseResult& args) {
  const std::filesystem::path file = argument(args, "config");
  if (args.count("resume") && args.count("force")) throw ConfigError("--resume and --force exclude each other");
  const Start start = args.count("resume") ? Start::resume : args.count("force") ? Start::replace : Start::fresh;
  const auto out = args.count("out") ? std::filesystem::path(args["out"].as<std::string>()) : default_out(file);
  if (out.empty()) throw ConfigError("--out: must name a folder, got \"\"");
  return Trainer(RunConfig::load(file, sets(args)), out, start).run();
}

}  // namespace

const Command kTrain{"train",
                     "CONFIG [--out RUN] [--set KEY=VALUE]...",
                     "train a model from a config",
                     "seqtape train configs/text/mamba.json --set optimizer.lr=1e-3 --out runs/lower-rate",
                     options,
                     run};

}  // namespace seqtape
