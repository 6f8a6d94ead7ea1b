#pragma once
// The input and output of a model: what tasks and models must agree on.

#include "core/mel.h"

namespace seqtape {

constexpr std::int32_t kIgnore = -100;  ///< a target that is not scored

/// What a model predicts from a sequence.
enum class Objective {
  next_token,       ///< at every step, the next token: the model can generate text
  label_per_step,   ///< at some or all steps, a class
  label,            ///< one class
  numbers,          ///< one vector of real numbers: regression
  labels,           ///< of several labels those that apply, each by itself
  numbers_per_step  ///< at some or all steps, a vector of real numbers
};

struct SequenceShape {
  Index vocabulary = 0;  ///< token ids in [0, vocabulary), or 0: real values
  Index features = 0;    ///< real values a step, when vocabulary is 0
  Index outputs = 0;     ///< classes, or values to predict
  bool pooled = false;   ///< one output a sequence instead of one a step
  MelBands bands{};      ///< what the model first computes of its values, which are samples, if it does
};

}  // namespace seqtape
