#include <algorithm>
#include <cmath>
#include <functional>
#include <iostream>
#include <optional>

#include "apps/commands/command.h"
#include "apps/trainer/answers.h"
#include "apps/trainer/trained_model.h"
#include "core/error.h"
#include "core/strings.h"

namespace seqtape {
namespace {

void show_options(cxxopts::Options& options) {
  options.add_options()("config", "config file, or a run: then with its model's answers",
                        cxxopts::value<std::string>())("examples", "sequences to show",
                                                       cxxopts::value<int>()->default_value("3"), "N");
  common_options(options);
  options.parse_positional({"config"});
}

/// An image, a line for each of its rows.
std::string picture(const Batch& batch, Index b, Index width) {
  constexpr std::string_view kShades = " .:-=+*#%@";
  std::string text;
  for (Index t = 0; t < batch.length; ++t) {
    const auto at = static_cast<std::size_t>(b * batch.length + t);
    const double light = batch.tokens.empty() ? static_cast<double>(batch.values[at]) : batch.tokens[at] / 255.0;
    const char shade = kShades[static_cast<std::size_t>(std::clamp(light, 0.0, 1.0) * 9.99)];
    text += t % width ? "" : "\n  ";
    text += {shade, shade};  // a character is twice as high as wide
  }
  return text + "\n";
}

/// Real values as a line of blocks for each feature, a block for several steps where there are many.
std::string sparklines(const Batch& batch, Index b, Index length) {
  static const char* const kBlocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  const Index features = static_cast<Index>(batch.values.size()) / (batch.batch * batch.length);
  const Index cells = std::min<Index>(length, 96);
  std::string text;
  for (Index f = 0; f < features; ++f) {
    const auto value = [&](Index t) {
      return static_cast<double>(batch.values[static_cast<std::size_t>((b * batch.length + t) * features + f)]);
    };
    double low = value(0), high = low, mean = 0;
    for (Index t = 0; t < length; ++t) {
      low = std::min(low, value(t));
      high = std::max(high, value(t));
      mean += value(t) / static_cast<double>(length);
    }
    text += "\n  ";
    for (Index cell = 0; cell < cells; ++cell) {
      // Of the steps after a block the one farthest from the mean, so that no peak is lost.
      double shown = mean;
      for (Index t = cell * length / cells; t < (cell + 1) * length / cells; ++t)
        if (std::abs(value(t) - mean) >= std::abs(shown - mean)) shown = value(t);
      text += kBlocks[high > low ? static_cast<std::size_t>((shown - low) / (high - low) * 7.99) : 0];
    }
    text += format("  %.3g to %.3g", low, high);
  }
  return text + format("  (%lld steps)\n", static_cast<long long>(length));
}

/// Row b of a batch, and what a model answered.
class Example {
 public:
  /// `outputs`: the model's for the whole batch, or null.
  Example(const Task& task, const TaskShape& shape, const Batch& batch, Index b, const Real* outputs)
      : task_(task), shape_(shape), names_(class_names(task)), batch_(batch), b_(b), outputs_(outputs) {
    length_ = batch.lengths.empty() ? batch.length : batch.lengths[static_cast<std::size_t>(b)];
    skip_ = std::max<Index>(0, length_ - 64);  // most tasks score the end
  }

  std::string text() const {
    std::string text = "\ninput " + input() + "target" + targets() + "\n";
    if (outputs_) text += "answer" + answers() + "\n";
    return text;
  }

 private:
  std::string input() const {
    if (shape_.image_width) return picture(batch_, b_, shape_.image_width);
    if (batch_.tokens.empty()) return sparklines(batch_, b_, length_);
    return by_step(&Example::input_at) + "\n";
  }
  std::string targets() const {
    if (shape_.multi_label())
      return labels([&](Index i) { return batch_.target_values[static_cast<std::size_t>(b_ * shape_.outputs + i)]; });
    if (shape_.regression())
      return numbers([&](Index i) {
        return static_cast<double>(batch_.target_values[static_cast<std::size_t>(first_number() + i)]);
      });
    if (shape_.pooled) return " " + class_text(batch_.targets[static_cast<std::size_t>(b_)]);
    return by_step(&Example::target_at);
  }
  std::string answers() const {
    if (shape_.multi_label()) return labels([&](Index i) { return outputs_[b_ * shape_.outputs + i]; });
    if (shape_.regression()) return numbers([&](Index i) { return static_cast<double>(outputs_[first_number() + i]); });
    return shape_.pooled ? " " + best(b_) : by_step(&Example::answer_at);
  }

