#include <algorithm>
#include <cmath>
#include <iostream>

#include "apps/commands/command.h"
#include "apps/trainer/run_config.h"
#include "core/error.h"
#include "core/strings.h"

namespace seqtape {
namespace {

void options(cxxopts::Options& options) {
  options.add_options()("config", "config file", cxxopts::value<std::string>())(
      "examples", "sequences to show", cxxopts::value<int>()->default_value("3"), "N");
  common_options(options);
  options.parse_positional({"config"});
}

/// An image, a line for each of its rows.
std::string picture(const Batch& batch, Index b, Index width) {
  constexpr std::string_view kShades = " .:-=+*#%@";
  std::string text;
  for (Index t = 0; t < batch.length; ++t) {
    const auto at = static_cast<std::size_t>(b * batch.length + t);
    const double light = batch.tokens.empty() ? static_cast<double>(batch.values[at]) : batch.tokens[at] / 255.0;
    const char shade = kShades[static_cast<std::size_t>(std::clamp(light, 0.0, 1.0) * 9.99)];
    text += t % width ? "" : "\n  ";
    text += {shade, shade};  // a character is twice as high as wide
  }
  return text + "\n";
}

/// Real values as a line of blocks for each feature, a block for several steps where there are many.
std::string sparklines(const Batch& batch, Index b, Index length) {
  static const char* const kBlocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  const Index features = static_cast<Index>(batch.values.size()) / (batch.batch * batch.length);
  const Index cells = std::min<Index>(length, 96);
  std::string text;
  for (Index f = 0; f < features; ++f) {
    const auto value = [&](Index t) {
      return static_cast<double>(batch.values[static_cast<std::size_t>((b * batch.length + t) * features + f)]);
    };
    double low = value(0), high = low, mean = 0;
    for (Index t = 0; t < length; ++t) {
      low = std::min(low, value(t));
      high = std::max(high, value(t));
      mean += value(t) / static_cast<double>(length);
    }
    text += "\n  ";
    for (Index cell = 0; cell < cells; ++cell) {
      // Of the steps after a block the one farthest from the mean, so that no peak is lost.
      double shown = mean;
      for (Index t = cell * length / cells; t < (cell + 1) * length / cells; ++t)
        if (std::abs(value(t) - mean) >= std::abs(shown - mean)) shown = value(t);
      text += kBlocks[high > low ? static_cast<std::size_t>((shown - low) / (high - low) * 7.99) : 0];
    }
    text += format("  %.3g to %.3g", low, high);
  }
  return text + format("  (%lld steps)\n", static_cast<long long>(length));
}

/// A token as a number, or as the task's character for it if that is printable.
std::string token_text(std::int32_t token, bool characters, const Task& task) {
  if (!characters) return std::to_string(token);
  const std::string text = task.decode({token});
  if (text == "\n") return "\\n";
  return text.size() > 1 || (text[0] >= 32 && text[0] < 127) ? printable(text) : std::to_string(token);
}

int run(const cxxopts::ParseResult& args) {
  RunConfig config = RunConfig::load(argument(args, "config"), sets(args));
  config.task->prepare(static_cast<std::uint64_t>(config.seed));
  const TaskShape shape = config.task->shape();
  std::cout << config.task_name << ": "
            << (shape.vocabulary ? str(shape.vocabulary, " tokens") : str(shape.features, " values")) << " in, "
            << shape.outputs << " out, length " << shape.length << "\n";
  for (const auto& lines : {config.task->contents(), config.task->notes()})
    for (const std::string& line : lines) std::cout << printable(line) << "\n";
  Batch batch;
  const int examples = args["examples"].as<int>();
  if (examples < 1) throw ConfigError(str("--examples: must be > 0, got ", examples));
  config.task->training_batch(0, examples, batch);
  const bool characters = shape.next_token();
  for (Index b = 0; b < batch.batch; ++b) {
    // Most tasks score the end.
    const Index length = batch.lengths.empty() ? batch.length : batch.lengths[static_cast<std::size_t>(b)];
    const Index skip = std::max<Index>(0, length - 64);
    std::cout << "\ninput ";
    if (shape.image_width) {
      std::cout << picture(batch, b, shape.image_width);
    } else if (batch.tokens.empty()) {
      std::cout << sparklines(batch, b, length);
    } else {
      std::cout << (skip ? " …" : "");
      for (Index t = skip; t < length; ++t)
        std::cout << ' '
                  << token_text(batch.tokens[static_cast<std::size_t>(b * batch.length + t)], characters, *config.task);
      std::cout << '\n';
    }
    std::cout << "target";
    if (shape.regression()) {
      for (Index i = 0; i < std::min<Index>(shape.outputs, 16); ++i)
        std::cout << format(" %.4g",
                            static_cast<double>(batch.target_values[static_cast<std::size_t>(b * shape.outputs + i)]));
      if (shape.outputs > 16) std::cout << " … (" << shape.outputs << " numbers)";
    } else if (shape.pooled) {
      std::cout << ' ' << batch.targets[static_cast<std::size_t>(b)];
    } else {
      std::cout << (skip ? " …" : "");
      for (Index t = skip; t < length; ++t) {
        const std::int32_t target = batch.targets[static_cast<std::size_t>(b * batch.length + t)];
        std::cout << ' ' << (target == kIgnore ? "·" : token_text(target, characters, *config.task));
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
