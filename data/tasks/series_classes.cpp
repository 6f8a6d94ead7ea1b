#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/strings.h"
#include "data/readers/csv.h"
#include "data/sequence_classification.h"

namespace seqtape {
namespace {

/// Classification of univariate time series: a file of lines "class, value, value, ..." (the UCR archive's format), of
/// one length or several; separated by commas, semicolons, tabs or blanks, plain or gz. NaN and empty cells at the end
/// of a line fill up a shorter series, as in the archive.
class SeriesClasses final : public ValueClassification {
 public:
  void fields(Fields& f) override {
    SequenceClassification::fields(f);
    f("normalise", normalise_,
      "take off the mean of the training part's values, and divide by their deviation; numbers that floats cannot hold "
      "always are");
    f("group_column", group_column_,
      "number of the cell of a line that names its group, which stays in one split, and is no value; 1 is the class, "
      "0: "
      "there is none",
      between(0, 1e6));
  }
  Json learned() const override {
    Json all = SequenceClassification::learned();
    if (scaled_) all.update({{"mean", mean_}, {"deviation", deviation_}});
    return all;
  }
  void use(const Json& learned) override {
    SequenceClassification::use(learned);
    given_ = !learned.empty();
    if (!learned.contains("mean")) return;
    mean_ = learned.at("mean").get<double>();
    deviation_ = learned.at("deviation").get<double>();
    scaled_ = true;
  }
  std::vector<std::string> notes() const override {
    auto all = SequenceClassification::notes();
    if (scaled_ && !normalise_)
      all.push_back(
          format("the values are too far from 0 for 32-bit numbers: the training part's mean, %g, was taken off, "
                 "and they were divided by its deviation, %g (task.normalise)",
                 mean_, deviation_));
    if (labelled_) all.push_back("the first cell of each line names a class: it is not read as a value");
    return all;
  }
  NewInputs new_inputs() override {
    NewInputs inputs = SequenceClassification::new_inputs();
    inputs.standard_input = true;
    inputs.read = [this, names = inputs.answers](const std::filesystem::path& path, const NewInputs::Add& add) {
      const CsvFile file(path, true);
      const bool labelled = has_labels(file, names);
      std::vector<Steps> all;
      for (std::size_t r = 0; r < file.rows.size(); ++r) {
        all.push_back({.values = scaled(values(file, r, labelled))});
        refuse_other(all.back().values, str(path.string(), ":", file.lines[r]));
      }
      labelled_ = labelled_ || labelled;
      for (std::size_t r = 0; r < all.size(); ++r) add(NewInput::of(std::move(all[r]), std::to_string(file.lines[r])));
    };
    return inputs;
  }
  Signature signature() const override {
    Signature all = SequenceClassification::signature();
    all.unit = "value";
    if (scaled_) all.columns = {{"", mean_, deviation_ > 0 ? deviation_ : 1}};
    return all;
  }

 private:
  const char* path_doc() const override {
    return "CSV or TSV file: a class and the values of a series in each line, relative to the config";
  }

  void forget() override {
    ValueClassification::forget();
    values_.clear();
  }

  void load() override {
    if (group_column_ == 1) throw ConfigError("task.group_column: must be > 1, or 0 for none; 1 is the class");
    if (!std::filesystem::is_regular_file(path()))
      throw DataError(str(key(), path(), " does not exist or is not a file"));
    const CsvFile file(path(), true);
    for (std::size_t r = 0; r < file.rows.size(); ++r) {
      const auto& row = file.rows[r];
      const std::string where = str(path(), ":", file.lines[r]);
      const auto group = static_cast<std::size_t>(group_column_);
      if (group > row.size() || (group > 0 && row[group - 1].empty()))
        throw DataError(str(where, ": has ", row.size(), " cells; number ", group,
                            " must name its group "
                            "(task.group_column)"));
      if (group > 0) in_group(row[group - 1]);
      std::vector<double> values = this->values(file, r, true);
      if (evaluates()) refuse_other(scaled(values), where);
      add(std::vector<float>(values.begin(), values.end()), row[0], where,
          {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(double)});
      if (!values.empty()) values_.push_back(std::move(values));
    }
  }

