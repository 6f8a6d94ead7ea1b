#include <algorithm>
#include <cmath>
#include <iostream>
#include <sstream>

#include "apps/command.h"
#include "apps/trainer/trained_model.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/file.h"
#include "core/json.h"
#include "core/text.h"
#include "models/sampling.h"
#include "models/stepper.h"

namespace seqtape {
namespace {

void options(cxxopts::Options& options) {
  options.add_options()("run", "run folder or checkpoint", cxxopts::value<std::string>())(
      "prompt", "text to continue; default: a line break; several: --prompt A --prompt B",
      cxxopts::value<std::vector<std::string>>(),
      "TEXT")("prompts", "a file with a prompt on each line", cxxopts::value<std::string>(), "FILE")(
      "tokens", "tokens to write for each prompt", cxxopts::value<int>()->default_value("200"), "N")(
      "temperature", "0: always the most likely token", cxxopts::value<double>()->default_value("1"), "T")(
      "top-k", "choose among the K most likely; 0: all", cxxopts::value<int>()->default_value("0"), "K")(
      "top-p", "choose among the most likely whose shares together reach P",
      cxxopts::value<double>()->default_value("1"),
      "P")("repetition-penalty", "divide the logits of tokens seen before by this",
           cxxopts::value<double>()->default_value("1"),
           "F")("stop", "end behind this text", cxxopts::value<std::string>(), "TEXT")(
      "seed", "of the choices", cxxopts::value<std::uint64_t>()->default_value("1"), "S")(
      "json", "print an object with prompt and text for each prompt, a line each")(
      "best", "the best checkpoint instead of the last");
  common_options(options);
  options.parse_positional({"run"});
}

struct Wishes {
  Sampling sampling;
  int tokens;
  std::string stop;
  std::uint64_t seed;
};

/// A prompt and what follows it.
class Writing {
 public:
  Writing(const Task& task, const Wishes& wishes, std::string prompt, std::size_t number)
      : task_(task),
        wishes_(wishes),
        prompt_(std::move(prompt)),
        tokens_(task.encode(prompt_)),
        random_(wishes.seed, "generate", number) {
    if (tokens_.empty())
      throw ConfigError("--prompt: holds no token; the first token that is written needs one before it");
    seen_.insert(tokens_.begin(), tokens_.end());
  }

  const std::string& prompt() const { return prompt_; }
  const std::string& said() const { return said_; }
  int written() const { return written_; }
  /// The prompt's tokens, then the last one.
  const std::vector<std::int32_t>& tokens() const { return tokens_; }
  bool done() const { return written_ == wishes_.tokens || (!wishes_.stop.empty() && said_.ends_with(wishes_.stop)); }

  /// Chooses the next token, and returns it as text.
  std::string go_on(Real* logits, Index classes) {
    if (!std::all_of(logits, logits + classes, [](Real value) { return std::isfinite(value); }))
      throw NumericalError("generate: the model's outputs are not finite; its training diverged");
    const Sampling& sampling = wishes_.sampling;
    if (sampling.repetition_penalty != 1) penalize(logits, seen_, sampling.repetition_penalty);
    const std::int32_t token = sample(logits, classes, sampling, random_);
    if (sampling.repetition_penalty != 1) seen_.insert(token);
    tokens_ = {token};
    ++written_;
    const std::string word = task_.decode(tokens_);
    said_ += word;
    return word;
  }

 private:
  const Task& task_;
  const Wishes& wishes_;
  std::string prompt_, said_;
  std::vector<std::int32_t> tokens_;
  std::set<std::int32_t> seen_;
  Random random_;
  int written_ = 0;
};

/// What is said is shown as it comes, but a terminal is not called for every token of a fast model.
class Screen {
 public:
  explicit Screen(bool on) : on_(on) {}
  void show(const std::string& text) {
    if (!on_) return;
    std::cout << text;
    if (seconds_since(flushed_) < 0.02) return;
    std::cout << std::flush;
    flushed_ = Clock::now();
  }

