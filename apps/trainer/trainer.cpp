#include "apps/trainer/trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iostream>
#include <map>

#include "apps/trainer/signals.h"
#include "core/cpu.h"
#include "core/error.h"
#include "core/file.h"
#include "core/text.h"
#include "core/threads.h"

namespace seqtape {
namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// "accuracy 97.3 %  loss 0.0812"
std::string scores_text(const Json& metrics) {
  std::string text;
  for (const auto& [key, value] : metrics.items()) {
    if (!text.empty()) text += "  ";
    std::string name = key;
    std::replace(name.begin(), name.end(), '_', ' ');
    const bool share = key.find("accuracy") != std::string::npos;
    if (!value.is_number())
      text += name + " " + value.dump();
    else
      text += share ? format("%s %.1f %%", name.c_str(), 100 * value.get<double>())
                    : format("%s %.4f", name.c_str(), value.get<double>());
  }
  return text;
}

/// Keys whose values differ, as "key: saved x, now y".
void differences(const Json& saved, const Json& now, const std::string& path, std::vector<std::string>& out) {
  if (saved.is_object() && now.is_object()) {
    for (const auto& [key, value] : now.items())
      differences(saved.value(key, Json()), value, path.empty() ? key : path + "." + key, out);
    return;
  }
  // How long and how often may change; what is computed may not.
  static const std::vector<std::string> free{"train.steps",        "train.eval_every", "train.checkpoint_every",
                                             "train.log_every",    "train.keep_last",  "train.eval_batch",
                                             "task.eval_sequences"};
  if (saved != now && std::find(free.begin(), free.end(), path) == free.end())
    out.push_back(str(path, ": saved ", saved.dump(), ", now ", now.dump()));
}

}  // namespace

Trainer::Trainer(RunConfig config, const std::filesystem::path& out, Start start)
    : config_(std::move(config)), folder_(out) {
  const bool exists = folder_.exists();
  if (exists && start == Start::fresh)
    throw ConfigError(
        str(out.string(), ": already exists; --resume continues it, --force replaces it, --out chooses another"));
  if (exists && !folder_.is_run())
    throw ConfigError(str(out.string(), ": exists and is not a run folder; --out chooses another"));
  Json saved;
  if (exists && start == Start::resume && std::filesystem::exists(folder_.config_path())) {
    saved = parse_json(read_file(folder_.config_path()), folder_.config_path().string());
    std::vector<std::string> changed;
    differences(saved, config_.to_json(), "", changed);
    if (!changed.empty())
      throw ConfigError(str(out.string(), ": --resume needs the config that the run was started with; different:\n  ",
                            join(changed, "\n  ")));
  }
  config_.task->prepare(static_cast<std::uint64_t>(config_.seed));
  shape_ = config_.task->shape();
  model_ = std::make_unique<SequenceModel>(config_.model, config_.model_shape());
  if (!model_->streams() && !shape_.bits_unit.empty())
    throw ConfigError(
        "model: it reads later steps, and so the answers of a task that asks for the next token; set "
        "model.causal true, or model.bidirectional false");
  refuse_what_cannot_fit();
  folder_.make();
  lock_ = std::make_unique<RunLock>(out);  // before anything that another process could be using is touched
  if (start == Start::replace) folder_.clear();
  folder_.begin(config_.to_json());
  allocate(model_->parameters(), static_cast<std::uint64_t>(config_.seed));
  config_.optimizer->attach(model_->parameters());
  if (start == Start::resume) {
    if (const auto last = folder_.last()) resume_from(*last);
    folder_.drop_beyond(step_);
  }
  folder_.truncate_metrics(step_);
}

void Trainer::refuse_what_cannot_fit() const {
  // A lower bound: weights, gradients and two moments; and of each block's activations six rows of the width.
  const double parameters = 16.0 * static_cast<double>(model_->parameter_count());
  const double tokens = std::max(static_cast<double>(config_.train.batch) * static_cast<double>(shape_.length),
                                 static_cast<double>(config_.task->longest_training_length()));
  const double activations =
      4.0 * tokens * static_cast<double>(config_.model.layers.count) * 6 * static_cast<double>(config_.model.d_model);
  const double available = physical_memory();
  if (parameters > available)
    throw ConfigError(str("model: training needs at least ", human_bytes(parameters), " for ",
                          grouped(model_->parameter_count()), " parameters, this machine has ", human_bytes(available),
                          "; lower model.d_model or model.layers"));
  if (parameters + activations > available)
    throw ConfigError(str("train.batch: a step needs at least ", human_bytes(parameters + activations),
                          ", this machine has ", human_bytes(available),
                          "; lower train.batch, task.length or model.d_model"));
}

