#include <algorithm>
#include <iostream>
#include <optional>

#include "apps/baselines/kept.h"
#include "apps/commands/command.h"
#include "apps/trainer/answers.h"
#include "apps/trainer/answers_text.h"
#include "apps/trainer/metrics.h"
#include "apps/trainer/trained_model.h"
#include "core/clock.h"
#include "core/columns.h"
#include "core/cpu.h"
#include "core/error.h"
#include "core/strings.h"

namespace seqtape {
namespace {

void eval_options(cxxopts::Options& options) {
  options.add_options()("run", "run folder or checkpoint", cxxopts::value<std::string>())(
      "split", "train, validation, test, or all that there are",
      cxxopts::value<std::string>()->default_value("validation"),
      "SPLIT")("data", "score another file or folder, all of it, in the form of the training's data",
               cxxopts::value<std::string>(),
               "PATH")("lengths", "evaluate at each of these sequence lengths", cxxopts::value<std::string>(),
                       "L,L,...")("batch", "sequences side by side; default: as in training", cxxopts::value<int>(),
                                  "N")("best", "the best checkpoint instead of the last")(
      "predictions", "write each answer: the truth, what the model says, and the probability of each class",
      cxxopts::value<std::string>(), "FILE.csv")("json", "print one JSON document, and write none to RUN/eval.json");
  common_options(options);
  options.parse_positional({"run"});
}

/// The main metric and its number of targets: 87.5 % of 16 means less than of 10,000. Where a sequence has several, the
/// share of sequences without an error follows: errors of a long one come in runs.
std::string headline(const Json& result) {
  const auto text = [&](const std::string& key) {
    const Json& value = result.at(key);
    return !value.is_number()                       ? value.get<std::string>()
           : metric(key).unit == Metric::Unit::bits ? format("%.4f bits", value.get<double>())
                                                    : metric_text(key, value.get<double>());
  };
  const std::string line =
      format("%12s of %s", text(main_metric(result)).c_str(), grouped(result.at("n").get<Index>()).c_str());
  if (!result.contains("sequence_accuracy") || result.at("n") == result.at("sequences")) return line;
  return format("%-24s  whole sequences %7s", line.c_str(), text("sequence_accuracy").c_str());
}

std::vector<Split> splits_of(const std::string& name, const Task& task) {
  std::vector<Split> splits;
  for (const Split split : {Split::train, Split::validation, Split::test})
    if (name == "all" ? task.has(split) : name == split_name(split)) splits.push_back(split);
  return splits;
}

/// RUN/eval.json is what was printed: where it cannot be written (a full disk, another's run), a line says so.
void keep(const std::filesystem::path& run, const Json& document) {
  try {
    replace_file(run / "eval.json", document.dump(2) + "\n");
  } catch (const CheckpointError& error) {
    std::cerr << "warning: " << error.what() << "; --json prints what it would hold\n";
  }
}

int run_eval(const cxxopts::ParseResult& args) {
  const std::string path = argument(args, "run"), split_name = args["split"].as<std::string>();
  const std::vector<std::string> known{"train", "validation", "test", "all"};
  if (std::find(known.begin(), known.end(), split_name) == known.end())
    throw ConfigError(str("--split: must be train, validation, test or all, got \"", split_name, "\""));
  if (args.count("batch") && args["batch"].as<int>() < 1) throw ConfigError("--batch: must be > 0");
  if (args.count("data") && args.count("split"))
    throw ConfigError("--split: does not go with --data, all of which is scored");
  std::vector<std::string> lengths{""};
  if (args.count("lengths")) {
    lengths.clear();
    for (const Index length : number_list(args["lengths"].as<std::string>(), "--lengths"))
      lengths.push_back("task.length=" + std::to_string(length));
  }
  const bool json = args.count("json") != 0;
  const std::string predictions = args.count("predictions") ? args["predictions"].as<std::string>() : "";
  if (!predictions.empty() && lengths.size() > 1)
    throw ConfigError(str("--predictions: are written of one length, --lengths has ", lengths.size()));
  Json results = Json::array();
  for (const std::string& length : lengths) {
    std::vector<std::string> all = sets(args);
    if (!length.empty()) all.push_back(length);
    TrainedModel trained = TrainedModel::open(path, args.count("best") != 0, all);
    if (args.count("data"))
      trained.open_data(args["data"].as<std::string>());
    else
      trained.open_data();
    const Index batch = args.count("batch") ? args["batch"].as<int>() : trained.config.train.batch;
    const Task& task = *trained.config.task;
    std::optional<AnswerFile> file;
    if (!predictions.empty()) file.emplace(predictions);
    const auto answers = answers_of(task, file ? &*file : nullptr);
    Score score;
    const auto start = Clock::now();
    for (const Split split : args.count("data") ? std::vector{Split::test} : splits_of(split_name, task)) {
      answers->begin(split);
      evaluate(
          *trained.model, task, split, batch, score, [] { return false; },
          [&](const Variable& logits, const Batch& chunk) { answers->add(logits, chunk); });
    }
    const double seconds = seconds_since(start);
    const TaskShape shape = task.shape();
    Json result = {{"step", trained.step}, {"split", split_name}, {"length", shape.length}};
    if (args.count("data")) result.erase("split"), result["data"] = args["data"].as<std::string>();
    result.update(score.metrics(shape));
    result.update(score.counts());
    result["tokens_per_second"] = std::round(static_cast<double>(score.steps_read()) / seconds);
    result["seconds"] = seconds;
    result["peak_rss_mb"] = std::round(peak_resident() / 1048576);
    const Json counted = result;
    answers->report(result);
    if (file) file->finish();
    const Json simple =
        args.count("data") || !length.empty() ? Json() : kept_baselines(find_run(path).run, trained.config);
    if (simple.is_object()) result["simple_models"] = simple.at("baselines");
    results.push_back(result);
    if (json) continue;
    if (args.count("data"))
      for (const std::string& note : task.notes())
        std::cout << wrapped("data       " + printable_text(note), 11) << '\n';
    if (length.empty()) {
      for (const auto& [key, value] : counted.items())
        std::cout << format("%-18s ", key.c_str())
                  << (value.is_number_float() ? format(value >= 1e5 ? "%.0f" : "%.6g", value.get<double>())
                      : value.is_string()     ? value.get<std::string>()
                                              : value.dump())
                  << '\n';
      std::cout << answers_text(result);
      if (simple.is_object())
        std::cout << '\n' << beside_baselines(simple, split_name, result);
      else if (!args.count("data") && may_have_baselines(task))
        std::cout << '\n'
                  << wrapped(
                         str("seqtape baselines ", printable(path), " fits simple models, to stand beside this one"))
                  << '\n';
      std::cout << std::flush;
    } else {
      std::cout << format("%9lld  %-24s %9s  %10s tokens/s\n", static_cast<long long>(shape.length),
                          headline(result).c_str(), human_seconds(seconds).c_str(),
                          grouped(result["tokens_per_second"].get<Index>()).c_str())
                << std::flush;
    }
  }
  const Json& document = args.count("lengths") ? results : results[0];
  if (json)
    std::cout << document.dump(2) << '\n';
  else
    keep(find_run(path).run, document);
  return 0;
}

}  // namespace

const Command kEval{"eval",
                    "RUN [--split all] [--data PATH] [--lengths L,L,...] [--predictions FILE.csv] [--set KEY=VALUE]",
                    "score a trained model",
                    "seqtape eval runs/induction_heads/mamba --set task.length=1048576 \\\n"
                    "      --set task.eval_sequences=4",
                    eval_options,
                    run_eval};

}  // namespace seqtape
