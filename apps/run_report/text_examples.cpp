// Language models: the loss by position, the passages that were hardest to foresee, and texts that the model writes.
#include <algorithm>
#include <cmath>

#include "apps/generate/generation.h"
#include "apps/run_report/examples.h"
#include "core/error.h"
#include "core/kernels/loss.h"
#include "core/parts.h"
#include "core/strings.h"
#include "embedded/apps/run_report/report.html.h"

namespace seqtape {
namespace {

constexpr Index kPassage = 64, kPrompt = 64;
constexpr int kWritten = 240;
constexpr double kDarkest = 12;  // bits

class TextExamples final : public Examples {
 public:
  explicit TextExamples(const Task& task) : task_(task), shape_(task.shape()), hardest_(6), prompts_(6) {}

  void add(const Variable& logits, const Batch& batch) override {
    if (batch.first) begin_ = 0;
    const auto rows = static_cast<Index>(batch.targets.size()), classes = shape_.outputs;
    Tensor log_sum(Shape{rows});
    double scored = 0;
    kernels::loss->cross_entropy(rows, classes, 0, kIgnore, logits.data(), batch.targets.data(), nullptr,
                                 log_sum.data(), &scored);
    std::vector<float> bits(static_cast<std::size_t>(rows), 0);
    for (Index r = 0; r < rows; ++r) {
      const std::int32_t truth = batch.targets[static_cast<std::size_t>(r)];
      if (truth == kIgnore) continue;
      const double nats = static_cast<double>(log_sum.data()[r] - logits.data()[r * classes + truth]);
      bits[static_cast<std::size_t>(r)] = static_cast<float>(nats / std::log(2.0));
      Place& place = place_at(begin_ + r % batch.length);
      place.bits += static_cast<double>(bits[static_cast<std::size_t>(r)]);
      ++place.count;
    }
    for (Index b = 0; b < batch.batch; ++b) {
      const Index known = batch.lengths.empty() ? batch.length : batch.lengths[static_cast<std::size_t>(b)];
      if (batch.first && known > 0)
        prompts_.offer([&] {
          const auto from = batch.tokens.begin() + b * batch.length;
          return std::vector<std::int32_t>(from, from + std::min(known, kPrompt));
        });
      for (Index t = 0; t + kPassage <= known; t += kPassage) offer_passage(batch, bits, b, t);
    }
    begin_ += batch.length;
    if (batch.last) sequence_ += batch.batch;
  }

  std::vector<PageSection> sections(const Json& document, const TrainedModel& run) const override {
    std::string by_position;
    for (const SharedChart& chart : charts(document))
      by_position += figure_html({chart.model}, chart.options, chart.words);
    return {{"position", "Loss by position", by_position},
            {"samples", "Texts that it writes", samples(run)},
            {"errors", "Hardest passages", passages()}};
  }

  std::vector<SharedChart> charts(const Json&) const override {
    SharedChart chart{
        {.title = str("Bits per ", shape_.unit, " by position"),
         .x_name = str(shape_.unit, "s read before"),
         .y_name = str("bits per ", shape_.unit),
         .log_x = true,
         .points = true},
        {},
        {},
        "Mean over the windows: a model that uses what it has read foresees better further on. Each point "
        "is of the positions up to the next one."};
    for (std::size_t i = 0; i < places_.size(); ++i)
      if (places_[i].count > 0) {
        chart.model.x.push_back(std::exp2(static_cast<double>(i)));
        chart.model.y.push_back(places_[i].bits / places_[i].count);
      }
    if (chart.model.x.size() < 2) return {};
    return {chart};
  }

 private:
  struct Place {
    double bits = 0, count = 0;
  };
  struct Passage {
    Index sequence, step;
    std::vector<std::int32_t> before, tokens;
    std::vector<float> bits;
  };

  /// Positions from a power of two to the next are one place; the first token that is asked has read one. The last
  /// position is not a place of its own where the length is such a power.
  Place& place_at(Index position) {
    const Index read = std::clamp<Index>(position + 1, 1, std::max<Index>(1, shape_.length - 1));
    const auto i = static_cast<std::size_t>(std::log2(static_cast<double>(read)));
    if (places_.size() <= i) places_.resize(i + 1);
    return places_[i];
  }

