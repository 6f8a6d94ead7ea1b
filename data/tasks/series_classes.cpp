#include <algorithm>

#include "core/error.h"
#include "core/strings.h"
#include "data/readers/csv.h"
#include "data/scaled_classification.h"

namespace seqtape {
namespace {

/// Classification of univariate time series: a file of lines "class, value, value, ..." (the UCR archive's format), of
/// one length or several; separated by commas, semicolons, tabs or blanks, plain or gz. NaN and empty cells at the end
/// of a line fill up a shorter series, as in the archive.
class SeriesClasses final : public ScaledClassification {
 public:
  void fields(Fields& f) override {
    SequenceClassification::fields(f);
    normalise_field(f);
    augment_field(f);
    f("group_column", group_column_,
      "number of the cell of a line that names its group, which stays in one split, and is no value; 1 is the class, "
      "0: "
      "there is none",
      between(0, 1e6));
  }
  std::vector<std::string> notes() const override {
    auto all = ScaledClassification::notes();
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
    Signature all = ScaledClassification::signature();
    all.unit = "value";
    return all;
  }

 private:
  const char* path_doc() const override {
    return "CSV or TSV file: a class and the values of a series in each line, relative to the config";
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
      const std::vector<double> values = this->values(file, r, true);
      add(values, row[0], where, {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(double)});
    }
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

  Index group_column_ = 0;
  bool labelled_ = false;  // a new file has classes
};

}  // namespace

std::unique_ptr<Task> make_series_classes() { return std::make_unique<SeriesClasses>(); }

}  // namespace seqtape
