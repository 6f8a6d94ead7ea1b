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
    return all;
  }

 private:
  const char* path_doc() const override {
    return "CSV or TSV file: a class and the values of a series in each line, relative to the config";
  }

  void load_values() override {
    if (!std::filesystem::is_regular_file(path()))
      throw DataError(str("task.path: ", path(), " does not exist or is not a file"));
    const CsvFile file(path(), true);
    values_.clear();
    for (std::size_t r = 0; r < file.rows.size(); ++r) {
      std::size_t end = file.rows[r].size();
      while (end > 1 && is_filler(file.rows[r][end - 1])) --end;
      std::vector<double> values;
      for (std::size_t c = 1; c < end; ++c) values.push_back(file.number(r, c, std::to_string(c + 1)));
      add(std::vector<float>(values.begin(), values.end()), file.rows[r][0], str(path(), ":", file.lines[r]),
          {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(double)});
      if (!values.empty()) values_.push_back(std::move(values));
    }
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
    const double scale = !scaled_ ? 1 : deviation_ > 0 ? deviation_ : 1, mean = scaled_ ? mean_ : 0;
    for (std::size_t i = 0; i < values_.size(); ++i) {
      std::vector<float>& kept = sequences()[i];
      for (std::size_t t = 0; t < kept.size(); ++t) kept[t] = static_cast<float>((values_[i][t] - mean) / scale);
    }
    values_.clear();
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

  bool normalise_ = false, given_ = false, scaled_ = false;  // given: by a run
  double mean_ = 0, deviation_ = 0;
  std::vector<std::vector<double>> values_;  // of the sequences, uncut, while they are loaded
};

}  // namespace

std::unique_ptr<Task> make_series_classes() { return std::make_unique<SeriesClasses>(); }

}  // namespace seqtape
