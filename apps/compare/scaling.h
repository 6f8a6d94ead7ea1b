#pragma once
// How time and memory grow with the length of a sequence; no model is trained for it.

#include "apps/compare/runner.h"

namespace seqtape {

/// Measures each member's model, as a byte language model with one sequence in the batch, at each of the plan's scaling
/// lengths: forward pass, training step, a generated step after that length, memory and state. Each measurement is a
/// process of its own, and its result is kept in the folder. A model is not measured further when a step takes more
/// than `longest_step` seconds. The document: {"members": [{"label", "points": [...], "fits": {...}}]}.
Json measure_scaling(const Plan&, const ComparisonFolder&, double longest_step);

/// The exponent p of y ~ x^p over the longer half of the points, at least three; NaN with fewer.
double growth(const std::vector<double>& x, const std::vector<double>& y);
/// "L^1.02: linear", "L^1.94: quadratic".
std::string growth_text(double exponent);

std::string scaling_table(const Json& scaling);  ///< for the terminal
std::string scaling_html(const Json& scaling);   ///< a part of the page

}  // namespace seqtape
