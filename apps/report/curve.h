#pragma once
// Curves from the metrics of runs, and their charts.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/io/json.h"

namespace seqtape {

/// The lines of RUN/metrics.jsonl; one that is not valid (cut off by a kill) is skipped. Throws ConfigError when there
/// is none.
std::vector<Json> read_metrics(const std::filesystem::path& run);

struct Curve {
  std::string name;
  std::vector<double> x{}, y{};
  /// Index in the palette, for the same colour in every chart; default: the curve's index in the chart.
  std::optional<std::size_t> colour{};
};

/// Which curve of a run: `metric` of `split` over "step", "tokens" or "seconds", at an evaluation length; 0: the
/// task's.
struct CurveChoice {
  std::string metric = "loss", split = "validation", x = "step";
  long long length = 0;
};
/// Points that are not finite are left out. Throws ConfigError, with the known metrics, when none is left.
Curve read_curve(const std::filesystem::path& run, const CurveChoice&);

/// Round numbers within [low, high], about `count` of them.
std::vector<double> ticks(double low, double high, int count);

struct ChartOptions {
  std::string title, x_name, y_name;
  bool log_y = false, log_x = false;
  bool points = false;      ///< mark each point (SVG)
  double mark_x = 0;        ///< a line at this x, if > 0 (SVG)
  std::string mark_name{};  ///< its label
};
/// The curves in braille dots, `width` by `height` characters; `colour`: with ANSI colours.
std::string terminal_chart(const std::vector<Curve>&, const ChartOptions&, int width, int height, bool colour);
std::string escaped_html(const std::string&);
/// A self-contained SVG that follows the reader's light or dark scheme.
std::string svg_chart(const std::vector<Curve>&, const ChartOptions&);
/// A chart on a page, with `words` as its alternative text.
std::string figure_html(const std::string& svg, const std::string& words);

}  // namespace seqtape
