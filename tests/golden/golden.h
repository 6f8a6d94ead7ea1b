#pragma once
// One golden case: inputs, outputs and gradients from a file, and their comparison with ours.
// The schema and the tolerances are in README.md beside this file.

#include <map>
#include <set>
#include <string>
#include <vector>

#include "autograd/ops/ops.h"
#include "core/io/safetensors.h"

namespace seqtape::golden {

class Case {
 public:
  explicit Case(const std::filesystem::path& file) : file_(file) {}

  const SafetensorsFile& file() const { return file_; }
  std::string attribute(const std::string& name) const;
  double number(const std::string& name) const;

  /// Input `name` as a leaf, undefined when the file has none.
  Variable in(const std::string& name);
  IndexTensor ids(const std::string& name);

  /// Compares output or gradient `name` of the file ("out.y") with `got`, and counts it as done.
  void compare(const std::string& name, const Tensor& got) { compare(name, got.data(), got.shape()); }
  void compare(const std::string& name, const Real* got, const Shape& shape);
  /// The same with tolerances |got - want| <= atol_scale * max|want| + rtol |want|.
  void compare_within(const std::string& name, const Real* got, Index size, double rtol, double atol_scale);

  /// Integers must be equal.
  void compare_integers(const std::string& name, const std::vector<std::int32_t>& got);

  /// Compares the outputs, feeds their cotangents backwards and compares every gradient of the inputs.
  void finish(Tape& tape, const std::vector<std::pair<std::string, Variable>>& outputs);

  /// What does not hold, a line each; tensors of the file that nothing compared are failures, and so are those that
  /// would not tell an implementation that does nothing from a right one.
  std::vector<std::string> problems();

  /// The largest |got - want| / max|want| so far, of which tensor.
  double worst_error() const { return worst_error_; }
  const std::string& worst_tensor() const { return worst_tensor_; }

 private:
  /// Why `name` cannot be trusted, or empty.
  std::string mistrust(const std::string& name) const;

  SafetensorsFile file_;
  std::map<std::string, Variable> inputs_;
  std::set<std::string> compared_;
  std::vector<std::string> problems_;
  double worst_error_ = -1;
  std::string worst_tensor_;
};

/// Runs one op's case. In `ops()` by the name in the file's metadata.
using Run = void (*)(Case&);
const std::map<std::string, Run>& ops();

/// Of whole layers (layers.cpp).
void gated_deltanet_layer(Case&);

/// A tensor whose many zeros, or whose one value, are right.
struct RightZeros {
  const char *op, *tensor;
  bool (*when)(const Case&);  ///< null: always, but not where all of it is 0
  const char* reason;
};
const std::vector<RightZeros>& right_zeros();

/// A folder case: the checkpoint beside golden_io.safetensors.
using RunModel = void (*)(Case&, const std::filesystem::path& folder);
const std::map<std::string, RunModel>& models();

}  // namespace seqtape::golden
