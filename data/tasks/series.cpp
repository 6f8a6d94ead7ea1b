#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/strings.h"
#include "data/epochs.h"
#include "data/forecasting.h"
#include "data/splits.h"
#include "data/tasks/series_windows.h"

namespace seqtape {
namespace {

/// Forecasting of a multivariate time series, from the named columns of a CSV file: `length` rows are read, the
/// `horizon` rows of the target columns after them are asked for, all at once. The rows are cut in order into a
/// training, a validation and a test part (Zhou et al. 2021, Informer, section 5.1), or the latter are files of their
/// own. Every column is normalised by the mean and deviation of the training part alone, or by those that a run
/// learned; errors are in these units. The rows that a window reads may be in the part before, but not in another file;
/// its targets never are.
class Series final : public Task, public Forecasting {
 public:
  void fields(Fields&) override;
  void resolve_paths(const std::filesystem::path& base) override { paths_.resolve(base); }
  void prepare(std::uint64_t seed) override;
  TaskShape shape() const override;
  void training_batch(Index step, Index batch, Batch& out) const override;
  std::unique_ptr<Evaluation> evaluation(Split, const EvaluationOptions&) const override;
  bool has(Split) const override;
  Index training_sequences() const override { return has(Split::train) ? windows(Split::train) : 0; }
  const Forecasting* forecasting() const override { return this; }
  std::vector<Target> forecast_targets() const override;
  Index horizon() const override { return horizon_; }
  Index season() const override { return season_; }
  bool naive_forecast(Split, Index window, Index season, std::vector<float>& answers) const override;
  void history(Split, Index window, Index steps, std::vector<float>& answers) const override;
  std::string date(Split, Index window, Index step) const override;
  std::string fingerprint() const override;
  Json learned() const override;
  void use(const Json& learned) override;
  void evaluate_on(const std::filesystem::path& path) override { paths_.evaluate_on(path); }
  std::vector<std::string> contents() const override;
  std::vector<std::string> notes() const override;
  NewInputs new_inputs() override;
  Signature signature() const override;

 private:
  /// Rows [first, last) of a file, whose values are asked for in the windows of a split.
  struct Part {
    const SeriesRows* rows;
    Index first, last;
  };
  Part part(Split) const;
  /// Windows of a split, one at each row.
  Index windows(Split) const;
  /// The rows of `path` at which its training and its validation end.
  std::pair<Index, Index> cuts(Index rows) const;
  /// What a run has learned; without one, nothing.
  SeriesLearned known() const;
  void check_parts() const;
  /// Reads the file that is divided, and learns from it unless a run has.
  void read_divided(const std::string& path);
  /// Reads a file that is none of the training's, all of it one split.
  void read_split(const std::string& path, std::optional<SeriesRows>& rows);
  void add_note(const SeriesTable&);
  /// What `predict` reads: the last `backtests` windows whose answers the file has, then the file.
  void read_new(const std::filesystem::path&, Index backtests, const NewInputs::Add&);

  DataPaths<std::string> paths_;
  SeriesKeys keys_;
  Index length_ = 96, horizon_ = 24, eval_stride_ = 1, season_ = 1;
  double train_fraction_ = 0.7, test_fraction_ = 0.2;
  std::uint64_t seed_ = 0;

