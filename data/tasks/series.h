#pragma once
// Forecasting of time series from the columns of CSV files.

#include <optional>

#include "data/epochs.h"
#include "data/splits.h"
#include "data/tasks/series_windows.h"

namespace seqtape {

/// `length` rows of the columns are read, the `horizon` rows of the targets after them are asked for, all at once. The
/// rows of each series are cut in order into a training, a validation and a test part (Zhou et al. 2021, Informer,
/// section 5.1), or whole entities are drawn for each, or files are wholly one. Every column is normalised by the mean
/// and deviation of the training part alone, or by those that a run learned; or by those of what each window reads. The
/// rows that a window reads may be in the part before, but not in another series; its targets never are.
class Series final : public Task, public Forecasting {
 public:
  void fields(Fields&) override;
  void resolve_paths(const std::filesystem::path& base) override { paths_.resolve(base); }
  void prepare(std::uint64_t seed) override;
  TaskShape shape() const override;
  void training_batch(Index step, Index batch, Batch& out) const override;
  std::unique_ptr<Evaluation> evaluation(Split, const EvaluationOptions&) const override;
  bool has(Split) const override;
  Index training_sequences() const override { return training_.count(); }
  const Forecasting* forecasting() const override { return this; }
  std::vector<Target> forecast_targets() const override;
  Index horizon() const override { return horizon_; }
  Index season() const override { return season_; }
  std::vector<std::string> entities(Split) const override;
  Window window(Split, Index number) const override;
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
  /// A file's series, one an entity, and the rows of each at which its training and its validation end.
  struct File {
    std::string path;
    std::vector<SeriesRows> series;
    std::vector<std::pair<Index, Index>> cuts;
  };
  /// What a run has learned; without one, nothing.
  SeriesLearned known() const;
  void keep_to_learned() const;
  /// Reads the file that is divided, and learns from it unless a run has.
  void read_divided(const std::string& path);
  /// Reads a file that is none of the training's, all of it one split.
  void read_split(const std::string& path, std::optional<File>& file);
  void add_notes(const std::vector<SeriesTable>&);
  /// The cuts of each table: at dates, the same for all, or where there are none at rows of each; or around whole
  /// entities.
  std::vector<std::pair<Index, Index>> cuts(const std::vector<SeriesTable>&) const;
  std::pair<Index, Index> cuts(Index rows) const;
  const File& file_of(Split) const;
  std::vector<SeriesPart> parts(Split) const;
  void check_parts() const;
  void learn_seasonal_errors();
  /// What `predict` reads: the last `backtests` windows whose answers the file has, then the file.
  void read_new(const std::filesystem::path&, Index backtests, const NewInputs::Add&);
  void read_new(const SeriesTable&, Index backtests, const NewInputs::Add&) const;
  Distribution distribution() const;
  bool is_panel() const { return !keys_.id.empty(); }
  const SeriesWindows& evaluated(Split split) const { return of(evaluated_, split); }

  DataPaths<std::string> paths_;
  SeriesKeys keys_;
  Index length_ = 96, horizon_ = 24, eval_stride_ = 1, season_ = 1;
  double train_fraction_ = 0.7, test_fraction_ = 0.2;
  std::string split_ = "time", sampling_ = "windows", loss_ = "squared_error";
  std::vector<double> levels_{0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9};
  double degrees_ = 4;
  std::uint64_t seed_ = 0;

  Json saved_ = Json::object();
  SeriesLearned learned_;
  std::optional<File> main_, validation_, test_;
  BySplit<SeriesWindows> evaluated_;                    // what `evaluation` reads
  SeriesWindows training_;                              // one at each row
  BySplit<std::vector<std::vector<double>>> seasonal_;  // errors of each part and target
  std::vector<std::string> notes_;
  std::uint32_t crc_ = 0;
  mutable Epochs epochs_;
};

}  // namespace seqtape
