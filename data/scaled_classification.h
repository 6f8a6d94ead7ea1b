#pragma once
// Classification of sequences of numbers in the data's units.

#include "data/scale.h"
#include "data/sequence_classification.h"

namespace seqtape {

/// Sequences of numbers that may be far from 0: each channel's mean over the training part is taken off in double, and
/// it is divided by its standard deviation, if `normalise` asks for that or floats do not hold the numbers otherwise.
class ScaledClassification : public ValueClassification {
 public:
  Json learned() const override;
  void use(const Json& learned) override;
  std::vector<std::string> notes() const override;
  Signature signature() const override;

 protected:
  /// For `fields`: the key `normalise`.
  void normalise_field(Fields&);
  void forget() override;
  void loaded() override;
  /// Adds a sequence [steps, features]; all of `values` are measured. `where` names it in messages, `source` are the
  /// bytes for the fingerprint, and `in_floats`: floats hold the values exactly.
  void add(const std::vector<double>& values, const Target& target, const std::string& where, std::string_view source,
           bool in_floats = false);
  /// Values [steps, features] as the model reads them.
  std::vector<float> scaled(const std::vector<double>& values) const;
  /// Throws DataError for values, as the model reads them, unlike any in training.
  void refuse_other(const std::vector<float>& values, const std::string& where) const;

 private:
  std::size_t channels() const { return static_cast<std::size_t>(reads().features); }
  /// The scales of the training part, and whether the values must be read by them.
  void measure();

  bool normalise_ = false, given_ = false;   // given: by a run
  std::vector<Scale> scales_;                // of the channels; empty: they are read as they are
  std::vector<std::size_t> beyond_;          // channels that floats do not hold
  std::vector<std::vector<double>> values_;  // of the sequences while they are loaded; empty where floats hold them
};

}  // namespace seqtape
