#include <filesystem>
#include <iostream>

#include "apps/commands/command.h"
#include "apps/run_report/run_report.h"
#include "apps/trainer/progress.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/io/file.h"
#include "core/strings.h"

namespace fs = std::filesystem;

namespace seqtape {
namespace {

void report_options(cxxopts::Options& options) {
  options.add_options()("run", "run folders, or checkpoints", cxxopts::value<std::vector<std::string>>())(
      "out", "the page; default of one run: RUN/report.html", cxxopts::value<std::string>(), "FILE.html")(
      "split", "train, validation or test; default: test, where there is one", cxxopts::value<std::string>(), "SPLIT")(
      "data", "score another file or folder, all of it, in the form of the training's data",
      cxxopts::value<std::string>(), "PATH")("best", "the best checkpoint instead of the last")(
      "threads", "threads to use; default: all processors", cxxopts::value<int>(), "N");
  options.parse_positional({"run"});
}

/// Where the page goes. Throws ConfigError when that cannot be, before anything is evaluated.
fs::path place_of(const cxxopts::ParseResult& args, const std::vector<std::string>& runs) {
  if (!args.count("out")) {
    if (runs.size() > 1) throw ConfigError("--out: of several runs the page needs a name: --out runs.html");
    const fs::path run = runs[0];
    std::error_code error;
    return (fs::exists(run / "state.json", error) ? find_run(run).run : run) / "report.html";
  }
  const fs::path out = args["out"].as<std::string>();
  if (out.extension() != ".html") throw ConfigError(str("--out: must end in .html, got \"", out.string(), "\""));
  if (const fs::path folder = out.parent_path(); !folder.empty() && !fs::is_directory(folder))
    throw ConfigError(str("--out: ", folder.string(), " is not a folder, or does not exist"));
  return out;
}

int run_report(const cxxopts::ParseResult& args) {
  if (!args.count("run")) throw ConfigError("the argument run is missing; see --help");
  if (args.count("data") && args.count("split"))
    throw ConfigError("--split: does not go with --data, all of which is scored");
  const auto runs = args["run"].as<std::vector<std::string>>();
  const fs::path out = place_of(args, runs);
  ReportOptions options;
  options.best = args.count("best") != 0;
  if (args.count("split")) {
    options.split = args["split"].as<std::string>();
    if (options.split.empty()) throw ConfigError("--split: must be train, validation or test, got \"\"");
  }
  if (args.count("data")) options.data = args["data"].as<std::string>();
  Progress progress;
  std::vector<RunReport> reports;
  const auto start = Clock::now();
  for (const std::string& run : runs) {
    options.working = [&](const std::string& text) {
      progress.live(str(run, ": ", text, ", ", human_seconds(seconds_since(start))));
    };
    reports.push_back(read_run(run, options));
    const RunReport& report = reports.back();
    if (!report.state)
      progress.line(run + ": no checkpoint yet, its curves alone");
    else if (const Headline line = headline(report); true)
      progress.line(str(run, ": ", line.name, " ", line.figure, " ", line.words()));
  }
  replace_file(out, report_html(std::move(reports), version()));
  progress.line(str("report     ", out.string()));
  return 0;
}

}  // namespace

const Command kReport{"report",
                      "RUN... [--out FILE.html]",
                      "a page on a run: figures, curves, worst errors",
                      "seqtape report runs/text/mamba runs/text/lstm --out text.html",
                      report_options,
                      run_report};

}  // namespace seqtape
