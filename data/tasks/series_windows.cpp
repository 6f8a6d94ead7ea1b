#include "data/tasks/series_windows.h"

#include <algorithm>
#include <numeric>

namespace seqtape {
namespace {

class SeriesEvaluation final : public Evaluation {
 public:
  SeriesEvaluation(const SeriesWindows& windows, Index length, const EvaluationOptions& options)
      : windows_(windows), length_(length), options_(options) {}

  bool next(Batch& chunk) override {
    if (next_ >= windows_.count()) return false;
    std::vector<Index> numbers(static_cast<std::size_t>(std::min(options_.batch, windows_.count() - next_)));
    std::iota(numbers.begin(), numbers.end(), next_);
    const Index steps = std::min(options_.chunk, length_ - begin_);
    windows_.fill(numbers, begin_, steps, chunk);
    begin_ += steps;
    if (begin_ < length_) return true;
    begin_ = 0;
    next_ += std::ssize(numbers);
    return true;
  }

 private:
  const SeriesWindows& windows_;
  Index length_;
  EvaluationOptions options_;
  Index next_ = 0, begin_ = 0;
};

}  // namespace

SeriesWindows::SeriesWindows(std::vector<SeriesPart> parts, Index length, Index horizon, Index stride)
    : parts_(std::move(parts)), length_(length), horizon_(horizon), stride_(stride) {
  Index count = 0;
  for (const auto& [rows, first, last] : parts_) {
    const Index fitting = last - horizon - first + 1;
    if (fitting > 0) count += (fitting - 1) / stride + 1;
    ends_.push_back(count);
  }
}

SeriesWindows::At SeriesWindows::at(Index number) const {
  const auto part = static_cast<std::size_t>(std::upper_bound(ends_.begin(), ends_.end(), number) - ends_.begin());
  const Index known = parts_[part].first + (number - of_part(part).first) * stride_;
  return {part, {known - length_, known}};
}

std::pair<Index, Index> SeriesWindows::of_part(std::size_t part) const {
  const Index begin = part ? ends_[part - 1] : 0;
  return {begin, ends_[part] - begin};
}

void SeriesWindows::fill(const std::vector<Index>& numbers, Index begin, Index steps, Batch& out) const {
  out = {};
  out.batch = std::ssize(numbers);
  out.length = steps;
  out.first = begin == 0;
  out.last = begin + steps == length_;
  for (const Index number : numbers) {
    const auto [part, window] = at(number);
    const SeriesRows& rows = *parts_[part].rows;
    rows.append_inputs(window, window.begin + begin, window.begin + begin + steps, out.values);
    rows.append_answers(window, horizon_, out.target_values);
  }
}

std::unique_ptr<Evaluation> SeriesWindows::evaluation(const EvaluationOptions& options) const {
  return std::make_unique<SeriesEvaluation>(*this, length_, options);
}

}  // namespace seqtape
