// Golden cases of whole layers: the mixer of a config, with the case's weights.
#include "core/error.h"
#include "models/mixer.h"
#include "tests/golden/golden.h"

namespace seqtape::golden {

namespace {

/// y of the mixer's layer, whose parameters are the case's inputs by `names`: path to input.
void run_layer(Case& c, const std::string& name, const Json& settings,
               const std::map<std::string, std::string>& names) {
  const auto kind = mixers().find(name)->make();
  read_fields([&](Fields& f) { kind->fields(f); }, settings, "model");
  const Variable x = c.in("x");
  const auto layer = kind->build({x.dim(2), 1});
  for (Parameter* const parameter : layer->collect()) {
    const auto known = names.find(parameter->path);
    if (known == names.end()) throw DataError("the case has nothing for the parameter " + parameter->path);
    parameter->variable = c.in(known->second);
    if (!parameter->variable.defined() || !(parameter->variable.shape() == parameter->shape))
      throw DataError(str("in.", known->second, " must be ", parameter->shape, " for ", parameter->path));
  }
  Tape tape;
  State state;
  c.finish(tape, {{"y", layer->forward(x, state, {}, {})}});
}

}  // namespace

void gated_deltanet_layer(Case& c) {
  const auto& metadata = c.file().metadata();
  const auto attribute = [&](const char* key, const std::string& otherwise) {
    return metadata.contains(key) ? c.attribute(key) : otherwise;
  };
  const auto heads = static_cast<Index>(c.number("heads"));
  const auto extent = [&](const char* input, int axis) { return c.file().entry(input).shape[axis]; };
  run_layer(c, "gated_deltanet",
            {{"heads", heads},
             {"key_dim", extent("in.q_proj", 0) / heads},
             {"value_dim", extent("in.gate_proj", 0) / heads},
             {"d_conv", extent("in.conv.q", 1)},
             {"householder", std::stoi(attribute("householder", "1"))},
             {"negative_eigenvalues", attribute("negative_eigenvalues", "0") == "1"},
             {"decay", attribute("decay", "head")}},
            {{"q.proj.weight", "q_proj"},
             {"k.proj.weight", "k_proj"},
             {"v.proj.weight", "v_proj"},
             {"q.conv", "conv.q"},
             {"k.conv", "conv.k"},
             {"v.conv", "conv.v"},
             {"b_proj.weight", "b_proj"},
             {"a_proj.weight", "a_proj"},
             {"a_log", "A_log"},
             {"dt_bias", "dt_bias"},
             {"gate_proj.weight", "gate_proj"},
             {"norm.weight", "norm"},
             {"out_proj.weight", "out_proj"}});
}

}  // namespace seqtape::golden
