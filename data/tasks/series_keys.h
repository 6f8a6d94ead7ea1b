#pragma once
// What a config says of a series' columns, and what a run learned of them.

#include <map>
#include <string>
#include <vector>

#include "core/config.h"
#include "data/readers/dates.h"

namespace seqtape {

/// Printable names: a header may hold any bytes.
std::vector<std::string> printable_all(std::vector<std::string> names);

/// A column as a row of the model's input has it.
struct ReadColumn {
  std::string name;
  Index ahead = 0;            ///< whose row it is: that many rows later
  bool window = false;        ///< its numbers are read in the scale of the window that they are in
  std::string title() const;  ///< "price", "price+1"
};

/// What the config says of a file's columns.
struct SeriesKeys {
  std::vector<std::string> columns, targets, known_future, fixed, categorical, calendar;
  std::string id, time, missing = "refuse", normalise = "train";

  void fields(Fields&);
  /// Throws ConfigError for names that do not go together.
  void check() const;
  bool is_category(const std::string& name) const;
  /// Whether its values are known in the rows that are to be forecast.
  bool is_known(const std::string& name) const;
  /// The columns that are forecast.
  std::vector<std::string> asked() const;
  /// The columns of a row of the input, in order: `columns`, those that are fixed, and those of which the future is
  /// known with it.
  std::vector<ReadColumn> read(Index horizon) const;
  /// All columns that a file must have of these, once each.
  std::vector<std::string> needed(bool with_targets) const;
  bool masks() const { return missing == "mask"; }
  bool by_window() const { return normalise == "window"; }
};

/// What the training's rows taught, by printable names: a part of the run.
struct SeriesLearned {
  struct Scale {
    double mean = 0, deviation = 0;
    /// A constant column is only shifted, so that later changes keep their size.
    double scale() const { return deviation > 0 ? deviation : 1; }
  };
  std::map<std::string, Scale> scales;
  std::map<std::string, std::vector<std::string>> categories;  ///< in the order of their features
  DateHint dates;                          ///< the step, and the order of day and month where the dates have one
  Index season = 0;                        ///< of the seasonal errors; 0: there are none
  std::map<std::string, double> seasonal;  ///< the seasonal_error of each target's training part, where it has one
  bool done = false;                       ///< nothing more is learned: what does not fit is refused

  /// Throws DataError for a run without scales.
  static SeriesLearned of(const Json&);
  /// Adds the keys of dates, categories and seasonal errors, where there are some.
  void add_to(Json&) const;
  /// Throws DataError where the run has none.
  const Scale& scale_of(const std::string& name) const;
};

}  // namespace seqtape
