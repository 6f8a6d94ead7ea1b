// What is known of a series' forecasts, and what a run needs to make them: naive ones, what was learned, new inputs.
#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/strings.h"
#include "data/tasks/series.h"

namespace seqtape {

std::vector<Forecasting::Target> Series::forecast_targets() const {
  std::vector<Target> all;
  for (const std::string& name : printable_all(keys_.asked())) {
    const auto& scale = learned_.scales.at(name);
    all.push_back({name, {scale.mean, scale.scale()}});
  }
  return all;
}

std::vector<std::string> Series::entities(Split split) const {
  std::vector<std::string> all;
  for (const SeriesPart& part : evaluated(split).parts()) all.push_back(part.rows->entity);
  return all;
}

Forecasting::Window Series::window(Split split, Index number) const {
  const auto [part, read] = evaluated(split).at(number);
  const SeriesRows& rows = *evaluated(split).parts()[part].rows;
  Window window{static_cast<Index>(part), rows.scales_of(read), of(seasonal_, split)[part]};
  for (std::size_t k = 0; k < window.scales.size(); ++k) {
    const auto [mean, scale] = window.scales[k];
    const double low = rows.in_units(k, mean);
    window.scales[k] = {low, rows.in_units(k, mean + scale) - low};
  }
  return window;
}

bool Series::naive_forecast(Split split, Index number, Index season, std::vector<float>& answers) const {
  const auto [part, window] = evaluated(split).at(number);
  const SeriesRows& rows = *evaluated(split).parts()[part].rows;
  answers.clear();
  if (window.end < season) return false;
  const auto scales = rows.scales_of(window);
  for (Index h = 0; h < horizon_; ++h)
    for (std::size_t k = 0; k < scales.size(); ++k) {
      Index row = window.end - season + h % season;
      while (row >= season && std::isnan(rows.answer(window, scales, row, k))) row -= season;
      answers.push_back(rows.answer(window, scales, row, k));
    }
  return true;
}

void Series::history(Split split, Index number, Index steps, std::vector<float>& answers) const {
  const auto [part, window] = evaluated(split).at(number);
  const SeriesRows& rows = *evaluated(split).parts()[part].rows;
  const auto scales = rows.scales_of(window);
  answers.clear();
  for (Index row = std::max<Index>(0, window.end - steps); row < window.end; ++row)
    for (std::size_t k = 0; k < scales.size(); ++k) answers.push_back(rows.answer(window, scales, row, k));
}

std::string Series::date(Split split, Index number, Index step) const {
  const auto [part, window] = evaluated(split).at(number);
  const SeriesRows& rows = *evaluated(split).parts()[part].rows;
  return rows.dates ? rows.dates->text(window.end + step) : "";
}

void Series::use(const Json& learned) {
  saved_ = learned;
  learned_ = known();
}

SeriesLearned Series::known() const { return saved_.contains("scales") ? SeriesLearned::of(saved_) : SeriesLearned{}; }

Json Series::learned() const {
  Json scales = Json::object();
  for (const std::string& name : keys_.needed(true))
    if (!keys_.is_category(name)) {
      const auto& scale = learned_.scale_of(name);
      scales[printable(name)] = {{"mean", scale.mean}, {"deviation", scale.deviation}};
    }
  Json json = {
      {"columns", printable_all(keys_.columns)}, {"targets", printable_all(keys_.asked())}, {"scales", scales}};
  if (!keys_.known_future.empty()) json["known_future"] = printable_all(keys_.known_future);
  if (!keys_.fixed.empty()) json["static"] = printable_all(keys_.fixed);
  if (keys_.by_window()) json["normalise"] = keys_.normalise;
  learned_.add_to(json);
  return json;
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
          .id = printable(keys_.id),
          .own_file = paths_.divided()};
}

