#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "core/io/file.h"
#include "core/random.h"
#include "core/strings.h"
#include "data/epochs.h"
#include "data/forecasting.h"
#include "data/readers/csv.h"

namespace seqtape {
namespace {

/// Forecasting of a multivariate time series, from the named columns of a CSV file: `length` rows are read, the
/// `horizon` rows of the target columns after them are asked for, all at once. The rows are cut in order into a
/// training, a validation and a test part (Zhou et al. 2021, Informer, section 5.1). Every column is normalised by the
/// mean and deviation of its training part alone, or by those that a run learned; errors are in these units. The rows
/// that a window reads may be in the part before; its targets never are.
class Series final : public Task, public Forecasting {
 public:
  void fields(Fields&) override;
  void resolve_paths(const std::filesystem::path& base) override;
  void prepare(std::uint64_t seed) override;
  TaskShape shape() const override;
  void training_batch(Index step, Index batch, Batch& out) const override;
  std::unique_ptr<Evaluation> evaluation(Split, const EvaluationOptions&) const override;
  bool has(Split split) const override { return split != Split::test || test_fraction_ > 0; }
  Index training_sequences() const override { return training_windows(); }
  const Forecasting* forecasting() const override { return this; }
  std::vector<Target> forecast_targets() const override;
  Index horizon() const override { return horizon_; }
  Index season() const override { return season_; }
  bool naive_forecast(Split, Index window, Index season, std::vector<float>& answers) const override;
  std::string fingerprint() const override;
  Json learned() const override;
  void use(const Json& learned) override { learned_ = learned; }
  std::vector<std::string> notes() const override;
  NewInputs new_inputs() override;

 private:
  friend class SeriesEvaluation;
  const std::vector<std::string>& targets() const { return targets_.empty() ? columns_ : targets_; }
  /// Rows [first, last) whose values are asked for in the windows of a split.
  std::pair<Index, Index> asked(Split) const;
  /// The windows that read from these rows on, steps [begin, begin + steps) of each.
  void fill(const std::vector<Index>& starts, Index begin, Index steps, Batch& out) const;

  std::string path_;
  std::vector<std::string> columns_, targets_;
  Index length_ = 96, horizon_ = 24, eval_stride_ = 1, season_ = 1;
  double train_fraction_ = 0.7, test_fraction_ = 0.2;
  std::uint64_t seed_ = 0;

  struct Column {
    std::string name;
    std::vector<float> values{};  ///< normalised
    double mean = 0, deviation = 0;
    /// A constant column is only shifted, so that later changes keep their size.
    double scale() const { return deviation > 0 ? deviation : 1; }
  };
  /// Mean and deviation of values[0, train), or as they were learned; then the normalised values.
  void normalise(Column&, const std::vector<double>& values, const std::string& path) const;
  /// The values of the column `name`; `key` is where it was named. Throws ConfigError or DataError.
  static std::vector<double> values(const CsvFile&, const std::string& name, const char* key);
  /// The rows of a new file, in the learned scale. Throws DataError or ConfigError.
  Steps rows_of(const std::filesystem::path&) const;
  Index training_windows() const;

  Json learned_ = Json::object();
  std::vector<Column> inputs_, answers_;
  Index rows_ = 0;
  std::uint32_t crc_ = 0;
  mutable Epochs epochs_;
};

/// Printable names: a header may hold any bytes.
std::vector<std::string> printable_all(std::vector<std::string> names) {
  for (std::string& name : names) name = printable(name);
  return names;
}

/// Batches of windows, in chunks.
class SeriesEvaluation final : public Evaluation {
 public:
  SeriesEvaluation(const Series& task, std::vector<Index> starts, const EvaluationOptions& options)
      : task_(task), starts_(std::move(starts)), options_(options) {}