  /// Throws DataError for values, as the model reads them, unlike any in training.
  void refuse_other(const std::vector<float>& values, const std::string& where) const {
    for (const float value : values)
      if (!std::isfinite(value)) throw DataError(str(where, ": has a value that 32-bit numbers cannot hold"));
    if (scaled_ && deviation_ > 0) refuse_other_scale(values, where, mean_, deviation_);
  }

  /// The values of row r; its first cell is a class, and another one its group, or the first of them.
  std::vector<double> values(const CsvFile& file, std::size_t r, bool labelled) const {
    std::size_t end = file.rows[r].size();
    while (end > 1 && is_filler(file.rows[r][end - 1])) --end;
    std::vector<double> values;
    for (std::size_t c = labelled ? 1 : 0; c < end; ++c)
      if (!labelled || c + 1 != static_cast<std::size_t>(group_column_))
        values.push_back(file.number(r, c, std::to_string(c + 1)));
    return values;
  }

  /// Every one of several rows begins with a class of the run, or all with "?".
  static bool has_labels(const CsvFile& file, const std::vector<std::string>& names) {
    return std::all_of(file.rows.begin(), file.rows.end(), [&](const auto& row) {
      return row[0] == "?" ||
             (file.rows.size() > 1 && std::find(names.begin(), names.end(), printable(row[0])) != names.end());
    });
  }

  static bool is_filler(std::string_view cell) {
    const auto is = [&](std::size_t i, char letter) {
      return std::tolower(static_cast<unsigned char>(cell[i])) == letter;
    };
    return cell.empty() || (cell.size() == 3 && is(0, 'n') && is(1, 'a') && is(2, 'n'));
  }

  /// The values as the model reads them: doubles until the mean is subtracted.
  void loaded() override {
    if (!given_) measure();
    for (std::size_t i = 0; i < values_.size(); ++i) {
      values_[i].resize(sequences()[i].size());  // what is kept of it
      sequences()[i] = scaled(values_[i]);
    }
    values_.clear();
  }

  std::vector<float> scaled(const std::vector<double>& values) const {
    const double scale = !scaled_ ? 1 : deviation_ > 0 ? deviation_ : 1, mean = scaled_ ? mean_ : 0;
    std::vector<float> read;
    for (const double value : values) read.push_back(static_cast<float>((value - mean) / scale));
    return read;
  }

  /// Mean and standard deviation of the training part, and whether the values must be normalised by them.
  void measure() {
    double count = 0, sum = 0, square = 0;
    const auto each = [&](const auto& take) {
      for (const Index i : part(Split::train))
        for (const double value : values_[static_cast<std::size_t>(i)]) take(value);
    };
    const double first = values_[static_cast<std::size_t>(part(Split::train).front())].front();
    each([&](double value) { sum += value - first, ++count; });
    mean_ = first + sum / count;
    each([&](double value) { square += (value - mean_) * (value - mean_); });
    deviation_ = std::sqrt(square / count);
    double most = 0;
    each([&](double value) { most = std::max(most, std::fabs(value)); });
    // A float has 24 bits: less than 16 of its spacings would fit into a standard deviation.
    const bool beyond_floats = deviation_ > 0 && (most > 1e37 || most * 0x1p-20 > deviation_);
    scaled_ = normalise_ || beyond_floats;
  }

  Index group_column_ = 0;
  bool normalise_ = false, given_ = false, scaled_ = false;  // given: by a run
  bool labelled_ = false;                                    // a new file has classes
  double mean_ = 0, deviation_ = 0;
  std::vector<std::vector<double>> values_;  // of the sequences, uncut, while they are loaded
};

}  // namespace

std::unique_ptr<Task> make_series_classes() { return std::make_unique<SeriesClasses>(); }

}  // namespace seqtape
