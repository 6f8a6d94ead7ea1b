#pragma once
// The whole config of a run: task, model, optimizer, schedule and training, each with its own fields.

#include <filesystem>

#include "autograd/optim/optimizer.h"
#include "autograd/optim/schedule.h"
#include "data/task.h"
#include "models/sequence_model.h"

namespace seqtape {

struct TrainSettings {
  Index steps = 1000, batch = 16;
  Index eval_every = 0, checkpoint_every = 0, log_every = 0, eval_batch = 0;
  Index keep_last = 2, micro_batch = 0, patience = 0;
  std::vector<Index> eval_lengths;
  double ema = 0;
  std::string best = "loss", on_nan = "stop", init_from;
  bool statistics = false, tensorboard = true;

  void fields(Fields&);
  // The intervals, with the defaults of fields that are 0: 20 logs and 10 evaluations a run, a save at each evaluation,
  // evaluation batches as large as those of training.
  Index log_interval() const { return log_every ? log_every : std::max<Index>(1, steps / 20); }
  Index eval_interval() const { return eval_every ? eval_every : std::max<Index>(1, steps / 10); }
  Index evaluation_batch() const { return eval_batch ? eval_batch : batch; }
  Index checkpoint_interval() const { return checkpoint_every ? checkpoint_every : eval_interval(); }
};

struct RunConfig {
  Index seed = 1;
  std::string task_name, optimizer_name = "adamw", schedule_name = "constant";
  std::unique_ptr<Task> task;
  ModelConfig model;
  std::unique_ptr<Optimizer> optimizer;
  std::unique_ptr<Schedule> schedule;
  TrainSettings train;

  RunConfig();
  void fields(Fields&);
  /// Throws ConfigError with the key's path. `base`: the folder that paths in the config are relative to.
  static RunConfig from_json(const Json&, const std::filesystem::path& base);
  /// Reads a file and applies `--set` assignments. Throws ConfigError.
  static RunConfig load(const std::filesystem::path& file, const std::vector<std::string>& sets);
  Json to_json();
  /// The same with the format's version: a run's config.json.
  Json saved();
};

}  // namespace seqtape
