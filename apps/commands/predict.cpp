#include <unistd.h>

#include <filesystem>
#include <iostream>

#include "apps/commands/command.h"
#include "apps/exchange/unfinished.h"
#include "apps/predict/answers.h"
#include "apps/trainer/intervals.h"
#include "apps/trainer/progress.h"
#include "apps/trainer/trained_model.h"
#include "core/clock.h"
#include "core/columns.h"
#include "core/error.h"
#include "core/io/file.h"
#include "core/strings.h"
#include "data/readers/files.h"

namespace seqtape {
namespace {

namespace fs = std::filesystem;

void predict_options(cxxopts::Options& options) {
  options.add_options()("run", "run folder or checkpoint", cxxopts::value<std::string>())(
      "files",
      "new files, folders of them, or - for standard input: a text a line, one CSV of series, or lines of JSON; a "
      "forecast: default, the run's own",
      cxxopts::value<std::vector<std::string>>())(
      "out", "a file for the answers, by its ending CSV, JSON or arrays for NumPy; default: standard output, CSV",
      cxxopts::value<std::string>(),
      "FILE.csv|.json|.npz")("windows", "of an input longer than task.length, an answer for each window of that")(
      "whole",
      "read an input of any length in one, through the model's carried state; recordings and text in constant memory, "
      "but not DNA, what a tokenizer reads, and files packed as gz")(
      "batch", "inputs side by side; default: as in training", cxxopts::value<int>(), "N")(
      "backtest", "of a series, also the forecasts of the N last windows whose answers its file holds, beside those",
      cxxopts::value<int>(), "N")("intervals",
                                  "of forecasts, also the ends of the intervals of 80 and 95 %, by the errors on "
                                  "validation: NAME_q0.025, NAME_q0.1, NAME_q0.9, NAME_q0.975")(
      "per-token", "of a text, a line for each token and what it took, in bits")(
      "strict", "end at the first input that cannot be read, without an answer file")(
      "json", "print one JSON document, an object an answer")("best", "the best checkpoint instead of the last");
  common_options(options);
  options.parse_positional({"run", "files"});
}

/// A file to read, and what its inputs are called.
struct Source {
  fs::path path;
  std::string name;
};

/// The files named, those of folders in their order.
std::vector<Source> sources_of(const std::vector<std::string>& named, std::vector<std::string>& notes) {
  std::vector<Source> all;
  LeftOut left_out;
  for (const std::string& name : named) {
    std::error_code error;
    if (!fs::is_directory(name, error)) {
      all.push_back({name, name});
      continue;
    }
    for (const fs::path& file : files_under(name, left_out, "predict: ")) all.push_back({file, file.string()});
  }
  notes = left_out.notes();
  return all;
}

/// The lines of standard input, one by one; they may end in CR LF or CR.
void read_lines(Predictor& predictor) {
  Index number = 0;
  for (std::string line; std::getline(std::cin, line);) {
    for (std::size_t begin = 0, next = 0; begin < line.size(); begin = next) {
      const std::size_t end = line_end(line, begin, next);
      ++number;
      if (end > begin) predictor.line(line.substr(begin, end - begin), str("-:", number));
    }
    if (line.empty()) ++number;
  }
  if (std::cin.bad()) throw DataError("-: standard input cannot be read");
}

/// What a run of the command shows while it works, where a terminal does not have the answers themselves.
class Shown {
 public:
  Shown(bool to_file, std::size_t files)
      : progress_(Progress::On::err), on_(to_file || !isatty(STDOUT_FILENO)), files_(files) {}
  void show(const Predictor& predictor, std::size_t file) {
    if (!on_ || !progress_.is_live()) return;
    const double seconds = seconds_since(start_), share = static_cast<double>(file) / static_cast<double>(files_);
    std::string text =
        format("%s answers  %s steps  %s steps/s", grouped(predictor.answers()).c_str(),
               grouped(predictor.steps_read()).c_str(),
               grouped(static_cast<Index>(static_cast<double>(predictor.steps_read()) / seconds)).c_str());
    if (files_ > 1) text = format("file %zu of %zu  ", file, files_) + text;
    if (file > 0 && files_ > 1) text += "  " + human_seconds(seconds * (1 - share) / share) + " left";
    progress_.live(text);
  }
  void clear() { progress_.clear(); }

