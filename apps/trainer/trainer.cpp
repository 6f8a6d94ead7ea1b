#include "apps/trainer/trainer.h"

#include <algorithm>
#include <cmath>
#include <iostream>

#include "apps/trainer/describe.h"
#include "apps/trainer/memory.h"
#include "apps/trainer/signals.h"
#include "core/blas.h"
#include "core/clock.h"
#include "core/cpu.h"
#include "core/error.h"
#include "core/io/file.h"
#include "core/strings.h"

namespace seqtape {
namespace {

/// Changes when the same key draws other masks.
constexpr int kDropoutMasks = 2;

/// A NaN has a sign, which says nothing.
std::string word(double value) { return std::isnan(value) ? "NaN" : str(value); }

/// Adds the seconds of its life to a sum.
class Stopwatch {
 public:
  explicit Stopwatch(double& sum) : sum_(sum) {}
  ~Stopwatch() { sum_ += seconds_since(start_); }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

 private:
  double& sum_;
  Clock::time_point start_ = Clock::now();
};

/// Keys whose values differ and may not, as "key: saved x, now y".
void differences(const Json& saved, const Json& now, const std::string& path, const std::vector<std::string>& free,
                 std::vector<std::string>& out) {
  if (saved.is_object() && now.is_object()) {
    for (const auto& [key, value] : now.items())
      differences(saved.value(key, Json()), value, path.empty() ? key : path + "." + key, free, out);
    return;
  }
  if (path == "task.alphabet" && now == "auto") return;  // saved as the letters that were found
  if (saved != now && std::find(free.begin(), free.end(), path) == free.end())
    out.push_back(str(path, ": saved ", saved.dump(), ", now ", now.dump()));
}

void refuse_other_config(const RunFolder& folder, RunConfig& config) {
  const std::string file = folder.config_path().string();
  const Json json = parse_json(read_file(file), file);
  // Read as a config, so that keys which came later have their defaults.
  RunConfig saved = [&] {
    try {
      return RunConfig::from_json(json, "");
    } catch (const ConfigError& error) {
      throw ConfigError(str(file, ": ", error.what()));
    }
  }();
  // Where a group says nothing of it, it is as it was: older programs saved, and meant, false.
  auto &groups = config.optimizer->overrides, &then = saved.optimizer->overrides;
  for (std::size_t i = 0; i < std::min(groups.size(), then.size()); ++i)
    if (!groups[i].frozen) groups[i].frozen = then[i].frozen;
  std::vector<std::string> changed;
  differences(saved.to_json(), config.to_json(), "", changeable_fields([&](Fields& f) { config.fields(f); }), changed);
  if (!changed.empty())
    throw ConfigError(str(folder.path().string(),
                          ": --resume needs the config that the run was started with; different:\n  ",
                          join(changed, "\n  ")));
  config.train.init_from = saved.train.init_from;  // it began there
}

/// Refuses before the data are read.
RunConfig checked(RunConfig config, const std::filesystem::path& out, Start start) {
  const RunFolder folder(out);
  const bool exists = folder.exists();
  if (exists && start == Start::fresh)
    throw ConfigError(
        str(out.string(), ": already exists; --resume continues it, --force replaces it, --out chooses another"));
  if (exists && !folder.is_run())
    throw ConfigError(str(out.string(), ": exists and is not a run folder; --out chooses another"));
  if (exists && start == Start::resume && std::filesystem::exists(folder.config_path()))
    refuse_other_config(folder, config);
  return config;
}

}  // namespace

Trainer::Trainer(RunConfig config, const std::filesystem::path& out, Start start, const std::string& from)
    : training_(checked(std::move(config), out, start)),
      validation_(training_.config, *training_.model),
      folder_(out),
      data_(training_.config.task->fingerprint()) {
  // A checkpoint has its own weights: where they came from may be gone.
  const bool resumes = start == Start::resume && folder_.last();
  const std::string warm_start = training_.allocate(!resumes);
  refuse_what_is_not_free(estimate_memory(training_));
  folder_.make();
  lock_ = std::make_unique<RunLock>(out);  // before anything that another process could be using is touched
  folder_.finish_replacement();
  if (start == Start::resume)
    if (const auto checkpoint = from.empty() ? folder_.last() : folder_.checkpoint(from)) resume_from(*checkpoint);
  if (start == Start::replace)
    folder_.replace(training_.config.to_json());
  else
    folder_.begin(training_.config.to_json());
  folder_.drop_beyond(step_);
  folder_.truncate_metrics(step_, evaluation_due_);
  if (training_.config.train.tensorboard) events_ = std::make_unique<EventFile>(folder_.tensorboard_path(), step_);
  std::cout << printable_text(describe_head(training_) + (step_ == 0 && !warm_start.empty() ? warm_start + "\n" : ""));
  if (const Index warmup = training_.config.schedule->warmup_steps(training_.config.train.steps);
      warmup > training_.config.train.steps)
    std::cerr << "warning: schedule.warmup: its " << warmup << " steps are more than the run's "
              << training_.config.train.steps << ": the peak rate is never reached\n";
  std::cout << "run        " << printable(folder_.path().string()) << ", " << describe_machine() << std::endl;
}

void Trainer::resume_from(const std::filesystem::path& path) {
  const Checkpoint checkpoint = Checkpoint::open(path);
  const Json& state = checkpoint.state;
  if (const std::string then = state.value("data", data_); data_.compare(0, then.size(), then) != 0) {
    if (state.contains("learned"))
      throw ConfigError(str("task: the data have changed since the run was started: they were ", then, ", they are ",
                            data_, "; --force starts anew"));
    std::cerr << "warning: the run is of an earlier version, which read its data otherwise (" << then << ", now "
              << data_ << "): what it validates on may have been trained on\n";
  }
  checkpoint.load_model(training_.model->parameters());
  training_.restore(checkpoint.training_file());
  training_.optimizer().set_updates(state.at("updates").get<Index>());
  if (state.contains("schedule") && !state["schedule"].is_null()) training_.config.schedule->restore(state["schedule"]);
  step_ = start_step_ = state.at("step").get<Index>();
  seconds_before_ = state.at("seconds").get<double>();
  interval_ = {state.at("interval_loss").get<double>(), state.at("interval_seconds").get<double>(),
               state.at("interval_steps").get<Index>(), state.at("interval_tokens").get<Index>()};
  all_tokens_ = state.value("tokens", Index{-1});
  skipped_steps_ = state.at("skipped_steps").get<Index>();
  evaluation_due_ = state.at("evaluation_due").get<bool>();
  if (const Json& best = state.at("best"); !best.is_null())
    best_ = {true, best.at("value").get<double>(), best.at("step").get<Index>()};
  evaluations_since_best_ = state.at("evaluations_since_best").get<Index>();
  warn_of_other_machine(state);
  if (training_.config.model.dropout > 0 && state.value("dropout_masks", 0) != kDropoutMasks)
    std::cerr
        << "note: the checkpoint is of an earlier program, whose dropout masks were drawn in another way: the run "
           "goes on, with other masks from here on\n";
}

void Trainer::warn_of_other_machine(const Json& state) {
  for (const auto& [key, now] : {std::pair<const char*, std::string>{"processor", processor_name()},
                                 {"instruction_set", isa_name(isa())},
                                 {"blas_core", blas_core()}})
    if (const std::string was = state.value(key, now); was != now)
      std::cerr << "warning: the checkpoint was made with " << key << " " << was << ", this is " << now
                << ": the run goes on, but not with the same bits\n";
}

int Trainer::run() {
  const TrainSettings& settings = training_.config.train;
  catch_signals();
  const auto begin = Clock::now();
  if (start_step_ > 0) progress_.line(str("resumed at step ", start_step_));
  if (evaluation_due_) {
    if (!validate()) return stopped();
    save();
  }
  if (step_ >= settings.steps || out_of_patience()) {
    progress_.line(str("already finished: ", step_, " of ", settings.steps, " steps"));
    return 0;
  }
  for (bool last = false; !last;) {
    step();
    last = step_ == settings.steps;
    evaluation_due_ = step_ % settings.eval_interval() == 0 || last;
    if (evaluation_due_ && !stop_signal()) validate();
    last = last || out_of_patience();
    const int signal = stop_signal();
    if (new_best_ || step_ % settings.checkpoint_interval() == 0 || last || signal) save();
    if (signal && (!last || evaluation_due_)) {
      return stopped();
    }
  }
  if (out_of_patience() && step_ < settings.steps)
    progress_.line(
        str("stopped early: ", evaluations_since_best_, " evaluations without a ",
            best_.known ? str("better ", settings.best, " than at step ", best_.step) : str("finite ", settings.best)));
  const double rest = seconds_since(begin) - seconds_.training - seconds_.evaluation - seconds_.saving;
  progress_.line(str("done       ", human_seconds(seconds_.training), " of training, ",
                     human_seconds(seconds_.evaluation), " of evaluation, ", human_seconds(seconds_.saving),
                     " of saving, ", format("%.2f s", rest), " of all else; peak memory ", human_bytes(peak_resident()),
                     skipped_steps_ ? str("; ", skipped_steps_, " steps skipped") : ""));
  return 0;
}

int Trainer::stopped() {
  progress_.line(str("stopped at step ", step_, " and saved; --resume goes on"));
  return 128 + stop_signal();
}

void Trainer::step() {
  const TrainSettings& settings = training_.config.train;
  const bool logged = (step_ + 1) % settings.log_interval() == 0 || step_ + 1 == settings.steps;
  Training::Step done;
  {
    double seconds = 0;
    {
      const Stopwatch watch(seconds);
      done = training_.step(step_, logged && settings.statistics);
    }
    seconds_.training += seconds;
    interval_.seconds += seconds;
  }
  if (!done.usable && settings.on_nan == "stop") stop_on_nan(done);
  ++step_;
  tokens_ += done.tokens;
  if (all_tokens_ >= 0) all_tokens_ += done.tokens;
  interval_.tokens += done.tokens;
  new_best_ = false;
  if (done.usable) {
    interval_.loss += done.loss;
    ++interval_.steps;
  } else {
    ++skipped_steps_;
    progress_.line(str("step ", step_, ": skipped: loss ", done.loss, ", gradient norm ", done.gradient_norm));
  }
  if (progress_.is_live()) progress_.live(status(done));
  if (logged) log(done);
}

std::string Trainer::last_good() const {
  const auto last = folder_.last();
  return last ? "The last good checkpoint is " + last->string() : "There is no checkpoint yet";
}

void Trainer::stop_on_nan(const Training::Step& step) {
  const std::string cause = training_.explain(step_);
  // The curve ends where the run did, and a comparison knows a model's failure from a machine's.
  write({{"step", step_ + 1},
         {"split", "train"},
         {"loss", json_number(step.loss)},
         {"grad_norm", json_number(step.gradient_norm)},
         {"seconds", seconds_before_ + seconds_.training}});
  throw NumericalError(str("step ", step_ + 1, ": loss is ", word(step.loss), ", gradient norm is ",
                           word(step.gradient_norm), "; first seen in ", cause, ". ", last_good(),
                           ". A lower optimizer.lr or clip_norm may help; train.on_nan \"skip\" skips such steps."));
}

std::string Trainer::status(const Training::Step& done) const {
  const TrainSettings& settings = training_.config.train;
  const auto steps = static_cast<double>(step_ - start_step_);
  const double tokens = static_cast<double>(tokens_) / seconds_.training;
  const double left = seconds_.training / steps * static_cast<double>(settings.steps - step_);
  const std::string best = best_.known ? format("  best %s %.4g at %lld", settings.best.c_str(), best_.value,
                                                static_cast<long long>(best_.step))
                                       : "";
  return format("step %lld/%lld  loss %.4f  %.0f tokens/s  %s left%s%s", static_cast<long long>(step_),
                static_cast<long long>(settings.steps), done.loss, tokens, human_seconds(left).c_str(), best.c_str(),
                last_scores_.empty() ? "" : ("  " + last_scores_).c_str());
}

void Trainer::write(const Json& line) {
  folder_.append_metrics(line);
  if (!events_) return;
  std::string prefix = line.at("split").get<std::string>() + "/";
  if (line.contains("length")) prefix += line["length"].dump() + "/";
  for (const auto& [key, value] : line.items())
    if (key != "step" && key != "length" && key != "n" && key != "sequences" && value.is_number())
      events_->scalar(prefix + key, line.at("step").get<Index>(), value.get<double>());
}

void Trainer::log(const Training::Step& done) {
  const RunConfig& config = training_.config;
  const double loss = interval_.steps ? interval_.loss / static_cast<double>(interval_.steps) : NAN;
  const double tokens = static_cast<double>(interval_.tokens) / interval_.seconds;
  const double rate = config.optimizer->lr * config.schedule->factor(step_ - 1, config.train.steps);
  Json line = {{"step", step_},
               {"split", "train"},
               {"loss", json_number(loss)},
               {"lr", rate},
               {"grad_norm", json_number(done.gradient_norm)},
               {"tokens_per_second", std::round(tokens)},
               {"seconds", seconds_before_ + seconds_.training}};
  if (all_tokens_ >= 0) line["tokens"] = all_tokens_;
  if (skipped_steps_) line["skipped_steps"] = skipped_steps_;
  for (const PartStatistics& part : done.parts) {
    line["grad_norm/" + part.part] = json_number(part.gradient_norm);
    line["update_ratio/" + part.part] = json_number(part.update_ratio);
  }
  write(line);
  if (!progress_.is_live())
    progress_.line(format("step %6lld  train       loss %.4f  lr %.3g  %.0f tokens/s", static_cast<long long>(step_),
                          loss, rate, tokens));
  interval_ = {};
}

bool Trainer::validate() {
  const Stopwatch watch(seconds_.evaluation);
  training_.average.swap();
  const auto results = validation_.run(*training_.model, [] { return stop_signal() != 0; });
  training_.average.swap();
  if (!results) return false;
  evaluation_due_ = false;
  for (const Validation::Result& result : *results) {
    Json line = {{"step", step_}, {"split", "validation"}};
    if (result.length) line["length"] = result.length;
    line.update(result.metrics);
    line.update(result.counts);
    line["seconds"] = seconds_before_ + seconds_.training;
    if (all_tokens_ >= 0) line["tokens"] = all_tokens_;
    write(line);
    const std::string where = result.length ? format("%-10lld", static_cast<long long>(result.length)) : "validation";
    progress_.line(format("step %6lld  %s  %s", static_cast<long long>(step_), where.c_str(),
                          describe_metrics(result.metrics).c_str()));
  }
  last_scores_ = describe_metrics(results->front().metrics);
  if (const double loss = results->front().loss; !std::isfinite(loss) && training_.config.train.on_nan == "stop") {
    throw NumericalError(str("step ", step_, ": the validation loss is ", word(loss), ". ", last_good(),
                             ". A lower optimizer.lr may help; train.on_nan \"skip\" goes on regardless."));
  }
  const double value = validation_.watched(*results);
  const double nothing = nothing_yet(metric(training_.config.train.best));
  new_best_ = validation_.better(value, best_.known ? best_.value : nothing);
  if (new_best_) best_ = {true, value, step_};
  evaluations_since_best_ = new_best_ ? 0 : evaluations_since_best_ + 1;
  training_.config.schedule->evaluated(new_best_);
  return true;
}

bool Trainer::out_of_patience() const {
  const Index patience = training_.config.train.patience;
  return patience > 0 && evaluations_since_best_ >= patience;
}

void Trainer::save() {
  const Stopwatch watch(seconds_.saving);
  Json state = {{"seed", training_.config.seed},
                {"updates", training_.optimizer().updates()},
                {"seconds", seconds_before_ + seconds_.training},
                {"dropout_masks", kDropoutMasks},
                {"interval_loss", interval_.loss},
                {"interval_steps", interval_.steps},
                {"interval_tokens", interval_.tokens},
                {"interval_seconds", interval_.seconds},
                {"skipped_steps", skipped_steps_},
                {"evaluation_due", evaluation_due_},
                {"schedule", training_.config.schedule->state()},
                {"data", data_},
                {"learned", training_.config.task->learned()},
                {"evaluations_since_best", evaluations_since_best_},
                {"best", nullptr}};
  if (all_tokens_ >= 0) state["tokens"] = all_tokens_;
  if (best_.known)
    state["best"] = {{"metric", training_.config.train.best}, {"value", best_.value}, {"step", best_.step}};
  // With an average, the saved model is the average, and the weights are beside it.
  training_.average.swap();
  folder_.save(step_, std::move(state), training_.model->parameters(), training_.state(),
               training_.config.train.keep_last);
  training_.average.swap();
}

}  // namespace seqtape
