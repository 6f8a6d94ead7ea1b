#include <iostream>

#include "apps/baselines/kept.h"
#include "apps/commands/command.h"
#include "apps/trainer/progress.h"
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
  const std::filesystem::path asked = argument(args, "config");
  const bool run = std::filesystem::is_directory(asked);
  const std::filesystem::path path = run ? asked / "config.json" : asked;
  Progress progress(Progress::On::err);
  std::vector<std::string> notes;
  const Json document = baselines_of_config([&](const auto& assignments) { return RunConfig::load(path, assignments); },
                                            sets(args), [&](const std::string& text) { progress.live(text); }, &notes);
  progress.clear();
  if (run && sets(args).empty()) keep_baselines(asked, document);
  if (args.count("json")) {
    std::cout << document.dump(2) << '\n';
    return 0;
  }
  for (const std::string& note : notes) std::cout << wrapped("data       " + printable_text(note), 11) << '\n';
  std::cout << baselines_tables(document);
  if (run && sets(args).empty())
    std::cout << wrapped("kept in the run's baselines.json: `eval` and `report` show them beside the model") << '\n';
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
