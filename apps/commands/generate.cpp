#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "apps/commands/command.h"
#include "apps/trainer/trained_model.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/io/json.h"
#include "core/strings.h"
#include "models/sampling.h"
#include "models/stepper.h"

namespace seqtape {
namespace {

void generate_options(cxxopts::Options& options) {
  options.add_options()("run", "run folder or checkpoint", cxxopts::value<std::string>())(
      "prompt", "text to continue; default: a line break; several: --prompt A --prompt B",
      cxxopts::value<std::vector<std::string>>(),
      "TEXT")("prompts", "a file with a prompt on each line", cxxopts::value<std::string>(), "FILE")(
      "tokens", "tokens to write for each prompt", cxxopts::value<int>()->default_value("200"), "N")(
      "temperature", "0: always the most likely token", cxxopts::value<std::string>()->default_value("1"), "T")(
      "top-k", "choose among the K most likely; 0: all", cxxopts::value<int>()->default_value("0"), "K")(
      "top-p", "choose among the most likely whose shares together reach P",
      cxxopts::value<std::string>()->default_value("1"),
      "P")("repetition-penalty", "divide the logits of tokens seen before by this",
           cxxopts::value<std::string>()->default_value("1"),
           "F")("stop", "end where this has been written, the prompt not counted; several: --stop A --stop B",
                cxxopts::value<std::vector<std::string>>(),
                "TEXT")("seed", "of the choices", cxxopts::value<std::uint64_t>()->default_value("1"), "S")(
      "json", "print an object with prompt and text for each prompt, a line each")(
      "best", "the best checkpoint instead of the last");
  common_options(options);
  options.parse_positional({"run"});
}

struct GenerationOptions {
  Sampling sampling;
  int tokens;
  std::vector<std::string> stops;
  bool by_number;  ///< tokens are written as numbers, and `stops` too: they match whole ones
  std::uint64_t seed;
};

/// A prompt and what follows it.
class Generation {
 public:
  Generation(const Task& task, const GenerationOptions& asked, std::string prompt, std::size_t number)
      : task_(task),
        asked_(asked),
        prompt_(std::move(prompt)),
        tokens_(task.encode(prompt_)),
        random_(asked.seed, "generate", number) {
    if (tokens_.empty())
      throw ConfigError("--prompt: holds no token; the first token that is written needs one before it");
    seen_.insert(tokens_.begin(), tokens_.end());
  }

  const std::string& prompt() const { return prompt_; }
  const std::string& text() const { return said_; }
  int written() const { return written_; }
  /// The prompt's tokens, then the last one.
  const std::vector<std::int32_t>& tokens() const { return tokens_; }
  bool done() const { return stopped_ || written_ == asked_.tokens; }

  /// Chooses the next token and returns its text, cut at a stop.
  std::string next_token(Real* logits, Index classes) {
    if (!std::all_of(logits, logits + classes, [](Real value) { return std::isfinite(value); }))
      throw NumericalError("generate: the model's outputs are not finite; its training diverged");
    const Sampling& sampling = asked_.sampling;
    if (sampling.repetition_penalty != 1) penalize(logits, seen_, sampling.repetition_penalty);
    const std::int32_t token = sample(logits, classes, sampling, random_);
    if (sampling.repetition_penalty != 1) seen_.insert(token);
    tokens_ = {token};
    ++written_;
    const std::size_t before = said_.size();
    said_ += task_.decode(tokens_);
    stop(before);
    return said_.substr(before);
  }

 private:
  /// Ends at the first stop that ends in what is new, from `before` on.
  void stop(std::size_t before) {
    std::size_t end = std::string::npos;
    for (const std::string& text : asked_.stops) {
      if (asked_.by_number) {
        if (said_.ends_with(text)) end = said_.size();
        continue;
      }
      const std::size_t at = said_.find(text, before - std::min(before, text.size() - 1));
      if (at != std::string::npos) end = std::min(end, at + text.size());
    }
    if (end == std::string::npos) return;
    stopped_ = true;
    said_.resize(end);
  }

