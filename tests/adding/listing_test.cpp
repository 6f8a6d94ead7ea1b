// The example of an export target writes a model's step, and says which op it has no form for.
#include "examples/target/listing.h"

#include <doctest/doctest.h>

#include "core/error.h"
#include "tests/support/temporary_folder.h"

using namespace seqtape;

namespace {

std::string listing(const char* mixer) {
  ModelConfig config;
  const Json root = {{"model", {{"name", mixer}, {"d_model", 4}, {"layers", 1}}}};
  read_fields([&](Fields& f) { f.named("model", "", config.named()); }, root, "");
  SequenceModel model(config, {.vocabulary = 3, .outputs = 3});
  allocate(model.parameters(), 1);
  return listing_of(model);
}

}  // namespace

TEST_CASE("a target of its own lists a step, op by op") {
  CHECK_EQ(listing("rnn"),
           "v1 = embedding(embedding.weight, ids)\n"
           "v2 = rms_norm(v1, blocks.0.norm.weight, eps 1e-05)\n"
           "v3 = linear(v2, blocks.0.mixer.weight_ih, blocks.0.mixer.bias_ih)\n"
           "v4, v5 = recurrence(v3, blocks.0.mixer.weight_hh, blocks.0.mixer.bias_hh, state.0.0)\n"
           "v6 = add(v1, v4)\n"
           "v7 = rms_norm(v6, norm.weight, eps 1e-05)\n"
           "v8 = linear(v7, head.weight, head.bias)\n");
  for (const char* mixer : {"rnn", "lstm", "gru", "mingru", "minlstm"}) CHECK_GT(listing(mixer).size(), 100);
}

TEST_CASE("an op that it does not know is an error with the op's name") {
  CHECK_EQ(testing::message_of<ConfigError>([] { listing("mamba2"); }),
           "listing: the op \"causal_conv1d\" is not supported: no lowering has been written for it");
}
