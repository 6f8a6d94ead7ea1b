#pragma once
// The windows of a split, over the series of its entities.

#include <memory>
#include <vector>

#include "data/task.h"
#include "data/tasks/series_rows.h"

namespace seqtape {

/// Rows [first, last) of a series, whose values are asked for in the windows of a split.
struct SeriesPart {
  const SeriesRows* rows;
  Index first, last;
};

/// The windows of a split, entity by entity: of each part one every `stride` rows, in order. The rows outlive it.
class SeriesWindows {
 public:
  SeriesWindows() = default;
  /// `length` rows are read, `horizon` are forecast.
  SeriesWindows(std::vector<SeriesPart>, Index length, Index horizon, Index stride);

  struct At {
    std::size_t part;  ///< counts in `parts`
    SeriesWindow window;
  };
  At at(Index number) const;
  Index count() const { return ends_.empty() ? 0 : ends_.back(); }
  /// Of a part: its first window, and how many it has.
  std::pair<Index, Index> of_part(std::size_t part) const;
  const std::vector<SeriesPart>& parts() const { return parts_; }

  /// Steps [begin, begin + steps) of windows, and what follows them.
  void fill(const std::vector<Index>& numbers, Index begin, Index steps, Batch& out) const;
  /// All windows, in batches and chunks. It outlives what is returned.
  std::unique_ptr<Evaluation> evaluation(const EvaluationOptions&) const;

 private:
  std::vector<SeriesPart> parts_;
  std::vector<Index> ends_;  // of each part, the number of the window behind its last
  Index length_ = 0, horizon_ = 0, stride_ = 1;
};

}  // namespace seqtape
