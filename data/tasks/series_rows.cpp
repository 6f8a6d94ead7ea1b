#include "data/tasks/series_rows.h"

#include <algorithm>
#include <cmath>
#include <limits>
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

const SeriesLearned::Scale& scale_of(const SeriesLearned& learned, const std::string& name) {
  const auto scale = learned.scales.find(printable(name));
  if (scale == learned.scales.end())
    throw DataError(str("task: the run has no mean and deviation of column ", printable(name)));
  return scale->second;
}

std::string place(const SeriesTable& table, const std::string& name) {
  return str(table.path, ": column ", printable(name));
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

}  // namespace

Index features_of(const SeriesKeys& keys, const SeriesLearned& learned) {
  Index count = 2 * static_cast<Index>(keys.calendar.size());
  for (const std::string& name : keys.columns) {
    const auto categories = learned.categories.find(printable(name));
    count += !keys.is_category(name)                  ? (keys.masks() ? 2 : 1)
             : categories == learned.categories.end() ? 0
                                                      : static_cast<Index>(categories->second.size());
  }
  return count;
}

SeriesLearned::Scale fit_scale(const SeriesTable& table, const std::string& name, Index train) {
  // Relative to the first value, so that equal ones give exactly 0; a deviation in the last bits counts as 0.
  const Values& values = table.column(name).values;
  const auto end = values.begin() + train;
  const auto base = std::find_if(values.begin(), end, [](double value) { return !std::isnan(value); });
  if (base == end)
    throw DataError(str(place(table, name), " has no value in the ", train, " rows of the training part"));
  SeriesLearned::Scale scale;
  double sum = 0, square = 0, count = 0, farthest = 0;
  for (auto value = base; value != end; ++value)
    if (!std::isnan(*value)) sum += *value - *base, ++count;
  scale.mean = *base + sum / count;
  for (auto value = base; value != end; ++value)
    if (!std::isnan(*value)) farthest = std::max(farthest, std::fabs(*value - scale.mean));
  // In units of a power of two, which rounds nothing: the square of 1e-300 would be 0.
  const double unit = farthest > 0 ? std::ldexp(1, std::ilogb(farthest)) : 1;
  for (auto value = base; value != end; ++value)
    if (!std::isnan(*value)) square += std::pow((*value - scale.mean) / unit, 2);
  scale.deviation = unit * std::sqrt(square / count);
  if (scale.deviation <= 8 * std::numeric_limits<double>::epsilon() * std::fabs(scale.mean)) scale.deviation = 0;
  return scale;
}

SeriesRows::SeriesRows(const SeriesTable& table, const SeriesKeys& keys, const SeriesLearned& learned,
                       const std::vector<Index>& ends, bool answers)
    : path(table.path),
      rows(table.rows),
      dates(table.dates),
      features_(static_cast<std::size_t>(features_of(keys, learned))) {
  const auto count = static_cast<std::size_t>(rows);
  inputs_.resize(count * features_);
  input_gaps_.resize(features_);
  std::size_t feature = 0;
  for (const std::string& name : keys.columns) {
    if (!keys.is_category(name)) {
      add_numbers(table, name, keys, learned, ends, feature);
      feature += keys.masks() ? 2 : 1;
      continue;
    }
    const Values& raw = table.column(name).values;
    // Between two categories there is no line.
    const Values values = keys.masks() ? raw : filled(raw, false, ends, place(table, name));
    for (std::size_t r = 0; r < count; ++r)
      if (!std::isnan(values[r])) inputs_[r * features_ + feature + static_cast<std::size_t>(values[r])] = 1;
    feature += learned.categories.at(printable(name)).size();
  }
  for (const std::string& kind : keys.calendar) {
    add_calendar(kind, feature);
    feature += 2;
  }
  if (!answers) return;
  const std::vector<std::string> asked = keys.asked();
  targets_ = asked.size();
  answers_.resize(count * targets_);
  answer_gaps_.resize(targets_);
  for (std::size_t k = 0; k < targets_; ++k) {
    const Values& raw = table.column(asked[k]).values;
    const auto& scale = scale_of(learned, asked[k]);
    const std::string where = place(table, asked[k]);
    const bool linear = keys.missing == "linear";
    const Values values = keys.masks() ? raw : filled(raw, linear, ends, where);
    if (linear) answer_gaps_[k] = gaps_in(raw, scale, where);
    for (std::size_t r = 0; r < count; ++r)
      answers_[r * targets_ + k] = std::isnan(values[r]) ? std::nanf("") : scaled(values[r], scale, where);
  }
}

