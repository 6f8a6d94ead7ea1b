#pragma once
// The rows of a series as a model reads them and is asked for them: in the training's deviations, what is missing
// filled.

#include <optional>
#include <vector>

#include "data/tasks/series_table.h"

namespace seqtape {

/// Features of a row: of each column the number (and with "mask" whether it is known), or 0 and 1 for each category;
/// then sine and cosine of each calendar feature.
Index features_of(const SeriesKeys&, const SeriesLearned&);

/// Mean and deviation of the known values before row `train`. Throws DataError where there are none.
SeriesLearned::Scale fit_scale(const SeriesTable&, const std::string& name, Index train);

/// A fill takes values of earlier rows, or of its own part: never of a later one. And what a window reads is filled
/// from that window and what is before it, so that its forecast is the one that `predict` would have made then.
class SeriesRows {
 public:
  /// `ends`: the row at which each part of the file ends, rising, the last of them its end. `answers`: the targets too.
  SeriesRows(const SeriesTable&, const SeriesKeys&, const SeriesLearned&, const std::vector<Index>& ends,
             bool answers = true);

  /// Appends rows [begin, end) of a window that reads up to row `known`.
  void append_inputs(Index begin, Index end, Index known, std::vector<float>& out) const;
  /// Appends the targets of rows [begin, end). NaN: missing, not scored.
  void append_answers(Index begin, Index end, std::vector<float>& out) const;
  /// Whether a target of rows [begin, end) is known.
  bool any_answer(Index begin, Index end) const;
  /// A target as it was known before row `known`.
  float answer(Index row, std::size_t target, Index known) const;

  std::string path;
  Index rows = 0;
  std::optional<DateGrid> dates{};

 private:
  /// Rows [begin, end) of a feature that a straight line fills; up to the window's end the value before them does.
  struct Gap {
    Index begin, end;
    float before;
  };
  using Gaps = std::vector<Gap>;  // rising
  static Gaps gaps_in(const std::vector<double>& values, const SeriesLearned::Scale&, const std::string& where);
  /// The gap that holds the last row before `known`, or null.
  static const Gap* open_gap(const Gaps&, Index known);
  void add_numbers(const SeriesTable&, const std::string& name, const SeriesKeys&, const SeriesLearned&,
                   const std::vector<Index>& ends, std::size_t feature);
  void add_calendar(const std::string& kind, std::size_t feature);

  std::size_t features_ = 0, targets_ = 0;
  std::vector<float> inputs_{}, answers_{};         // [rows, features_], [rows, targets_]
  std::vector<Gaps> input_gaps_{}, answer_gaps_{};  // of each feature, of each target
};

/// Learns the seasonal_error (data/forecasting.h) of each target's rows before `train`, in the data's units.
void learn_seasonal_errors(const SeriesRows&, const std::vector<std::string>& targets, Index train, Index season,
                           SeriesLearned&);

}  // namespace seqtape
