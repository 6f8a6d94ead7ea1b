// Forecasts: windows beside what came and a naive forecast, the worst of them too, and the error by step.
#include <algorithm>
#include <cmath>

#include "apps/run_report/examples.h"
#include "core/strings.h"
#include "data/forecasting.h"

namespace seqtape {
namespace {

constexpr std::size_t kTargets = 4;  // of many targets the first are drawn

class ForecastExamples final : public Examples {
 public:
  ForecastExamples(const Task& task, Split split)
      : known_(*task.forecasting()),
        length_(task.shape().length),
        split_(split),
        targets_(known_.forecast_targets()),
        told_(task.told()),
        some_(8),
        worst_(std::min(kTargets, targets_.size()), Greatest<Window>(2)) {
    // The widest interval of at most 80 %.
    for (std::size_t i = 0; i < told_.levels.size() && !band_; ++i)
      for (std::size_t j = i + 1; j < told_.levels.size(); ++j)
        if (told_.levels[i] > 0.1 - 1e-9 && std::fabs(told_.levels[i] + told_.levels[j] - 1) < 1e-9) {
          band_ = {i, j};
          break;
        }
  }

  void add(const Variable& outputs, const Batch& batch) override {
    const auto size = batch.target_values.size() / static_cast<std::size_t>(batch.batch);
    const auto width = static_cast<std::size_t>(told_.distribution.width());
    for (Index b = 0; b < batch.batch; ++b, ++window_) {
      const float* const truth = batch.target_values.data() + static_cast<std::size_t>(b) * size;
      Window here{window_, {truth, truth + size}, {}, {}, {}};
      std::vector<double> values(1 + told_.levels.size());
      for (std::size_t o = 0; o < size; ++o) {
        const auto number = static_cast<Index>(o);
        told_.read(outputs.data() + (static_cast<std::size_t>(b) * size + o) * width, number, values.data());
        here.answer.push_back(static_cast<float>(values[0]));
        if (!band_) continue;
        here.low.push_back(static_cast<float>(values[1 + band_->first]));
        here.high.push_back(static_cast<float>(values[1 + band_->second]));
      }
      const auto window = [&] { return here; };
      some_.offer(window);
      for (std::size_t k = 0; k < worst_.size(); ++k) {
        const double error = error_of(window_, k, here.truth, here.answer);
        if (!std::isnan(error) && worst_[k].takes(error)) worst_[k].add(error, window());
      }
    }
  }

  std::vector<PageSection> sections(const Json& document, const TrainedModel&) const override {
    std::string some, worst;
    for (std::size_t k = 0; k < worst_.size(); ++k) {
      const auto& kept = some_.kept();
      const std::size_t shown = std::min<std::size_t>(4, kept.size());
      for (std::size_t i = 0; i < shown; ++i) some += window_html(k, kept[i * kept.size() / shown]);
      for (const auto& [error, window] : worst_[k].kept()) worst += window_html(k, window);
    }
    std::string first;
    if (targets_.size() > kTargets)
      first = str("<p class=\"soft\">The first ", kTargets, " of ", targets_.size(), " targets are drawn.</p>");
    std::string by_step;
    for (const SharedChart& chart : charts(document)) {
      std::vector<Curve> curves{chart.model};
      curves[0].name = "model";
      curves.insert(curves.end(), chart.others.begin(), chart.others.end());
      by_step += figure_html(std::move(curves), chart.options, chart.words);
    }
    return {{"forecasts", "Forecasts", some.empty() ? "" : first + figures_html(some)},
            {"steps", "Error by step of the horizon", figures_html(by_step)},
            {"errors", "Worst windows", figures_html(worst)}};
  }

  std::vector<SharedChart> charts(const Json& document) const override {
    std::vector<SharedChart> all;
    if (!document.contains("targets") || known_.horizon() < 2) return all;
    for (std::size_t k = 0; k < std::min(kTargets, targets_.size()); ++k) {
      const Json& steps = document["targets"][k]["steps"];
      const auto curve = [&](const char* who) {
        Curve of;
        for (const Json& step : steps)
          if (step.contains(who) && step[who]["mae"].is_number()) {
            of.x.push_back(step["step"]);
            of.y.push_back(step[who]["mae"]);
          }
        return of;
      };
      SharedChart chart{{.title = "Absolute error of " + targets_[k].name,
                         .x_name = "step of the horizon",
                         .y_name = "mean absolute error",
                         .points = known_.horizon() <= 30},
                        curve("model"),
                        {},
                        str("Mean over the windows of the ", split_name(split_), " split, in the data's units.")};
      for (const auto& [key, name] : {std::pair<const char*, std::string>{"last_value", "last value"},
                                      {"last_season", str("last season (", known_.season(), ")")}})
        if (Curve naive = curve(key); !naive.x.empty()) {
          naive.name = name;
          naive.dashed = true;
          naive.colour = std::string_view(key) == "last_value" ? 7 : 3;
          chart.others.push_back(std::move(naive));
        }
      all.push_back(std::move(chart));
    }
    return all;
  }

