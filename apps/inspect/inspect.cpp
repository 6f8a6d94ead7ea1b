#include "apps/inspect/inspect.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "apps/report/figure.h"
#include "core/error.h"
#include "core/strings.h"

namespace seqtape {
namespace {

/// Whole validation sequences, for the look.
Batch examples_of(const TrainedModel& trained, Index count) {
  const Task& task = *trained.config.task;
  Batch batch;
  const auto pass =
      task.evaluation(Split::validation, {.batch = count, .chunk = std::max<Index>(1, task.shape().length)});
  if (!pass->next(batch)) throw DataError("the task has no validation sequence to look at");
  return batch;
}

/// Steps of sequence b, without padding.
Index steps_of(const Batch& batch, Index b) {
  return batch.lengths.empty() ? batch.length : batch.lengths[static_cast<std::size_t>(b)];
}

/// Keeps only the last target of each sequence; returns its step.
std::vector<Index> keep_last_answer(Batch& batch, const TaskShape& shape) {
  std::vector<Index> steps;
  for (Index b = 0; b < batch.batch; ++b) {
    Index last = std::max<Index>(1, steps_of(batch, b)) - 1;
    if (!shape.pooled && shape.regression()) {
      float* const values = batch.target_values.data() + b * batch.length * shape.outputs;
      std::fill(values, values + last * shape.outputs, std::nanf(""));
    } else if (!shape.pooled) {
      std::int32_t* const targets = batch.targets.data() + b * batch.length;
      while (last > 0 && targets[last] == kIgnore) --last;
      std::fill(targets, targets + last, kIgnore);
    }
    steps.push_back(last);
  }
  return steps;
}

Json gradient_by_distance(const Tensor& gradient, const std::vector<Index>& last) {
  const Index length = gradient.dim(1), width = gradient.dim(2);
  std::vector<double> sum(static_cast<std::size_t>(length)), count(sum.size());
  for (std::size_t b = 0; b < last.size(); ++b)
    for (Index t = 0; t <= last[b]; ++t) {
      const Real* const row = gradient.data() + (static_cast<Index>(b) * length + t) * width;
      const double squares = std::inner_product(row, row + width, row, 0.0);
      const auto distance = static_cast<std::size_t>(last[b] - t);
      // The loss is a mean over the sequences; the gradient of each one's own loss is that many times larger.
      sum[distance] += std::sqrt(squares) * static_cast<double>(last.size());
      count[distance] += 1;
    }
  Json distances = Json::array(), norms = Json::array();
  for (std::size_t i = 0; i < sum.size() && count[i] > 0; ++i) {
    distances.push_back(i);
    norms.push_back(json_number(sum[i] / count[i]));
  }
  return {{"distance", distances}, {"norm", norms}};
}

Json delta_by_step(const Probe::Capture& capture, const Batch& batch) {
  const Index width = capture.values.dim(2);
  const auto mean_at = [&](Index b, Index t) {
    const Real* const row = capture.values.data() + (b * batch.length + t) * width;
    return std::accumulate(row, row + width, 0.0) / static_cast<double>(width);
  };
  Json json = {{"layer", capture.layer}, {"steps", Json::array()}};
  for (Index t = 0; t < steps_of(batch, 0); ++t) json["steps"].push_back(mean_at(0, t));
  if (batch.tokens.empty()) return json;
  struct Sum {
    double delta = 0;
    Index steps = 0;
  };
  std::map<std::int32_t, Sum> by_token;
  Sum all;
  for (Index b = 0; b < batch.batch; ++b)
    for (Index t = 0; t < steps_of(batch, b); ++t)
      for (Sum* const sum : {&by_token[batch.tokens[static_cast<std::size_t>(b * batch.length + t)]], &all}) {
        sum->delta += mean_at(b, t);
        ++sum->steps;
      }
  const auto most = std::max_element(by_token.begin(), by_token.end(),
                                     [](const auto& a, const auto& b) { return a.second.steps < b.second.steps; });
  if (most == by_token.end() || most->second.steps == all.steps) return json;  // one token: nothing to compare
  json["frequent"] = most->first;
  json["share"] = static_cast<double>(most->second.steps) / static_cast<double>(all.steps);
  json["at_frequent"] = most->second.delta / static_cast<double>(most->second.steps);
  json["at_others"] =
      json_number((all.delta - most->second.delta) / static_cast<double>(all.steps - most->second.steps));
  return json;
}

Json kernel_size(const Probe::Capture& capture) {
  const Index length = capture.values.dim(0), channels = capture.values.dim(1);
  std::vector<double> size(static_cast<std::size_t>(length));
  for (Index t = 0; t < length; ++t)
    for (Index c = 0; c < channels; ++c)
      size[static_cast<std::size_t>(t)] +=
          std::fabs(static_cast<double>(capture.values.data()[t * channels + c])) / static_cast<double>(channels);
  const double all = std::accumulate(size.begin(), size.end(), 0.0);
  Index memory = 0;
  for (double within = 0; memory < length && within < 0.95 * all; ++memory)
    within += size[static_cast<std::size_t>(memory)];
  return {{"layer", capture.layer}, {"size", size}, {"memory", memory}};
}

Json attention_maps(const Probe::Capture& capture) {
  Json maps = Json::array();
  const Index heads = capture.values.dim(1), length = capture.values.dim(2), keys = capture.values.dim(3);
  for (Index h = 0; h < heads; ++h) {
    Json rows = Json::array();
    for (Index t = 0; t < length; ++t) {
      const Real* const row = capture.values.data() + (h * length + t) * keys;
      rows.push_back(std::vector<Real>(row, row + keys));
    }
    maps.push_back({{"layer", capture.layer}, {"head", h}, {"rows", std::move(rows)}});
  }
  return maps;
}

Curve curve_of(std::string name, const Json& y) {
  Curve curve{std::move(name), {}, {}};
  for (std::size_t i = 0; i < y.size(); ++i)
    if (y[i].is_number()) {
      curve.x.push_back(static_cast<double>(i));
      curve.y.push_back(y[i]);
    }
  return curve;
}

/// What follows a title on a page of several models; of one it needs no name.
std::string of(const std::string& label) { return label.empty() ? "" : ", " + label; }

std::string layer_name(const Json& entry) { return "layer " + entry.at("layer").dump(); }

const ChartOptions kGradientChart{
    .title = "Gradient at the input", .x_name = "steps before the answer", .y_name = "norm", .log_y = true};
constexpr const char* kDeltaTitle = "Mamba's step size";
constexpr const char* kKernelTitle = "Size of the kernel";

ChartOptions delta_chart(const std::string& of) {
  return {.title = kDeltaTitle + of, .x_name = "step of the sequence", .y_name = "delta, mean of the channels"};
}

/// A layer's two means and the conclusion that they allow.
std::string delta_words(const Json& layer) {
  if (!layer.contains("frequent") || !layer.at("at_others").is_number()) return "";
  const double here = layer.at("at_frequent"), others = layer.at("at_others");
  const char* const conclusion = here < 0.8 * others    ? "it is passed over more than the others"
                                 : here > 1.25 * others ? "there it forgets and takes in more than at the others"
                                                        : "the steps alone do not tell it from the others";
  const std::string share =
      layer.contains("share") ? format(" (%.0f %% of the steps)", 100 * layer.at("share").get<double>()) : "";
  return format("%.3g at token %s%s, %.3g at the others: %s", here, layer.at("frequent").dump().c_str(), share.c_str(),
                others, conclusion);
}
ChartOptions kernel_chart(const std::string& of) {
  return {.title = kKernelTitle + of, .x_name = "steps since the input", .y_name = "|K|", .log_y = true};
}

/// An attention map as a grid of grey; rows are queries.
std::string map_svg(const Json& map) {
  const auto& rows = map.at("rows");
  const std::size_t length = rows.size(), block = (length + 255) / 256, cells = (length + block - 1) / block;
  std::string svg =
      str("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 ", cells, " ", cells,
          "\" shape-rendering=\"crispEdges\" role=\"img\" aria-label=\"attention of layer ", map.at("layer").dump(),
          ", head ", map.at("head").dump(), "\"><rect width=\"", cells, "\" height=\"", cells, "\" fill=\"#fff\"/>");
  for (std::size_t y = 0; y < cells; ++y)
    for (std::size_t x = 0; x < cells; ++x) {
      double most = 0;  // of the block
      for (std::size_t i = y * block; i < std::min(length, (y + 1) * block); ++i)
        for (std::size_t j = x * block; j < std::min(rows[i].size(), (x + 1) * block); ++j)
          most = std::max(most, rows[i][j].get<double>());
      if (most > 0.02)
        svg += format("<rect x=\"%zu\" y=\"%zu\" width=\"1\" height=\"1\" fill=\"#123f7a\" opacity=\"%.2f\"/>", x, y,
                      most);
    }
  return svg + "</svg>";
}

}  // namespace

Json inspect_model(const TrainedModel& trained, Index examples, bool attention) {
  const TaskShape shape = trained.config.task->shape();
  Batch batch = examples_of(trained, examples);
  const ModelInput input = model_input(batch);
  batch.length /= trained.model->stride();  // in steps of the blocks, which is where it looks
  for (std::int32_t& length : batch.lengths) length /= static_cast<std::int32_t>(trained.model->stride());
  const std::vector<Index> last = keep_last_answer(batch, shape);
  batch.weights.clear();
  Probe probe{.attention = attention};
  {
    Tape tape;
    ModelState state;
    const Variable logits = trained.model->forward(input, state, {.carry = false, .probe = &probe});
    tape.backward(batch_loss(logits, batch, shape));
  }
  for (Parameter* parameter : trained.model->parameters()) parameter->variable.clear_grad();
  Json json = {{"length", batch.length}};
  if (!batch.tokens.empty())
    json["tokens"] = std::vector<std::int32_t>(batch.tokens.begin(), batch.tokens.begin() + batch.length);
  json["gradient"] = gradient_by_distance(probe.input.grad(), last);
  for (const auto& capture : probe.captures) {
    if (capture.name == "delta") json["delta"].push_back(delta_by_step(capture, batch));
    if (capture.name == "kernel") json["kernel"].push_back(kernel_size(capture));
    if (capture.name == "attention")
      for (Json& map : attention_maps(capture)) json["attention"].push_back(std::move(map));
  }
  return json;
}

std::string inspection_text(const Json& inside) {
  std::string text;
  const auto& norms = inside.at("gradient").at("norm");
  text += "gradient of the last answer's loss at the input, by the distance from it\n";
  for (std::size_t distance = 0, next = 1; distance < norms.size(); distance = next, next *= 2)
    text += format("  %8zu steps  %.3g\n", distance, norms[distance].is_number() ? norms[distance].get<double>() : NAN);
  for (const Json& layer : inside.value("delta", Json::array())) {
    double mean = 0;
    for (const Json& step : layer.at("steps"))
      mean += step.get<double>() / static_cast<double>(layer.at("steps").size());
    text += layer_name(layer) + format(": step size %.3g", mean);
    if (const std::string words = delta_words(layer); !words.empty()) text += "; " + words;
    text += "\n";
  }
  for (const Json& layer : inside.value("kernel", Json::array()))
    text += str(layer_name(layer), ": 95 % of the kernel within ", layer.at("memory").dump(), " of ",
                layer.at("size").size(), " steps\n");
  if (inside.contains("attention")) text += str(inside.at("attention").size(), " maps of attention\n");
  return text;
}

std::vector<std::pair<std::string, std::string>> inspection_charts(const Json& inside) {
  std::vector<std::pair<std::string, std::string>> charts;
  charts.emplace_back("gradient", svg_chart({curve_of("", inside.at("gradient").at("norm"))}, kGradientChart));
  const auto layers = [&](const char* what, const char* values, const ChartOptions& options) {
    std::vector<Curve> curves;
    for (const Json& layer : inside.value(what, Json::array()))
      curves.push_back(curve_of(layer_name(layer), layer[values]));
    if (!curves.empty()) charts.emplace_back(what, svg_chart(curves, options));
  };
  layers("delta", "steps", delta_chart(""));
  layers("kernel", "size", kernel_chart(""));
  for (const Json& map : inside.value("attention", Json::array()))
    charts.emplace_back(str("attention-", map.at("layer").dump(), "-", map.at("head").dump()), map_svg(map));
  return charts;
}

std::string inspection_figures(const std::vector<Inspection>& inspections) {
  if (inspections.empty()) return "";
  std::vector<Curve> gradients;
  for (const auto& [label, look, colour] : inspections) {
    gradients.push_back(curve_of(label, look.at("gradient").at("norm")));
    gradients.back().colour = colour;
  }
  std::string html = figure_html(
      std::move(gradients), kGradientChart,
      "How strongly the loss of the last answer depends on an input so many steps before it: a line that falls "
      "steadily is a gradient that vanishes.");
  for (const auto& [label, look, colour] : inspections) {
    std::vector<Curve> curves;
    std::string words;
    for (const Json& layer : look.value("delta", Json::array())) {
      curves.push_back(curve_of(layer_name(layer), layer.at("steps")));
      if (const std::string text = delta_words(layer); !text.empty())
        words += str(" ", layer_name(layer), ": ", text, ".");
    }
    if (!curves.empty())
      html += figure_html(
          std::move(curves), delta_chart(of(label)),
          "A step of size delta multiplies a channel's state by exp(delta A) and adds delta B x: near 0 the state "
          "stays and the step is passed over; a large one forgets the state and takes the step in. Channels "
          "differ; this is their mean over the first example, the words are of all." +
              words);
  }
  for (const auto& [label, look, colour] : inspections) {
    std::vector<Curve> curves;
    std::string words;
    for (const Json& layer : look.value("kernel", Json::array())) {
      curves.push_back(curve_of(layer_name(layer), layer.at("size")));
      words += str(" ", layer_name(layer), ": 95 % within ", layer.at("memory").dump(), " steps.");
    }
    if (!curves.empty())
      html += figure_html(
          std::move(curves), kernel_chart(of(label)),
          "How long it remembers: what is left of an input, mean over the channels, the same for every input." + words);
  }
  return html;
}

}  // namespace seqtape