  Json saved_ = Json::object();
  SeriesLearned learned_;
  std::optional<SeriesRows> main_, validation_, test_;
  std::vector<std::string> notes_;
  std::uint32_t crc_ = 0;
  mutable Epochs epochs_;
};

}  // namespace

void Series::fields(Fields& f) {
  paths_.fields(f, "CSV file with a line of column names, plain or gz, relative to the config");
  keys_.fields(f);
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

void Series::prepare(std::uint64_t seed) {
  seed_ = seed;
  epochs_.forget();
  const auto sources = paths_.sources();
  keys_.check();
  if (train_fraction_ + test_fraction_ > 1 && !paths_.own(Split::validation) && !paths_.own(Split::test))
    throw ConfigError(
        str("task.test_fraction: train_fraction + test_fraction must be <= 1, got ", train_fraction_ + test_fraction_));
  const auto keep_to_learned = [&](const char* key, const std::vector<std::string>& names) {
    if (saved_.contains(key) && saved_.at(key) != printable_all(names))
      throw ConfigError(str("task.", key, ": must be what the model was trained on, in the same order: ",
                            join(saved_.at(key).get<std::vector<std::string>>(), ", ")));
  };
  keep_to_learned("columns", keys_.columns);
  keep_to_learned("targets", keys_.asked());
  learned_ = known();
  for (auto* rows : {&main_, &validation_, &test_}) rows->reset();
  notes_.clear();
  crc_ = 0;
  if (paths_.evaluates() && !learned_.done)
    throw DataError("task: other data are scored by what a run has learned, and there is none");
  for (const auto& source : sources)
    if (!std::filesystem::is_regular_file(source.paths))
      throw DataError(str(source.key, ": ", source.paths, " does not exist or is not a file"));
  for (const auto& source : sources)
    source.split ? read_split(source.paths, *source.split == Split::validation ? validation_ : test_)
                 : read_divided(source.paths);
  check_parts();
}

void Series::read_divided(const std::string& path) {
  const SeriesTable table(path, keys_, learned_);
  const auto [train, test] = cuts(table.rows);
  if (!learned_.done)
    for (const auto& names : {keys_.columns, keys_.asked()})
      for (const std::string& name : names)
        if (!keys_.is_category(name)) learned_.scales[printable(name)] = fit_scale(table, name, train);
  learned_.done = true;
  crc_ = table.checksum(keys_, learned_, crc_);
  add_note(table);
  main_.emplace(table, keys_, learned_, std::vector{train, test, table.rows});
  if (learned_.season != season_) learn_seasonal_errors(*main_, printable_all(keys_.asked()), train, season_, learned_);
}

void Series::use(const Json& learned) {
  saved_ = learned;
  learned_ = known();
}

SeriesLearned Series::known() const { return saved_.contains("scales") ? SeriesLearned::of(saved_) : SeriesLearned{}; }

void Series::read_split(const std::string& path, std::optional<SeriesRows>& rows) {
  const SeriesTable table(path, keys_, learned_);
  table.refuse_other_scale(learned_, table.rows);
  crc_ = table.checksum(keys_, learned_, crc_);
  add_note(table);
  rows.emplace(table, keys_, learned_, std::vector{table.rows});
}

void Series::add_note(const SeriesTable& table) {
  if (const std::string note = table.note(keys_); !note.empty())
    notes_.push_back(table.path == paths_.divided() ? note : table.path + ": " + note);
}

void Series::check_parts() const {
  for (const Split split : kSplits) {
    if (!has(split)) continue;
    const auto [rows, first, last] = part(split);
    if (last - first < horizon_ || first < length_)
      throw DataError(
          str("task.length: a window of ", length_, " rows and a horizon of ", horizon_, " do not fit the ",
              split_name(split), " split; ", rows->path, " has ", rows->rows, " rows; lower them",
              main_ && rows == &*main_ ? str(", or change task.train_fraction (", train_fraction_, ")") : ""));
    if (!rows->any_answer(first, last))
      throw DataError(str("task.targets: all values of the ", split_name(split), " split are missing in ", rows->path));
  }
  if (!has(Split::train)) return;
  if (const Index trained = part(Split::train).last; season_ >= trained)
    throw ConfigError(str("task.season: must be less than the ", trained, " rows of the training part, got ", season_));
}

NewInputs Series::new_inputs() {
  keys_.check();
  const SeriesLearned learned = SeriesLearned::of(saved_);
  const std::vector<std::string> targets = printable_all(keys_.asked());
  const auto in_units = [learned, targets](std::size_t answer, double number) {
    const auto& scale = learned.scales.at(targets[answer]);
    return scale.mean + number * scale.scale();
  };
  const auto read = [this](const std::filesystem::path& path, const NewInputs::Add& add) { read_new(path, 0, add); };
  const auto backtest = [this](const std::filesystem::path& path, Index windows, const NewInputs::Add& add) {
    read_new(path, windows, add);
  };
  return {.read = read,
          .backtest = backtest,
          .standard_input = true,
          .longer = NewInputs::Longer::last,
          .answers = targets,
          .in_units = in_units,
          .own_file = paths_.divided()};
}

Signature Series::signature() const {
  Signature all = Task::signature();
  all.unit = "row";
  all.note = "a number for each column, of a category its name";
  all.reads = Signature::Reads::last;
  if (!learned_.done) return all;  // of an earlier version: it kept no scales
  all.columns.clear();
  const auto column = [&](const std::string& name) -> Signature::Column {
    if (keys_.is_category(name)) return {printable(name), 0, 1, learned_.categories.at(printable(name))};
    const auto& scale = learned_.scales.at(printable(name));
    return {printable(name), scale.mean, scale.scale()};
  };
  for (const std::string& name : keys_.columns) all.columns.push_back(column(name));
  for (const std::string& name : keys_.asked()) all.numbers.push_back(column(name));
  all.masks = keys_.masks();
  if (keys_.missing == "linear" || keys_.missing == "forward") all.fill = keys_.missing;
  all.calendar = keys_.calendar;
  return all;
}

void Series::read_new(const std::filesystem::path& path, Index backtests, const NewInputs::Add& add) {
  SeriesLearned learned = SeriesLearned::of(saved_);
  const SeriesTable table(path, keys_, learned, backtests > 0);
  const Index read = length_ + backtests * horizon_;
  if (backtests > 0 && table.rows < read)
    throw DataError(str(path.string(), ": has ", table.rows, " rows, and ", backtests, " windows of ", length_,
                        " rows with horizons of ", horizon_, " take ", read, "; lower --backtest"));
  table.refuse_other_scale(learned, read);
  const SeriesRows rows(table, keys_, learned, {table.rows}, false);
  add_note(table);
  const auto input = [&](Index begin, Index end, std::string window) {
    Steps steps;
    rows.append_inputs(begin, end, end, steps.values);
    NewInput one = NewInput::of(std::move(steps));
    one.begin = begin;
    if (rows.dates) one.time = [dates = *rows.dates](Index row) { return dates.text(row); };
    one.window = rows.dates ? rows.dates->text(end - 1) : std::move(window);
    return one;
  };
  for (Index k = backtests; k > 0; --k) {
    const Index end = table.rows - k * horizon_;
    NewInput window = input(end - length_, end, std::to_string(backtests - k + 1));
    for (Index r = end; r < end + horizon_; ++r)
      for (const std::string& name : keys_.asked())
        window.actual.push_back(table.column(name).values[static_cast<std::size_t>(r)]);
    add(std::move(window));
  }
  add(input(0, table.rows, std::to_string(backtests + 1)));
}

Json Series::learned() const {
  Json scales = Json::object();
  for (const auto& names : {keys_.columns, keys_.asked()})
    for (const std::string& name : names)
      if (!keys_.is_category(name)) {
        const auto& scale = learned_.scales.at(printable(name));
        scales[printable(name)] = {{"mean", scale.mean}, {"deviation", scale.deviation}};
      }
  Json json = {
      {"columns", printable_all(keys_.columns)}, {"targets", printable_all(keys_.asked())}, {"scales", scales}};
  learned_.add_to(json);
  return json;
}

TaskShape Series::shape() const {
  return {{.features = features_of(keys_, learned_), .outputs = horizon_ * static_cast<Index>(keys_.asked().size())},
          Objective::numbers,
          length_};
}

bool Series::has(Split split) const {
  if (paths_.evaluates()) return split == Split::test;
  return split != Split::test || test_fraction_ > 0 || paths_.own(Split::test);
}

std::pair<Index, Index> Series::cuts(Index rows) const {
  const Index test = rows - (paths_.own(Split::test) ? 0 : share_of(rows, test_fraction_));
  return {paths_.own(Split::validation) ? test : share_of(rows, train_fraction_), test};
}

Series::Part Series::part(Split split) const {
  const auto& own = split == Split::validation ? validation_ : test_;
  if (split != Split::train && own) return {&*own, length_, own->rows};
  const auto [train, test] = cuts(main_->rows);
  switch (split) {
    case Split::train:
      return {&*main_, length_, train};
    case Split::validation:
      return {&*main_, train, test};
    case Split::test:
      break;
  }
  return {&*main_, test, main_->rows};
}

Index Series::windows(Split split) const {
  const auto [rows, first, last] = part(split);
  return last - horizon_ - first + 1;
}

void Series::training_batch(Index step, Index batch, Batch& out) const {
  std::vector<Index> starts;
  for (Index i = step * batch; i < (step + 1) * batch; ++i)
    starts.push_back(epochs_.shuffled(seed_, i, windows(Split::train)));
  fill_windows(*main_, {length_, horizon_}, starts, 0, length_, out);
}

std::unique_ptr<Evaluation> Series::evaluation(Split split, const EvaluationOptions& options) const {
  if (!has(split)) throw ConfigError("task: there is no test split; set task.test_fraction");
  const auto [rows, first, last] = part(split);
  std::vector<Index> starts;
  for (Index row = first; row + horizon_ <= last; row += eval_stride_) starts.push_back(row - length_);
  return evaluate_windows(*rows, {length_, horizon_}, std::move(starts), options);
}

std::vector<Forecasting::Target> Series::forecast_targets() const {
  std::vector<Target> all;
  for (const std::string& name : printable_all(keys_.asked())) {
    const auto& scale = learned_.scales.at(name);
    Target& target = all.emplace_back(Target{name, scale.mean, scale.scale()});
    if (const auto found = learned_.seasonal.find(name); learned_.season == season_ && found != learned_.seasonal.end())
      target.seasonal = found->second;
  }
  return all;
}

bool Series::naive_forecast(Split split, Index window, Index season, std::vector<float>& answers) const {
  const auto [rows, first, last] = part(split);
  const Index known = first + window * eval_stride_;  // rows before this one
  const std::size_t targets = keys_.asked().size();
  answers.clear();
  if (known < season) return false;
  for (Index h = 0; h < horizon_; ++h)
    for (std::size_t k = 0; k < targets; ++k) {
      Index row = known - season + h % season;
      while (row >= season && std::isnan(rows->answer(row, k, known))) row -= season;
      answers.push_back(rows->answer(row, k, known));
    }
  return true;
}

void Series::history(Split split, Index window, Index steps, std::vector<float>& answers) const {
  const auto [rows, first, last] = part(split);
  const Index known = first + window * eval_stride_;
  answers.clear();
  for (Index row = std::max<Index>(0, known - steps); row < known; ++row)
    for (std::size_t k = 0; k < keys_.asked().size(); ++k) answers.push_back(rows->answer(row, k, known));
}

std::string Series::date(Split split, Index window, Index step) const {
  const auto [rows, first, last] = part(split);
  return rows->dates ? rows->dates->text(first + window * eval_stride_ + step) : "";
}

std::string Series::fingerprint() const {
  Index rows = 0;
  for (const auto* file : {&main_, &validation_, &test_})
    if (*file) rows += (*file)->rows;
  return format("%08x of %lld rows", crc_, static_cast<long long>(rows));
}

std::vector<std::string> Series::contents() const {
  std::vector<std::string> all;
  for (const Split split : kSplits) {
    if ((!main_ && !test_) || !has(split)) continue;
    const auto [rows, first, last] = part(split);
    const Index begin = main_ && rows == &*main_ && split != Split::train ? first : 0;
    all.push_back(str(split_name(split), ": ", grouped(last - begin), " rows, ",
                      grouped((windows(split) - 1) / (split == Split::train ? 1 : eval_stride_) + 1), " windows",
                      rows->dates ? ", " + rows->dates->text(begin) + " to " + rows->dates->text(last - 1) : ""));
  }
  return all;
}

std::vector<std::string> Series::notes() const {
  std::vector<std::string> all = notes_;
  if (main_ || test_)
    for (const std::string& target : printable_all(keys_.asked())) {
      const auto& scale = learned_.scales.at(target);
      all.push_back(scale.deviation > 0 ? format("errors are in deviations of %s in the training part: %g (mean %g)",
                                                 target.c_str(), scale.deviation, scale.mean)
                                        : format("%s is %g throughout the training part: errors are in its own units",
                                                 target.c_str(), scale.mean));
    }
  return all;
}

std::unique_ptr<Task> make_series() { return std::make_unique<Series>(); }

}  // namespace seqtape
