#include <iostream>

#include "apps/commands/command.h"
#include "apps/exchange/export.h"
#include "apps/trainer/describe.h"
#include "apps/trainer/dry_run.h"
#include "apps/trainer/signals.h"
#include "apps/trainer/trainer.h"
#include "core/columns.h"
#include "core/error.h"
#include "core/strings.h"

namespace seqtape {
namespace {

void train_options(cxxopts::Options& options) {
  options.add_options()("config", "config file (JSON)", cxxopts::value<std::string>())(
      "out", "run folder; default: runs/ and the config's path below configs/", cxxopts::value<std::string>(), "RUN")(
      "resume", "go on from the run's last checkpoint; without one, start")(
      "checkpoint", "with --resume: go on from this one", cxxopts::value<std::string>(), "step-00001000")(
      "init-from", "start from the weights of another run, as far as they fit", cxxopts::value<std::string>(), "PATH")(
      "force", "replace an existing run")("dry-run", "print parameters, memory and time; train nothing");
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

int run_train(const cxxopts::ParseResult& args) {
  hold_signals();
  const std::filesystem::path file = argument(args, "config");
  if (args.count("resume") && args.count("force")) throw ConfigError("--resume and --force exclude each other");
  const Start start = args.count("resume") ? Start::resume : args.count("force") ? Start::replace : Start::fresh;
  const auto out = args.count("out") ? std::filesystem::path(args["out"].as<std::string>()) : default_out(file);
  if (out.empty()) throw ConfigError("--out: must name a folder, got \"\"");
  RunConfig config = RunConfig::load(file, sets(args));
  if (args.count("init-from") && args["init-from"].as<std::string>().empty())
    throw ConfigError("--init-from: must name a run, a checkpoint or a safetensors file, got \"\"");
  if (args.count("init-from"))
    config.train.init_from = std::filesystem::absolute(args["init-from"].as<std::string>()).lexically_normal().string();
  if (args.count("dry-run")) {
    dry_run(std::move(config));
    return 0;
  }
  const std::string checkpoint = args.count("checkpoint") ? args["checkpoint"].as<std::string>() : "";
  if (!checkpoint.empty() && start != Start::resume) throw ConfigError("--checkpoint: goes with --resume");
  Trainer trainer(std::move(config), out, start, checkpoint);
  const std::string exports = exports_text(trainer.training().config, *trainer.training().model);
  std::cout << wrapped("exports    " + printable_text(exports), kHeadHang) << std::endl;
  return trainer.run();
}

}  // namespace

const Command kTrain{"train",
                     "CONFIG [--out RUN] [--set KEY=VALUE]...",
                     "train a model from a config",
                     "seqtape train configs/text/mamba.json --set optimizer.lr=1e-3 \\\n      --out runs/lower-rate",
                     train_options,
                     run_train};

}  // namespace seqtape
