#include "apps/compare/scaling.h"

#include <algorithm>
#include <cmath>
#include <iostream>

#include "apps/report/figure.h"
#include "apps/trainer/signals.h"
#include "core/error.h"
#include "core/io/file.h"
#include "core/parts.h"
#include "core/strings.h"
#include "embedded/apps/compare/scaling.html.h"

namespace seqtape {
namespace {

struct Quantity {
  const char *key, *title, *y_name;
};
// Of one sequence; a generated step of one token.
constexpr Quantity kQuantities[] = {{"step_ms", "Training step", "ms"},
                                    {"forward_ms", "Forward pass", "ms"},
                                    {"generate_us", "A generated step", "µs"},
                                    {"memory_mb", "Memory of a training step", "MB"},
                                    {"state_kb", "State of a sequence", "KB"}};

Json measure_point(const Member& member, Index length) {
  const Json& model = member.config["model"];
  const Json report =
      parse_json(output_of_self({"bench", "--model", model["name"], "--set", "model=" + model.dump(), "--batch", "1",
                                 "--length", std::to_string(length), "--seconds", "1", "--json"}),
                 "bench");
  const Json& step = report["steps"][0];
  Json point = {{"length", length}};
  for (const char* key : {"step_ms", "forward_ms", "generate_us"}) point[key] = step.value(key, Json());
  point["memory_mb"] = step["peak_rss_mb"].get<double>() - step["start_rss_mb"].get<double>();
  if (step.contains("state_bytes")) point["state_kb"] = step["state_bytes"].get<double>() / 1e3;
  return point;
}

/// The points that have the quantity.
Curve curve_of(const Json& member, const char* key) {
  Curve curve{member["label"].get<std::string>()};
  for (const Json& point : member["points"])
    if (point.value(key, Json()).is_number() && point[key] > 0) {
      curve.x.push_back(point["length"]);
      curve.y.push_back(point[key]);
    }
  return curve;
}

}  // namespace

Json measure_scaling(const Plan& plan, const ComparisonFolder& folder, double longest_step) {
  if (plan.scaling_lengths.size() < 2) throw ConfigError("scaling: must be a list of at least two lengths");
  catch_signals();
  Json scaling = {{"members", Json::array()}};
  for (const Member& member : plan.members) {
    const auto file = folder.measured(member, "scaling");
    Json known = read_object(file);
    if (known.empty()) known = {{"label", member.label}, {"points", Json::array()}};
    for (const Index length : plan.scaling_lengths) {
      if (const int signal = stop_signal()) throw Stopped{signal};
      const bool measured = std::any_of(known["points"].begin(), known["points"].end(),
                                        [&](const Json& point) { return point["length"] == length; });
      if (measured) continue;
      if (known.contains("ends")) break;
      try {
        known["points"].push_back(measure_point(member, length));
        const double seconds = known["points"].back()["step_ms"].get<double>() / 1e3;
        std::cout << format("%-16s length %8s  step %10s  memory %8.0f MB\n", printable(member.label).c_str(),
                            grouped(length).c_str(), human_seconds(seconds).c_str(),
                            known["points"].back()["memory_mb"].get<double>())
                  << std::flush;
        if (seconds > longest_step) known["ends"] = str("a step at ", length, " took ", human_seconds(seconds));
      } catch (const Error& error) {
        known["ends"] = str("length ", length, ": ", error.what());
        std::cout << printable(member.label + ": " + known["ends"].get<std::string>()) << std::endl;
      }
      replace_file(file, known.dump(2) + "\n");
    }
    known["fits"] = Json::object();
    for (const Quantity& quantity : kQuantities) {
      const Curve curve = curve_of(known, quantity.key);
      known["fits"][quantity.key] = json_number(growth(curve.x, curve.y));
    }
    scaling["members"].push_back(std::move(known));
  }
  return scaling;
}

double growth(const std::vector<double>& x, const std::vector<double>& y) {
  const std::size_t count = std::max<std::size_t>(3, x.size() / 2);
  if (x.size() < count) return NAN;
  double sx = 0, sy = 0, sxx = 0, sxy = 0;
  for (std::size_t i = x.size() - count; i < x.size(); ++i) {
    const double a = std::log(x[i]), b = std::log(y[i]);
    sx += a, sy += b, sxx += a * a, sxy += a * b;
  }
  const auto n = static_cast<double>(count);
  return (n * sxy - sx * sy) / (n * sxx - sx * sx);
}

std::string growth_text(double exponent) {
  if (!std::isfinite(exponent)) return "-";
  const char* name = exponent < 0.2    ? "constant"
                     : exponent < 0.8  ? "below linear"
                     : exponent < 1.15 ? "linear"
                     : exponent < 1.6  ? "above linear"
                     : exponent < 2.2  ? "quadratic"
                                       : "above quadratic";
  return format("L^%.2f, %s", exponent, name);
}

std::string scaling_table(const Json& scaling) {
  std::string text =
      format("%-16s %-24s %-24s %-24s %-24s\n", "growth with L", "training step", "generated step", "memory", "state");
  for (const Json& member : scaling["members"]) {
    const auto fit = [&](const char* key) {
      return growth_text(member["fits"][key].is_number() ? member["fits"][key].get<double>() : NAN);
    };
    text +=
        format("%-16s %-24s %-24s %-24s %-24s\n", member["label"].get<std::string>().c_str(), fit("step_ms").c_str(),
               fit("generate_us").c_str(), fit("memory_mb").c_str(), fit("state_kb").c_str());
  }
  return text;
}

std::string scaling_html(const Json& scaling) {
  const Parts parts(embedded::scaling_html);
  std::string figures, ends;
  PageTable growth{.title = "Growth", .headings = {"model"}};
  for (const Quantity& quantity : kQuantities) growth.headings.push_back(quantity.title);
  for (const Json& member : scaling["members"]) {
    const std::string label = member["label"].get<std::string>();
    auto& row = growth.rows.emplace_back(std::vector{TableCell{.text = label, .heading = true}});
    for (const Quantity& quantity : kQuantities) {
      const Json& fit = member["fits"][quantity.key];
      row.push_back({growth_text(fit.is_number() ? fit.get<double>() : NAN), fit});
    }
    if (member.contains("ends"))
      ends += parts.lines("end",
                          {{"label", escaped_html(label)}, {"end", escaped_html(member["ends"].get<std::string>())}});
  }
  for (const Quantity& quantity : kQuantities) {
    std::vector<Curve> curves;
    std::size_t place = 0;
    for (const Json& member : scaling["members"]) {
      Curve curve = curve_of(member, quantity.key);
      curve.colour = place++;
      if (!curve.x.empty()) curves.push_back(std::move(curve));
    }
    if (curves.empty()) continue;
    figures += figure_html(std::move(curves),
                           {.title = quantity.title,
                            .x_name = "length",
                            .y_name = quantity.y_name,
                            .log_y = true,
                            .log_x = true,
                            .points = true},
                           str(quantity.title, " in ", quantity.y_name, " over the length."));
  }
  return parts.lines("growth", {{"table", table_html(growth)}, {"figures", figures_html(figures)}, {"ends", ends}});
}

}  // namespace seqtape
