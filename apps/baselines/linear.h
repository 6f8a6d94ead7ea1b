#pragma once
// Baselines that are a linear map of features, and the scores of any that answers a sequence at once.

#include "apps/baselines/baselines.h"

namespace seqtape {

/// Sequence b of a batch, the `number`th of the split's evaluation.
struct SequenceOf {
  Split split;
  Index number;
  const Batch& batch;
  Index b;
};

/// Whether a training sequence is one of those, about one in `stride`, that are enough: a fixed draw, since classes may
/// come in turns.
bool is_kept(Index number, Index stride);

/// Calls with every sequence of a split, whole, on several threads; `see` gets those of a batch afterwards.
void each_sequence(const Task&, Split, const std::function<void(const SequenceOf&)>& read,
                   const std::function<void(const Batch&, Index first)>& see);

/// The metrics of answers [outputs of the task] a sequence, as `eval` computes them: numbers, or scores of classes,
/// which rank as logits do but are none, so that there is no loss of them. `answer` must not throw.
Json score_answers(const Task&, Split, const std::function<void(const SequenceOf&, float* answers)>& answer);

/// How a linear map reads a sequence: `rows` vectors of features, each with answers of its own: output o of row r is
/// the answer o * rows + r of the sequence, less the row's base.
struct LinearForm {
  Index rows = 1, features = 0;
  /// x [rows, features], base [rows], zeros before. Must not throw.
  std::function<void(const SequenceOf&, float* x, float* base)> read{};
};

/// The ridge regression of a form on the training's sequences, with the penalty of the least squared error on
/// validation. A class is answered by the greatest of one regression each, of 1 for it and -1 for the others.
Fitted fit_linear(const BaselineData&, const LinearForm&, const Tell&);

}  // namespace seqtape