 private:
  bool on_;
  Clock::time_point flushed_{};
};

/// The prompts go through at once, one by one; then every token of all is a step of constant cost on their states.
void write(SequenceModel& model, const std::vector<Writing*>& all, Screen& screen) {
  const Index classes = model.shape().outputs;
  std::vector<ModelState> states;
  for (Writing* const writing : all) {
    screen.show(writing->prompt());
    ModelState& state = states.emplace_back();
    const Shape shape{1, static_cast<Index>(writing->tokens().size())};
    const Variable logits = model.forward({IndexTensor::of(shape, writing->tokens()), {}, {}}, state);
    if (!writing->done()) screen.show(writing->go_on(logits.data() + logits.size() - classes, classes));
  }
  const auto all_done = [&] {
    return std::all_of(all.begin(), all.end(), [](auto* writing) { return writing->done(); });
  };
  if (all_done()) return;
  Stepper stepper(model, batch_of(states), static_cast<Index>(all.size()));
  states.clear();
  std::vector<std::int32_t> tokens(all.size());
  while (!all_done()) {
    for (std::size_t i = 0; i < all.size(); ++i) tokens[i] = all[i]->tokens()[0];
    Real* const logits = stepper.step(tokens);
    for (std::size_t i = 0; i < all.size(); ++i)
      if (!all[i]->done()) screen.show(all[i]->go_on(logits + static_cast<Index>(i) * classes, classes));
  }
}

std::vector<std::string> prompts_of(const cxxopts::ParseResult& args, const Task& task) {
  std::vector<std::string> prompts;
  if (args.count("prompt")) prompts = args["prompt"].as<std::vector<std::string>>();
  if (args.count("prompts")) {
    const std::string path = args["prompts"].as<std::string>();
    std::istringstream lines(read_stream(path));
    for (std::string line; std::getline(lines, line);) {
      if (line.ends_with('\r')) line.pop_back();
      if (!line.empty()) prompts.push_back(line);
    }
    if (prompts.empty()) throw ConfigError("--prompts: " + path + " holds no line with a prompt");
  }
  if (prompts.empty()) prompts.push_back(task.shape().bits_unit == "byte" ? "\n" : task.decode({0}));
  for (const std::string& prompt : prompts)
    if (prompt.empty()) throw ConfigError("--prompt: must not be empty: the first token needs one before it");
  return prompts;
}

int run(const cxxopts::ParseResult& args) {
  const Wishes wishes{{args["temperature"].as<double>(), args["top-k"].as<int>(), args["top-p"].as<double>(),
                       args["repetition-penalty"].as<double>()},
                      args["tokens"].as<int>(),
                      args.count("stop") ? args["stop"].as<std::string>() : "",
                      args["seed"].as<std::uint64_t>()};
  const Sampling& sampling = wishes.sampling;
  if (args.count("stop") && wishes.stop.empty()) throw ConfigError("--stop: must not be empty");
  if (!(sampling.temperature >= 0)) throw ConfigError(str("--temperature: must be >= 0, got ", sampling.temperature));
  if (sampling.top_k < 0) throw ConfigError(str("--top-k: must be >= 0, got ", sampling.top_k));
  if (!(sampling.top_p > 0 && sampling.top_p <= 1))
    throw ConfigError(str("--top-p: must be > 0 and <= 1, got ", sampling.top_p));
  if (!(sampling.repetition_penalty > 0))
    throw ConfigError(str("--repetition-penalty: must be > 0, got ", sampling.repetition_penalty));
  if (wishes.tokens < 0) throw ConfigError(str("--tokens: must be >= 0, got ", wishes.tokens));
  const TrainedModel trained = TrainedModel::open(argument(args, "run"), args.count("best") != 0, sets(args));
  const Task& task = *trained.config.task;
  if (!trained.model->streams())
    throw ConfigError("model: it reads later steps and cannot generate; model.bidirectional and model.causal say so");

  const std::vector<std::string> prompts = prompts_of(args, task);
  std::vector<Writing> writings;
  for (std::size_t i = 0; i < prompts.size(); ++i) writings.emplace_back(task, wishes, prompts[i], i);
  const bool json = args.count("json") != 0, several = prompts.size() > 1;
  Screen screen(!json && !several);
  const auto start = Clock::now();
  // Side by side, where the states keep their sizes and so fit together; otherwise one after the other.
  std::vector<Writing*> together;
  for (Writing& writing : writings) {
    together.push_back(&writing);
    if (trained.model->bounded_state() && &writing != &writings.back()) continue;
    write(*trained.model, together, screen);
    together.clear();
  }
  const double seconds = seconds_since(start);

  int written = 0;
  for (std::size_t i = 0; i < writings.size(); ++i) {
    const Writing& writing = writings[i];
    written += writing.written();
    if (json)
      std::cout << Json({{"prompt", writing.prompt()}, {"text", writing.said()}, {"tokens", writing.written()}})
                       .dump(-1, ' ', false, Json::error_handler_t::replace);
    else if (several)
      std::cout << "--- " << i + 1 << '\n' << writing.prompt() << writing.said();
    std::cout << '\n';
  }
  std::cout << std::flush;
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
