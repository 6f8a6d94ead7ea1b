#pragma once
// Weights to and from safetensors files.

#include <functional>
#include <map>
#include <string>

#include "core/io/safetensors.h"
#include "models/module.h"

namespace seqtape::inline SEQTAPE_PRECISION {

/// A tensor in a file of whatever format: its shape, and how its values are got.
struct StoredTensor {
  Shape shape;
  std::function<std::vector<double>()> read;  ///< empty: they are not numbers of floating point
  std::string dtype{};
};
using WeightMap = std::map<std::string, StoredTensor>;
/// The tensors of a file, which is read again by each `read`.
WeightMap weights_of(SafetensorsFile);

using NameOf = std::function<std::string(const std::string& path)>;

/// Takes from the names what wrappers put before them (DistributedDataParallel's `module.`, torch.compile's
/// `_orig_mod.`, several of them, also in the middle), and otherwise a prefix that all names of the model have in
/// common. Returns what was taken, or "".
std::string unwrap(WeightMap&, const std::vector<Parameter*>&, const NameOf&);

/// Gives every parameter the values of the stored tensor `name_of(path)`. Extents of 1 are not significant.
/// Throws CheckpointError naming every missing, extra and misshapen tensor; then no parameter has been touched.
void load_weights(const WeightMap& stored, const std::string& where, const std::vector<Parameter*>& parameters,
                  const NameOf& name_of, const std::vector<std::string>& may_be_extra = {});

/// What `load_matching_weights` did.
struct WeightMatch {
  std::vector<std::string> loaded;  ///< paths
  std::vector<std::string>
      problems;  ///< "missing: head.weight [16, 64]", "wrong shape: ...", "not part of the model: ..."
};
/// Gives the parameters whose name and shape are stored their values, and leaves the others.
WeightMatch load_matching_weights(const WeightMap& stored, const std::vector<Parameter*>& parameters);

}  // namespace seqtape::inline SEQTAPE_PRECISION
