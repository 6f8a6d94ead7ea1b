#include <iostream>

#include "apps/baselines/kept.h"
#include "apps/commands/command.h"
#include "apps/compare/results.h"
#include "apps/compare/scaling.h"
#include "apps/trainer/describe.h"
#include "apps/trainer/progress.h"
#include "apps/trainer/signals.h"
#include "core/columns.h"
#include "core/cpu.h"
#include "core/error.h"
#include "core/io/file.h"
#include "core/strings.h"
#include "core/threads.h"

namespace seqtape {
namespace {

void compare_options(cxxopts::Options& options) {
  options.add_options()("configs", "a comparison file, or configs of one task",
                        cxxopts::value<std::vector<std::string>>())(
      "out", "folder of the comparison; default: runs/compare/ and the file's name", cxxopts::value<std::string>(),
      "DIR")("seeds", "instead of the comparison's: 1,2,3", cxxopts::value<std::string>(), "S,S,...")(
      "quick", "the small size that the comparison file describes")(
      "jobs", "runs side by side; the threads are divided among them", cxxopts::value<int>()->default_value("1"), "N")(
      "scaling", "measure time and memory at growing lengths instead of training")("retry", "try failed runs again")(
      "yes", "go ahead with more than 64 runs")("json", "print results.json instead of the table");
  common_options(options);
  options.parse_positional({"configs"});
}

/// Writes every form of the results.
void write_results(const Json& results, const ComparisonFolder& folder) {
  replace_file(folder.path() / "results.json", results.dump(2) + "\n");
  replace_file(folder.path() / "report.html", results_html(results, folder));
  if (results["members"].empty()) return;
  replace_file(folder.path() / "results.csv", results_csv(results));
  replace_file(folder.path() / "results.md", results_markdown(results));
}

/// What simple models score on the task of a comparison, fitted once; null: none suits it.
Json simple_models(const Plan& plan, const std::filesystem::path& folder) {
  const auto load = [&](const std::vector<std::string>& assignments) {
    Json json = plan.members[0].config;
    for (const std::string& assignment : assignments) set_path(json, assignment);
    return RunConfig::from_json(json, ".");
  };
  Progress progress;
  try {
    RunConfig config = load({});
    config.task->prepare(static_cast<std::uint64_t>(config.seed));
    if (!may_have_baselines(*config.task)) return nullptr;
    Json document = kept_baselines(folder, config);
    if (document.is_null()) {
      document = baselines_of_config(
          load, {}, [&](const std::string& text) { progress.live("simple models: " + text); }, nullptr);
      keep_baselines(folder, document);
    }
    progress.clear();
    return document;
  } catch (const Error& error) {
    progress.clear();
    std::cerr << "warning: simple models: " << printable(error.what()) << '\n';
    return nullptr;
  }
}

int run_compare(const cxxopts::ParseResult& args) {
  hold_signals();
  std::vector<std::filesystem::path> files;
  if (args.count("configs"))
    for (const std::string& file : args["configs"].as<std::vector<std::string>>()) files.push_back(file);
  PlanOptions options{.quick = args.count("quick") != 0, .sets = sets(args)};
  if (args.count("yes")) options.most_runs = 10000;
  if (args.count("seeds")) options.seeds = number_list(args["seeds"].as<std::string>(), "--seeds", 0);
  for (const std::string& assignment : options.sets)
    if (assignment.rfind("seed=", 0) == 0)
      throw ConfigError(str("--set ", assignment, ": every model is trained with each seed; --seeds ",
                            assignment.substr(5), " says which"));
  const int jobs = args["jobs"].as<int>();
  if (jobs < 1 || jobs > thread_count())
    throw ConfigError(str("--jobs: must be from 1 to the number of threads, ", thread_count(), ", got ", jobs));
  Plan plan = Plan::load(files, options);
  const bool scaling = args.count("scaling") != 0;
  const std::string name = files.size() == 1 ? files[0].stem().string() : plan.title;
  const ComparisonFolder folder(args.count("out")
                                    ? std::filesystem::path(args["out"].as<std::string>())
                                    : std::filesystem::path("runs") / "compare" /
                                          (name + (options.quick ? "-quick" : "") + (scaling ? "-scaling" : "")));
  Json asked = {{"quick", options.quick}, {"seeds", plan.seeds}, {"sets", options.sets}, {"files", Json::array()}};
  for (const auto& file : files) asked["files"].push_back(parse_json(read_file(file), file.string(), true));
  const auto lock = folder.begin(plan, asked);
  Json results = {{"title", plan.title}, {"members", Json::array()}};
  // With --json standard output has only the document; progress goes to standard error.
  const bool json = args.count("json") != 0;
  struct Redirected {
    std::streambuf* kept = std::cout.rdbuf();
    ~Redirected() { std::cout.rdbuf(kept); }
  } output;
  if (json) std::cout.rdbuf(std::cerr.rdbuf());
  try {
    if (scaling) {
      results["machine"] = str(processor_name(), ", ", describe_machine());
      results["scaling"] = measure_scaling(plan, folder, 60);
    } else {
      std::cout << wrapped(str(printable(plan.title), ": ", plan.members.size(), " models, ", plan.seeds.size(),
                               " seeds, in ", printable(folder.path().string())),
                           2)
                << std::endl;
      carry_out(plan, folder, jobs, args.count("retry") != 0);
      results = collect(plan, folder);
      results["baselines"] = simple_models(plan, folder.path());
    }
  } catch (const Stopped& stopped) {
    std::cout << "stopped; what ran has saved. The same command goes on\n";
    return 128 + stopped.signal;
  }
  results["version"] = version();
  write_results(results, folder);
  if (json) {
    std::cout.rdbuf(output.kept);
    std::cout << results.dump(2) << '\n';
  } else {
    if (scaling)
      std::cout << '\n' << printable_text(scaling_table(results["scaling"]));
    else
      std::cout << '\n'
                << printable_text(results_table(results)) << '\n'
                << wrapped(printable(results["verdict"].get<std::string>())) << '\n';
    std::cout << "\nreport     " << printable((folder.path() / "report.html").string()) << '\n';
  }
  // A failure is a result of the comparison; only when nothing came out has it failed.
  return !scaling && results["verdict"].get<std::string>().rfind("No run has finished", 0) == 0 ? 1 : 0;
}

}  // namespace

const Command kCompare{"compare",
                       "CONFIG... [--seeds 1,2,3] [--out DIR]",
                       "train several models under equal conditions and judge",
                       "seqtape compare configs/compare/selective_copying.json --quick",
                       compare_options,
                       run_compare};

}  // namespace seqtape
