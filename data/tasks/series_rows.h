#pragma once
// The rows of a series as a model reads them and is asked for them: in the training's deviations or in those of the
// window that is read, what is missing filled.

#include <optional>
#include <vector>

#include "data/forecasting.h"
#include "data/tasks/series_table.h"

namespace seqtape {

/// Features of a row: of each column that is read (SeriesKeys::read) the number (and with "mask" whether it is known),
/// or 0 and 1 for each category; then sine and cosine of each calendar feature.
Index features_of(const SeriesKeys&, const SeriesLearned&, Index horizon);

/// Mean and deviation of the known values of a column, of each table those before the row `ends` of it. Throws
/// DataError where there are none.
SeriesLearned::Scale fit_scale(const std::vector<SeriesTable>&, const std::string& name,
                               const std::vector<Index>& ends);

/// Rows [begin, end): what a window reads.
struct SeriesWindow {
  Index begin, end;
};

/// A fill takes values of earlier rows, or of its own part: never of a later one. And what a window reads is filled
/// from that window and what is before it, so that its forecast is the one that `predict` would have made then.
class SeriesRows {
 public:
  /// `ends`: the row at which each part of the series ends, rising, the last of them the end of what is known.
  /// `answers`: the targets too.
  SeriesRows(const SeriesTable&, const SeriesKeys&, const SeriesLearned&, Index horizon, const std::vector<Index>& ends,
             bool answers = true);

  /// Appends rows [begin, end) of a window.
  void append_inputs(const SeriesWindow&, Index begin, Index end, std::vector<float>& out) const;
  /// Appends the targets of the `horizon` rows after a window. NaN: missing, not scored.
  void append_answers(const SeriesWindow&, Index horizon, std::vector<float>& out) const;
  /// Whether a target of rows [begin, end) is known.
  bool any_answer(Index begin, Index end) const;
  /// A target as it was known when the window was read, in the window's scale.
  float answer(const SeriesWindow&, const std::vector<Forecasting::Scale>&, Index row, std::size_t target) const;
  /// By which the targets of a window are scaled, in the training's deviations: 0 and 1, or with "window" the mean and
  /// deviation of what it reads of them. Equal values have no deviation, and keep the training's; one below a
  /// thousandth of that counts as a thousandth, lest a small step become a huge one. Source: Kim et al. 2022,
  /// "Reversible instance normalization for accurate time-series forecasting against distribution shift". Deviations:
  /// without its affine map, and those floors in place of an epsilon.
  std::vector<Forecasting::Scale> scales_of(const SeriesWindow&) const;
  /// A target of the training's deviations in the data's units.
  double in_units(std::size_t target, double value) const { return units_[target].value(value); }
  /// The seasonal_error (data/forecasting.h) of each target before row `end`, in the data's units.
  std::vector<double> seasonal_errors(Index end, Index season) const;

  std::string path;  ///< with its entity, for messages
  std::string entity{};
  Index rows = 0;  ///< that have happened
  std::optional<DateGrid> dates{};

 private:
  /// Rows [begin, end) of a feature that a straight line fills; up to the window's end the value before them does.
  struct Gap {
    Index begin, end;
    float before;
  };
  using Gaps = std::vector<Gap>;  // rising
  /// A feature of the model: one that is stored, of that many rows later.
  struct Feature {
    std::size_t stored;
    Index ahead;
  };
  static Gaps gaps_in(const std::vector<double>& values, const SeriesLearned::Scale&, const std::string& where);
  /// The gap that holds the last row before `known`, or null.
  static const Gap* open_gap(const Gaps&, Index known);
  void add_numbers(const SeriesTable&, const std::string& name, const SeriesKeys&, const SeriesLearned&,
                   const std::vector<Index>& ends, std::size_t feature);
  void add_calendar(const std::string& kind, std::size_t feature);
  /// A stored feature of a row, filled as it was known before row `known`.
  float input(Index row, std::size_t stored, Index known) const;
  /// Mean and deviation of a stored feature in a window.
  Forecasting::Scale window_scale(const SeriesWindow&, std::size_t stored) const;

  Index stored_rows_ = 0;  // with those to come
  bool masks_;
  std::size_t stored_ = 0, targets_ = 0;
  std::vector<Feature> features_{};
  std::vector<bool> by_window_{};                   // of each stored feature
  std::vector<std::size_t> target_features_{};      // stored; empty: targets keep the training's scale
  std::vector<float> inputs_{}, answers_{};         // [stored_rows_, stored_], [rows, targets_]
  std::vector<Gaps> input_gaps_{}, answer_gaps_{};  // of each stored feature, of each target
  std::vector<Forecasting::Scale> units_{};         // of each target
};

}  // namespace seqtape
