#include "apps/trainer/answers_text.h"

#include <algorithm>

#include "apps/trainer/metrics.h"
#include "core/columns.h"
#include "core/real.h"
#include "core/strings.h"

namespace seqtape {
namespace {

constexpr std::size_t kWidestMatrix = 12, kMostClasses = 40, kMostSteps = 12;

std::string figure(const std::string& key, const Json& value) {
  return !value.is_number() ? "-" : metric_text(key, value.get<double>());
}

/// A row a metric: the model's, those of answers without a model, and the interval.
std::string metrics_table(const Json& document) {
  const Json& baselines = document["baselines"];
  const Json none = Json::object();
  const Json& intervals = document.contains("intervals") ? document["intervals"] : none;
  const Json scores = scores_of(document);
  const std::size_t own = intervals.empty() ? 11 : 9, other = intervals.empty() ? 19 : 15;
  std::string head = left("", 19) + right("model", own);
  for (const auto& [key, baseline] : baselines.items()) head += right(baseline_name(key, baseline), other);
  if (!intervals.empty()) head += "   95 % interval";
  std::string text = line(head);
  for (const auto& [key, value] : scores.items()) {
    if (key == "loss") continue;
    std::string row = left(metric(key).told, 19) + right(figure(key, value), own);
    for (const auto& [name, baseline] : baselines.items())
      row += right(baseline.contains(key) ? figure(key, baseline[key]) : "", other);
    if (intervals.contains(key))
      row += str("   ", figure(key, intervals[key]["low"]), " .. ", figure(key, intervals[key]["high"]));
    text += line(row);
  }
  if (baselines.contains("most_frequent"))
    text += format("most frequent: always %s, %.1f %% of the training's answers\n",
                   cut(baselines["most_frequent"]["class"].get<std::string>(), 22).c_str(),
                   100 * baselines["most_frequent"]["of_training_answers"].get<double>());
  if (intervals.contains("accuracy"))
    text += format("interval of the accuracy: %s, of %s sequences\n",
                   intervals["accuracy"]["method"] == "wilson" ? "Wilson's" : "bootstrap",
                   grouped(intervals["accuracy"]["sequences"].get<Index>()).c_str());
  return text;
}

std::string classes_table(const Json& classes) {
  std::string text = "\n" + line(left("class", 22) + right("support", 10) + right("precision", 11) +
                                 right("recall", 9) + right("F1", 9) + right("AUROC", 9) + right("AP", 9));
  std::size_t shown = 0;
  for (const Json& one : classes) {
    if (++shown > kMostClasses) break;
    const auto share = [&](const char* key) {
      return one.contains(key) && one[key].is_number() ? format("%.1f %%", 100 * one[key].get<double>()) : "-";
    };
    text += line(left(one["class"].get<std::string>(), 22) + right(grouped(one["support"].get<Index>()), 10) +
                 right(share("precision"), 11) + right(share("recall"), 9) + right(share("f1"), 9) +
                 right(share("auroc"), 9) + right(share("average_precision"), 9));
  }
  if (classes.size() > kMostClasses)
    text += str("and ", classes.size() - kMostClasses, " more: eval.json, or --json\n");
  return text;
}

/// The matrix, where it fits; otherwise "".
std::string matrix(const Json& confusion) {
  const Json& names = confusion["classes"];
  if (names.size() > kWidestMatrix) return "";
  std::size_t wide = 5;
  for (const Json& row : confusion["answers_of_truth"])
    for (const Json& count : row) wide = std::max(wide, grouped(count.get<Index>()).size() + 1);
  constexpr std::size_t kLabel = 16;
  if (kLabel + names.size() * wide > kColumns) return "";
  wide = std::min<std::size_t>(12, (kColumns - kLabel) / names.size());
  std::string head = left("truth \\ answer", kLabel), text;
  for (const Json& name : names) head += " " + right(name.get<std::string>(), wide - 1);
  for (std::size_t t = 0; t < names.size(); ++t) {
    std::string row = left(names[t].get<std::string>(), kLabel);
    for (const Json& count : confusion["answers_of_truth"][t]) row += right(grouped(count.get<Index>()), wide);
    text += line(row);
  }
  return "\n" + line(head) + text;
}

std::string confusions(const Json& document) {
  const std::string table = document.contains("confusion") ? matrix(document["confusion"]) : "";
  if (!table.empty()) return table;
  const Json& largest = document["largest_confusions"];
  if (largest.empty()) return "\nno answer is wrong\n";
  std::string text = "\n" + line(left("largest confusions: truth", 30) + left("answer", 30) + right("count", 12));
  for (const Json& one : largest)
    text += line(left(one["truth"].get<std::string>(), 29) + " " + left(one["prediction"].get<std::string>(), 29) +
                 " " + right(grouped(one["count"].get<Index>()), 12));
  return text;
}

/// How the intervals did, and the scores of the quantiles.
std::string quantiles_text(const Json& quantiles) {
  std::string text;
  for (const Json& one : quantiles["intervals"])
    text += format("%3.0f %% interval      covers %.1f %%, mean width %.4g\n", 100 * one["coverage"].get<double>(),
                   100 * one["covered"].get<double>(), one["width"].get<double>());
  text += str("pinball loss        ", figure("mae", quantiles["pinball"]));
  if (quantiles["crps"].is_number())
    text += str(", CRPS ", figure("mae", quantiles["crps"]), " (of ", quantiles["crps_levels"].size(), " levels from ",
                quantiles["crps_levels"].front().dump(), " on)");
  return text + str("\nintervals by        ", quantiles["from"].get<std::string>(), "\n");
}

/// The entities that the model does worst on.
std::string entities_text(const Json& entities) {
  constexpr std::size_t kMost = 5;
  std::string text = str("means over ", entities.size(), " entities; the worst: ");
  for (std::size_t i = 0; i < std::min(kMost, entities.size()); ++i) {
    const Json& errors = entities[i]["model"];
    const char* key = errors["mase"].is_number() ? "mase" : "smape";
    text += str(i ? ", " : "", entities[i]["entity"].get<std::string>(), " (", metric(key).told, " ",
                figure(key, errors[key]), ")");
  }
  return wrapped(text) + "\n";
}

/// A target's errors in the data's units, of the model and the baselines; then by step of the horizon.
std::string target_table(const Json& target, const Json& baselines) {
  std::vector<std::string> who{"model"};
  std::string head = left(target["target"].get<std::string>(), 19) + right("model", 11);
  for (const auto& [key, baseline] : baselines.items()) {
    who.push_back(key);
    head += right(baseline_name(key, baseline), 19);
  }
  std::string text = "\n" + line(head);
  for (const char* key : {"mae", "rmse", "mase", "r2", "smape"}) {
    if (!target["model"].contains(key) ||
        (target.contains("steps") ? key == std::string("r2") : key == std::string("mase")))
      continue;
    std::string row = left(std::string(key) == "mae" ? "MAE" : metric(key).told, 19);
    for (const std::string& one : who) row += right(figure(key, target[one][key]), one == "model" ? 11 : 19);
    text += line(row);
  }
  if (target.contains("quantiles")) text += quantiles_text(target["quantiles"]);
  if (target.contains("entities")) text += entities_text(target["entities"]);
  if (!target.contains("steps") || target["steps"].size() < 2) return text;
  const Json& steps = target["steps"];
  head = right("step", 6);
  for (const char* name : {"MAE", "RMSE", "MASE", "sMAPE"}) head += right(name, 11);
  for (std::size_t i = 1; i < who.size(); ++i) head += right(i == 1 ? "last value" : "last season", 14);
  text += "\n" + line(head);
  const std::size_t shown = std::min(kMostSteps, steps.size());
  for (std::size_t i = 0; i < shown; ++i) {
    const Json& step = steps[i * (steps.size() - 1) / (shown - 1)];
    std::string row = right(std::to_string(step["step"].get<Index>()), 6);
    for (const char* key : {"mae", "rmse", "mase", "smape"}) row += right(figure(key, step["model"][key]), 11);
    for (std::size_t k = 1; k < who.size(); ++k) row += right(figure("mae", step[who[k]]["mae"]), 14);
    text += line(row);
  }
  return text + "(the naive forecasts by their MAE)\n";
}

}  // namespace

std::string baseline_name(const std::string& key, const Json& baseline) {
  std::string name = key;
  std::replace(name.begin(), name.end(), '_', ' ');
  return baseline.contains("season") ? str(name, " (", baseline["season"].get<Index>(), ")") : name;
}

bool in_deviations(const Json& document) {
  return document.contains("targets") && !document["targets"].empty() && document["targets"][0].contains("deviation");
}

std::string answers_text(const Json& document) {
  if (!document.contains("baselines")) return "";
  std::string text = "\n" + metrics_table(document);
  if (document.contains("by_class")) text += classes_table(document["by_class"]);
  if (document.contains("largest_confusions")) text += confusions(document);
  if (in_deviations(document))
    text +=
        wrapped("(squared and absolute error and RMSE: in deviations, of the training part or of what is read)") + "\n";
  if (document.contains("targets"))
    for (const Json& target : document["targets"]) text += target_table(target, document["baselines"]);
  if (document.contains("remarks"))
    for (const Json& remark : document["remarks"]) text += "\n" + wrapped(remark.get<std::string>()) + "\n";
  return text;
}

std::string baselines_text(const Json& baselines, const std::string& key) {
  std::vector<std::string> all;
  for (const auto& [name, baseline] : baselines.items())
    if (baseline.contains(key))
      all.push_back(str(
          baseline.contains("class") ? "always " + baseline["class"].get<std::string>() : baseline_name(name, baseline),
          " ", figure(key, baseline[key])));
  return str(metric(key).told, " without a model: ", join(all, ", "));
}

}  // namespace seqtape
