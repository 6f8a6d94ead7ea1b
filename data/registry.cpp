// The visible table of tasks: a line each.
#include "data/example_task.h"
#include "data/next_token_prediction.h"
#include "data/sequence_classification.h"
#include "data/tasks/images.h"
#include "data/tasks/induction_heads.h"
#include "data/tasks/series.h"

namespace seqtape {

const Registry<Task>& tasks() {
  static const Registry<Task> registry{{
      {"induction_heads", "recall the token that followed a marker", [] { return std::make_unique<InductionHeads>(); }},
      {"copying", "give symbols back behind a delay", make_copying},
      {"selective_copying", "give tokens back that stood at random places", make_selective_copying},
      {"mqar", "recall the values of many keys", make_mqar},
      {"associative_recall", "recall the value of one key", make_associative_recall},
      {"adding", "add the two marked numbers", make_adding},
      {"parity", "say whether the ones so far are odd", make_parity},
      {"listops", "work out a nested expression of lists", make_listops},
      {"pathfinder", "say whether a dashed curve joins two dots", make_pathfinder},
      {"images", "classify images read pixel by pixel", [] { return std::make_unique<Images>(); }},
      {"documents", "classify texts by their bytes", make_documents},
      {"dna_classes", "classify stretches of DNA", make_dna_classes},
      {"audio", "classify recordings by their waveform", make_audio},
      {"series_classes", "classify time series", make_series_classes},
      {"series", "forecast a time series", [] { return std::make_unique<Series>(); }},
      {"text", "predict the next byte or character of files", make_text},
      {"tokens", "predict the next token id of files of numbers", make_tokens},
      {"dna", "predict the next base of FASTA files", make_dna},
  }};
  return registry;
}

}  // namespace seqtape