void Trainer::resume_from(const std::filesystem::path& path) {
  const Checkpoint checkpoint = Checkpoint::open(path);
  checkpoint.load_model(model_->parameters());
  checkpoint.load_optimizer(*config_.optimizer);
  const Json& state = checkpoint.state;
  step_ = start_step_ = state.at("step").get<Index>();
  seconds_before_ = state.value("seconds", 0.0);
  interval_loss_ = state.value("interval_loss", 0.0);
  interval_steps_ = state.value("interval_steps", Index{0});
  interval_seconds_ = state.value("interval_seconds", 0.0);
  skipped_steps_ = state.value("skipped_steps", Index{0});
  if (state.contains("best_loss") && state["best_loss"].is_number()) {
    best_loss_ = state["best_loss"].get<double>();
    has_best_ = true;
  }
  for (const auto& [key, now] :
       {std::pair{"processor", processor_name()}, {"instruction_set", std::string(isa_name(isa()))}})
    if (const std::string was = state.value(key, now); was != now)
      progress_.line(str("warning: the checkpoint was made on another ", key, " (", was,
                         "): the run goes on, but not with the same bits"));
}

void Trainer::print_head() const {
  std::cout << "task       " << config_.task_name << "\n"
            << "model      " << config_.model.name << ", " << grouped(model_->parameter_count()) << " parameters, "
            << config_.model.layers.count << " layers of width " << config_.model.d_model << "\n";
  // Parameters that the optimizer treats alike are one group.
  std::map<std::pair<bool, std::string>, Index> groups;
  for (const Parameter* p : model_->parameters())
    groups[{p->decays() && config_.optimizer->weight_decay > 0, format("%g", p->rate(config_.optimizer->lr))}] +=
        p->shape.size();
  std::cout << "optimizer  " << config_.optimizer_name;
  for (const auto& [rule, count] : groups)
    std::cout << "; " << grouped(count) << " parameters at lr " << rule.second
              << (rule.first ? format(", decay %g", config_.optimizer->weight_decay) : ", no decay");
  std::cout << "\nrun        " << folder_.path().string() << ", " << thread_count() << " threads, " << isa_name(isa())
            << std::endl;
}

Trainer::Step Trainer::step() {
  config_.task->training_batch(step_, config_.train.batch, batch_);
  const RunMode mode{.training = true, .key = hash_name(str(config_.seed, " dropout ", step_)), .carry = false};
  Optimizer& optimizer = *config_.optimizer;
  optimizer.clear_gradients();
  Step result;
  {
    Tape tape;
    ModelState state;
    const Variable loss = batch_loss(model_->forward(model_input(batch_), state, mode), batch_, shape_);
    result.loss = static_cast<double>(loss.value().data()[0]);
    tape.backward(loss);
  }
  result.gradient_norm = optimizer.gradient_norm();
  result.usable = std::isfinite(result.loss) && std::isfinite(result.gradient_norm);
  if (!result.usable) {
    if (config_.train.on_nan == "stop") explain_nan(batch_, mode, result);
    ++skipped_steps_;
    progress_.line(str("step ", step_ + 1, ": skipped: loss ", result.loss, ", gradient norm ", result.gradient_norm));
    return result;
  }
  optimizer.step(optimizer.lr * config_.schedule->factor(step_, config_.train.steps), result.gradient_norm);
  return result;
}

void Trainer::explain_nan(const Batch& batch, const RunMode& mode, const Step& step) {
  std::string cause = "nothing in a second pass";
  for (const Parameter* p : model_->parameters())
    for (Index i = 0; i < p->shape.size() && cause[0] == 'n'; ++i)
      if (!std::isfinite(p->variable.data()[i])) cause = str("parameter ", p->path);
  if (cause[0] == 'n') {
    try {
      Tape tape;
      tape.check_numbers(true);
      ModelState state;
      tape.backward(batch_loss(model_->forward(model_input(batch), state, mode), batch, shape_));
    } catch (const NumericalError& error) {
      cause = str("op ", error.what());
    }
  }
  const auto last = folder_.last();
  throw NumericalError(str("step ", step_ + 1, ": loss is ", step.loss, ", gradient norm is ", step.gradient_norm,
                           "; first seen in ", cause, ". ",
                           last ? "The last good checkpoint is " + last->string() : "There is no checkpoint yet",
                           ". A lower optimizer.lr or clip_norm may help; train.on_nan \"skip\" skips such steps."));
}