 private:
  Progress progress_;
  bool on_;
  std::size_t files_;
  Clock::time_point start_ = Clock::now();
};

/// What stands for a token in the answers.
std::function<Json(std::int32_t)> token_of(const Task& task) {
  if (task.writes_numbers()) return [](std::int32_t token) { return Json(token); };
  return [&task](std::int32_t token) { return Json(printable(task.decode({token}))); };
}

/// The first of them, a line each, and how many more there are: a file's cases may all have one fault.
void print_failures(const std::vector<std::string>& failures) {
  constexpr std::size_t kShown = 10;
  const auto print = [](const std::string& text) {
    std::cerr << fitted("error: " + printable_text(text) + "\n", 7, STDERR_FILENO);
  };
  const std::size_t shown = failures.size() > kShown + 1 ? kShown : failures.size();
  for (std::size_t i = 0; i < shown; ++i) print(failures[i]);
  if (shown < failures.size())
    print(str("and ", grouped(static_cast<Index>(failures.size() - shown)), " more of the ",
              grouped(static_cast<Index>(failures.size())), " inputs that cannot be read"));
}

int run_predict(const cxxopts::ParseResult& args) {
  const std::string path = argument(args, "run"), out = args.count("out") ? args["out"].as<std::string>() : "";
  const std::string ending = fs::path(out).extension().string();
  if (args.count("out") && ending != ".csv" && ending != ".json" && ending != ".npz")
    throw ConfigError(str("--out: must end in .csv, .json or .npz, got \"", out, "\""));
  if (const fs::path folder = fs::path(out).parent_path(); !folder.empty() && !fs::is_directory(folder))
    throw ConfigError(str("--out: ", folder.string(), " is not a folder, or does not exist"));
  if (args.count("json") && (ending == ".csv" || ending == ".npz"))
    throw ConfigError(str("--json: --out names a ", ending == ".csv" ? "CSV" : "NumPy", " file"));
  if (args.count("windows") && args.count("whole")) throw ConfigError("--windows: does not go with --whole");
  if (args.count("batch") && args["batch"].as<int>() < 1) throw ConfigError("--batch: must be > 0");
  if (args.count("backtest") && args["backtest"].as<int>() < 1) throw ConfigError("--backtest: must be > 0");
  TrainedModel trained = TrainedModel::open(path, args.count("best") != 0, sets(args));
  Task& task = *trained.config.task;
  choose_intervals(trained, args.count("intervals") != 0);

  Predictor::Options asked{.per_token = args.count("per-token") != 0, .strict = args.count("strict") != 0};
  if (args.count("windows")) asked.reach = Reach::windows;
  if (args.count("whole")) asked.reach = Reach::whole;
  if (args.count("backtest")) asked.backtests = args["backtest"].as<int>();
  asked.batch = args.count("batch") ? args["batch"].as<int>() : trained.config.train.evaluation_batch();
  std::unique_ptr<AnswerWriter> writer;
  std::function<void()> worked = [] {};
  asked.worked = [&] { worked(); };
  Predictor predictor(*trained.model, task, trained.config.task_name, asked,
                      [&](const Answer& answer) { writer->write(answer); });

  std::vector<std::string> named, notes;
  if (args.count("files")) named = args["files"].as<std::vector<std::string>>();
  if (named.empty() && !predictor.inputs().own_file.empty()) named = {predictor.inputs().own_file};
  if (named.empty()) throw ConfigError("the argument FILES is missing: files, a folder, or - for lines of text");
  const bool standard = named == std::vector<std::string>{"-"}, lines = standard && predictor.inputs().line;
  if (standard && !lines && !predictor.inputs().standard_input)
    throw ConfigError(
        str("predict: -: the task ", trained.config.task_name, " does not read lines of text; name its files"));
  const std::vector<Source> sources = lines ? std::vector<Source>{} : sources_of(named, notes);

  std::string content;
  const AnswerWriter::Form form{
      .json = args.count("json") || ending == ".json",
      .arrays = ending == ".npz",
      .several = sources.size() > 1,
      .windows = asked.reach == Reach::windows,
      .backtest = asked.backtests > 0,
      .levels = task.shape().regression() ? task.told().shown().levels : std::vector<double>(),
      .token = asked.per_token ? token_of(task) : nullptr};
  writer = std::make_unique<AnswerWriter>(task.shape(), predictor.inputs(), form, [&](const std::string& text) {
    if (out.empty())
      std::cout << text;
    else
      content += text;
  });
  Shown shown(!out.empty(), sources.size());
  worked = [&] { shown.show(predictor, 0); };
  if (lines) read_lines(predictor);
  for (std::size_t i = 0; i < sources.size(); ++i) {
    worked = [&, i] { shown.show(predictor, i); };  // also called behind this loop
    predictor.file(sources[i].path, sources[i].name);
  }
  predictor.finish();
  writer->finish();
  shown.clear();
  if (form.arrays) {
    Unfinished place(fs::absolute(out));
    writer->arrays().write(place.path());
    place.move();
  } else if (!out.empty()) {
    replace_file(out, content);
  }
  std::cout << std::flush;
  for (const std::string& note : predictor.notes()) notes.push_back(note);
  for (const std::string& note : notes) std::cerr << fitted("note: " + printable_text(note) + "\n", 6, STDERR_FILENO);
  print_failures(predictor.failures());
  return predictor.failures().empty() ? 0 : 1;
}

}  // namespace

const Command kPredict{"predict",
                       "RUN [FILES|FOLDER|-] [--out FILE.csv|.json|.npz] [--backtest N]",
                       "answer for new data without labels",
                       "seqtape predict runs/sounds/s4d recordings/ --out answers.csv",
                       predict_options,
                       run_predict};

}  // namespace seqtape
