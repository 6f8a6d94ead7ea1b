#pragma once
// Curves from the metrics of runs, and their charts.

#include <filesystem>
#include <limits>
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
  bool dashed = false;
  bool points_only = false;  ///< without lines between them (SVG)
};
/// The colour of text, for what is true beside what models say.
inline constexpr std::size_t kInk = std::numeric_limits<std::size_t>::max();

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
  bool points = false;  ///< mark each point (SVG)
  double mark_x = 0;    ///< a line at this x, if it has a name (SVG)
  std::string mark_name{};
  /// What stands at x = labels_from, labels_from + 1, ... instead of the number, as dates do (SVG).
  std::vector<std::string> labels{};
  double labels_from = 0;
};
/// The curves in braille dots, `width` by `height` characters; `colour`: with ANSI colours.
std::string terminal_chart(const std::vector<Curve>&, const ChartOptions&, int width, int height, bool colour);
std::string escaped_html(const std::string&);
/// A self-contained SVG that follows the reader's light or dark scheme.
std::string svg_chart(const std::vector<Curve>&, const ChartOptions&);
/// The stroke of curve `i` of a chart.
const char* stroke_of(const Curve&, std::size_t i);
/// The palette's second round, and what is dashed by itself.
bool is_dashed(const Curve&, std::size_t i);

}  // namespace seqtape
