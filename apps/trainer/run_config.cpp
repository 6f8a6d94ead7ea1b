#include "apps/trainer/run_config.h"

#include "core/error.h"
#include "core/io/file.h"

namespace seqtape {
namespace {

/// The version of saved configs. It grows when a key changes its meaning; for a new key older files get the default.
constexpr int kFormat = 1;

}  // namespace

void TrainSettings::fields(Fields& f) {
  f("steps", steps, "optimizer steps", may_change(positive_up_to(1e12)));
  f("batch", batch, "sequences a step", positive_up_to(1e9));
  f("micro_batch", micro_batch,
    "sequences computed at a time, gradients summed over the batch: less memory, the same step; 0: all", at_least(0));
  f("ema", ema, "decay of a moving average of the weights, which is then evaluated and saved; 0: none", below_one());
  f("init_from", init_from, "run, checkpoint or safetensors file whose weights training starts from, where they fit",
    may_change());
  f("eval_every", eval_every, "steps between evaluations; 0: ten in the run", may_change(at_least(0)));
  f("checkpoint_every", checkpoint_every, "steps between checkpoints; 0: with each evaluation",
    may_change(at_least(0)));
  f("log_every", log_every, "steps between lines of training metrics; 0: twenty in the run", may_change(at_least(0)));
  f("eval_batch", eval_batch, "sequences side by side in an evaluation; 0: as many as in a step",
    may_change(at_least(0)));
  f("eval_lengths", eval_lengths, "sequence lengths to evaluate at, beside the task's own",
    may_change(positive_up_to(1e12)));
  f("best", best, "metric by which a checkpoint is the best: loss, accuracy, accuracy@4096 (of eval_lengths), ...");
  f("patience", patience, "evaluations in a row without a new best before training stops; 0: it does not",
    may_change(at_least(0)));
  f("keep_last", keep_last, "checkpoints kept beside the best", may_change(at_least(1)));
  f("on_nan", on_nan, "what a NaN or infinite loss or gradient does: stop the run, or skip the step",
    may_change(one_of({"stop", "skip"})));
  f("statistics", statistics, "gradient norm and update size of each part of the model in the training metrics",
    may_change());
  f("tensorboard", tensorboard, "write TensorBoard event files too", may_change());
}

RunConfig::RunConfig()
    : optimizer(optimizers().find(optimizer_name)->make()), schedule(schedules().find(schedule_name)->make()) {}

void RunConfig::fields(Fields& f) {
  f("seed", seed, "of all random numbers: weights, data, dropout", at_least(0));
  f.named("task", "what is learned", seqtape::named(tasks(), task_name, task));
  f.named("model", "the architecture", model.named());
  f.named("optimizer", "how weights are updated", seqtape::named(optimizers(), optimizer_name, optimizer));
  f.named("schedule", "how the learning rate moves", seqtape::named(schedules(), schedule_name, schedule));
  f.group("train", "the training loop", [this](Fields& nested) { train.fields(nested); });
}

RunConfig RunConfig::from_json(const Json& json, const std::filesystem::path& base) {
  RunConfig config;
  Json fields = json;
  if (json.is_object() && json.contains("format")) {
    const Json& format = json["format"];
    if (!format.is_number_integer() || format < 1 || format > kFormat)
      throw ConfigError(str("format: must be at most ", kFormat, ", got ", format.dump(),
                            ": a later seqtape saved this config; use that one"));
    fields.erase("format");
  }
  read_fields([&](Fields& f) { config.fields(f); }, fields, "");
  config.task->resolve_paths(base);
  if (std::string& from = config.train.init_from; !from.empty())
    from = std::filesystem::absolute(base / from).lexically_normal().string();
  return config;
}

RunConfig RunConfig::load(const std::filesystem::path& file, const std::vector<std::string>& sets) {
  std::string text;
  try {
    text = read_file(file);
  } catch (const DataError& error) {
    throw ConfigError(error.what());
  }
  Json json = parse_json(text, file.string(), true);
  if (json.is_object()) json.erase("$schema");  // how an editor finds the schema
  for (const std::string& assignment : sets) set_path(json, assignment);
  return from_json(json, file.has_parent_path() ? file.parent_path() : ".");
}

Json RunConfig::saved() {
  Json json = to_json();
  json["format"] = kFormat;
  return json;
}

Json RunConfig::to_json() {
  return write_fields([this](Fields& f) { fields(f); });
}

}  // namespace seqtape
