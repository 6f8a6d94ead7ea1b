#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>

#include "apps/commands/command.h"
#include "apps/report/curve.h"
#include "core/error.h"
#include "core/io/file.h"
#include "core/strings.h"

namespace seqtape {
namespace {

void plot_options(cxxopts::Options& options) {
  options.add_options()("run", "run folders", cxxopts::value<std::vector<std::string>>())(
      "metric", "what is drawn", cxxopts::value<std::string>()->default_value("loss"), "NAME")(
      "split", "train or validation", cxxopts::value<std::string>()->default_value("validation"), "SPLIT")(
      "length", "of train.eval_lengths; default: the task's own", cxxopts::value<int>()->default_value("0"), "L")(
      "over", "step, tokens or seconds", cxxopts::value<std::string>()->default_value("step"), "NAME")(
      "log", "logarithmic axis")("svg", "write an SVG instead", cxxopts::value<std::string>(), "FILE")(
      "width", "columns; default: the terminal's", cxxopts::value<int>(), "N")(
      "height", "rows of the chart", cxxopts::value<int>()->default_value("18"), "N");
  options.parse_positional({"run"});
}

int terminal_width() {
  winsize size{};
  return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col : 80;
}

std::string choice(const cxxopts::ParseResult& args, const char* option, const std::vector<std::string>& choices) {
  const std::string value = args[option].as<std::string>();
  if (std::find(choices.begin(), choices.end(), value) == choices.end())
    throw ConfigError(str("--", option, ": must be one of ", join(choices, ", "), ", got \"", value, "\""));
  return value;
}

int positive(const cxxopts::ParseResult& args, const char* option, int most) {
  const int value = args[option].as<int>();
  if (value < 1 || value > most) throw ConfigError(str("--", option, ": must be from 1 to ", most, ", got ", value));
  return value;
}

int run_plot(const cxxopts::ParseResult& args) {
  if (!args.count("run")) throw ConfigError("the argument run is missing; see --help");
  const CurveChoice what{args["metric"].as<std::string>(), choice(args, "split", {"train", "validation"}),
                         choice(args, "over", {"step", "tokens", "seconds"}), args["length"].as<int>()};
  std::vector<Curve> curves;
  for (const std::string& path : args["run"].as<std::vector<std::string>>()) curves.push_back(read_curve(path, what));
  const ChartOptions chart{str(what.split, " ", what.metric, what.length ? str(" at length ", what.length) : ""),
                           what.x, what.metric, args.count("log") != 0};
  if (args.count("svg")) {
    const std::string file = args["svg"].as<std::string>();
    write_file(file, svg_chart(curves, chart));
    std::cout << printable(file) << '\n';
    return 0;
  }
  const int width = args.count("width") ? positive(args, "width", 1000) : terminal_width();
  std::cout << terminal_chart(curves, chart, width, positive(args, "height", 200), isatty(STDOUT_FILENO) != 0);
  return 0;
}

}  // namespace

const Command kPlot{"plot",
                    "RUN... [--metric NAME] [--svg FILE]",
                    "learning curves of runs",
                    "seqtape plot runs/text/mamba runs/text/lstm --metric bits_per_byte \\\n      --svg curves.svg",
                    plot_options,
                    run_plot};

}  // namespace seqtape