void Series::read_new(const std::filesystem::path& path, Index backtests, const NewInputs::Add& add) {
  SeriesLearned learned = SeriesLearned::of(saved_);
  const std::vector<SeriesTable> tables = read_series(path, keys_, learned, backtests > 0);
  add_notes(tables);
  for (const SeriesTable& table : tables) try {
      read_new(table, backtests, add);
    } catch (const DataError& error) {
      if (!is_panel()) throw;
      // The other entities are answered.
      add({table.entity, [text = std::string(error.what())](Steps&) -> bool { throw DataError(text); }});
    }
}

void Series::read_new(const SeriesTable& table, Index backtests, const NewInputs::Add& add) const {
  const SeriesLearned learned = SeriesLearned::of(saved_);
  const Index read = length_ + backtests * horizon_;
  if (table.known < (is_panel() ? read : backtests > 0 ? read : 0))
    throw DataError(
        backtests > 0
            ? str(table.place(), ": has ", table.known, " rows, and ", backtests, " windows of ", length_,
                  " rows with horizons of ", horizon_, " take ", read, "; lower --backtest")
            : str(table.place(), ": has ", table.known, " rows, and the model reads ", length_, " (task.length)"));
  if (!keys_.known_future.empty() && table.rows - table.known < horizon_)
    throw DataError(str(table.place(), ": ", join(printable_all(keys_.known_future), ", "), " must be known for the ",
                        horizon_, " rows to be forecast, and ", table.rows - table.known,
                        table.rows - table.known == 1 ? " row follows" : " rows follow",
                        " the last one with a value of ", join(printable_all(keys_.columns), ", "),
                        "; add rows that have a value of the former alone"));
  if (!keys_.by_window()) table.refuse_other_scale(learned, read);
  const SeriesRows rows(table, keys_, learned, horizon_, {table.known}, false);
  const auto input = [&](const SeriesWindow& window, std::string name) {
    Steps steps;
    rows.append_inputs(window, window.begin, window.end, steps.values);
    NewInput one = NewInput::of(std::move(steps), table.entity);
    one.begin = window.begin;
    one.entity = table.entity;
    if (keys_.by_window()) one.scales = rows.scales_of(window);
    if (rows.dates) one.time = [dates = *rows.dates](Index row) { return dates.text(row); };
    one.window = rows.dates ? rows.dates->text(window.end - 1) : std::move(name);
    return one;
  };
  for (Index k = backtests; k > 0; --k) {
    const Index end = table.known - k * horizon_;
    NewInput window = input({end - length_, end}, std::to_string(backtests - k + 1));
    for (Index r = end; r < end + horizon_; ++r)
      for (const std::string& name : keys_.asked())
        window.actual.push_back(table.column(name).values[static_cast<std::size_t>(r)]);
    add(std::move(window));
  }
  // What is scaled by its window is no longer than one; else --whole reads all.
  const Index begin = keys_.by_window() ? std::max<Index>(0, table.known - length_) : 0;
  add(input({begin, table.known}, std::to_string(backtests + 1)));
}

Signature Series::signature() const {
  Signature all = Task::signature();
  all.unit = "row";
  all.note = "a number for each column, of a category its name";
  all.reads = Signature::Reads::last;
  if (!learned_.done) return all;  // of an earlier version: it kept no scales
  all.columns.clear();
  const auto column = [&](const ReadColumn& of) -> Signature::Column {
    if (keys_.is_category(of.name)) return {of.title(), 0, 1, learned_.categories.at(printable(of.name))};
    const auto& scale = learned_.scale_of(of.name);
    return {of.title(), scale.mean, scale.scale(), {}, of.window};
  };
  for (const ReadColumn& read : keys_.read(horizon_)) all.columns.push_back(column(read));
  for (const std::string& name : keys_.asked()) all.numbers.push_back(column({name, 0, keys_.by_window()}));
  all.masks = keys_.masks();
  if (keys_.missing == "linear" || keys_.missing == "forward") all.fill = keys_.missing;
  all.calendar = keys_.calendar;
  return all;
}

}  // namespace seqtape
