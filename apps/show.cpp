#include <iostream>

#include "apps/command.h"
#include "apps/trainer/run_config.h"
#include "core/error.h"
#include "core/text.h"

namespace seqtape {
namespace {

void options(cxxopts::Options& options) {
  options.add_options()("config", "config file", cxxopts::value<std::string>())(
      "examples", "sequences to show", cxxopts::value<int>()->default_value("3"), "N");
  common_options(options);
  options.parse_positional({"config"});
}

/// A token as a number, or as the task's letter for it where that can be printed.
std::string token_text(std::int32_t token, bool characters, const Task& task) {
  if (!characters) return std::to_string(token);
  const std::string text = task.decode({token});
  if (text == "\n") return "\\n";
  return text[0] >= 32 && text[0] < 127 ? text : std::to_string(token);
}

/// The values of one step.
std::string value_text(const Batch& batch, std::size_t step) {
  const std::size_t features = batch.values.size() / static_cast<std::size_t>(batch.batch * batch.length);
  std::string text;
  for (std::size_t i = 0; i < features; ++i)
    text += format(i ? ",%.2g" : "%.2g", static_cast<double>(batch.values[step * features + i]));
  return text;
}

int run(const cxxopts::ParseResult& args) {
  RunConfig config = RunConfig::load(argument(args, "config"), sets(args));
  config.task->prepare(static_cast<std::uint64_t>(config.seed));
  const TaskShape shape = config.task->shape();
  std::cout << config.task_name << ": "
            << (shape.vocabulary ? str(shape.vocabulary, " tokens") : str(shape.features, " values")) << " in, "
            << shape.outputs << " out, length " << shape.length << "\n";
  Batch batch;
  config.task->training_batch(0, std::max(1, args["examples"].as<int>()), batch);
  const bool characters = !shape.bits_unit.empty();
  for (Index b = 0; b < batch.batch; ++b) {
    // The end is where most tasks ask.
    const Index length = batch.lengths.empty() ? batch.length : batch.lengths[static_cast<std::size_t>(b)];
    const Index skip = std::max<Index>(0, length - 64);
    std::cout << "\ninput " << (skip ? " …" : "");
    for (Index t = skip; t < length; ++t) {
      const auto at = static_cast<std::size_t>(b * batch.length + t);
      std::cout << ' '
                << (batch.tokens.empty() ? value_text(batch, at)
                                         : token_text(batch.tokens[at], characters, *config.task));
    }
    std::cout << "\ntarget";
    if (shape.regression) {
      for (Index i = 0; i < shape.outputs; ++i)
        std::cout << format(" %.4g",
                            static_cast<double>(batch.target_values[static_cast<std::size_t>(b * shape.outputs + i)]));
    } else if (shape.pooled) {
      std::cout << ' ' << batch.targets[static_cast<std::size_t>(b)];
    } else {
      std::cout << (skip ? " …" : "");
      for (Index t = skip; t < length; ++t) {
        const std::int32_t target = batch.targets[static_cast<std::size_t>(b * batch.length + t)];
        std::cout << ' ' << (target == Batch::kIgnored ? "·" : token_text(target, characters, *config.task));
      }
    }
    std::cout << '\n';
  }
  return 0;
}

}  // namespace

const Command kShow{"show",
                    "CONFIG [--examples N]",
                    "a few examples of a task, as the model sees them",
                    "seqtape show configs/induction_heads/mamba.json",
                    options,
                    run};

}  // namespace seqtape
