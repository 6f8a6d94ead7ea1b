#pragma once
// Texts that a language model writes.

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "data/task.h"
#include "models/sampling.h"
#include "models/sequence_model.h"

namespace seqtape {

struct GenerationOptions {
  Sampling sampling;
  int tokens;
  std::vector<std::string> stops;
  bool by_number;  ///< tokens are written as numbers, and `stops` too: they match whole ones
  std::uint64_t seed;
};

/// A prompt and what follows it.
class Generation {
 public:
  /// `number`: of several prompts, each with random numbers of its own. The task and the options outlive it. Throws
  /// ConfigError for a prompt without a token.
  Generation(const Task&, const GenerationOptions&, std::string prompt, std::size_t number);

  const std::string& prompt() const { return prompt_; }
  const std::string& text() const { return said_; }
  int written() const { return written_; }
  /// The prompt's tokens, then the last one.
  const std::vector<std::int32_t>& tokens() const { return tokens_; }
  bool done() const { return stopped_ || written_ == asked_.tokens; }
  /// Chooses the next token and returns its text, cut at a stop. Throws NumericalError when a logit is not finite.
  std::string next_token(Real* logits, Index classes);

 private:
  void stop(std::size_t before);

  const Task& task_;
  const GenerationOptions& asked_;
  std::string prompt_, said_;
  std::vector<std::int32_t> tokens_;
  std::set<std::int32_t> seen_;
  Random random_;
  int written_ = 0;
  bool stopped_ = false;
};

/// Writes them all to their end: the prompts are read one by one; then each step generates a token for all of them, at
/// constant cost. More than one needs a model with states of bounded size. `show` gets the prompts and what is written.
void generate(SequenceModel&, const std::vector<Generation*>&, const std::function<void(const std::string&)>& show);

}  // namespace seqtape
