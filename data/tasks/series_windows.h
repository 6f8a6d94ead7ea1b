#pragma once
// Windows of a series: the rows that are read, and those after them that are asked for.

#include <memory>
#include <vector>

#include "data/task.h"
#include "data/tasks/series_rows.h"

namespace seqtape {

struct SeriesWindow {
  Index length, horizon;  ///< rows that are read, and forecast
};

/// The windows that read from the rows `starts` on, steps [begin, begin + steps) of each.
void fill_windows(const SeriesRows&, const SeriesWindow&, const std::vector<Index>& starts, Index begin, Index steps,
                  Batch& out);

/// Batches of windows, in chunks. The rows outlive it.
std::unique_ptr<Evaluation> evaluate_windows(const SeriesRows&, const SeriesWindow&, std::vector<Index> starts,
                                             const EvaluationOptions&);

}  // namespace seqtape
