#pragma once
// The inputs of an evaluation, looked up again by their number and made visible.

#include <map>
#include <string>
#include <vector>

#include "apps/report/figure.h"
#include "data/task.h"

namespace seqtape {

/// A picture or a beginning of the input of each of these sequences of a split, as HTML; `batch` as in the evaluation
/// that numbered them.
std::map<Index, std::string> inputs_html(const Task&, Split, Index batch, const std::vector<Index>& sequences);

/// "dog/3.wav", or "test sequence 12" where it has no name. Numbers count from 0.
std::string place_text(const Task&, Split, Index sequence);

/// The heading of a row that is about a sequence: its place, and below it the input, where `inputs` has it.
TableCell input_cell(const Task&, Split, Index sequence, const std::map<Index, std::string>& inputs);

}  // namespace seqtape
