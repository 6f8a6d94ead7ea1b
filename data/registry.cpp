// The table of tasks: one line each.
#include "data/task.h"

namespace seqtape {

using Made = std::unique_ptr<Task>;

const Registry<Task>& tasks() {
  // A row declares the function of its file in data/tasks/, so that the file needs no header.
  // clang-format off
  static const Registry<Task> registry{{
      {"induction_heads", "recall the token that followed a marker", [] { extern Made make_induction_heads(); return make_induction_heads(); }},
      {"copying", "give symbols back after a delay", [] { extern Made make_copying(); return make_copying(); }},
      {"selective_copying", "give tokens back that stood at random places", [] { extern Made make_selective_copying(); return make_selective_copying(); }},
      {"mqar", "recall the values of many keys", [] { extern Made make_mqar(); return make_mqar(); }},
      {"associative_recall", "recall the value of one key", [] { extern Made make_associative_recall(); return make_associative_recall(); }},
      {"adding", "add the two marked numbers", [] { extern Made make_adding(); return make_adding(); }},
      {"parity", "say whether the ones so far are odd", [] { extern Made make_parity(); return make_parity(); }},
      {"group_word", "multiply the elements of a group so far", [] { extern Made make_group_word(); return make_group_word(); }},
      {"listops", "work out a nested expression of lists", [] { extern Made make_listops(); return make_listops(); }},
      {"pathfinder", "say whether a dashed curve joins two dots", [] { extern Made make_pathfinder(); return make_pathfinder(); }},
      {"images", "classify images read pixel by pixel", [] { extern Made make_images(); return make_images(); }},
      {"documents", "classify texts by their bytes", [] { extern Made make_documents(); return make_documents(); }},
      {"dna_classes", "classify stretches of DNA", [] { extern Made make_dna_classes(); return make_dna_classes(); }},
      {"audio", "classify recordings by their waveform", [] { extern Made make_audio(); return make_audio(); }},
      {"series_classes", "classify time series", [] { extern Made make_series_classes(); return make_series_classes(); }},
      {"arrays", "classify sequences of numbers, one or many a step", [] { extern Made make_arrays(); return make_arrays(); }},
      {"series", "forecast a time series", [] { extern Made make_series(); return make_series(); }},
      {"text", "predict the next byte or character of files", [] { extern Made make_text(); return make_text(); }},
      {"tokens", "predict the next token id of files of numbers", [] { extern Made make_tokens(); return make_tokens(); }},
      {"dna", "predict the next base of FASTA files", [] { extern Made make_dna(); return make_dna(); }},
  }};
  // clang-format on
  return registry;
}

}  // namespace seqtape
