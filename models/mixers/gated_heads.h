#pragma once
// What mixers with a matrix for each head share: their widths, and how what the heads read becomes the output.

#include "models/mixer.h"

namespace seqtape::inline SEQTAPE_PRECISION {

/// Keys of a config: heads, key_dim, value_dim, gate_norm_eps.
struct HeadSettings {
  Index heads = 4, key_dim = 0, value_dim = 0;
  double norm_eps = 1e-5;

  /// `keys`, `values`: the widths that 0 stands for, as text.
  void fields(Fields&, const char* keys, const char* values);
  /// With 0 replaced by `share` of d_model / heads. Throws ConfigError where that is no whole number.
  HeadSettings within(Index d_model, double key_share, double value_share) const;
};

/// A mixer whose heads have a state S [K, V] each and give y [B, L, H, V]:
///   out = W_o (RMSNorm over each head(y) silu(W_g x))
class GatedHeads : public Mixer {
 protected:
  /// `heads`: as `within` gives them.
  GatedHeads(const HeadSettings& heads, Index width);
  /// [B, L, any H n] as [B, L, any H, n], with n: K for keys and queries, V for values.
  Variable split_keys(const Variable& x) const { return split(x, heads_.key_dim); }
  Variable split_values(const Variable& x) const { return split(x, heads_.value_dim); }
  Variable read_out(const Variable& y, const Variable& x) const;
  /// 1 / sqrt(K)
  double query_scale() const;

  const HeadSettings heads_;

 private:
  static Variable split(const Variable& x, Index width) {
    return reshape(x, Shape{x.dim(0), x.dim(1), x.dim(2) / width, width});
  }

  Linear gate_, out_;
  Weight norm_;
};

}  // namespace seqtape::inline SEQTAPE_PRECISION