 private:
  struct Window {
    Index number;
    std::vector<float> truth, answer;
    std::vector<float> low, high;  // of the interval; empty: none is told
  };

  /// The mean absolute error of a target, in the data's units; NaN: nothing of it is known.
  double error_of(Index window, std::size_t target, const std::vector<float>& truth,
                  const std::vector<float>& answer) const {
    double sum = 0, count = 0;
    for (std::size_t o = target; o < truth.size() && o < answer.size(); o += targets_.size())
      if (!std::isnan(truth[o]) && !std::isnan(answer[o]))
        sum += std::fabs(static_cast<double>(truth[o] - answer[o])), ++count;
    return count > 0 ? std::fabs(known_.window(split_, window).scales[target].scale) * sum / count : std::nan("");
  }

  /// Appends a target's values in the data's units, the first at `x`.
  void append(Curve& curve, const AnswerScale& scale, std::size_t target, const std::vector<float>& values,
              Index x) const {
    for (std::size_t o = target; o < values.size(); o += targets_.size(), ++x)
      if (!std::isnan(values[o])) {
        curve.x.push_back(static_cast<double>(x));
        curve.y.push_back(scale.value(static_cast<double>(values[o])));
      }
  }

  std::string window_html(std::size_t target, const Window& window) const {
    const Index horizon = known_.horizon(), season = known_.season();
    std::vector<float> history, naive;
    known_.history(split_, window.number, std::min(length_, std::max(2 * season, 3 * horizon)), history);
    const Index before = static_cast<Index>(history.size() / targets_.size());
    // x = 0 is the last row that the model read.
    Curve came{"what came"}, model{"forecast"}, rival{season > 1 ? str("last season (", season, ")") : "last value"};
    const Forecasting::Window known = known_.window(split_, window.number);
    const AnswerScale& scale = known.scales[target];
    append(came, scale, target, history, 1 - before);
    append(came, scale, target, window.truth, 1);
    append(model, scale, target, window.answer, 1);
    came.colour = kInk;
    model.colour = 0;
    rival.colour = season > 1 ? 3 : 7;
    rival.dashed = true;
    std::string words =
        format("Mean absolute error %.4g", error_of(window.number, target, window.truth, window.answer));
    std::vector<Curve> curves{came, model};
    if (band_) {
      const double coverage = told_.levels[band_->second] - told_.levels[band_->first];
      const std::string interval = format("%.0f %% interval", 100 * coverage);
      for (const auto& [values, name] :
           {std::pair{&window.low, interval + ", low"}, {&window.high, interval + ", high"}}) {
        Curve& edge = curves.emplace_back(Curve{name});
        append(edge, scale, target, *values, 1);
        edge.colour = 0;
        edge.dashed = true;
      }
    }
    if (known_.naive_forecast(split_, window.number, season, naive)) {
      append(rival, scale, target, naive, 1);
      words += format("; of the %s %.4g", rival.name.c_str(), error_of(window.number, target, window.truth, naive));
      curves.push_back(rival);
    }
    const std::string first = known_.date(split_, window.number, 0),
                      entity = known_.entities(split_)[static_cast<std::size_t>(known.entity)];
    ChartOptions options{.title = str(targets_[target].name, entity.empty() ? "" : " of " + entity,
                                      first.empty() ? str(", window ", grouped(window.number)) : str(" from ", first)),
                         .x_name = first.empty() ? "steps from the last one read" : "date",
                         .y_name = targets_[target].name,
                         .points = horizon <= 2,
                         .mark_name = "forecast"};
    if (!first.empty()) {
      options.labels_from = static_cast<double>(1 - before);
      for (Index x = 1 - before; x <= horizon; ++x) options.labels.push_back(known_.date(split_, window.number, x - 1));
    }
    std::erase_if(curves, [](const Curve& curve) { return curve.x.empty(); });
    return figure_html(std::move(curves), options, words + ".");
  }

  const Forecasting& known_;
  Index length_;
  Split split_;
  std::vector<Forecasting::Target> targets_;
  ToldNumbers told_;
  std::optional<std::pair<std::size_t, std::size_t>> band_;  // the levels of the interval that is drawn
  Spread<Window> some_;
  std::vector<Greatest<Window>> worst_;  // of each target that is drawn
  Index window_ = 0;
};

}  // namespace

std::unique_ptr<Examples> forecast_examples(const Task& task, Split split) {
  return std::make_unique<ForecastExamples>(task, split);
}

}  // namespace seqtape