  bool next(Batch& chunk) override {
    if (next_ >= starts_.size()) return false;
    const std::size_t count = std::min(static_cast<std::size_t>(options_.batch), starts_.size() - next_);
    const auto from = starts_.begin() + static_cast<std::ptrdiff_t>(next_);
    const Index steps = std::min(options_.chunk, task_.length_ - begin_);
    task_.fill({from, from + static_cast<std::ptrdiff_t>(count)}, begin_, steps, chunk);
    begin_ += steps;
    if (begin_ < task_.length_) return true;
    begin_ = 0;
    next_ += count;
    return true;
  }

 private:
  const Series& task_;
  std::vector<Index> starts_;
  EvaluationOptions options_;
  std::size_t next_ = 0;
  Index begin_ = 0;
};

}  // namespace

void Series::fields(Fields& f) {
  f("path", path_, "CSV file with a line of column names, plain or gz, relative to the config", same_data(required()));
  f("columns", columns_, "names of the columns to read", required());
  f("targets", targets_, "names of the columns to forecast; none: those that are read");
  f("length", length_, "rows that are read", positive_up_to(1e9));
  f("horizon", horizon_, "rows that are forecast", positive_up_to(1e6));
  f("train_fraction", train_fraction_, "share of the rows, from the start, to train on", between(0, 1));
  f("test_fraction", test_fraction_, "share of the rows, at the end, kept for test", between(0, 1));
  f("eval_stride", eval_stride_, "rows from one evaluated window to the next", positive_up_to(1e9));
  f("season", season_,
    "rows after which the series is expected to repeat itself, for the naive forecasts of `eval` and for MASE; 1: the "
    "last value",
    may_change(positive_up_to(1e9)));
}

void Series::resolve_paths(const std::filesystem::path& base) {
  if (path_.empty()) throw ConfigError("task.path: must name a file, got \"\"");
  path_ = std::filesystem::absolute(base / path_).lexically_normal().string();
}

void Series::prepare(std::uint64_t seed) {
  seed_ = seed;
  epochs_.forget();
  if (columns_.empty()) throw ConfigError("task.columns: must name a column, got none");
  if (train_fraction_ + test_fraction_ > 1)
    throw ConfigError(
        str("task.test_fraction: train_fraction + test_fraction must be <= 1, got ", train_fraction_ + test_fraction_));
  if (!std::filesystem::is_regular_file(path_))
    throw DataError(str("task.path: ", path_, " does not exist or is not a file"));
  const CsvFile file(path_);
  if (file.rows.size() < 2) throw DataError(str(path_, ": holds no rows below a line of column names"));
  rows_ = static_cast<Index>(file.rows.size()) - 1;
  for (const Split split : {Split::train, Split::validation, Split::test}) {
    const auto [first, last] = asked(split);
    if (!has(split)) continue;
    if (last - first < horizon_ || first < length_)
      throw DataError(str("task.length: a window of ", length_, " rows and a horizon of ", horizon_, " do not fit the ",
                          split_name(split), " split; ", path_, " has ", rows_,
                          " rows; lower them, or change task.train_fraction (", train_fraction_, ")"));
  }
  if (const Index trained = asked(Split::train).second; season_ >= trained)
    throw ConfigError(str("task.season: must be less than the ", trained, " rows of the training part, got ", season_));
  file.refuse_unnamed_cells();
  const auto keep_to_learned = [&](const char* key, const std::vector<std::string>& names) {
    if (learned_.contains(key) && learned_.at(key) != printable_all(names))
      throw ConfigError(str("task.", key, ": must be what the model was trained on, in the same order: ",
                            join(learned_.at(key).get<std::vector<std::string>>(), ", ")));
  };
  keep_to_learned("columns", columns_);
  keep_to_learned("targets", targets());
  crc_ = 0;
  const auto read = [&](const std::vector<std::string>& names, const char* key) {
    std::vector<Column> columns;
    for (const std::string& name : names) {
      const std::vector<double> values = this->values(file, name, key);
      crc_ = crc32_of({reinterpret_cast<const char*>(values.data()), values.size() * sizeof(double)}, crc_);
      columns.push_back({printable(name)});
      normalise(columns.back(), values, path_);
    }
    return columns;
  };
  inputs_ = read(columns_, "task.columns");
  answers_ = read(targets(), "task.targets");
}

std::vector<double> Series::values(const CsvFile& file, const std::string& name, const char* key) {
  const auto& header = file.rows[0];
  const auto at = std::find(header.begin(), header.end(), name);
  if (at == header.end()) {
    std::vector<std::string> known;
    for (const std::string& one : header) known.push_back(printable(one, 60));
    throw ConfigError(str(key, ": ", file.path, " has no column \"", name, "\"", suggestion(name, known),
                          header.size() == 1 ? "; columns are separated by commas, semicolons or tabs" : ""));
  }
  if (std::find(at + 1, header.end(), name) != header.end())
    throw ConfigError(str(key, ": ", file.path, " has a column \"", name, "\" twice; rename one of them"));
  std::vector<double> values;
  for (std::size_t r = 1; r < file.rows.size(); ++r)
    values.push_back(file.number(r, static_cast<std::size_t>(at - header.begin()), name));
  return values;
}

Steps Series::rows_of(const std::filesystem::path& path) const {
  const CsvFile file(path);
  if (file.rows.size() < 2) throw DataError(str(path.string(), ": holds no rows below a line of column names"));
  file.refuse_unnamed_cells();
  std::vector<Column> columns;
  for (const std::string& name : columns_) {
    Column& column = columns.emplace_back(Column{printable(name)});
    normalise(column, values(file, name, "task.columns"), path.string());
    const auto last = std::min(column.values.size(), static_cast<std::size_t>(length_));
    if (column.deviation > 0)
      refuse_other_scale({column.values.end() - static_cast<std::ptrdiff_t>(last), column.values.end()},
                         str(path.string(), ": column ", column.name), column.mean, column.deviation);
  }
  Steps rows;
  for (std::size_t r = 0; r + 1 < file.rows.size(); ++r)
    for (const Column& column : columns) rows.values.push_back(column.values[r]);
  return rows;
}

NewInputs Series::new_inputs() {
  if (!learned_.contains("scales"))
    throw DataError("task: the run does not have the means and deviations of its columns; it is of an earlier version");
  const auto scale = [this](std::size_t answer, double number) {
    const Json& learned = learned_.at("scales").at(printable(targets()[answer]));
    const double mean = learned.at("mean").get<double>(), deviation = learned.at("deviation").get<double>();
    return mean + number * (deviation > 0 ? deviation : 1);
  };
  const auto read = [this](const std::filesystem::path& path, const NewInputs::Add& add) {
    add(NewInput::of(rows_of(path)));
  };
  return {.read = read,
          .longer = NewInputs::Longer::last,
          .answers = printable_all(targets()),
          .in_units = scale,
          .own_file = path_};
}

void Series::normalise(Column& column, const std::vector<double>& values, const std::string& path) const {
  if (learned_.empty()) {
    // Relative to the first value, so that equal ones give exactly 0; a deviation in the last bits counts as 0.
    const auto train = static_cast<std::size_t>(asked(Split::train).second);
    double sum = 0, square = 0;
    for (std::size_t r = 0; r < train; ++r) sum += values[r] - values[0];
    column.mean = values[0] + sum / static_cast<double>(train);
    for (std::size_t r = 0; r < train; ++r) square += std::pow(values[r] - column.mean, 2);
    column.deviation = std::sqrt(square / static_cast<double>(train));
    if (column.deviation <= 8 * std::numeric_limits<double>::epsilon() * std::fabs(column.mean)) column.deviation = 0;
  } else {
    const Json& scale = learned_.at("scales").at(column.name);
    column.mean = scale.at("mean").get<double>();
    column.deviation = scale.at("deviation").get<double>();
  }
  const double scale = column.scale();
  for (const double value : values) {
    column.values.push_back(static_cast<float>((value - column.mean) / scale));
    if (!std::isfinite(column.values.back()))
      throw DataError(str(path, ": column ", column.name, ": ", value, " is too far from the training part's mean, ",
                          column.mean, ", in deviations of ", scale));
  }
}

Json Series::learned() const {
  Json scales = Json::object();
  for (const auto* some : {&inputs_, &answers_})
    for (const Column& column : *some) scales[column.name] = {{"mean", column.mean}, {"deviation", column.deviation}};
  return {{"columns", printable_all(columns_)}, {"targets", printable_all(targets())}, {"scales", scales}};
}

TaskShape Series::shape() const {
  return {{.features = static_cast<Index>(columns_.size()), .outputs = horizon_ * static_cast<Index>(targets().size())},
          Objective::numbers,
          length_};
}

std::pair<Index, Index> Series::asked(Split split) const {
  const Index train = share_of(rows_, train_fraction_), test = share_of(rows_, test_fraction_);
  switch (split) {
    case Split::train:
      return {length_, train};
    case Split::validation:
      return {train, rows_ - test};
    case Split::test:
      break;
  }
  return {rows_ - test, rows_};
}

void Series::fill(const std::vector<Index>& starts, Index begin, Index steps, Batch& out) const {
  out = {};
  out.batch = static_cast<Index>(starts.size());
  out.length = steps;
  out.first = begin == 0;
  out.last = begin + steps == length_;
  for (const Index start : starts) {
    for (Index t = start + begin; t < start + begin + steps; ++t)
      for (const Column& column : inputs_) out.values.push_back(column.values[static_cast<std::size_t>(t)]);
    for (Index t = start + length_; t < start + length_ + horizon_; ++t)
      for (const Column& column : answers_) out.target_values.push_back(column.values[static_cast<std::size_t>(t)]);
  }
}

Index Series::training_windows() const {
  const auto [first, last] = asked(Split::train);
  return last - horizon_ - first + 1;
}

void Series::training_batch(Index step, Index batch, Batch& out) const {
  std::vector<Index> starts;
  for (Index i = step * batch; i < (step + 1) * batch; ++i)
    starts.push_back(epochs_.shuffled(seed_, i, training_windows()));
  fill(starts, 0, length_, out);
}

std::unique_ptr<Evaluation> Series::evaluation(Split split, const EvaluationOptions& options) const {
  if (!has(split)) throw ConfigError("task: there is no test split; set task.test_fraction");
  const auto [first, last] = asked(split);
  std::vector<Index> starts;
  for (Index row = first; row + horizon_ <= last; row += eval_stride_) starts.push_back(row - length_);
  return std::make_unique<SeriesEvaluation>(*this, std::move(starts), options);
}

std::vector<Forecasting::Target> Series::forecast_targets() const {
  std::vector<Target> all;
  for (const Column& column : answers_) {
    all.push_back({column.name, column.mean, column.scale()});
    for (Index row = 0; row < asked(Split::train).second; ++row)
      all.back().trained.push_back(all.back().value(static_cast<double>(column.values[static_cast<std::size_t>(row)])));
  }
  return all;
}

bool Series::naive_forecast(Split split, Index window, Index season, std::vector<float>& answers) const {
  const Index known = asked(split).first + window * eval_stride_;  // rows before this one
  answers.clear();
  if (known < season) return false;
  for (Index h = 0; h < horizon_; ++h)
    for (const Column& column : answers_)
      answers.push_back(column.values[static_cast<std::size_t>(known - season + h % season)]);
  return true;
}

std::string Series::fingerprint() const { return format("%08x of %lld rows", crc_, static_cast<long long>(rows_)); }

std::vector<std::string> Series::notes() const {
  std::vector<std::string> all;
  for (const Column& column : answers_)
    all.push_back(format("errors are in deviations of %s in the training part: %g (mean %g)", column.name.c_str(),
                         column.deviation, column.mean));
  return all;
}

std::unique_ptr<Task> make_series() { return std::make_unique<Series>(); }

}  // namespace seqtape
