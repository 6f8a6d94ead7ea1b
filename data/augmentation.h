#pragma once
// Training sequences of numbers that differ from epoch to epoch.

#include "core/config.h"
#include "core/random.h"

namespace seqtape {

/// What training does to its sequences, anew in each epoch. Nothing unless it is asked for, and never in evaluation.
struct Augmentation {
  bool crop = false;
  Index shift = 0;
  double gain = 0, noise = 0;
  // Of bands of the mel scale (SpecAugment, Park et al. 2019, arXiv 1904.08779):
  Index time_masks = 0, time_mask = 10, band_masks = 0, band_mask = 8;

  void fields(Fields&);
  void mask_fields(Fields&);
  bool masks() const { return time_masks > 0 || band_masks > 0; }

  /// Changes values [steps, features]: moves them, with zeros for what is missing, then scales them, then adds noise.
  void change(Random&, Index steps, Index features, float* values) const;
  /// Sets to 0 what is masked of kept [frames, bands], which is 1.
  void mask(Random&, Index frames, Index bands, float* kept) const;
};

}  // namespace seqtape
