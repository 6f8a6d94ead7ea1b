#include "models/mixers/gated_heads.h"

#include <cmath>

#include "core/error.h"

namespace seqtape::inline SEQTAPE_PRECISION {

void HeadSettings::fields(Fields& f, const char* keys, const char* values) {
  f("heads", heads, "heads, each with a state of its own", positive_up_to(4096));
  f("key_dim", key_dim, keys, between(0, 1e6));
  f("value_dim", value_dim, values, between(0, 1e6));
  f("gate_norm_eps", norm_eps, "added under the root of the norm of each head", positive());
}

HeadSettings HeadSettings::within(Index d_model, double key_share, double value_share) const {
  HeadSettings all = *this;
  const auto resolve = [&](Index& width, double share, const char* key) {
    if (width != 0) return;
    const double wanted = share * static_cast<double>(d_model) / static_cast<double>(heads);
    width = static_cast<Index>(wanted);
    if (width == 0 || static_cast<double>(width) != wanted)
      throw ConfigError(str("model.heads: with d_model ", d_model, " and ", heads, " heads, a head would have ", wanted,
                            " channels; choose other heads, or give ", key));
  };
  resolve(all.key_dim, key_share, "key_dim");
  resolve(all.value_dim, value_share, "value_dim");
  return all;
}

GatedHeads::GatedHeads(const HeadSettings& heads, Index width)
    : heads_(heads),
      gate_(width, heads.heads * heads.value_dim, false),
      out_(heads.heads * heads.value_dim, width, false) {
  part("gate_proj", gate_);
  norm_ = parameter("norm.weight", {heads.value_dim}, init::ones());
  part("out_proj", out_);
}

double GatedHeads::query_scale() const { return 1 / std::sqrt(static_cast<double>(heads_.key_dim)); }

Variable GatedHeads::read_out(const Variable& y, const Variable& x) const {
  return out_(gated_norm({.x = y, .z = gate_(x), .weight = norm_, .groups = heads_.heads, .eps = heads_.norm_eps}));
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
