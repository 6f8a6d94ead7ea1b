#pragma once
// A CSV file as the columns of series: their dates, what is missing, their categories.

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "data/readers/csv.h"
#include "data/tasks/series_keys.h"

namespace seqtape {

/// The columns of a file's rows, or of those of one entity. Where there are dates, a row is one of their grid, and
/// absent ones are missing in every column.
class SeriesTable {
 public:
  struct Column {
    std::vector<double> values{};  ///< numbers, or indices of categories; NaN: missing
    Index missing = 0;             ///< of the file's rows
  };

  const Column& column(const std::string& name) const { return columns.at(name); }
  /// "sales.csv", "sales.csv: shop 3".
  std::string place() const;
  /// Throws DataError when the last `count` rows of a column are not of the scale that was learned.
  void refuse_other_scale(const SeriesLearned&, Index count) const;
  /// "sales: 12 of 5,000 missing, filled by linear; 3 dates absent", or "".
  std::string note(const SeriesKeys&) const;
  /// Goes on from the checksum of other tables.
  std::uint32_t checksum(const SeriesKeys&, const SeriesLearned&, std::uint32_t) const;

  std::string path;
  std::string entity{}, id{};  ///< the entity's name, and its column's; "": the file is one series
  Index rows = 0;              ///< with those of which only task.known_future is known
  Index known = 0;             ///< rows before this one have happened
  Index absent = 0;
  std::optional<DateGrid> dates{};
  std::map<std::string, Column> columns{};

 private:
  friend std::vector<SeriesTable> read_series(const std::filesystem::path&, const SeriesKeys&, SeriesLearned&, bool);
  /// The rows of a file that are an entity's.
  SeriesTable(const CsvFile&, std::vector<std::size_t> lines, const std::string& entity, const std::string& id);
  /// Finds where the future begins: behind the last row with a value of these columns.
  void find_known(const CsvFile&, const std::vector<std::string>& past);
  void read_dates_of(const CsvFile&, const SeriesKeys&, SeriesLearned&);
  void read_column(const CsvFile&, std::size_t at, const std::string& name, const SeriesKeys&, const SeriesLearned&);
  void refuse_changes(const CsvFile&, std::size_t at, const std::string& name, const SeriesKeys&) const;

  std::vector<std::size_t> lines_;  // the entity's rows of the file
  std::size_t past_ = 0;            // of these, how many have happened
  std::vector<Index> row_of_{};     // the row of each; empty: they are the same
};

/// Reads a file's columns, and with `targets` those too: a table for each entity, in the order in which the file begins
/// them. Learns categories and dates, or keeps to what is `done`. Throws DataError or ConfigError: names file, line and
/// column.
std::vector<SeriesTable> read_series(const std::filesystem::path&, const SeriesKeys&, SeriesLearned&,
                                     bool targets = true);

}  // namespace seqtape
