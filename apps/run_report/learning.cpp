// Learning curves of a report.
#include <algorithm>
#include <set>

#include "apps/run_report/run_report.h"
#include "apps/trainer/metrics.h"
#include "core/strings.h"

namespace seqtape {
namespace {

/// A key of a run's metrics over the steps, or the seconds; where it is not finite it has no point.
Curve curve_of(const RunReport& report, const std::string& split, const std::string& key, const char* over = "step",
               Index length = 0) {
  Curve curve;
  for (const Json& line : report.metrics)
    if (line.value("split", "") == split && line.value("length", Index{0}) == length &&
        line.value(key, Json()).is_number() && line.value(over, Json()).is_number()) {
      curve.x.push_back(line[over]);
      curve.y.push_back(line[key]);
    }
  return curve;
}

/// The metrics of the validation lines, the loss first.
std::vector<std::string> watched(const std::vector<RunReport>& reports) {
  std::vector<std::string> keys{"loss"};
  for (const RunReport& report : reports)
    for (const Json& line : report.metrics)
      if (line.value("split", "") == "validation") {
        const Json scores = scores_of(line);
        for (const auto& [key, value] : scores.items())
          if (std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(key);
      }
  // Of a regression the loss is the squared error, of a language model bits.
  if (std::find(keys.begin(), keys.end(), "mse") != keys.end()) keys.erase(keys.begin());
  return keys;
}

std::string curves_of_one(const RunReport& report) {
  std::set<Index> lengths;
  for (const Json& line : report.metrics) lengths.insert(line.value("length", Index{0}));
  std::string html;
  const auto chart = [&](std::vector<Curve> curves, const std::string& key, const std::string& name) {
    std::erase_if(curves, [](const Curve& curve) { return curve.x.empty(); });
    if (curves.empty()) return;
    html += figure_html(std::move(curves), {.title = name, .x_name = "step", .y_name = key}, "");
  };
  for (const std::string& key : watched({report})) {
    std::vector<Curve> curves;
    // A training line of a regression has the squared error as its loss.
    Curve train = curve_of(report, "train", key == "mse" ? "loss" : key);
    train.name = "train";
    train.colour = 7;
    curves.push_back(std::move(train));
    for (const Index length : lengths) {
      Curve& curve = curves.emplace_back(curve_of(report, "validation", key, "step", length));
      curve.name = length ? str("validation, length ", grouped(length)) : "validation";
      curve.colour = curves.size() - 2;
    }
    chart(std::move(curves), key, metric(key).told);
  }
  for (const auto& [key, name] :
       {std::pair<const char*, const char*>{"lr", "learning rate"}, {"grad_norm", "norm of the gradient"}}) {
    Curve curve = curve_of(report, "train", key);
    curve.name = "train";
    curve.colour = 7;
    chart({std::move(curve)}, key, name);
  }
  return figures_html(html);
}

}  // namespace

std::string learning_html(const std::vector<RunReport>& reports) {
  if (reports.size() == 1) return curves_of_one(reports[0]);
  std::string html;
  for (const std::string& key : watched(reports))
    for (const auto& [over, name] :
         {std::pair<const char*, const char*>{"step", "step"}, {"seconds", "seconds of training"}}) {
      std::vector<Curve> curves;
      for (std::size_t i = 0; i < reports.size(); ++i) {
        Curve curve = curve_of(reports[i], "validation", key, over);
        curve.name = reports[i].label;
        curve.colour = i;
        if (!curve.x.empty()) curves.push_back(std::move(curve));
      }
      if (!curves.empty())
        html += figure_html(
            std::move(curves),
            {.title = str("validation: ", metric(key).told, ", by ", name), .x_name = name, .y_name = key}, "");
    }
  return figures_html(html);
}

}  // namespace seqtape
