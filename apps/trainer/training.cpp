#include "apps/trainer/training.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "apps/trainer/describe.h"
#include "apps/trainer/memory.h"
#include "apps/trainer/run_folder.h"
#include "core/error.h"
#include "core/strings.h"
#include "models/weights.h"

namespace seqtape {
namespace {

double square_sum(const Tensor& tensor) {
  double sum = 0;
  for (Index i = 0; tensor.defined() && i < tensor.size(); ++i)
    sum += static_cast<double>(tensor.data()[i]) * static_cast<double>(tensor.data()[i]);
  return sum;
}

/// Copies of the weights before an update, for the size of the update.
class Change {
 public:
  explicit Change(const std::vector<Parameter*>& parameters) : parameters_(parameters) {
    for (const Parameter* p : parameters_) before_.push_back(p->variable.value().clone());
  }
  std::vector<PartStatistics> measure() const {
    struct Sums {
      double gradient = 0, change = 0, weight = 0;
    };
    std::vector<std::string> order;
    std::map<std::string, Sums> sums;
    for (std::size_t i = 0; i < before_.size(); ++i) {
      const Parameter& p = *parameters_[i];
      const std::string part = part_of(p.path);
      if (!sums.count(part)) order.push_back(part);
      Sums& sum = sums[part];
      sum.gradient += square_sum(p.variable.grad());
      sum.weight += square_sum(before_[i]);
      for (Index k = 0; k < before_[i].size(); ++k) {
        const double moved = static_cast<double>(p.variable.data()[k]) - static_cast<double>(before_[i].data()[k]);
        sum.change += moved * moved;
      }
    }
    std::vector<PartStatistics> all;
    for (const std::string& part : order)
      all.push_back(
          {part, std::sqrt(sums[part].gradient), std::sqrt(sums[part].change / std::max(sums[part].weight, 1e-300))});
    return all;
  }

