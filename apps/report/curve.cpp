#include "apps/report/curve.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <set>

#include "core/error.h"
#include "core/io/file.h"
#include "core/parts.h"
#include "core/strings.h"
#include "embedded/apps/report/chart.html.h"

namespace seqtape {
namespace {

/// The range of the data, and their scaling to [0, 1].
struct Frame {
  double x_low = std::numeric_limits<double>::infinity(), x_high = -x_low, y_low = x_low, y_high = -x_low;
  bool log_y, log_x;

  Frame(const std::vector<Curve>& curves, const ChartOptions& options) : log_y(options.log_y), log_x(options.log_x) {
    for (const Curve& curve : curves)
      for (std::size_t i = 0; i < curve.x.size(); ++i) {
        if (!drawn(curve, i)) continue;
        x_low = std::min(x_low, curve.x[i]), x_high = std::max(x_high, curve.x[i]);
        y_low = std::min(y_low, curve.y[i]), y_high = std::max(y_high, curve.y[i]);
      }
    if (!(x_low <= x_high)) x_low = 0, x_high = 1, y_low = y_high = 1;
    if (x_low == x_high) x_low -= 0.5 * x_low, x_high += 0.5 * x_high + (x_high == 0);
    if (y_low == y_high) y_low *= y_low > 0 ? 0.9 : 1.1, y_high *= y_high > 0 ? 1.1 : 0.9;
    if (y_low == y_high) y_low = -1, y_high = 1;
  }
  bool drawn(const Curve& curve, std::size_t i) const {
    return (!log_y || curve.y[i] > 0) && (!log_x || curve.x[i] > 0);
  }
  double x(double value) const {
    return log_x ? std::log(value / x_low) / std::log(x_high / x_low) : (value - x_low) / (x_high - x_low);
  }
  double y(double value) const {
    return log_y ? std::log(value / y_low) / std::log(y_high / y_low) : (value - y_low) / (y_high - y_low);
  }
  std::vector<double> y_ticks(int count) const {
    return log_y ? log_ticks(y_low, y_high) : ticks(y_low, y_high, count);
  }
  std::vector<double> x_ticks(int count) const {
    return log_x ? log_ticks(x_low, x_high) : ticks(x_low, x_high, count);
  }
  /// 1, 2 and 5 times powers of ten; over many decades the powers alone, and within a part of one round numbers.
  static std::vector<double> log_ticks(double low, double high) {
    const bool many = high / low > 3e3;
    std::vector<double> all;
    for (double decade = std::pow(10, std::floor(std::log10(low))); decade <= high; decade *= 10)
      for (const double times : {1.0, 2.0, 5.0})
        if ((!many || times == 1) && times * decade >= low && times * decade <= high) all.push_back(times * decade);
    return all.size() < 3 && low < high ? ticks(low, high, 4) : all;
  }
};

std::string number(double value) {
  return std::fabs(value) >= 1e4 && value == std::floor(value) ? grouped(static_cast<std::int64_t>(value))
                                                               : format("%.4g", value);
}

std::string x_text(const ChartOptions& options, double x) {
  if (options.labels.empty()) return number(x);
  const double at = x - options.labels_from;
  const bool labelled = at >= 0 && at < static_cast<double>(options.labels.size()) && at == std::floor(at);
  return labelled ? options.labels[static_cast<std::size_t>(at)] : "";
}

std::string utf8(unsigned code) {
  return {static_cast<char>(0xE0 | code >> 12), static_cast<char>(0x80 | (code >> 6 & 63)),
          static_cast<char>(0x80 | (code & 63))};
}

const Parts& chart_parts() {
  static const Parts parts(embedded::chart_html);
  return parts;
}

}  // namespace

std::string escaped_html(const std::string& text) {
  std::string out;
  for (const char c : text)
    out += c == '<' ? "&lt;" : c == '>' ? "&gt;" : c == '&' ? "&amp;" : c == '"' ? "&quot;" : std::string(1, c);
  return out;
}

std::vector<Json> read_metrics(const std::filesystem::path& run) {
  std::error_code error;
  if (!std::filesystem::exists(run / "metrics.jsonl", error))
    throw ConfigError(str(run.string(), ": is not a run folder: it has no metrics.jsonl"));
  std::istringstream in(read_file(run / "metrics.jsonl"));
  std::vector<Json> lines;
  for (std::string line; std::getline(in, line);)
    if (Json json = Json::parse(line, nullptr, false); json.is_object() && json.value("step", Json()).is_number() &&
                                                       json.value("split", Json()).is_string() &&
                                                       (!json.contains("length") || json["length"].is_number_integer()))
      lines.push_back(json);
  return lines;
}

namespace {

/// For a run of an earlier program, whose metrics do not count tokens.
double tokens_of_a_step(const std::filesystem::path& run) {
  const Json config = parse_json(read_file(run / "config.json"), (run / "config.json").string());
  const Json& task = config.at("task");
  if (!task.contains("length") || task.contains("longer"))  // a longest length: sequences have lengths of their own
    throw ConfigError(str(run.string(), ": --over tokens: an earlier program trained it and did not count them"));
  return config.at("train").at("batch").get<double>() * task["length"].get<double>();
}

}  // namespace

Curve read_curve(const std::filesystem::path& run, const CurveChoice& choice) {
  Curve curve{printable(run.string())};  // SVG does not allow control characters either
  std::set<std::string> known;
  for (const Json& line : read_metrics(run)) {
    if (line.value("split", "") != choice.split || line.value("length", 0LL) != choice.length) continue;
    for (const auto& [key, value] : line.items())
      if (key != "step" && key != "length" && (value.is_number() || value == "nan" || value == "inf"))
        known.insert(key);
    if (!line.contains(choice.metric) || !line[choice.metric].is_number()) continue;
    const double step = line["step"].get<double>();
    const Json at = choice.x == "step" ? line["step"] : line.value(choice.x, Json());
    if (at.is_number())
      curve.x.push_back(at.get<double>());
    else if (choice.x == "tokens")
      curve.x.push_back(step * tokens_of_a_step(run));
    else
      throw ConfigError(str(run.string(), ": --over ", choice.x, ": its metrics do not have them"));
    curve.y.push_back(line[choice.metric].get<double>());
  }
  if (curve.x.empty() && known.count(choice.metric))
    throw ConfigError(str(run.string(), ": ", choice.split, " metric \"", choice.metric, "\" has no finite value"));
  if (curve.x.empty())
    throw ConfigError(str(run.string(), ": there is no ", choice.split, " metric \"", choice.metric, "\"",
                          choice.length ? str(" at length ", choice.length) : "", " yet",
                          known.empty() ? "" : suggestion(choice.metric, {known.begin(), known.end()})));
  return curve;
}

std::vector<double> ticks(double low, double high, int count) {
  const double rough = (high - low) / count, decade = std::pow(10, std::floor(std::log10(rough)));
  double step = 10 * decade;
  for (const double times : {1.0, 2.0, 5.0})
    if (times * decade >= rough) {
      step = times * decade;
      break;
    }
  std::vector<double> all;
  for (double i = std::ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; ++i) all.push_back(i * step);
  return all;
}

std::string terminal_chart(const std::vector<Curve>& curves, const ChartOptions& options, int width, int height,
                           bool colour) {
  const Frame frame(curves, options);
  constexpr int kMargin = 10;
  const int columns = std::max(10, width - kMargin - 1), dots_x = 2 * columns, dots_y = 4 * height;
  struct Cell {
    unsigned dots = 0;
    std::size_t curve = 0;
  };
  std::vector<Cell> cells(static_cast<std::size_t>(columns * height));
  // Dot k of a braille character at (column, row) of its 2 x 4 dots.
  static const unsigned bits[4][2] = {{1, 8}, {2, 16}, {4, 32}, {64, 128}};
  const auto plot = [&](int x, int y, std::size_t curve) {
    Cell& cell = cells[static_cast<std::size_t>(y / 4 * columns + x / 2)];
    cell.dots |= bits[y % 4][x % 2];
    cell.curve = curve;
  };
  for (std::size_t c = 0; c < curves.size(); ++c) {
    double last_x = -1, last_y = 0;
    for (std::size_t i = 0; i < curves[c].x.size(); ++i) {
      if (!frame.drawn(curves[c], i)) continue;
      const double x = frame.x(curves[c].x[i]) * (dots_x - 1), y = (1 - frame.y(curves[c].y[i])) * (dots_y - 1);
      const int steps =
          last_x < 0 ? 1 : static_cast<int>(std::max({1.0, std::fabs(x - last_x), std::fabs(y - last_y)}));
      for (int s = 1; s <= steps; ++s) {
        const double t = static_cast<double>(s) / steps;
        plot(static_cast<int>(std::lround(last_x < 0 ? x : last_x + t * (x - last_x))),
             static_cast<int>(std::lround(last_x < 0 ? y : last_y + t * (y - last_y))), c);
      }
      last_x = x, last_y = y;
    }
  }
  const auto painted = [&](const std::string& text, std::size_t curve) {
    return colour ? format("\033[%dm", 31 + static_cast<int>((curve + 3) % 6)) + text + "\033[0m" : text;
  };
  std::string out = options.title + "\n";
  std::vector<std::string> labels(static_cast<std::size_t>(height));
  for (const double tick : frame.y_ticks(height / 3))
    labels[static_cast<std::size_t>(std::clamp<long>(std::lround((1 - frame.y(tick)) * (height - 1)), 0, height - 1))] =
        number(tick);
  for (int row = 0; row < height; ++row) {
    out += format("%*s ", kMargin - 1, labels[static_cast<std::size_t>(row)].c_str()) + "│";
    for (int column = 0; column < columns; ++column) {
      const Cell& cell = cells[static_cast<std::size_t>(row * columns + column)];
      out += cell.dots ? painted(utf8(0x2800 + cell.dots), cell.curve) : " ";
    }
    out += "\n";
  }
  out += std::string(kMargin, ' ') + "└";
  for (int column = 0; column < columns; ++column) out += "─";
  const std::string low = number(frame.x_low), high = number(frame.x_high) + " " + options.x_name;
  const int gap = columns - static_cast<int>(low.size() + high.size());
  out += "\n" + std::string(kMargin + 1, ' ') + low + std::string(static_cast<std::size_t>(std::max(1, gap)), ' ') +
         high + "\n";
  for (std::size_t c = 0; c < curves.size(); ++c)
    out += painted("──", c) + " " + curves[c].name + "  last " + number(curves[c].y.back()) + ", least " +
           number(*std::min_element(curves[c].y.begin(), curves[c].y.end())) + "\n";
  return out;
}

const char* stroke_of(const Curve& curve, std::size_t i) {
  static const char* const colours[] = {"#2a78d6", "#d1495b", "#2e9e6b", "#b7791f",
                                        "#7b5ed6", "#12919c", "#c2559d", "#6b7280"};
  const std::size_t which = curve.colour.value_or(i);
  return which == kInk ? "currentColor" : colours[which % 8];
}

bool is_dashed(const Curve& curve, std::size_t i) {
  const std::size_t which = curve.colour.value_or(i);
  return curve.dashed || (which >= 8 && which != kInk);
}

std::string svg_chart(const std::vector<Curve>& curves, const ChartOptions& options) {
  const Frame frame(curves, options);
  constexpr double kLeft = 70, kTop = 40, kWidth = 620, kHeight = 320, kLine = 18;
  const double all_height = kTop + kHeight + 50 + kLine * static_cast<double>(curves.size());
  const auto x = [&](double value) { return kLeft + kWidth * frame.x(value); };
  const auto y = [&](double value) { return kTop + kHeight * (1 - frame.y(value)); };
  std::string out =
      chart_parts().lines("svg", {{"height", format("%.0f", all_height)}, {"title", escaped_html(options.title)}});
  out += format("<text x=\"%.0f\" y=\"22\" font-size=\"15\" font-weight=\"600\">%s</text>\n", kLeft,
                escaped_html(options.title).c_str());
  for (const double tick : frame.y_ticks(6))
    out += format(
        "<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/><text x=\"%.1f\" y=\"%.1f\" "
        "text-anchor=\"end\">%s</text>\n",
        kLeft, kLeft + kWidth, y(tick), y(tick), kLeft - 8, y(tick) + 4, number(tick).c_str());
  for (const double tick : frame.x_ticks(options.labels.empty() ? 6 : 4))
    if (const std::string text = x_text(options, tick); !text.empty())
      out += format("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%s</text>\n", x(tick), kTop + kHeight + 20,
                    escaped_html(text).c_str());
  out += format("<path class=\"axis\" fill=\"none\" d=\"M%.1f %.1fV%.1fH%.1f\"/>\n", kLeft, kTop, kTop + kHeight,
                kLeft + kWidth);
  out += format("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n", kLeft + kWidth, kTop + kHeight + 38,
                escaped_html(options.x_name).c_str());
  if (!options.mark_name.empty() && options.mark_x > frame.x_low && options.mark_x < frame.x_high)
    out += format(
        "<line class=\"axis\" stroke-dasharray=\"4 4\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/><text "
        "x=\"%.1f\" y=\"%.1f\">%s</text>\n",
        x(options.mark_x), x(options.mark_x), kTop, kTop + kHeight, x(options.mark_x) + 6, kTop + 14,
        escaped_html(options.mark_name).c_str());
  for (std::size_t c = 0; c < curves.size(); ++c) {
    const char* const colour = stroke_of(curves[c], c);
    const char* const dashes = is_dashed(curves[c], c) ? " stroke-dasharray=\"7 4\"" : "";
    std::string points;
    for (std::size_t i = 0; i < curves[c].x.size(); ++i)
      if (frame.drawn(curves[c], i)) {
        points += format("%.1f,%.1f ", x(curves[c].x[i]), y(curves[c].y[i]));
        if (options.points || curves[c].points_only)
          out += format("<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\" fill=\"%s\"/>\n", x(curves[c].x[i]),
                        y(curves[c].y[i]), colour);
      }
    if (!curves[c].points_only)
      out += format("<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"2\"%s points=\"%s\"/>\n", colour, dashes,
                    points.c_str());
    const double line = kTop + kHeight + 50 + kLine * static_cast<double>(c);
    out += format(
        "<line x1=\"%.0f\" x2=\"%.0f\" y1=\"%.0f\" y2=\"%.0f\" stroke=\"%s\" stroke-width=\"3\"%s/><text "
        "x=\"%.0f\" y=\"%.0f\">%s%s</text>\n",
        kLeft, kLeft + 24, line, line, colour, dashes, kLeft + 32, line + 4, escaped_html(curves[c].name).c_str(),
        !curves[c].points_only && options.labels.empty() ? (", last " + number(curves[c].y.back())).c_str() : "");
  }
  return out + "</svg>\n";
}

}  // namespace seqtape
