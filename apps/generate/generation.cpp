#include "apps/generate/generation.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "models/stepper.h"

namespace seqtape {

Generation::Generation(const Task& task, const GenerationOptions& asked, std::string prompt, std::size_t number)
    : task_(task),
      asked_(asked),
      prompt_(std::move(prompt)),
      tokens_(task.encode(prompt_)),
      random_(asked.seed, "generate", number) {
  if (tokens_.empty())
    throw ConfigError("--prompt: holds no token; the first token that is written needs one before it");
  seen_.insert(tokens_.begin(), tokens_.end());
}

std::string Generation::next_token(Real* logits, Index classes) {
  if (!std::all_of(logits, logits + classes, [](Real value) { return std::isfinite(value); }))
    throw NumericalError("generate: the model's outputs are not finite; its training diverged");
  const Sampling& sampling = asked_.sampling;
  if (sampling.repetition_penalty != 1) penalize(logits, seen_, sampling.repetition_penalty);
  const std::int32_t token = sample(logits, classes, sampling, random_);
  if (sampling.repetition_penalty != 1) seen_.insert(token);
  tokens_ = {token};
  ++written_;
  const std::size_t before = said_.size();
  said_ += task_.decode(tokens_);
  stop(before);
  return said_.substr(before);
}

/// Ends at the first stop that ends in what is new, from `before` on.
void Generation::stop(std::size_t before) {
  std::size_t end = std::string::npos;
  for (const std::string& text : asked_.stops) {
    if (asked_.by_number) {
      if (said_.ends_with(text)) end = said_.size();
      continue;
    }
    const std::size_t at = said_.find(text, before - std::min(before, text.size() - 1));
    if (at != std::string::npos) end = std::min(end, at + text.size());
  }
  if (end == std::string::npos) return;
  stopped_ = true;
  said_.resize(end);
}

namespace {

/// Reads a prompt in chunks, so that memory does not grow with its length; returns the logits [1, outputs] after it.
Variable read_prompt(SequenceModel& model, const std::vector<std::int32_t>& tokens, ModelState& state) {
  constexpr std::size_t kPiece = 1024;
  Variable features;
  for (std::size_t at = 0; at < tokens.size(); at += kPiece) {
    const auto begin = tokens.begin() + static_cast<std::ptrdiff_t>(at);
    const std::vector<std::int32_t> piece(begin,
                                          begin + static_cast<std::ptrdiff_t>(std::min(kPiece, tokens.size() - at)));
    features = model.features({IndexTensor::of(Shape{1, static_cast<Index>(piece.size())}, piece), {}, {}}, state);
  }
  return model.head(last_step(features, {}));
}

}  // namespace

void generate(SequenceModel& model, const std::vector<Generation*>& all,
              const std::function<void(const std::string&)>& show) {
  const Index classes = model.shape().outputs;
  std::vector<ModelState> states;
  for (Generation* const generation : all) {
    show(generation->prompt());
    const Variable logits = read_prompt(model, generation->tokens(), states.emplace_back());
    if (!generation->done()) show(generation->next_token(logits.data(), classes));
  }
  const auto all_done = [&] {
    return std::all_of(all.begin(), all.end(), [](auto* generation) { return generation->done(); });
  };
  if (all_done()) return;
  Stepper stepper(model, batch_of(states), static_cast<Index>(all.size()));
  states.clear();
  std::vector<std::int32_t> tokens(all.size());
  while (!all_done()) {
    for (std::size_t i = 0; i < all.size(); ++i) tokens[i] = all[i]->tokens()[0];
    Real* const logits = stepper.step(tokens);
    for (std::size_t i = 0; i < all.size(); ++i)
      if (!all[i]->done()) show(all[i]->next_token(logits + static_cast<Index>(i) * classes, classes));
  }
}

}  // namespace seqtape