void SeriesRows::add_numbers(const SeriesTable& table, const std::string& name, const SeriesKeys& keys,
                             const SeriesLearned& learned, const std::vector<Index>& ends, std::size_t feature) {
  const Values& raw = table.column(name).values;
  const auto& scale = scale_of(learned, name);
  const std::string where = place(table, name);
  if (keys.masks()) {
    for (std::size_t r = 0; r < raw.size(); ++r) {
      const bool known = !std::isnan(raw[r]);
      inputs_[r * features_ + feature] = known ? scaled(raw[r], scale, where) : 0.0f;
      inputs_[r * features_ + feature + 1] = known;
    }
    return;
  }
  const bool linear = keys.missing == "linear";
  const Values values = filled(raw, linear, ends, where);
  for (std::size_t r = 0; r < raw.size(); ++r) inputs_[r * features_ + feature] = scaled(values[r], scale, where);
  if (linear) input_gaps_[feature] = gaps_in(raw, scale, where);
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
  for (Index r = 0; r < rows; ++r) {
    const double angle = 2 * std::numbers::pi * turn(kind, dates->at(r));
    float* const to = inputs_.data() + static_cast<std::size_t>(r) * features_ + feature;
    to[0] = static_cast<float>(std::sin(angle));
    to[1] = static_cast<float>(std::cos(angle));
  }
}

void SeriesRows::append_inputs(Index begin, Index end, Index known, std::vector<float>& out) const {
  const auto width = static_cast<Index>(features_);
  const auto base = static_cast<Index>(out.size());
  out.insert(out.end(), inputs_.begin() + begin * width, inputs_.begin() + end * width);
  for (std::size_t feature = 0; feature < features_; ++feature) {
    const Gap* gap = open_gap(input_gaps_[feature], known);
    for (Index r = gap ? std::max(begin, gap->begin) : end; r < end; ++r)
      out[static_cast<std::size_t>(base + (r - begin) * width) + feature] = gap->before;
  }
}

bool SeriesRows::any_answer(Index begin, Index end) const {
  const auto width = static_cast<std::ptrdiff_t>(targets_);
  return std::any_of(answers_.begin() + begin * width, answers_.begin() + end * width,
                     [](float value) { return !std::isnan(value); });
}

float SeriesRows::answer(Index row, std::size_t target, Index known) const {
  if (const Gap* gap = open_gap(answer_gaps_[target], known); gap && row >= gap->begin) return gap->before;
  return answers_[static_cast<std::size_t>(row) * targets_ + target];
}

void SeriesRows::append_answers(Index begin, Index end, std::vector<float>& out) const {
  const auto width = static_cast<std::ptrdiff_t>(targets_);
  out.insert(out.end(), answers_.begin() + begin * width, answers_.begin() + end * width);
}

void learn_seasonal_errors(const SeriesRows& rows, const std::vector<std::string>& targets, Index train, Index season,
                           SeriesLearned& learned) {
  learned.season = season;
  learned.seasonal.clear();
  for (std::size_t k = 0; k < targets.size(); ++k) {
    const SeriesLearned::Scale& scale = learned.scales.at(targets[k]);
    std::vector<double> values;
    for (Index row = 0; row < train; ++row)
      values.push_back(scale.mean + scale.scale() * static_cast<double>(rows.answer(row, k, rows.rows)));
    if (const double error = seasonal_error(values, season); !std::isnan(error)) learned.seasonal[targets[k]] = error;
  }
}

}  // namespace seqtape
