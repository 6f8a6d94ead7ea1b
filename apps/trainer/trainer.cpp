#include "apps/trainer/trainer.h"

#include <algorithm>
#include <cmath>
#include <iostream>

#include "apps/trainer/describe.h"
#include "apps/trainer/memory.h"
#include "apps/trainer/signals.h"
#include "core/blas.h"
#include "core/clock.h"
#include "core/columns.h"
#include "core/cpu.h"
#include "core/error.h"
#include "core/io/file.h"
#include "core/strings.h"

namespace seqtape {
namespace {

/// Grows when the same key draws different masks.
constexpr int kDropoutMasks = 2;

/// Without the sign of a NaN, which means nothing.
std::string word(double value) { return std::isnan(value) ? "NaN" : str(value); }

constexpr double kSecondsBetweenLines = 1;

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

/// A value that the data give (Constraint::resolves).
bool unresolved(const Json& value) { return value == "auto" || value == 0; }

/// Keys whose values differ and may not, as "key: saved x, now y".
void differences(const Json& saved, const Json& now, const std::string& path,
                 const std::map<std::string, Constraint>& constraints, std::vector<std::string>& out) {
  if (saved.is_object() && now.is_object()) {
    for (const auto& [key, value] : now.items())
      differences(saved.value(key, Json()), value, path.empty() ? key : path + "." + key, constraints, out);
    return;
  }
  const auto found = constraints.find(path);
  const Constraint rule = found == constraints.end() ? Constraint() : found->second;
  if (saved != now && !rule.may_change && !(rule.resolves && unresolved(now)))
    out.push_back(str(path, ": saved ", saved.dump(), ", now ", now.dump()));
}

void refuse_other_config(const RunFolder& folder, RunConfig& config) {
  const std::string file = folder.config_path().string();
  const Json json = parse_json(read_file(file), file);
  // Read as a config, so that newer keys get their defaults.
  RunConfig saved = [&] {
    try {
      return RunConfig::from_json(json, "");
    } catch (const ConfigError& error) {
      throw ConfigError(str(file, ": ", error.what()));
    }
  }();
  // A group without it is as before: older programs saved false for it, and meant it.
  auto &groups = config.optimizer->groups, &then = saved.optimizer->groups;
  for (std::size_t i = 0; i < std::min(groups.size(), then.size()); ++i)
    if (!groups[i].frozen) groups[i].frozen = then[i].frozen;
  std::vector<std::string> changed;
  differences(saved.to_json(), config.to_json(), "", constraints_of([&](Fields& f) { config.fields(f); }), changed);
  if (!changed.empty())
    throw ConfigError(str(folder.path().string(),
                          ": --resume needs the config that the run was started with; different:\n  ",
                          join(changed, "\n  ")));
  // What the data gave then holds; older programs had other defaults.
  const Json was = saved.to_json();
  Json now = config.to_json();
  bool given = false;
  for (const auto& [path, rule] : constraints_of([&](Fields& f) { config.fields(f); })) {
    if (!rule.resolves) continue;
    std::string pointer = "/" + path;
    std::replace(pointer.begin(), pointer.end(), '.', '/');
    const Json::json_pointer at(pointer);
    if (!unresolved(now.at(at))) continue;
    now[at] = was.at(at);
    given = true;
  }
  if (given) config = RunConfig::from_json(now, "");
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
  lock_ = std::make_unique<RunLock>(out);  // before touching anything that another process could use
  folder_.finish_replacement();
  if (start == Start::resume)
    if (const auto checkpoint = from.empty() ? folder_.last() : folder_.checkpoint(from)) resume_from(*checkpoint);
  if (start == Start::replace)
    folder_.replace(training_.config.saved());
  else
    folder_.begin(training_.config.saved());
  folder_.drop_beyond(state_.step);
  folder_.truncate_metrics(state_.step, state_.evaluation_due);
  if (training_.config.train.tensorboard)
    events_ = std::make_unique<EventFile>(folder_.tensorboard_path(), state_.step);
  std::cout << wrapped(
      printable_text(describe_head(training_) + (state_.step == 0 && !warm_start.empty() ? warm_start + "\n" : "")),
      kHeadHang);
  if (const Index warmup = training_.config.schedule->warmup_steps(training_.config.train.steps);
      warmup > training_.config.train.steps)
    std::cerr << "warning: schedule.warmup: its " << warmup << " steps are more than the run's "
              << training_.config.train.steps << ": the peak rate is never reached\n";
  std::cout << wrapped(str("run        ", printable(folder_.path().string()), ", ", describe_machine()), kHeadHang)
            << std::endl;
}

void Trainer::resume_from(const std::filesystem::path& path) {
  const Checkpoint checkpoint = Checkpoint::open(path);
  state_ = checkpoint.state;
  if (data_.compare(0, state_.data.size(), state_.data) != 0) {
    if (!state_.learned.is_null())
      throw ConfigError(str("task: the data have changed since the run was started: they were ", state_.data,
                            ", they are ", data_, "; --force starts anew"));
    std::cerr << "warning: the run is of an earlier version, which read its data otherwise (" << state_.data << ", now "
              << data_ << "): what it validates on may have been trained on\n";
  }
  checkpoint.load_model(training_.model->parameters());
  training_.restore(checkpoint.training_file());
  training_.optimizer().set_updates(state_.updates);
  if (!state_.schedule.is_null()) training_.config.schedule->restore(state_.schedule);
  start_step_ = state_.step;
  seconds_before_ = state_.seconds;
  warn_of_other_machine();
  if (training_.config.model.dropout > 0 && state_.dropout_masks != kDropoutMasks)
    std::cerr
        << "note: the checkpoint is of an earlier program, whose dropout masks were drawn in another way: the run "
           "goes on, with other masks from here on\n";
}

void Trainer::warn_of_other_machine() const {
  const struct {
    const char* what;
    std::string was, now;
  } parts[] = {{"processor", state_.processor, processor_name()},
               {"instruction_set", state_.instruction_set, isa_name(isa())},
               {"blas_core", state_.blas_core, blas_core()}};
  for (const auto& [what, was, now] : parts)
    if (!was.empty() && was != now)
      std::cerr << "warning: the checkpoint was made with " << what << " " << was << ", this is " << now
                << ": the run goes on, but not with the same bits\n";
}

int Trainer::run() {
  const TrainSettings& settings = training_.config.train;
  catch_signals();
  const auto begin = Clock::now();
  if (start_step_ > 0) progress_.line(str("resumed at step ", start_step_));
  if (state_.evaluation_due) {
    if (!validate()) return stopped();
    save();
  }
  if (state_.step >= settings.steps || out_of_patience()) {
    progress_.line(str("already finished: ", state_.step, " of ", settings.steps, " steps"));
    return 0;
  }
  for (bool last = false; !last;) {
    step();
    last = state_.step == settings.steps;
    state_.evaluation_due = state_.step % settings.eval_interval() == 0 || last;
    if (state_.evaluation_due && !stop_signal()) validate();
    last = last || out_of_patience();
    const int signal = stop_signal();
    if (new_best_ || state_.step % settings.checkpoint_interval() == 0 || last || signal) save();
    if (signal && (!last || state_.evaluation_due)) {
      return stopped();
    }
  }
  if (out_of_patience() && state_.step < settings.steps)
    progress_.line(str("stopped early: ", state_.evaluations_since_best, " evaluations without a ",
                       state_.best ? str("better ", settings.best, " than at step ", state_.best->step)
                                   : str("finite ", settings.best)));
  const double rest = seconds_since(begin) - seconds_.training - seconds_.evaluation - seconds_.saving;
  progress_.line(
      wrapped(str("done       ", human_seconds(seconds_.training), " of training, ", human_seconds(seconds_.evaluation),
                  " of evaluation, ", human_seconds(seconds_.saving), " of saving, ", format("%.2f s", rest),
                  " of all else; peak memory ", human_bytes(peak_resident()),
                  state_.skipped_steps ? str("; ", state_.skipped_steps, " steps skipped") : ""),
              kHeadHang));
  return 0;
}

int Trainer::stopped() {
  progress_.line(str("stopped at step ", state_.step, " and saved; --resume goes on"));
  return 128 + stop_signal();
}

void Trainer::step() {
  const TrainSettings& settings = training_.config.train;
  const bool logged = (state_.step + 1) % settings.log_interval() == 0 || state_.step + 1 == settings.steps;
  Training::Step done;
  tell_growth();
  {
    double seconds = 0;
    {
      const Stopwatch watch(seconds);
      done = training_.step(state_.step, logged && settings.statistics);
    }
    seconds_.training += seconds;
    state_.interval_seconds += seconds;
  }
  if (!done.usable && settings.on_nan == "stop") stop_on_nan(done);
  ++state_.step;
  state_.intervals = nullptr;  // these are other weights
  tokens_ += done.tokens;
  if (state_.tokens >= 0) state_.tokens += done.tokens;
  state_.interval_tokens += done.tokens;
  new_best_ = false;
  if (done.usable) {
    state_.interval_loss += done.loss;
    ++state_.interval_steps;
  } else {
    ++state_.skipped_steps;
    progress_.line(str("step ", state_.step, ": skipped: loss ", done.loss, ", gradient norm ", done.gradient_norm));
  }
  if (progress_.is_live()) progress_.live(status(done));
  if (logged) log(done);
}

void Trainer::tell_growth() {
  const Task& task = *training_.config.task;
  const Index now = task.training_length(state_.step), longest = task.longest_training_length();
  // Lengths may grow by a step at each batch: a line for each half more, and for the last.
  if (told_length_ == 0) told_length_ = now;
  if (now == told_length_ || (2 * now < 3 * told_length_ && now != longest)) return;
  told_length_ = now;
  progress_.line(str(format("step %6lld  training sequences now have ", static_cast<long long>(state_.step)),
                     grouped(now), " steps"));
}

std::string Trainer::last_good() const {
  const auto last = folder_.last();
  return last ? "The last good checkpoint is " + last->string() : "There is no checkpoint yet";
}

void Trainer::stop_on_nan(const Training::Step& step) {
  const std::string cause = training_.explain(state_.step);
  // The curve ends where the run did, and a comparison knows a model's failure from a machine's.
  write({{"step", state_.step + 1},
         {"split", "train"},
         {"loss", json_number(step.loss)},
         {"grad_norm", json_number(step.gradient_norm)},
         {"seconds", seconds_before_ + seconds_.training}});
  throw NumericalError(str("step ", state_.step + 1, ": loss is ", word(step.loss), ", gradient norm is ",
                           word(step.gradient_norm), "; first seen in ", cause, ". ", last_good(),
                           ". A lower optimizer.lr or clip_norm may help; train.on_nan \"skip\" skips such steps."));
}

std::string Trainer::status(const Training::Step& done) const {
  const TrainSettings& settings = training_.config.train;
  const auto steps = static_cast<double>(state_.step - start_step_);
  const double tokens = static_cast<double>(tokens_) / seconds_.training;
  const double left = seconds_.training / steps * static_cast<double>(settings.steps - state_.step);
  const std::string best = state_.best ? format("  best %s %.4g at %lld", settings.best.c_str(), state_.best->value,
                                                static_cast<long long>(state_.best->step))
                                       : "";
  return format("step %lld/%lld  loss %.4f  %.0f tokens/s  %s left%s%s", static_cast<long long>(state_.step),
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
  const double loss = state_.interval_steps ? state_.interval_loss / static_cast<double>(state_.interval_steps) : NAN;
  const double tokens = static_cast<double>(state_.interval_tokens) / state_.interval_seconds;
  const double rate = config.optimizer->lr * config.schedule->factor(state_.step - 1, config.train.steps);
  Json line = {{"step", state_.step},
               {"split", "train"},
               {"loss", json_number(loss)},
               {"lr", rate},
               {"grad_norm", json_number(done.gradient_norm)},
               {"tokens_per_second", std::round(tokens)},
               {"seconds", seconds_before_ + seconds_.training}};
  if (state_.tokens >= 0) line["tokens"] = state_.tokens;
  if (state_.skipped_steps) line["skipped_steps"] = state_.skipped_steps;
  for (const PartStatistics& part : done.parts) {
    line["grad_norm/" + part.part] = json_number(part.gradient_norm);
    line["update_ratio/" + part.part] = json_number(part.update_ratio);
  }
  write(line);
  // A short run shows some of its lines; metrics.jsonl has them all.
  if (!progress_.is_live() && (config.train.log_every || seconds_since(shown_) >= kSecondsBetweenLines)) {
    shown_ = Clock::now();
    progress_.line(format("step %6lld  train       loss %.4f  lr %.3g  %.0f tokens/s",
                          static_cast<long long>(state_.step), loss, rate, tokens));
  }
  state_.interval_loss = state_.interval_seconds = 0;
  state_.interval_steps = state_.interval_tokens = 0;
}

bool Trainer::validate() {
  const Stopwatch watch(seconds_.evaluation);
  training_.average.swap();
  const auto results = validation_.run(*training_.model, [] { return stop_signal() != 0; });
  training_.average.swap();
  if (!results) return false;
  state_.evaluation_due = false;
  for (const Validation::Result& result : *results) {
    Json line = {{"step", state_.step}, {"split", "validation"}};
    if (result.length) line["length"] = result.length;
    line.update(result.metrics);
    line.update(result.counts);
    line["seconds"] = seconds_before_ + seconds_.training;
    if (state_.tokens >= 0) line["tokens"] = state_.tokens;
    write(line);
    const std::string where = result.length ? format("%-10lld", static_cast<long long>(result.length)) : "validation";
    progress_.line(wrapped(format("step %6lld  %s  %s", static_cast<long long>(state_.step), where.c_str(),
                                  describe_metrics(result.metrics).c_str()),
                           25));
  }
  last_scores_ = describe_metrics(results->front().metrics);
  state_.intervals = results->front().intervals;
  if (const double loss = results->front().loss; !std::isfinite(loss) && training_.config.train.on_nan == "stop") {
    throw NumericalError(str("step ", state_.step, ": the validation loss is ", word(loss), ". ", last_good(),
                             ". A lower optimizer.lr may help; train.on_nan \"skip\" goes on regardless."));
  }
  const double value = validation_.watched(*results);
  const double nothing = worst_value(metric(training_.config.train.best));
  new_best_ = validation_.better(value, state_.best ? state_.best->value : nothing);
  if (new_best_) state_.best = {training_.config.train.best, value, state_.step};
  state_.evaluations_since_best = new_best_ ? 0 : state_.evaluations_since_best + 1;
  training_.config.schedule->evaluated(new_best_);
  return true;
}

bool Trainer::out_of_patience() const {
  const Index patience = training_.config.train.patience;
  return patience > 0 && state_.evaluations_since_best >= patience;
}

void Trainer::save() {
  const Stopwatch watch(seconds_.saving);
  state_.imported.clear();
  state_.seed = training_.config.seed;
  state_.updates = training_.optimizer().updates();
  state_.seconds = seconds_before_ + seconds_.training;
  state_.dropout_masks = kDropoutMasks;
  state_.schedule = training_.config.schedule->state();
  state_.data = data_;
  state_.learned = training_.config.task->learned();
  // With an average, the saved model is the average, and the weights are beside it.
  training_.average.swap();
  folder_.save(state_, training_.model->parameters(), training_.state(), training_.config.train.keep_last);
  training_.average.swap();
}

}  // namespace seqtape
