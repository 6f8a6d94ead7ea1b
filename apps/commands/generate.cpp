#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "apps/commands/command.h"
#include "apps/generate/generation.h"
#include "apps/trainer/trained_model.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/io/json.h"
#include "core/strings.h"

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
    generate(*trained.model, together, [&](const std::string& text) { screen.show(text); });
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
    "generate",
    "RUN --prompt TEXT --tokens N",
    "continue a prompt",
    "seqtape generate runs/text/mamba --prompt 'In the beginning' \\\n      --tokens 400 --temperature 0.8",
    generate_options,
    run_generate};

}  // namespace seqtape