 private:
  const std::vector<Parameter*>& parameters_;
  std::vector<Tensor> before_;
};

/// What the tokens of these weights mean, from their run or the export's metadata; "" if unknown.
std::string token_meaning_of(const std::filesystem::path& from, const SafetensorsFile& file) {
  if (const auto tokens = file.metadata().find("tokens"); tokens != file.metadata().end()) return tokens->second;
  try {
    const std::filesystem::path place = std::filesystem::is_directory(from) ? from : from.parent_path();
    return RunConfig::load(RunFolder(find_run(place).run).config_path(), {}).task->token_meaning();
  } catch (const Error&) {
    return "";
  }
}

/// Weights of another run, checkpoint or safetensors file, as far as they fit.
std::string warm_start(const std::filesystem::path& from, const Task& task, const std::vector<Parameter*>& parameters) {
  std::filesystem::path file = from;
  if (std::filesystem::is_directory(from)) {
    const Checkpoint checkpoint = Checkpoint::open(find_run(from, true).checkpoint);
    file = checkpoint.folder / "model.safetensors";
  }
  const SafetensorsFile opened(file);
  WeightMap weights = weights_of(opened);
  const std::string prefix = unwrap(weights, parameters, [](const std::string& path) { return path; });
  const WeightMatch match = load_matching_weights(weights, parameters);
  const std::string theirs = token_meaning_of(from, opened), ours = task.token_meaning();
  const bool by_token = std::any_of(match.loaded.begin(), match.loaded.end(), [](const std::string& path) {
    return path == "embedding.weight" || path.starts_with("head.");
  });
  if (by_token && !theirs.empty() && !ours.empty() && theirs != ours)
    throw ConfigError(
        str("train.init_from: its tokens are ", theirs, ", here they are ", ours,
            ": the embedding's rows would stand for others; use the same task.alphabet or task.tokenizer"));
  if (match.loaded.empty())
    throw ConfigError(str("train.init_from: none of the weights of ", file.string(), " fit the model:\n  ",
                          join(match.problems, "\n  ")));
  std::string report =
      str("warm start ", match.loaded.size(), " of ", parameters.size(), " tensors from ", file.string());
  if (!prefix.empty())
    report += "\n             their names have the prefix " + prefix + " of a wrapper, which is left out";
  for (const std::string& problem : match.problems) report += "\n             " + problem;
  return report;
}

}  // namespace

Training::Training(RunConfig config_) : config(std::move(config_)) {
  config.task->prepare(static_cast<std::uint64_t>(config.seed));
  shape = config.task->shape();
  model = std::make_unique<SequenceModel>(config.model, shape);
  if (!model->streams() && shape.next_token())
    throw ConfigError(
        "model: it reads later steps, and so the answers of a task that asks for the next token; set "
        "model.causal true, or model.bidirectional false");
  if (shape.carried && !model->bounded_state())
    throw ConfigError(
        "task.carry: the state of this model grows with every step, so it cannot be carried from batch to "
        "batch; set task.carry false");
  refuse_what_cannot_fit(config, shape, *model);
  Batch first;
  config.task->training_batch(0, config.train.batch, first);  // data that cannot fill a batch are refused now
  config.optimizer->attach(model->parameters());
  gradients_ = std::make_unique<BatchGradients>(*model, shape, config.train.micro_batch);
  batches_ = std::make_unique<Prefetch>(*config.task, config.train.batch);
}

std::string Training::allocate(bool warm) {
  seqtape::allocate(model->parameters(), static_cast<std::uint64_t>(config.seed));
  const std::string report = !warm || config.train.init_from.empty()
                                 ? ""
                                 : warm_start(config.train.init_from, *config.task, model->parameters());
  average.attach(model->parameters(), config.train.ema);
  return report;
}

std::uint64_t Training::dropout_key(Index number) const { return hash_name(str(config.seed, " dropout ", number)); }

Training::Step Training::step(Index number, const Batch& batch, bool statistics) {
  batch_ = &batch;
  optimizer().clear_gradients();
  Step result;
  result.tokens = batch_->steps();
  result.loss = gradients_->add(*batch_, dropout_key(number));
  result.gradient_norm = optimizer().gradient_norm();
  result.usable = std::isfinite(result.loss) && std::isfinite(result.gradient_norm);
  if (!result.usable) {
    gradients_->undo();
    return result;
  }
  std::unique_ptr<Change> change;
  if (statistics) change = std::make_unique<Change>(model->parameters());
  optimizer().step(config.schedule->factor(number, config.train.steps), result.gradient_norm);
  if (change) result.parts = change->measure();
  average.update(optimizer().updates());
  return result;
}

std::string Training::explain(Index number) {
  for (const Parameter* p : model->parameters())
    for (Index i = 0; i < p->shape.size(); ++i)
      if (!std::isfinite(p->variable.data()[i])) return str("parameter ", p->path);
  optimizer().clear_gradients();
  try {
    gradients_->add(*batch_, dropout_key(number), true);
  } catch (const NumericalError& error) {
    return str("op ", error.what());
  }
  gradients_->undo();
  for (const Parameter* p : model->parameters())
    if (!std::isfinite(square_sum(p->variable.grad()))) return str("the gradient of ", p->path);
  return "nothing in a second pass";
}

std::vector<NamedTensor> Training::state() const {
  std::vector<NamedTensor> all = config.optimizer->state();
  for (const auto& more : {average.state(), gradients_->state()}) all.insert(all.end(), more.begin(), more.end());
  return all;
}

void Training::restore(const SafetensorsFile& file) {
  std::vector<NamedTensor> wanted = config.optimizer->state();
  // The checkpoint's model is the average; the weights with which training continues are beside it.
  average.attach(model->parameters(), config.train.ema);
  const auto raw = average.state();
  wanted.insert(wanted.end(), raw.begin(), raw.end());
  load_tensors(file, wanted);
  average.swap();
  gradients_->restore(file);
}

}  // namespace seqtape
