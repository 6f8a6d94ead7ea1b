#pragma once
// A CSV file as the columns of a series: its dates, what is missing, its categories.

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/config.h"
#include "data/readers/csv.h"
#include "data/readers/dates.h"

namespace seqtape {

/// Printable names: a header may hold any bytes.
std::vector<std::string> printable_all(std::vector<std::string> names);

/// What the config says of a file's columns.
struct SeriesKeys {
  std::vector<std::string> columns, targets, categorical, calendar;
  std::string time, missing = "refuse";

  void fields(Fields&);
  /// Throws ConfigError for names that do not go together.
  void check() const;
  bool is_category(const std::string& name) const;
  /// The columns that are forecast.
  std::vector<std::string> asked() const;
  bool masks() const { return missing == "mask"; }
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
};

/// A file's columns. Where it has dates, a row is one of their grid, and absent ones are missing in every column.
struct SeriesTable {
  struct Column {
    std::vector<double> values{};  ///< numbers, or indices of categories; NaN: missing
    Index missing = 0;             ///< of the file's rows
  };

  /// Reads the columns, and with `targets` those too. Learns categories and dates, or keeps to what is `done`. Throws
  /// DataError or ConfigError: names file, line and column.
  SeriesTable(const std::filesystem::path&, const SeriesKeys&, SeriesLearned&, bool targets = true);

  const Column& column(const std::string& name) const { return columns.at(name); }
  /// Throws DataError when the last `count` rows of a column are not of the scale that was learned.
  void refuse_other_scale(const SeriesLearned&, Index count) const;
  /// "sales: 12 of 5,000 missing, filled by linear; 3 dates absent", or "".
  std::string note(const SeriesKeys&) const;
  /// Goes on from the checksum of other files.
  std::uint32_t checksum(const SeriesKeys&, const SeriesLearned&, std::uint32_t) const;

  std::string path;
  Index rows = 0, absent = 0;
  std::optional<DateGrid> dates{};
  std::map<std::string, Column> columns{};

 private:
  void read_dates_of(const CsvFile&, const SeriesKeys&, SeriesLearned&);
  Column numbers(const CsvFile&, std::size_t at, const std::string& name, const SeriesKeys&) const;
  Column categories(const CsvFile&, std::size_t at, const std::string& name, const SeriesKeys&, SeriesLearned&) const;

  std::vector<Index> row_of_{};  ///< the row of each line of the file; empty: they are the same
};

}  // namespace seqtape
