#pragma once
// Exports of a model that are written from a traced forward pass: a C program and ONNX graphs.

#include <filesystem>

#include "models/sequence_model.h"

namespace seqtape {

/// What a C program needs beside the model.
struct CProgram {
  std::string title, architecture;
  bool generates;  ///< it generates text; otherwise it prints its prediction for a sequence
  bool bytes;      ///< its tokens are bytes
};

/// A C99 program, model.c, with its weights, model.bin, that runs the model and needs only the C library. Throws
/// ConfigError for a model that cannot run step by step, or has an op without a form in C.
void write_c_program(SequenceModel&, const CProgram&, const std::filesystem::path& folder);

/// Two ONNX graphs: model.onnx reads whole sequences, step.onnx continues from its states, one step at a time. Throws
/// ConfigError for a model that cannot run step by step, or has an op without a form in ONNX.
void write_onnx(SequenceModel&, const std::string& architecture, const std::filesystem::path& folder,
                const std::string& title);

}  // namespace seqtape
