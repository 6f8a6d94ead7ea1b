#include "apps/baselines/baselines.h"

#include <iostream>

#include "apps/commands/command.h"
#include "apps/trainer/progress.h"
#include "apps/trainer/run_config.h"
#include "core/columns.h"
#include "core/strings.h"

namespace seqtape {
namespace {

void baselines_options(cxxopts::Options& options) {
  options.add_options()("config", "config file, or the folder of a run", cxxopts::value<std::string>())(
      "json", "print one JSON document");
  common_options(options);
  options.parse_positional({"config"});
}

std::string baselines_notes() {
  std::string text = "Fitted to the training split, beside what `eval` has without a fit:\n\n";
  for (const Baseline& one : fitted_baselines()) text += format("  %-15s %s\n", one.name, one.doc);
  text.pop_back();
  return text;
}

int run_baselines_command(const cxxopts::ParseResult& args) {
  std::filesystem::path path = argument(args, "config");
  if (std::filesystem::is_directory(path)) path /= "config.json";
  std::vector<std::string> assignments = sets(args);
  RunConfig config = RunConfig::load(path, assignments);
  const Task& task = *config.task;
  config.task->prepare(static_cast<std::uint64_t>(config.seed));
  RunConfig training;
  if (task.forecasting()) {
    assignments.push_back("task.eval_stride=1");
    training = RunConfig::load(path, assignments);
    training.task->prepare(static_cast<std::uint64_t>(config.seed));
  }
  Progress progress(Progress::On::err);
  const Json document = run_baselines(config.task_name, {task, task.forecasting() ? *training.task : task},
                                      [&](const std::string& text) { progress.live(text); });
  progress.clear();
  if (args.count("json")) {
    std::cout << document.dump(2) << '\n';
    return 0;
  }
  for (const std::string& note : task.notes()) std::cout << wrapped("data       " + printable_text(note), 11) << '\n';
  std::cout << baselines_tables(document);
  return 0;
}

}  // namespace

const Command kBaselines{"baselines",
                         "CONFIG|RUN [--json] [--set KEY=VALUE]",
                         "what answers without a network score on a task's validation and test data",
                         "seqtape baselines configs/births/mamba.json",
                         baselines_options,
                         run_baselines_command,
                         baselines_notes};

}  // namespace seqtape