  const Task& task_;
  const GenerationOptions& asked_;
  std::string prompt_, said_;
  std::vector<std::int32_t> tokens_;
  std::set<std::int32_t> seen_;
  Random random_;
  int written_ = 0;
  bool stopped_ = false;
};

/// Prints text as it is generated, but does not flush for every token of a fast model. A file or pipe gets the bytes
/// unchanged; a terminal gets control characters as escapes, and only complete UTF-8 characters.
class Screen {
 public:
  explicit Screen(bool on) : on_(on), terminal_(::isatty(STDOUT_FILENO) != 0) {}
  ~Screen() {
    if (terminal_) std::cout << printable_text(rest_);
  }
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  void show(const std::string& text) {
    if (on_) put(text);
    if (!on_ || seconds_since(flushed_) < 0.02) return;
    std::cout << std::flush;
    flushed_ = Clock::now();
  }
  void put(const std::string& text) {
    if (!terminal_) {
      std::cout << text;
      return;
    }
    rest_ += text;
    std::size_t whole = rest_.size();
    for (std::size_t back = 1; back <= std::min<std::size_t>(3, rest_.size()); ++back) {
      const auto byte = static_cast<unsigned char>(rest_[rest_.size() - back]);
      if (byte < 0x80) break;
      if (byte < 0xC0) continue;
      const std::size_t bytes = byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
      if (bytes > back) whole = rest_.size() - back;
      break;
    }
    std::cout << printable_text(std::string_view(rest_).substr(0, whole));
    rest_.erase(0, whole);
  }

