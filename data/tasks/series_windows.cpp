#include "data/tasks/series_windows.h"

#include <algorithm>

namespace seqtape {
namespace {

class SeriesEvaluation final : public Evaluation {
 public:
  SeriesEvaluation(const SeriesRows& rows, const SeriesWindow& window, std::vector<Index> starts,
                   const EvaluationOptions& options)
      : rows_(rows), window_(window), starts_(std::move(starts)), options_(options) {}

  bool next(Batch& chunk) override {
    if (next_ >= starts_.size()) return false;
    const std::size_t count = std::min(static_cast<std::size_t>(options_.batch), starts_.size() - next_);
    const auto from = starts_.begin() + static_cast<std::ptrdiff_t>(next_);
    const Index steps = std::min(options_.chunk, window_.length - begin_);
    fill_windows(rows_, window_, {from, from + static_cast<std::ptrdiff_t>(count)}, begin_, steps, chunk);
    begin_ += steps;
    if (begin_ < window_.length) return true;
    begin_ = 0;
    next_ += count;
    return true;
  }

 private:
  const SeriesRows& rows_;
  SeriesWindow window_;
  std::vector<Index> starts_;
  EvaluationOptions options_;
  std::size_t next_ = 0;
  Index begin_ = 0;
};

}  // namespace

void fill_windows(const SeriesRows& rows, const SeriesWindow& window, const std::vector<Index>& starts, Index begin,
                  Index steps, Batch& out) {
  out = {};
  out.batch = static_cast<Index>(starts.size());
  out.length = steps;
  out.first = begin == 0;
  out.last = begin + steps == window.length;
  for (const Index start : starts) {
    const Index known = start + window.length;
    rows.append_inputs(start + begin, start + begin + steps, known, out.values);
    rows.append_answers(known, known + window.horizon, out.target_values);
  }
}

std::unique_ptr<Evaluation> evaluate_windows(const SeriesRows& rows, const SeriesWindow& window,
                                             std::vector<Index> starts, const EvaluationOptions& options) {
  return std::make_unique<SeriesEvaluation>(rows, window, std::move(starts), options);
}

}  // namespace seqtape
