#pragma once
// A model as a program: what is written from a traced pass.

#include <filesystem>

#include "models/sequence_model.h"

namespace seqtape {

/// What a C program is told beside the model.
struct CProgram {
  std::string title, architecture;
  bool generates;  ///< it writes text; otherwise it answers
  bool bytes;      ///< its tokens are bytes
};

/// A C99 program, model.c, with its weights, model.bin, that runs the model and needs nothing but the C library. Throws
/// ConfigError for a model that cannot run in steps, or with an op that C does not support.
void write_c_program(SequenceModel&, const CProgram&, const std::filesystem::path& folder);

/// Two ONNX graphs: model.onnx reads whole sequences, step.onnx goes on from its states, one step at a time. Throws
/// ConfigError for a model that cannot run in steps, or with an op that ONNX does not support.
void write_onnx(SequenceModel&, const std::string& architecture, const std::filesystem::path& folder,
                const std::string& title);

}  // namespace seqtape