  std::string input_at(Index t) const { return task_.symbol(batch_.tokens[at(t)]); }
  std::string target_at(Index t) const { return class_text(batch_.targets[at(t)]); }
  std::string answer_at(Index t) const {
    return batch_.targets[at(t)] == kIgnore ? kUnasked : best(static_cast<Index>(at(t)));
  }
  /// The class that a row of the outputs has most of.
  std::string best(Index row) const {
    const Real* from = outputs_ + row * shape_.outputs;
    return class_text(static_cast<std::int32_t>(std::max_element(from, from + shape_.outputs) - from));
  }

  std::size_t at(Index t) const { return static_cast<std::size_t>(b_ * batch_.length + t); }
  std::string class_text(std::int32_t target) const {
    if (target == kIgnore) return kUnasked;
    if (shape_.next_token()) return task_.symbol(target);
    return printable(names_[static_cast<std::size_t>(target)]);
  }
  using AtStep = std::string (Example::*)(Index) const;
  /// A line with a cell for each step, wide enough that a step's input, target and answer stand below each other.
  std::string by_step(AtStep of) const {
    std::vector<AtStep> lines;
    if (!batch_.tokens.empty() && !shape_.image_width) lines.push_back(&Example::input_at);
    if (!shape_.pooled) lines.push_back(&Example::target_at);
    if (!shape_.pooled && outputs_) lines.push_back(&Example::answer_at);
    std::string text = skip_ ? " …" : "";
    for (Index t = skip_; t < length_; ++t) {
      std::size_t cell = 0;
      for (const AtStep line : lines) cell = std::max(cell, width_of((this->*line)(t)));
      const std::string own = (this->*of)(t);
      text += " " + own + std::string(cell - width_of(own), ' ');
    }
    return text;
  }
  /// Characters on a terminal.
  static std::size_t width_of(const std::string& text) {
    std::size_t wrong;
    const auto characters = from_utf8(text, wrong);
    return characters ? characters->size() : text.size();
  }
  /// The names of the labels that have a value above 0.
  std::string labels(const std::function<float(Index)>& of) const {
    std::string text;
    for (Index i = 0; i < shape_.outputs; ++i)
      if (of(i) > 0) text += " " + printable(names_[static_cast<std::size_t>(i)]);
    return text.empty() ? " none" : text;
  }
  /// Where the numbers of the sequence begin: with numbers at each step, those that are shown are of the first steps.
  Index first_number() const { return b_ * shape_.outputs * (shape_.pooled ? 1 : batch_.length); }
  std::string numbers(const std::function<double(Index)>& of) const {
    std::string text;
    const Index all = shape_.outputs * (shape_.pooled ? 1 : length_);
    for (Index i = 0; i < std::min<Index>(all, 16); ++i) text += std::isnan(of(i)) ? " ·" : format(" %.4g", of(i));
    return all > 16 ? str(text, " … (", all, " numbers)") : text;
  }

  static constexpr const char* kUnasked = "·";

  const Task& task_;
  const TaskShape& shape_;
  std::vector<std::string> names_;  // of the classes
  const Batch& batch_;
  Index b_, length_, skip_;
  const Real* outputs_;
};

int run_show(const cxxopts::ParseResult& args) {
  const std::string path = argument(args, "config");
  const int examples = args["examples"].as<int>();
  if (examples < 1) throw ConfigError(str("--examples: must be > 0, got ", examples));
  // A run shows data that it was not trained on, and its model's answers.
  std::optional<TrainedModel> trained;
  if (std::filesystem::is_directory(path)) trained = TrainedModel::open(path, false, sets(args));
  RunConfig config = trained ? std::move(trained->config) : RunConfig::load(path, sets(args));
  Task& task = *config.task;
  task.prepare(static_cast<std::uint64_t>(config.seed));
  const TaskShape shape = task.shape();
  std::cout << config.task_name << ": "
            << (shape.vocabulary ? str(shape.vocabulary, " tokens") : str(shape.features, " values")) << " in, "
            << shape.outputs << " out, length " << shape.length << "\n";
  for (const auto& lines : {task.contents(), task.notes()})
    for (const std::string& line : lines) std::cout << printable(line) << "\n";
  Batch batch;
  Variable outputs;
  if (trained) {
    task.evaluation(Split::validation, {.batch = examples, .chunk = shape.length})->next(batch);
    ModelState state;
    outputs = trained->model->forward(model_input(batch), state, {});
  } else {
    task.training_batch(0, examples, batch);
  }
  for (Index b = 0; b < batch.batch; ++b)
    std::cout << Example(task, shape, batch, b, trained ? outputs.data() : nullptr).text();
  return 0;
}

}  // namespace

const Command kShow{"show",
                    "CONFIG|RUN [--examples N]",
                    "a few examples of a task, and a run's answers",
                    "seqtape show configs/induction_heads/mamba.json",
                    show_options,
                    run_show};

}  // namespace seqtape
