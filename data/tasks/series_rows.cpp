#include "data/tasks/series_rows.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numbers>

#include "core/error.h"
#include "core/strings.h"
#include "data/forecasting.h"

namespace seqtape {
namespace {

using Values = std::vector<double>;

/// Calls gap(begin, end) for each run of rows without a value.
template <class Gap>
void each_gap(const Values& values, Gap gap) {
  for (std::size_t end, begin = 0; begin < values.size(); begin = end + 1) {
    for (end = begin; end < values.size() && std::isnan(values[end]); ++end) {
    }
    if (end > begin) gap(begin, end);
  }
}

/// Fills by the rule. Throws DataError where nothing is known in the first part.
Values filled(Values values, bool linear, const std::vector<Index>& ends, const std::string& where) {
  each_gap(Values(values), [&](std::size_t begin, std::size_t end) {
    const double after = end < values.size() ? values[end] : std::nan("");
    if (begin == 0 && static_cast<Index>(end) >= ends[0])
      throw DataError(str(where, " has no value in the first ", ends[0], " rows, by which it could be filled"));
    const double before = begin ? values[begin - 1] : after;
    auto part = ends.begin();
    for (std::size_t r = begin; r < end; ++r) {
      while (static_cast<Index>(r) >= *part) ++part;
      const bool line = linear && static_cast<Index>(end) < *part;
      const double share = static_cast<double>(r + 1 - begin) / static_cast<double>(end + 1 - begin);
      values[r] = line ? before + share * (after - before) : before;
    }
  });
  return values;
}

/// In the training's deviations. Throws DataError for a value that a float cannot hold.
float scaled(double value, const SeriesLearned::Scale& by, const std::string& where) {
  const auto result = static_cast<float>((value - by.mean) / by.scale());
  if (!std::isfinite(result))
    throw DataError(str(where, ": ", value, " is too far from the training part's mean, ", by.mean,
                        ", in deviations of ", by.scale()));
  return result;
}

std::string place(const SeriesTable& table, const std::string& name) {
  return str(table.place(), ": column ", printable(name));
}

/// How much of its cycle has passed: 0 to 1.
double turn(const std::string& kind, Moment at) {
  using namespace std::chrono;
  const sys_days day = floor<days>(at);
  const year_month_day date(day);
  const auto share = [](auto part, auto all) { return static_cast<double>(part) / static_cast<double>(all); };
  const year_month_day_last month_end(date.year(), month_day_last(date.month()));
  const sys_days year_begin = sys_days(date.year() / January / 1), year_end = sys_days(date.year() / December / 31);
  if (kind == "hour_of_day") return share((at - day).count(), microseconds(days(1)).count());
  if (kind == "day_of_week") return share(weekday(day).iso_encoding() - 1, 7);
  if (kind == "day_of_month")
    return share(static_cast<unsigned>(date.day()) - 1, static_cast<unsigned>(month_end.day()));
  if (kind == "day_of_year") return share((day - year_begin).count(), (year_end - year_begin).count() + 1);
  return share(static_cast<unsigned>(date.month()) - 1, 12);
}

/// How many features a column's values are.
Index width_of(const SeriesKeys& keys, const SeriesLearned& learned, const std::string& name) {
  if (!keys.is_category(name)) return keys.masks() ? 2 : 1;
  const auto categories = learned.categories.find(printable(name));
  return categories == learned.categories.end() ? 0 : static_cast<Index>(categories->second.size());
}

}  // namespace

Index features_of(const SeriesKeys& keys, const SeriesLearned& learned, Index horizon) {
  Index count = 2 * static_cast<Index>(keys.calendar.size());
  for (const ReadColumn& column : keys.read(horizon)) count += width_of(keys, learned, column.name);
  return count;
}

SeriesLearned::Scale fit_scale(const std::vector<SeriesTable>& tables, const std::string& name,
                               const std::vector<Index>& ends) {
  // Relative to the first value, so that equal ones give exactly 0; a deviation in the last bits counts as 0.
  double base = std::nan(""), sum = 0, square = 0, count = 0;
  Index rows = 0;
  const auto each = [&](const auto& see) {
    for (std::size_t e = 0; e < tables.size(); ++e)
      for (Index r = 0; r < ends[e]; ++r)
        if (const double value = tables[e].column(name).values[static_cast<std::size_t>(r)]; !std::isnan(value))
          see(value);
  };
  each([&](double value) {
    if (std::isnan(base)) base = value;
    sum += value - base, ++count;
  });
  for (const Index end : ends) rows += end;
  if (count == 0)
    throw DataError(str(tables.size() == 1 ? place(tables[0], name) : str(tables[0].path, ": column ", printable(name)),
                        " has no value in the ", rows, " rows of the training part"));
  SeriesLearned::Scale scale;
  scale.mean = base + sum / count;
  double farthest = 0;
  each([&](double value) { farthest = std::max(farthest, std::fabs(value - scale.mean)); });
  // In units of a power of two, which rounds nothing: the square of 1e-300 would be 0.
  const double unit = farthest > 0 ? std::ldexp(1, std::ilogb(farthest)) : 1;
  each([&](double value) { square += std::pow((value - scale.mean) / unit, 2); });
  scale.deviation = unit * std::sqrt(square / count);
  if (scale.deviation <= 8 * std::numeric_limits<double>::epsilon() * std::fabs(scale.mean)) scale.deviation = 0;
  return scale;
}

SeriesRows::SeriesRows(const SeriesTable& table, const SeriesKeys& keys, const SeriesLearned& learned, Index horizon,
                       const std::vector<Index>& ends, bool answers)
    : path(table.place()),
      entity(table.entity),
      rows(table.known),
      dates(table.dates),
      stored_rows_(table.rows),
      masks_(keys.masks()) {
  const auto count = static_cast<std::size_t>(stored_rows_);
  std::map<std::string, std::size_t> stored_at;  // the first feature of each column
  for (const ReadColumn& column : keys.read(horizon)) {
    const auto width = static_cast<std::size_t>(width_of(keys, learned, column.name));
    const auto [at, is_new] = stored_at.emplace(column.name, stored_);
    for (std::size_t f = 0; f < width; ++f) {
      features_.push_back({at->second + f, column.ahead});
      if (is_new) by_window_.push_back(column.window && f == 0);
    }
    if (is_new) stored_ += width;
  }
  const std::size_t calendar = stored_;
  for (std::size_t f = 0; f < 2 * keys.calendar.size(); ++f) features_.push_back({stored_++, 0});
  by_window_.resize(stored_);
  inputs_.resize(count * stored_);
  input_gaps_.resize(stored_);
  std::vector<Index> ahead_ends = ends;
  ahead_ends.push_back(stored_rows_);  // of what is known ahead
  for (const auto& [name, feature] : stored_at) {
    const std::vector<Index>& parts = keys.is_known(name) ? ahead_ends : ends;
    if (!keys.is_category(name)) {
      add_numbers(table, name, keys, learned, parts, feature);
      continue;
    }
    const Values& raw = table.column(name).values;
    // Between two categories there is no line.
    const Values values = keys.masks() ? raw : filled(raw, false, parts, place(table, name));
    for (std::size_t r = 0; r < count; ++r)
      if (!std::isnan(values[r])) inputs_[r * stored_ + feature + static_cast<std::size_t>(values[r])] = 1;
  }
  for (std::size_t k = 0; k < keys.calendar.size(); ++k) add_calendar(keys.calendar[k], calendar + 2 * k);

  const std::vector<std::string> asked = keys.asked();
  for (const std::string& name : asked) {
    const auto& scale = learned.scale_of(name);
    units_.push_back({scale.mean, scale.scale()});
    if (keys.by_window()) target_features_.push_back(stored_at.at(name));
  }
  if (!answers) return;
  targets_ = asked.size();
  answers_.resize(static_cast<std::size_t>(rows) * targets_);
  answer_gaps_.resize(targets_);
  for (std::size_t k = 0; k < targets_; ++k) {
    const Values& all = table.column(asked[k]).values;
    const Values raw(all.begin(), all.begin() + rows);
    const auto& scale = learned.scale_of(asked[k]);
    const std::string where = place(table, asked[k]);
    const bool linear = keys.missing == "linear";
    const Values values = keys.masks() ? raw : filled(raw, linear, ends, where);
    if (linear) answer_gaps_[k] = gaps_in(raw, scale, where);
    for (std::size_t r = 0; r < raw.size(); ++r)
      answers_[r * targets_ + k] = std::isnan(values[r]) ? std::nanf("") : scaled(values[r], scale, where);
  }
}

void SeriesRows::add_numbers(const SeriesTable& table, const std::string& name, const SeriesKeys& keys,
                             const SeriesLearned& learned, const std::vector<Index>& ends, std::size_t feature) {
  const Values& raw = table.column(name).values;
  const auto& scale = learned.scale_of(name);
  const std::string where = place(table, name);
  if (keys.masks()) {
    for (std::size_t r = 0; r < raw.size(); ++r) {
      const bool known = !std::isnan(raw[r]);
      inputs_[r * stored_ + feature] = known ? scaled(raw[r], scale, where) : 0.0f;
      inputs_[r * stored_ + feature + 1] = known;
    }
    return;
  }
  const bool linear = keys.missing == "linear";
  const Values values = filled(raw, linear, ends, where);
  for (std::size_t r = 0; r < raw.size(); ++r) inputs_[r * stored_ + feature] = scaled(values[r], scale, where);
  if (linear && !keys.is_known(name)) input_gaps_[feature] = gaps_in(raw, scale, where);
}

SeriesRows::Gaps SeriesRows::gaps_in(const Values& values, const SeriesLearned::Scale& scale,
                                     const std::string& where) {
  Gaps gaps;
  each_gap(values, [&](std::size_t begin, std::size_t end) {
    if (begin > 0)
      gaps.push_back({static_cast<Index>(begin), static_cast<Index>(end), scaled(values[begin - 1], scale, where)});
  });
  return gaps;
}

const SeriesRows::Gap* SeriesRows::open_gap(const Gaps& gaps, Index known) {
  const auto after =
      std::upper_bound(gaps.begin(), gaps.end(), known - 1, [](Index row, const Gap& gap) { return row < gap.begin; });
  return after != gaps.begin() && std::prev(after)->end >= known ? &*std::prev(after) : nullptr;
}

void SeriesRows::add_calendar(const std::string& kind, std::size_t feature) {
  for (Index r = 0; r < stored_rows_; ++r) {
    const double angle = 2 * std::numbers::pi * turn(kind, dates->at(r));
    float* const to = inputs_.data() + static_cast<std::size_t>(r) * stored_ + feature;
    to[0] = static_cast<float>(std::sin(angle));
    to[1] = static_cast<float>(std::cos(angle));
  }
}

float SeriesRows::input(Index row, std::size_t stored, Index known) const {
  if (row >= stored_rows_) return 0;  // of a row that no window reads
  if (const Gap* gap = open_gap(input_gaps_[stored], known); gap && row >= gap->begin) return gap->before;
  return inputs_[static_cast<std::size_t>(row) * stored_ + stored];
}

Forecasting::Scale SeriesRows::window_scale(const SeriesWindow& window, std::size_t stored) const {
  double sum = 0, square = 0, count = 0;
  const auto each = [&](const auto& see) {
    for (Index r = window.begin; r < window.end; ++r)
      if (!masks_ || input(r, stored + 1, window.end) > 0) see(static_cast<double>(input(r, stored, window.end)));
  };
  each([&](double value) { sum += value, ++count; });
  if (count == 0) return {};
  const double mean = sum / count;
  each([&](double value) { square += std::pow(value - mean, 2); });
  return {mean, square == 0 ? 1 : std::max(Signature::kLeastDeviation, std::sqrt(square / count))};
}

void SeriesRows::append_inputs(const SeriesWindow& window, Index begin, Index end, std::vector<float>& out) const {
  const std::size_t base = out.size(), width = features_.size();
  out.resize(base + static_cast<std::size_t>(end - begin) * width);
  for (std::size_t f = 0; f < width; ++f) {
    float* to = out.data() + base + f;
    for (Index r = begin; r < end; ++r, to += width)
      *to = input(r + features_[f].ahead, features_[f].stored, window.end);
  }
  for (std::size_t f = 0; f < width; ++f) {
    if (!by_window_[features_[f].stored]) continue;
    const auto [mean, scale] = window_scale(window, features_[f].stored);
    float* to = out.data() + base + f;
    for (Index r = begin; r < end; ++r, to += width)
      if (!masks_ || to[1] > 0) *to = static_cast<float>((static_cast<double>(*to) - mean) / scale);
  }
}

std::vector<Forecasting::Scale> SeriesRows::scales_of(const SeriesWindow& window) const {
  std::vector<Forecasting::Scale> all(units_.size());
  for (std::size_t k = 0; k < target_features_.size(); ++k) all[k] = window_scale(window, target_features_[k]);
  return all;
}

bool SeriesRows::any_answer(Index begin, Index end) const {
  const auto width = static_cast<std::ptrdiff_t>(targets_);
  return std::any_of(answers_.begin() + begin * width, answers_.begin() + end * width,
                     [](float value) { return !std::isnan(value); });
}

float SeriesRows::answer(const SeriesWindow& window, const std::vector<Forecasting::Scale>& scales, Index row,
                         std::size_t target) const {
  const Gap* gap = open_gap(answer_gaps_[target], window.end);
  const float value = gap && row >= gap->begin && row < window.end
                          ? gap->before
                          : answers_[static_cast<std::size_t>(row) * targets_ + target];
  if (target_features_.empty()) return value;
  return static_cast<float>((static_cast<double>(value) - scales[target].mean) / scales[target].scale);
}

void SeriesRows::append_answers(const SeriesWindow& window, Index horizon, std::vector<float>& out) const {
  const auto scales = scales_of(window);
  for (Index r = window.end; r < window.end + horizon; ++r)
    for (std::size_t k = 0; k < targets_; ++k) out.push_back(answer(window, scales, r, k));
}

std::vector<double> SeriesRows::seasonal_errors(Index end, Index season) const {
  std::vector<double> all;
  for (std::size_t k = 0; k < targets_; ++k) {
    std::vector<double> values;
    for (Index row = 0; row < end; ++row)
      values.push_back(in_units(k, static_cast<double>(answers_[static_cast<std::size_t>(row) * targets_ + k])));
    all.push_back(seasonal_error(values, season));
  }
  return all;
}

}  // namespace seqtape
