#pragma once
#include "data/epochs.h"
#include "data/task.h"

namespace seqtape {

/// Forecasting of a multivariate time series, from the named columns of a CSV file: `length` rows are read, the
/// `horizon` rows of the target columns behind them are asked for, all at once. The rows are cut in order into a
/// training, a validation and a test part (Zhou et al. 2021, Informer, section 5.1). Every column is normalised by the
/// mean and deviation of its training part alone, or by those that a run learned; errors are in these units. The rows
/// that a window reads may lie in the part before, what is asked never.
class Series final : public Task {
 public:
  void fields(Fields&) override;
  void resolve_paths(const std::filesystem::path& base) override;
  void prepare(std::uint64_t seed) override;
  TaskShape shape() const override;
  void training_batch(Index step, Index batch, Batch& out) const override;
  std::unique_ptr<Evaluation> evaluation(Split, const EvaluationOptions&) const override;
  Index training_sequences() const override { return training_windows(); }
  std::string fingerprint() const override;
  Json learned() const override;
  void use(const Json& learned) override { learned_ = learned; }
  std::vector<std::string> notes() const override;

 private:
  friend class SeriesEvaluation;
  const std::vector<std::string>& targets() const { return targets_.empty() ? columns_ : targets_; }
  /// Rows [first, last) whose values are asked for in the windows of a split.
  std::pair<Index, Index> asked(Split) const;
  /// The windows that read from these rows on, steps [begin, begin + steps) of each.
  void fill(const std::vector<Index>& starts, Index begin, Index steps, Batch& out) const;

  std::string path_;
  std::vector<std::string> columns_, targets_;
  Index length_ = 96, horizon_ = 24, eval_stride_ = 1;
  double train_fraction_ = 0.7, test_fraction_ = 0.2;
  std::uint64_t seed_ = 0;

  struct Column {
    std::string name;
    std::vector<float> values{};  ///< normalised
    double mean = 0, deviation = 0;
  };
  /// Mean and deviation of values[0, train), or as they were learned; then the normalised values.
  void normalise(Column&, const std::vector<double>& values) const;
  Index training_windows() const;

  Json learned_ = Json::object();
  std::vector<Column> inputs_, answers_;
  Index rows_ = 0;
  std::uint32_t crc_ = 0;
  mutable Epochs epochs_;
};

}  // namespace seqtape
