#include "data/tasks/series.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"
#include "core/strings.h"

namespace seqtape {

void Series::fields(Fields& f) {
  paths_.fields(f, "CSV file with a line of column names, plain or gz, relative to the config");
  keys_.fields(f);
  f("length", length_, "rows that are read", positive_up_to(1e9));
  f("horizon", horizon_, "rows that are forecast", positive_up_to(1e6));
  f("train_fraction", train_fraction_, "share of the rows, from the start, to train on", between(0, 1));
  f("test_fraction", test_fraction_, "share of the rows, at the end, kept for test", between(0, 1));
  f("split", split_,
    "how path is divided: \"time\", each series at the same dates (without task.time at the same share of its rows), "
    "or \"entity\", whole entities drawn for each split: the fractions are of entities",
    one_of({"time", "entity"}));
  f("sampling", sampling_,
    "what training draws alike: \"windows\", each window once an epoch, or \"entities\", an entity, then one of its "
    "windows, so that long series do not outweigh short ones",
    one_of({"windows", "entities"}));
  f("loss", loss_,
    "what is learned of each number: \"squared_error\", its mean; \"quantile\", its quantiles at task.levels; "
    "\"gaussian\" or \"student_t\", such a distribution, by likelihood",
    one_of({"squared_error", "quantile", "gaussian", "student_t"}));
  f("levels", levels_, "of the quantiles that are forecast, of a distribution",
    {.least = 0, .most = 1, .open_least = true, .open_most = true});
  f("degrees_of_freedom", degrees_, "of student_t: the fewer, the heavier its tails", positive_up_to(1e6));
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
  for (const auto& [key, value, plain] : {std::tuple{"split", &split_, "time"}, {"sampling", &sampling_, "windows"}})
    if (!is_panel() && *value != plain)
      throw ConfigError(str("task.", key, ": \"", *value, "\" is of entities; name their column in task.id"));
  if (levels_.empty() || !std::is_sorted(levels_.begin(), levels_.end(), std::less_equal<>()))
    throw ConfigError("task.levels: must rise, at least one");
  keep_to_learned();
  learned_ = known();
  for (auto* file : {&main_, &validation_, &test_}) file->reset();
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
  for (const Split split : kSplits) {
    if (!has(split)) continue;
    of(evaluated_, split) = SeriesWindows(parts(split), length_, horizon_, eval_stride_);
    if (split == Split::train) training_ = SeriesWindows(parts(split), length_, horizon_, 1);
  }
  check_parts();
  learn_seasonal_errors();
}

void Series::keep_to_learned() const {
  const auto keep = [&](const char* key, const std::vector<std::string>& names) {
    if ((saved_.contains(key) || saved_.contains("scales")) &&
        saved_.value(key, std::vector<std::string>()) != printable_all(names))
      throw ConfigError(str("task.", key, ": must be what the model was trained on, in the same order: ",
                            join(saved_.value(key, std::vector<std::string>()), ", ")));
  };
  keep("columns", keys_.columns);
  keep("targets", keys_.asked());
  keep("known_future", keys_.known_future);
  keep("static", keys_.fixed);
  if (saved_.contains("scales") && saved_.value("normalise", "train") != keys_.normalise)
    throw ConfigError(
        str("task.normalise: must be what the model was trained with, ", saved_.value("normalise", "train")));
}

void Series::read_divided(const std::string& path) {
  const std::vector<SeriesTable> tables = read_series(path, keys_, learned_);
  main_ = File{path, {}, cuts(tables)};
  std::vector<Index> trained;
  for (const auto& [train, test] : main_->cuts) trained.push_back(train);
  if (!learned_.done)
    for (const std::string& name : keys_.needed(true))
      if (!keys_.is_category(name)) learned_.scales[printable(name)] = fit_scale(tables, name, trained);
  learned_.done = true;
  for (std::size_t e = 0; e < tables.size(); ++e) {
    crc_ = tables[e].checksum(keys_, learned_, crc_);
    const auto [train, test] = main_->cuts[e];
    std::vector<Index> ends{train, test, tables[e].known};
    std::erase(ends, 0);
    main_->series.emplace_back(tables[e], keys_, learned_, horizon_, ends);
  }
  add_notes(tables);
}

void Series::read_split(const std::string& path, std::optional<File>& file) {
  const std::vector<SeriesTable> tables = read_series(path, keys_, learned_);
  file = File{path, {}, {}};
  for (const SeriesTable& table : tables) {
    if (!keys_.by_window()) table.refuse_other_scale(learned_, table.known);
    crc_ = table.checksum(keys_, learned_, crc_);
    file->series.emplace_back(table, keys_, learned_, horizon_, std::vector{table.known});
  }
  add_notes(tables);
}

void Series::add_notes(const std::vector<SeriesTable>& tables) {
  constexpr std::size_t kMost = 5;
  std::size_t count = 0;
  for (const SeriesTable& table : tables)
    if (const std::string note = table.note(keys_); !note.empty() && ++count <= kMost)
      notes_.push_back(table.place() == paths_.divided() ? note : table.place() + ": " + note);
  if (count > kMost) notes_.push_back(str("and so on, ", grouped(static_cast<Index>(count)), " series in all"));
}

std::pair<Index, Index> Series::cuts(Index rows) const {
  const Index test = rows - (paths_.own(Split::test) ? 0 : share_of(rows, test_fraction_));
  return {paths_.own(Split::validation) ? test : share_of(rows, train_fraction_), test};
}

std::vector<std::pair<Index, Index>> Series::cuts(const std::vector<SeriesTable>& tables) const {
  std::vector<std::pair<Index, Index>> all;
  if (split_ == "entity") {
    // The split depends on the entities' number alone, so that runs of different seeds are of the same task.
    const auto [train, test] = cuts(std::ssize(tables));
    all.resize(tables.size());
    const auto order = Random(0, "entities").permutation(std::ssize(tables));
    for (Index i = 0; i < std::ssize(tables); ++i) {
      const auto e = static_cast<std::size_t>(order[static_cast<std::size_t>(i)]);
      all[e] = {i < train ? tables[e].known : 0, i < test ? tables[e].known : 0};
    }
    return all;
  }
  if (keys_.time.empty()) {
    for (const SeriesTable& table : tables) all.push_back(cuts(table.known));
    return all;
  }
  std::vector<Moment> dates;
  for (const SeriesTable& table : tables)
    for (Index r = 0; r < table.known; ++r) dates.push_back(table.dates->at(r));
  std::sort(dates.begin(), dates.end());
  dates.erase(std::unique(dates.begin(), dates.end()), dates.end());
  const auto [train, test] = cuts(std::ssize(dates));
  for (const SeriesTable& table : tables) {
    const auto before = [&](Index date) {
      if (date == std::ssize(dates)) return table.known;
      Index row = 0;
      while (row < table.known && table.dates->at(row) < dates[static_cast<std::size_t>(date)]) ++row;
      return row;
    };
    all.emplace_back(before(train), before(test));
  }
  return all;
}

bool Series::has(Split split) const {
  if (paths_.evaluates()) return split == Split::test;
  return split != Split::test || test_fraction_ > 0 || paths_.own(Split::test);
}

const Series::File& Series::file_of(Split split) const {
  if (split == Split::validation && validation_) return *validation_;
  return split == Split::test && test_ ? *test_ : *main_;
}

std::vector<SeriesPart> Series::parts(Split split) const {
  const File& file = file_of(split);
  std::vector<SeriesPart> all;
  for (std::size_t e = 0; e < file.series.size(); ++e) {
    const SeriesRows& rows = file.series[e];
    if (file.cuts.empty()) {
      all.push_back({&rows, length_, rows.rows});
      continue;
    }
    const auto [train, test] = file.cuts[e];
    const Index begin = split == Split::train        ? 0
                        : split == Split::validation ? train
                                                     : test,
                end = split == Split::train        ? train
                      : split == Split::validation ? test
                                                   : rows.rows;
    // A series that begins late has its first window where a whole one fits.
    if (begin < end)
      all.push_back({&rows, is_panel() || split == Split::train ? std::max(begin, length_) : begin, end});
  }
  return all;
}

void Series::check_parts() const {
  for (const auto* file : {&main_, &validation_, &test_})
    for (std::size_t e = 0; is_panel() && *file && e < (*file)->series.size(); ++e)
      if (const SeriesRows& rows = (*file)->series[e]; rows.rows < length_ + horizon_)
        throw DataError(str(rows.path, ": has ", rows.rows, " rows, and a window of ", length_,
                            " (task.length) with a horizon of ", horizon_, " takes ", length_ + horizon_,
                            "; lower them, or take its rows out of the file"));
  for (const Split split : kSplits) {
    if (!has(split)) continue;
    const SeriesWindows& windows = evaluated(split);
    const File& file = file_of(split);
    const auto& parts = windows.parts();
    const bool fits = is_panel()
                          ? windows.count() > 0
                          : !parts.empty() && parts[0].last - parts[0].first >= horizon_ && parts[0].first >= length_;
    Index rows = 0;
    for (const SeriesRows& one : file.series) rows += one.rows;
    if (!fits)
      throw DataError(str("task.length: a window of ", length_, " rows and a horizon of ", horizon_, " do not fit the ",
                          split_name(split), " split; ", file.path, " has ", rows, " rows",
                          is_panel() ? str(" of ", file.series.size(), " entities") : "", "; lower them",
                          &file == &*main_ ? str(", or change task.train_fraction (", train_fraction_, ")") : ""));
    if (std::none_of(parts.begin(), parts.end(),
                     [](const SeriesPart& part) { return part.rows->any_answer(part.first, part.last); }))
      throw DataError(str("task.targets: all values of the ", split_name(split), " split are missing in ", file.path));
  }
  if (!has(Split::train)) return;
  Index trained = 0;
  for (const SeriesPart& part : training_.parts()) trained = std::max(trained, part.last);
  if (season_ >= trained)
    throw ConfigError(str("task.season: must be less than the ", trained, " rows of the training part, got ", season_));
}

void Series::learn_seasonal_errors() {
  const std::vector<std::string> targets = printable_all(keys_.asked());
  if (!is_panel() && main_ && learned_.season != season_) {
    const auto errors = main_->series[0].seasonal_errors(main_->cuts[0].first, season_);
    learned_.season = season_;
    learned_.seasonal.clear();
    for (std::size_t k = 0; k < targets.size(); ++k)
      if (!std::isnan(errors[k])) learned_.seasonal[targets[k]] = errors[k];
  }
  for (const Split split : kSplits) {
    auto& all = of(seasonal_, split);
    all.clear();
    if (!has(split)) continue;
    const File& file = file_of(split);
    for (const SeriesPart& part : evaluated(split).parts()) {
      auto& errors = all.emplace_back(targets.size(), std::nan(""));
      const auto e = static_cast<std::size_t>(part.rows - file.series.data());
      if (is_panel()) {
        // Of an entity that nothing was trained on, all rows.
        const Index train = file.cuts.empty() ? 0 : file.cuts[e].first;
        errors = part.rows->seasonal_errors(train > season_ ? train : part.rows->rows, season_);
        continue;
      }
      for (std::size_t k = 0; k < targets.size() && learned_.season == season_; ++k)
        if (const auto found = learned_.seasonal.find(targets[k]); found != learned_.seasonal.end())
          errors[k] = found->second;
    }
  }
}

Distribution Series::distribution() const {
  using Kind = Distribution::Kind;
  if (loss_ == "squared_error") return {};
  return {loss_ == "quantile"   ? Kind::quantiles
          : loss_ == "gaussian" ? Kind::gaussian
                                : Kind::student_t,
          levels_, loss_ == "student_t" ? degrees_ : 0};
}

TaskShape Series::shape() const {
  const Distribution each = distribution();
  TaskShape shape{{.features = features_of(keys_, learned_, horizon_),
                   .outputs = horizon_ * static_cast<Index>(keys_.asked().size()) * each.width()},
                  Objective::numbers,
                  length_};
  shape.distribution = each;
  return shape;
}

void Series::training_batch(Index step, Index batch, Batch& out) const {
  std::vector<Index> numbers;
  std::vector<std::size_t> drawn;  // entities with a window
  for (std::size_t part = 0; part < training_.parts().size() && sampling_ == "entities"; ++part)
    if (training_.of_part(part).second > 0) drawn.push_back(part);
  for (Index i = step * batch; i < (step + 1) * batch; ++i) {
    if (sampling_ == "windows") {
      numbers.push_back(epochs_.shuffled(seed_, i, training_.count()));
      continue;
    }
    const auto part = drawn[static_cast<std::size_t>(epochs_.shuffled(seed_, i, std::ssize(drawn)))];
    const auto [first, count] = training_.of_part(part);
    numbers.push_back(first + Random(seed_, "windows", static_cast<std::uint64_t>(i)).below(count));
  }
  training_.fill(numbers, 0, length_, out);
}

std::unique_ptr<Evaluation> Series::evaluation(Split split, const EvaluationOptions& options) const {
  if (!has(split)) throw ConfigError("task: there is no test split; set task.test_fraction");
  return evaluated(split).evaluation(options);
}

std::string Series::fingerprint() const {
  Index rows = 0;
  for (const auto* file : {&main_, &validation_, &test_})
    for (std::size_t e = 0; *file && e < (*file)->series.size(); ++e) rows += (*file)->series[e].rows;
  return format("%08x of %lld rows", crc_, static_cast<long long>(rows));
}

std::vector<std::string> Series::contents() const {
  std::vector<std::string> all;
  for (const Split split : kSplits) {
    if ((!main_ && !test_) || !has(split)) continue;
    const SeriesWindows& windows = split == Split::train ? training_ : evaluated(split);
    const bool from_start = split == Split::train || file_of(split).cuts.empty();
    Index rows = 0, entities = 0;
    std::optional<std::pair<Moment, std::string>> first, last;
    for (std::size_t i = 0; i < windows.parts().size(); ++i) {
      const SeriesPart& part = windows.parts()[i];
      if (is_panel() && windows.of_part(i).second == 0) continue;
      const Index begin = from_start ? 0 : part.first;
      rows += part.last - begin, ++entities;
      const auto& dates = part.rows->dates;
      if (!dates) continue;
      if (!first || dates->at(begin) < first->first) first = {dates->at(begin), dates->text(begin)};
      if (!last || dates->at(part.last - 1) > last->first)
        last = {dates->at(part.last - 1), dates->text(part.last - 1)};
    }
    all.push_back(
        str(split_name(split), ": ", grouped(rows), " rows",
            is_panel() ? str(" of ", grouped(entities), " of ", grouped(std::ssize(file_of(split).series)), " entities")
                       : "",
            ", ", grouped(windows.count()), " windows", first ? ", " + first->second + " to " + last->second : ""));
  }
  return all;
}

std::vector<std::string> Series::notes() const {
  std::vector<std::string> all = notes_;
  if (main_ || test_)
    for (const std::string& target : printable_all(keys_.asked())) {
      const auto& scale = learned_.scales.at(target);
      all.push_back(keys_.by_window() ? str("errors are in deviations of ", target, " in the rows that a window reads")
                    : scale.deviation > 0 ? format("errors are in deviations of %s in the training part: %g (mean %g)",
                                                   target.c_str(), scale.deviation, scale.mean)
                                          : format("%s is %g throughout the training part: errors are in its own units",
                                                   target.c_str(), scale.mean));
    }
  return all;
}

std::unique_ptr<Task> make_series() { return std::make_unique<Series>(); }

}  // namespace seqtape
