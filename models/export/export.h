#pragma once
// Exports of a model that are written from a traced forward pass: a C program and ONNX graphs.

#include <filesystem>

#include "core/signature.h"
#include "models/sequence_model.h"

namespace seqtape {

/// What a C export needs beside the model.
struct CProgram {
  std::string title, architecture;
  Signature signature;
  std::string name = "model";  ///< begins the names of its functions and structs
};

/// C99 files that run the model and need only the C library: model.h, model.c, an example program, main.c, and the
/// weights, model.bin. Throws ConfigError for a model that cannot run step by step, or has an op without a form in C.
void write_c_program(SequenceModel&, const CProgram&, const std::filesystem::path& folder);

/// Whole sequences have answers with names or in units: the C export has the function model_predict.
bool c_predicts(const Signature&);
/// The arguments of the C export's example program, after model.bin.
std::string c_arguments(const Signature&);
/// Text of a C export in which the names begin with `name`, not with "model".
std::string c_renamed(const std::string& text, const std::string& name);

/// Two ONNX graphs: model.onnx reads whole sequences, step.onnx continues from its states, one step at a time. Numbers
/// go in and come out in the data's units; the signature is in the metadata. Throws ConfigError for a model that cannot
/// run step by step, or has an op without a form in ONNX.
void write_onnx(SequenceModel&, const Signature&, const std::filesystem::path& folder, const std::string& title);

/// What the graphs call the answer, or "" where the logits are it.
std::string onnx_answer(const Signature&);

}  // namespace seqtape