  void offer_passage(const Batch& batch, const std::vector<float>& bits, Index b, Index t) {
    const auto at = static_cast<std::size_t>(b * batch.length + t), size = static_cast<std::size_t>(kPassage);
    double sum = 0;
    for (std::size_t i = 0; i < size; ++i) {
      if (batch.targets[at + i] == kIgnore) return;
      sum += static_cast<double>(bits[at + i]);
    }
    if (!hardest_.takes(sum)) return;
    const auto read = batch.tokens.begin() + static_cast<std::ptrdiff_t>(at) + 1;
    const auto asked = batch.targets.begin() + static_cast<std::ptrdiff_t>(at);
    const auto took = bits.begin() + static_cast<std::ptrdiff_t>(at);
    hardest_.add(sum, {sequence_ + b,
                       begin_ + t,
                       {read - 1 - std::min(t, kPassage), read},
                       {asked, asked + kPassage},
                       {took, took + kPassage}});
  }

  std::string text_of(const std::vector<std::int32_t>& tokens) const { return printable_text(task_.decode(tokens)); }

  std::string passages() const {
    if (hardest_.kept().empty()) return "";
    const Parts parts(embedded::report_html);
    std::string html;
    for (const auto& [sum, passage] : hardest_.kept()) {
      std::string tokens;
      for (std::size_t i = 0; i < passage.tokens.size();) {
        // The bytes of a character stand together.
        std::vector<std::int32_t> some;
        double bits = 0;
        std::size_t wrong = 0;
        do {
          some.push_back(passage.tokens[i]);
          bits += static_cast<double>(passage.bits[i++]);
        } while (some.size() < 4 && i < passage.tokens.size() && !from_utf8(task_.decode(some), wrong));
        tokens += parts.part("token", {{"share", format("%.2f", std::min(1.0, bits / kDarkest))},
                                       {"bits", format("%.1f", bits)},
                                       {"text", escaped_html(text_of(some))}});
      }
      html += parts.lines(
          "passage",
          {{"place", str("Window ", grouped(passage.sequence), ", from ", shape_.unit, " ", grouped(passage.step + 1))},
           {"mean", format("%.3g", sum / static_cast<double>(kPassage))},
           {"unit", shape_.unit},
           {"before", escaped_html(text_of(passage.before))},
           {"tokens", tokens}});
    }
    return parts.lines("passages", {{"length", std::to_string(kPassage)}, {"unit", shape_.unit}}) + html;
  }

  /// Three texts, each after a prompt from the split.
  std::string samples(const TrainedModel& run) const {
    if (!run.model->streams() || prompts_.kept().empty()) return "";
    const Parts parts(embedded::report_html);
    GenerationOptions asked{{.temperature = 0.8}, kWritten, {}, task_.writes_numbers(), 1};
    const auto& kept = prompts_.kept();
    const std::size_t shown = std::min<std::size_t>(3, kept.size());
    std::string html;
    for (std::size_t i = 0; i < shown; ++i) {
      try {
        Generation generation(task_, asked, task_.decode(kept[i * kept.size() / shown]), i);
        generate(*run.model, {&generation}, [](const std::string&) {});
        html += parts.lines("sample", {{"prompt", escaped_html(printable_text(generation.prompt()))},
                                       {"text", escaped_html(printable_text(generation.text()))}});
      } catch (const DataError&) {  // a window that begins or ends within a character is no prompt
      }
    }
    if (html.empty()) return "";
    return parts.lines("samples", {{"tokens", std::to_string(kWritten)},
                                   {"unit", shape_.unit},
                                   {"temperature", format("%g", asked.sampling.temperature)},
                                   {"seed", std::to_string(asked.seed)}}) +
           html;
  }

  const Task& task_;
  TaskShape shape_;
  Index sequence_ = 0, begin_ = 0;
  std::vector<Place> places_;
  Greatest<Passage> hardest_;  // by their bits
  Spread<std::vector<std::int32_t>> prompts_;
};

}  // namespace

std::unique_ptr<Examples> text_examples(const Task& task) { return std::make_unique<TextExamples>(task); }

}  // namespace seqtape
