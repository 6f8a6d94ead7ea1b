#pragma once
// A look inside a trained model: what it selects, how long it remembers, what its gradients reach.

#include "apps/report/curve.h"
#include "apps/trainer/trained_model.h"

namespace seqtape {

/// Runs `examples` validation sequences through the model, forward and backward. The document:
///
///   "length", "tokens" [L] of the first example (where the task has tokens)
///   "gradient": {"distance": [...], "norm": [...]}   |d loss / d input_t|, mean over the examples, by the distance
///   from t
///               to the last scored step; the loss is of that step alone
///   "delta": [{"layer", "steps": [L], "frequent", "share", "at_frequent", "at_others"}]   Mamba's step sizes, after
///               softplus: mean over the channels at each step of the first example; of all examples, without padding,
///               the most frequent token, its share of the steps, the mean at it and at all others
///   "kernel": [{"layer", "size": [L], "memory"}]   |K(t)| of S4 and S4D, mean over the channels, and the steps within
///               which 95 % of it lies
///   "attention": [{"layer", "head", "rows": [L][L]}]   of the first example, only if asked for
///
/// Throws DataError when the task has no validation sequence.
Json inspect_model(const TrainedModel&, Index examples, bool attention);

/// The document as text for a terminal.
std::string inspection_text(const Json& inside);

/// The charts of one look, by name ("gradient", "delta", "kernel", "attention-0-1"), as SVG.
std::vector<std::pair<std::string, std::string>> inspection_charts(const Json& inside);

/// A model's look on a page, and its colour there; the label is "" where it is the only one.
struct Inspection {
  std::string label;
  Json inside;
  std::size_t colour;
};
/// The figures of all inspections on a page, as HTML; "" without any.
std::string inspection_figures(const std::vector<Inspection>& inspections);

}  // namespace seqtape
