#pragma once
// Weights to and from safetensors files.

#include <functional>
#include <map>
#include <string>

#include "core/io/safetensors.h"
#include "models/module.h"

namespace seqtape::inline SEQTAPE_PRECISION {

/// A tensor in a file of any format: its shape, and a function that reads its values.
struct StoredTensor {
  Shape shape;
  std::function<std::vector<double>()> read;  ///< empty: they are not floating-point numbers
  std::string dtype{};
};
using WeightMap = std::map<std::string, StoredTensor>;
/// The tensors of a file; each `read` opens it again.
WeightMap weights_of(SafetensorsFile);

/// Maps a parameter's path to its name in a file.
using NameOf = std::function<std::string(const std::string& path)>;

/// Strips from the names what wrappers added (DistributedDataParallel's `module.`, torch.compile's `_orig_mod.`, also
/// several, also in the middle), and otherwise a prefix that all names of the model have in common. Returns what was
/// stripped, or "".
std::string unwrap(WeightMap&, const std::vector<Parameter*>&, const NameOf&);

/// Gives every parameter the values of the stored tensor `name_of(path)`. Extents of 1 are ignored. Throws
/// CheckpointError naming every missing, extra and misshapen tensor; then no parameter has been changed.
void load_weights(const WeightMap& stored, const std::string& where, const std::vector<Parameter*>& parameters,
                  const NameOf& name_of, const std::vector<std::string>& may_be_extra = {});

/// The result of `load_matching_weights`.
struct WeightMatch {
  std::vector<std::string> loaded;  ///< paths
  /// "missing: head.weight [16, 64]", "wrong shape: ...", "not part of the model: ..."
  std::vector<std::string> problems;
};
/// Loads the parameters whose path and shape are stored, and leaves the others unchanged.
WeightMatch load_matching_weights(const WeightMap& stored, const std::vector<Parameter*>& parameters);

}  // namespace seqtape::inline SEQTAPE_PRECISION