int Trainer::run() {
  print_head();
  if (start_step_ >= config_.train.steps) {
    progress_.line(str("already finished: ", start_step_, " of ", config_.train.steps, " steps"));
    return 0;
  }
  if (start_step_ > 0) progress_.line(str("resumed at step ", start_step_));
  catch_signals();
  const TrainSettings& settings = config_.train;
  while (step_ < settings.steps) {
    const auto start = Clock::now();
    const double rate = config_.optimizer->lr * config_.schedule->factor(step_, settings.steps);
    const Step done = step();
    ++step_;
    training_seconds_ += since(start);
    interval_seconds_ += since(start);
    if (done.usable) {
      interval_loss_ += done.loss;
      ++interval_steps_;
    }
    progress_.live(status(done));
    const bool last = step_ == settings.steps;
    if (step_ % settings.log_interval() == 0 || last) log(done, rate);
    const bool was_best = has_best_;
    const double best_before = best_loss_;
    if (step_ % settings.eval_interval() == 0 || last) validate();
    const bool improved = has_best_ && (!was_best || best_loss_ < best_before);
    const int signal = stop_signal();
    if (improved || step_ % settings.checkpoint_interval() == 0 || last || signal) save(improved);
    if (signal && !last) {
      progress_.line(str("stopped at step ", step_, " and saved; --resume goes on"));
      return 128 + signal;
    }
  }
  progress_.line(str("done       ", human_seconds(training_seconds_), " of training, peak memory ",
                     human_bytes(peak_resident()), skipped_steps_ ? str(", ", skipped_steps_, " steps skipped") : ""));
  return 0;
}

std::string Trainer::status(const Step& done) const {
  const auto steps = static_cast<double>(step_ - start_step_);
  const double tokens = steps * static_cast<double>(config_.train.batch * shape_.length) / training_seconds_;
  const double left = training_seconds_ / steps * static_cast<double>(config_.train.steps - step_);
  return format("step %lld/%lld  loss %.4f  %s%.0f tokens/s  %s left", static_cast<long long>(step_),
                static_cast<long long>(config_.train.steps), done.loss,
                last_scores_.empty() ? "" : (last_scores_ + "  ").c_str(), tokens, human_seconds(left).c_str());
}

void Trainer::log(const Step& done, double rate) {
  const double loss = interval_steps_ ? interval_loss_ / static_cast<double>(interval_steps_) : NAN;
  const double tokens = static_cast<double>(interval_steps_ * config_.train.batch * shape_.length) / interval_seconds_;
  folder_.append_metrics({{"step", step_},
                          {"split", "train"},
                          {"loss", json_number(loss)},
                          {"lr", rate},
                          {"grad_norm", json_number(done.gradient_norm)},
                          {"tokens_per_second", std::round(tokens)},
                          {"seconds", seconds_before_ + training_seconds_}});
  if (!progress_.is_live())
    progress_.line(format("step %6lld  train       loss %.4f  lr %.3g  %.0f tokens/s", static_cast<long long>(step_),
                          loss, rate, tokens));
  interval_loss_ = interval_seconds_ = 0;
  interval_steps_ = 0;
}

void Trainer::validate() {
  const Index batch = config_.train.eval_batch ? config_.train.eval_batch : config_.train.batch;
  const Score score = evaluate(*model_, *config_.task, Split::validation, batch);
  const Json scores = score.metrics(shape_);
  Json line = {{"step", step_}, {"split", "validation"}};
  line.update(scores);
  line["seconds"] = seconds_before_ + training_seconds_;
  folder_.append_metrics(line);
  if (!std::isfinite(score.loss()) && config_.train.on_nan == "stop") {
    const auto last = folder_.last();
    throw NumericalError(str("step ", step_, ": the validation loss is ", score.loss(), ". ",
                             last ? "The last good checkpoint is " + last->string() : "There is no checkpoint yet",
                             ". A lower optimizer.lr may help; train.on_nan \"skip\" goes on regardless."));
  }
  if (std::isfinite(score.loss()) && (!has_best_ || score.loss() < best_loss_)) {
    best_loss_ = score.loss();
    has_best_ = true;
  }
  last_scores_ = scores_text(scores);
  progress_.line(format("step %6lld  validation  %s", static_cast<long long>(step_), last_scores_.c_str()));
}

void Trainer::save(bool best) {
  Json state = {{"seed", config_.seed},
                {"seconds", seconds_before_ + training_seconds_},
                {"interval_loss", interval_loss_},
                {"interval_steps", interval_steps_},
                {"interval_seconds", interval_seconds_},
                {"skipped_steps", skipped_steps_}};
  if (has_best_) state["best_loss"] = best_loss_;
  folder_.save(step_, std::move(state), model_->parameters(), *config_.optimizer, best, config_.train.keep_last);
}

}  // namespace seqtape