 private:
  bool on_, terminal_;
  std::string rest_;  // of a character that is not whole yet
  Clock::time_point flushed_{};
};

/// Reads a prompt in chunks, so that memory does not grow with its length; returns the logits [1, outputs] after it.
Variable read_prompt(SequenceModel& model, const std::vector<std::int32_t>& tokens, ModelState& state) {
  constexpr std::size_t kPiece = 1024;
  Variable features;
  for (std::size_t at = 0; at < tokens.size(); at += kPiece) {
    const auto begin = tokens.begin() + static_cast<std::ptrdiff_t>(at);
    const std::vector<std::int32_t> piece(begin,
                                          begin + static_cast<std::ptrdiff_t>(std::min(kPiece, tokens.size() - at)));
    features = model.features({IndexTensor::of(Shape{1, static_cast<Index>(piece.size())}, piece), {}, {}}, state);
  }
  return model.head(last_step(features, {}));
}

/// The prompts are read one by one; then each step generates a token for all of them, at constant cost.
void write(SequenceModel& model, const std::vector<Generation*>& all, Screen& screen) {
  const Index classes = model.shape().outputs;
  std::vector<ModelState> states;
  for (Generation* const generation : all) {
    screen.show(generation->prompt());
    const Variable logits = read_prompt(model, generation->tokens(), states.emplace_back());
    if (!generation->done()) screen.show(generation->next_token(logits.data(), classes));
  }
  const auto all_done = [&] {
    return std::all_of(all.begin(), all.end(), [](auto* generation) { return generation->done(); });
  };
  if (all_done()) return;
  Stepper stepper(model, batch_of(states), static_cast<Index>(all.size()));
  states.clear();
  std::vector<std::int32_t> tokens(all.size());
  while (!all_done()) {
    for (std::size_t i = 0; i < all.size(); ++i) tokens[i] = all[i]->tokens()[0];
    Real* const logits = stepper.step(tokens);
    for (std::size_t i = 0; i < all.size(); ++i)
      if (!all[i]->done()) screen.show(all[i]->next_token(logits + static_cast<Index>(i) * classes, classes));
  }
}

/// The lines of a text that hold something. They may end as in any system: LF, CR LF, CR.
std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find_first_of("\r\n", at), text.size());
    if (end > at) lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

/// A file of prompts, or the content of a pipe. Throws DataError beyond 256 MiB, since a device may never end.
std::string prompt_file(const std::string& path) {
  constexpr std::size_t kMost = 256u << 20;
  std::ifstream in(path, std::ios::binary);
  if (!in || std::filesystem::is_directory(path)) throw DataError(str("--prompts: ", path, " cannot be read"));
  std::string text;
  std::vector<char> piece(1 << 16);
  while (in.read(piece.data(), static_cast<std::streamsize>(piece.size())), in.gcount() > 0) {
    text.append(piece.data(), static_cast<std::size_t>(in.gcount()));
    if (text.size() > kMost)
      throw DataError(str("--prompts: ", path, " is larger than ", human_bytes(static_cast<double>(kMost))));
  }
  return text;
}

std::vector<std::string> prompts_of(const cxxopts::ParseResult& args, const Task& task) {
  std::vector<std::string> prompts;
  if (args.count("prompt")) prompts = args["prompt"].as<std::vector<std::string>>();
  if (args.count("prompts")) {
    const std::string path = args["prompts"].as<std::string>();
    for (std::string& line : lines_of(prompt_file(path))) prompts.push_back(std::move(line));
    if (prompts.empty()) throw ConfigError("--prompts: " + path + " holds no line with a prompt");
  }
  if (prompts.empty()) prompts.push_back(task.shape().unit == "byte" ? "\n" : task.decode({0}));
  for (const std::string& prompt : prompts)
    if (prompt.empty()) throw ConfigError("--prompt: must not be empty: the first token needs one before it");
  return prompts;
}

/// The value of an option, with its name in the message where it is none; "inf" and "nan" are numbers.
double number_of(const cxxopts::ParseResult& args, const std::string& option) {
  const std::string text = args[option].as<std::string>();
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0') throw ConfigError(str("--", option, ": must be a number, got \"", text, "\""));
  return value;
}

/// A --stop of token numbers, as the model writes them.
std::string numbers_of(const std::string& stop, const Task& task) {
  try {
    return task.decode(task.encode(stop));
  } catch (const DataError&) {
    throw ConfigError(str("--stop: must be token numbers, as this model's text is, got \"", stop, "\""));
  }
}

int run_generate(const cxxopts::ParseResult& args) {
  GenerationOptions asked{{number_of(args, "temperature"), args["top-k"].as<int>(), number_of(args, "top-p"),
                           number_of(args, "repetition-penalty")},
                          args["tokens"].as<int>(),
                          {},
                          false,
                          args["seed"].as<std::uint64_t>()};
  if (args.count("stop")) asked.stops = args["stop"].as<std::vector<std::string>>();
  const Sampling& sampling = asked.sampling;
  for (const std::string& stop : asked.stops)
    if (stop.empty()) throw ConfigError("--stop: must not be empty");
  if (!(sampling.temperature >= 0 && std::isfinite(sampling.temperature)))
    throw ConfigError(str("--temperature: must be >= 0 and finite, got ", sampling.temperature));
  if (sampling.top_k < 0) throw ConfigError(str("--top-k: must be >= 0, got ", sampling.top_k));
  if (!(sampling.top_p > 0 && sampling.top_p <= 1))
    throw ConfigError(str("--top-p: must be > 0 and <= 1, got ", sampling.top_p));
  if (!(sampling.repetition_penalty > 0 && std::isfinite(sampling.repetition_penalty)))
    throw ConfigError(str("--repetition-penalty: must be > 0 and finite, got ", sampling.repetition_penalty));
  if (asked.tokens < 0) throw ConfigError(str("--tokens: must be >= 0, got ", asked.tokens));
  const TrainedModel trained = TrainedModel::open(argument(args, "run"), args.count("best") != 0, sets(args));
  const Task& task = *trained.config.task;
  if (!trained.model->streams())
    throw ConfigError("model: it reads later steps and cannot generate; model.bidirectional and model.causal say so");

  asked.by_number = task.writes_numbers();
  if (asked.by_number)
    for (std::string& stop : asked.stops) stop = numbers_of(stop, task);
  const std::vector<std::string> prompts = prompts_of(args, task);
  std::vector<Generation> generations;
  for (std::size_t i = 0; i < prompts.size(); ++i) generations.emplace_back(task, asked, prompts[i], i);
  const bool json = args.count("json") != 0, several = prompts.size() > 1;
  Screen screen(!json && !several);
  const auto start = Clock::now();
  // As one batch if the states have bounded size; otherwise one after the other.
  std::vector<Generation*> together;
  for (Generation& generation : generations) {
    together.push_back(&generation);
    if (trained.model->bounded_state() && &generation != &generations.back()) continue;
    write(*trained.model, together, screen);
    together.clear();
  }
  const double seconds = seconds_since(start);

  int written = 0;
  for (std::size_t i = 0; i < generations.size(); ++i) {
    const Generation& generation = generations[i];
    written += generation.written();
    if (json)
      screen.put(Json({{"prompt", generation.prompt()}, {"text", generation.text()}, {"tokens", generation.written()}})
                     .dump(-1, ' ', false, Json::error_handler_t::replace));
    else if (several)
      screen.put(str("--- ", i + 1, "\n", generation.prompt(), generation.text()));
    screen.put("\n");
  }
  std::cout << std::flush;
  std::cerr << format("%d tokens, %.0f tokens/s\n", written, written / seconds);
  return 0;
}

}  // namespace

const Command kGenerate{
    "generate",          "RUN --prompt TEXT --tokens N",
    "continue a prompt", "seqtape generate runs/text/mamba --prompt 'In the beginning' --tokens 400 --temperature 0.8",
    generate_options,    run_generate};

}  // namespace seqtape
