#pragma once
// Sequences of numbers, one or many a step, with classes: NumPy's arrays, and lines of JSON.

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "data/readers/target.h"

namespace seqtape {

/// A sequence as its file has it.
struct ArraySequence {
  std::vector<double> values{};  ///< [steps, channels]
  Index channels = 1;
  Target target{};         ///< of the kind that was asked for, or empty
  std::string group{};     ///< "": it has none
  std::string part{};      ///< its number in the file: of an array from 0, of a line from 1
  std::string where{};     ///< "FILE:PART"
  std::string problem{};   ///< why it cannot be read, with its place; "": it can
  bool in_floats = false;  ///< floats hold every value of the file exactly
};

/// Calls `take` with each sequence of a file, plain or gz, recognised by its content, in order:
///   .npz    X [cases, steps, channels] or [cases, steps], y as TargetArray, groups and lengths [cases], in any order
///   .npy    X alone; y is an .npy of its own, `labels`, or, of "", that beside it: y_train.npy of X_train.npy
///   .jsonl  lines {"values": [...], "label": ..., "group": ...}; of "-", on standard input
/// `asked`: the kind of the answers, which each must have; nothing: they and groups are not read. Memory does not grow
/// with X unless it is in Fortran's order or gz. Throws DataError. Returns a note for the user on what is not read, or
/// "".
std::string read_arrays(const std::filesystem::path&, std::optional<TargetKind> asked,
                        const std::filesystem::path& labels, const std::function<void(ArraySequence)>& take);

/// The kind that the answers of such a file look like: by the type and shape of y, or by the labels of all lines.
TargetKind recognised_target(const std::filesystem::path&, const std::filesystem::path& labels);

/// An .npz or .npy, by its content.
bool is_numpy(const std::filesystem::path&);

/// A file that holds one array of one extent, such as classes.
bool is_flat_npy(const std::filesystem::path&);

}  // namespace seqtape
