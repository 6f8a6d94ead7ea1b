#include <algorithm>
#include <cmath>
#include <iostream>

#include "apps/command.h"
#include "apps/trainer/trained_model.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/text.h"
#include "models/sampling.h"

namespace seqtape {
namespace {

void options(cxxopts::Options& options) {
  options.add_options()("run", "run folder or checkpoint", cxxopts::value<std::string>())(
      "prompt", "text to continue; default: a line break", cxxopts::value<std::string>(), "TEXT")(
      "tokens", "tokens to write", cxxopts::value<int>()->default_value("200"), "N")(
      "temperature", "0: always the most likely token", cxxopts::value<double>()->default_value("1"), "T")(
      "top-k", "choose among the K most likely; 0: all", cxxopts::value<int>()->default_value("0"), "K")(
      "top-p", "choose among the most likely whose shares together reach P",
      cxxopts::value<double>()->default_value("1"),
      "P")("repetition-penalty", "divide the logits of tokens seen before by this",
           cxxopts::value<double>()->default_value("1"),
           "F")("stop", "end behind this text", cxxopts::value<std::string>(), "TEXT")(
      "seed", "of the choices", cxxopts::value<std::uint64_t>()->default_value("1"), "S")(
      "best", "the best checkpoint instead of the last");
  common_options(options);
  options.parse_positional({"run"});
}

int run(const cxxopts::ParseResult& args) {
  const Sampling sampling{args["temperature"].as<double>(), args["top-k"].as<int>(), args["top-p"].as<double>(),
                          args["repetition-penalty"].as<double>()};
  const std::string stop = args.count("stop") ? args["stop"].as<std::string>() : "";
  if (args.count("stop") && stop.empty()) throw ConfigError("--stop: must not be empty");
  const int tokens = args["tokens"].as<int>();
  if (!(sampling.temperature >= 0)) throw ConfigError(str("--temperature: must be >= 0, got ", sampling.temperature));
  if (sampling.top_k < 0) throw ConfigError(str("--top-k: must be >= 0, got ", sampling.top_k));
  if (!(sampling.top_p > 0 && sampling.top_p <= 1))
    throw ConfigError(str("--top-p: must be > 0 and <= 1, got ", sampling.top_p));
  if (!(sampling.repetition_penalty > 0))
    throw ConfigError(str("--repetition-penalty: must be > 0, got ", sampling.repetition_penalty));
  if (tokens < 0) throw ConfigError(str("--tokens: must be >= 0, got ", tokens));
  const TrainedModel trained = TrainedModel::open(argument(args, "run"), args.count("best") != 0, sets(args));
  const Task& task = *trained.config.task;
  if (!trained.model->streams())
    throw ConfigError("model: it reads later steps and cannot generate; model.bidirectional and model.causal say so");
  const std::string prompt = args.count("prompt")               ? args["prompt"].as<std::string>()
                             : task.shape().bits_unit == "byte" ? "\n"
                                                                : task.decode({0});
  if (prompt.empty()) throw ConfigError("--prompt: must not be empty: the first token needs one before it");
  std::vector<std::int32_t> input = task.encode(prompt);
  if (input.empty()) throw ConfigError("--prompt: holds no token");
  Random random(args["seed"].as<std::uint64_t>(), "generate");
  std::cout << prompt << std::flush;
  // The prompt goes through at once; then every token is a step of constant cost on the carried state.
  ModelState state;
  const auto start = Clock::now();
  std::set<std::int32_t> seen(input.begin(), input.end());
  std::string said;
  int written = 0;
  while (written < tokens && (stop.empty() || !said.ends_with(stop))) {
    const Shape shape{1, static_cast<Index>(input.size())};
    const Variable logits = trained.model->forward({IndexTensor::of(shape, input), {}, {}}, state);
    const Index classes = logits.shape().back();
    if (!std::all_of(logits.data() + logits.size() - classes, logits.data() + logits.size(),
                     [](float value) { return std::isfinite(value); }))
      throw NumericalError("generate: the model's outputs are not finite; its training diverged");
    if (sampling.repetition_penalty != 1)
      penalize(logits.data() + logits.size() - classes, seen, sampling.repetition_penalty);
    input = {sample(logits.data() + logits.size() - classes, classes, sampling, random)};
    seen.insert(input[0]);
    const std::string word = task.decode(input);
    said += word;
    ++written;
    std::cout << word << std::flush;
  }
  const double seconds = seconds_since(start);
  std::cout << '\n';
  std::cerr << format("%d tokens, %.0f tokens/s\n", written, written / seconds);
  return 0;
}

}  // namespace

const Command kGenerate{"generate",
                        "RUN --prompt TEXT --tokens N",
                        "continue a prompt",
                        "seqtape generate runs/text/mamba --prompt 'In the beginning' --tokens 400 --temperature 0.8",
                        options,
                        run};

}  // namespace seqtape
