#include <iostream>

#include "apps/commands/command.h"
#include "apps/trainer/metrics.h"
#include "apps/trainer/trained_model.h"
#include "core/clock.h"
#include "core/cpu.h"
#include "core/error.h"
#include "core/strings.h"

namespace seqtape {
namespace {

void options(cxxopts::Options& options) {
  options.add_options()("run", "run folder or checkpoint", cxxopts::value<std::string>())(
      "split", "validation or test", cxxopts::value<std::string>()->default_value("validation"), "SPLIT")(
      "lengths", "evaluate at each of these sequence lengths", cxxopts::value<std::string>(), "L,L,...")(
      "batch", "sequences side by side; default: as in training", cxxopts::value<int>(), "N")(
      "best", "the best checkpoint instead of the last")("json", "print one JSON document");
  common_options(options);
  options.parse_positional({"run"});
}

/// The main metric and its number of targets: 87.5 % of 16 means less than of 10,000.
std::string headline(const Json& result) {
  const std::string key = main_metric(result);
  const Json& value = result.at(key);
  const std::string text = !value.is_number()                       ? value.get<std::string>()
                           : metric(key).unit == Metric::Unit::bits ? format("%.4f bits", value.get<double>())
                                                                    : metric_text(key, value.get<double>());
  return format("%12s of %s", text.c_str(), grouped(result.at("n").get<Index>()).c_str());
}

int run(const cxxopts::ParseResult& args) {
  const std::string path = argument(args, "run"), split_name = args["split"].as<std::string>();
  if (split_name != "validation" && split_name != "test")
    throw ConfigError(str("--split: must be validation or test, got \"", split_name, "\""));
  const Split split = split_name == "test" ? Split::test : Split::validation;
  if (args.count("batch") && args["batch"].as<int>() < 1) throw ConfigError("--batch: must be > 0");
  std::vector<std::string> lengths{""};
  if (args.count("lengths")) {
    lengths.clear();
    for (const Index length : number_list(args["lengths"].as<std::string>(), "--lengths"))
      lengths.push_back("task.length=" + std::to_string(length));
  }
  const bool json = args.count("json") != 0;
  Json results = Json::array();
  for (const std::string& length : lengths) {
    std::vector<std::string> all = sets(args);
    if (!length.empty()) all.push_back(length);
    TrainedModel trained = TrainedModel::open(path, args.count("best") != 0, all);
    trained.open_data();
    const Index batch = args.count("batch") ? args["batch"].as<int>() : trained.config.train.batch;
    const auto start = Clock::now();
    const Score score = *evaluate(*trained.model, *trained.config.task, split, batch);
    const double seconds = seconds_since(start);
    const TaskShape shape = trained.config.task->shape();
    Json result = {{"step", trained.step}, {"split", split_name}, {"length", shape.length}};
    result.update(score.metrics(shape));
    result.update(score.counts());
    result["tokens_per_second"] = std::round(static_cast<double>(score.steps_read()) / seconds);
    result["seconds"] = seconds;
    result["peak_rss_mb"] = std::round(peak_resident() / 1048576);
    results.push_back(result);
    if (json) continue;
    if (length.empty()) {
      for (const auto& [key, value] : result.items())
        std::cout << format("%-18s ", key.c_str()) << value.dump() << '\n';
    } else {
      std::cout << format("%9lld  %-24s %9s  %10s tokens/s\n", static_cast<long long>(shape.length),
                          headline(result).c_str(), human_seconds(seconds).c_str(),
                          grouped(result["tokens_per_second"].get<Index>()).c_str())
                << std::flush;
    }
  }
  if (json) std::cout << (args.count("lengths") ? results : results[0]).dump(2) << '\n';
  return 0;
}

}  // namespace

const Command kEval{"eval",
                    "RUN [--lengths L,L,...] [--set KEY=VALUE]",
                    "score a trained model",
                    "seqtape eval runs/induction_heads/mamba --set task.length=1048576 --set task.eval_sequences=4",
                    options,
                    run};

}  // namespace seqtape
