// The checks of `seqtape check` for every mixer of the registry and its variants, in both precisions.
#include "models/check.h"

#include <doctest/doctest.h>

#include "core/error.h"
#include "models/sequence_model.h"
#include "tests/support/temporary_folder.h"

using namespace seqtape;
using testing::message_of;

namespace {

CheckSubject tokens(const Json& model) { return {model, {.vocabulary = 7, .outputs = 5}}; }

void expect_all(const CheckSubject& subject, bool in_float = true) {
  CAPTURE(subject.model.dump());
  const auto require = [](const std::vector<CheckResult>& results) {
    CHECK(results.size() >= 3);
    for (const CheckResult& result : results) {
      CAPTURE(result.name);
      CAPTURE(result.detail);
      CHECK(result.passed);
    }
  };
  require(f64::check_model(subject));
  if (in_float) require(f32::check_model(subject));
}

}  // namespace

TEST_CASE("every mixer: gradients, streaming, causality, padding, threads") {
  for (const std::string& name : mixers().names()) expect_all(tokens({{"name", name}, {"d_model", 8}}));
}

TEST_CASE("every switch and choice of every mixer") {
  int variants = 0;
  for (const auto& entry : mixers().entries) {
    const auto made = entry.make();
    const Json fields = schema_of([&](Fields& f) { made->fields(f); })["properties"];
    for (const auto& [key, field] : fields.items()) {
      std::vector<Json> values = field.value("enum", std::vector<Json>());
      if (field.value("type", Json()) == "boolean") values = {true, false};
      for (const Json& value : values) {
        if (value == field["default"]) continue;
        expect_all(tokens({{"name", entry.name}, {"d_model", 8}, {key, value}}), false);
        ++variants;
      }
    }
  }
  CHECK_GE(variants, 20);
}

TEST_CASE("variants") {
  for (const Json& model : std::vector<Json>{
           {{"name", "s4d"},
            {"initialization", "inv"},
            {"train_b", true},
            {"discretization", "bilinear"},
            {"mode", "scan"}},
           {{"name", "s4d"}, {"initialization", "legs"}, {"d_state", 6}},
           {{"name", "s4d"}, {"initialization", "real"}, {"bidirectional", true}},
           {{"name", "s4"}, {"bidirectional", true}, {"mode", "conv"}},
           {{"name", "transformer"}, {"positions", "alibi"}, {"mlp", 0}},
           {{"name", "transformer"}, {"positions", "learned"}, {"heads", 2}},
           {{"name", "transformer"}, {"positions", "none"}, {"causal", false}},
           {{"name", "rnn"}, {"nonlinearity", "relu"}, {"initialization", "orthogonal"}},
           {{"name", "lstm"}, {"forget_bias", 1}, {"chrono_length", 50}},
           {{"name", "mamba"},
            {"d_state", 5},
            {"d_conv", 3},
            {"expand", 3},
            {"dt_rank", 2},
            {"proj_bias", true},
            {"conv_bias", false}},
           {{"name", "mamba2"}, {"d_state", 5}, {"head_dim", 4}, {"n_groups", 2}, {"proj_bias", true}},
           {{"name", "gru"}, {"norm", "layer_norm"}, {"norm_place", "post"}, {"residual_scale", 0.5}},
           {{"name", "mamba"}, {"layers", {"mamba", "transformer", "s4d"}}, {"transformer", {{"heads", 2}}}}}) {
    Json small = model;
    small["d_model"] = 8;
    expect_all(tokens(small), false);
  }
}

TEST_CASE("real-valued inputs, one answer a sequence, tied embeddings") {
  for (const char* pooling : {"mean", "last", "first"})
    for (const std::string& name : mixers().names())
      expect_all(
          {{{"name", name}, {"d_model", 8}, {"pooling", pooling}}, {.features = 2, .outputs = 3, .pooled = true}},
          false);
  expect_all({{{"name", "lstm"}, {"d_model", 8}, {"tie_embeddings", true}}, {.vocabulary = 7, .outputs = 7}}, false);
}

TEST_CASE("stems and bands of the mel scale: gradients, and the same numbers in chunks and step by step") {
  const SequenceShape values{.features = 2, .outputs = 3, .pooled = true};
  const Json patch = {{"name", "patch"}, {"size", 6}, {"stride", 4}},
             conv = {{"name", "conv"}, {"kernel", 5}, {"stride", 3}, {"channels", 6}};
  for (const char* pooling : {"mean", "last", "first"})
    for (const Json& stem : {patch, conv, Json({{"name", "patch"}, {"size", 7}})})
      expect_all({{{"name", "gru"}, {"d_model", 8}, {"pooling", pooling}, {"stem", stem}}, values});
  SequenceShape samples{.features = 1, .outputs = 3, .pooled = true, .bands = {21, 8, 5, 8000, 20, 4000}};
  expect_all({{{"name", "mamba"}, {"d_model", 8}}, samples});
  expect_all({{{"name", "mamba"}, {"d_model", 8}, {"stem", patch}}, samples});
  expect_all({{{"name", "transformer"}, {"d_model", 8}, {"positions", "learned"}, {"stem", conv}}, samples});
  expect_all({{{"name", "s4"}, {"d_model", 8}, {"bidirectional", true}, {"stem", conv}}, samples});
  // One step for each: an answer at each.
  expect_all({{{"name", "lstm"}, {"d_model", 8}, {"stem", {{"name", "conv"}, {"kernel", 4}, {"stride", 1}}}},
              {.features = 2, .outputs = 3}});
}

TEST_CASE("settings that do not go together are named") {
  const auto error = [](const Json& model) {
    return message_of<ConfigError>([&] { f64::check_model(tokens(model)); });
  };
  const auto of_values = [](const Json& stem, bool pooled) {
    return message_of<ConfigError>([&] {
      f64::check_model({{{"name", "gru"}, {"stem", stem}}, {.features = 1, .outputs = 2, .pooled = pooled}});
    });
  };
  CHECK_EQ(error({{"name", "gru"}, {"stem", {{"name", "patch"}}}}),
           "model.stem: is for tasks whose inputs are numbers; the inputs of this one are tokens");
  CHECK_EQ(of_values({{"name", "patch"}, {"size", 4}}, false),
           "model.stem: makes one step of 4, and the task asks for an answer at every step; a conv of stride 1 leaves "
           "them all");
  CHECK_EQ(of_values({{"name", "conv"}, {"kernel", 4}, {"stride", 5}}, true),
           "model.stem.stride: must be at most 4, the steps that are put together, or some would not be read; got 5");
  CHECK_EQ(of_values({{"name", "pach"}}, true), "model.stem.name: unknown name \"pach\"; did you mean \"patch\"?");
  CHECK_EQ(error({{"name", "s4"}, {"d_state", 7}}),
           "model.d_state: must be even, since states come in conjugate pairs, got 7");
  CHECK_EQ(error({{"name", "transformer"}, {"d_model", 30}}), "model.heads: must divide d_model 30, got 4");
  CHECK_EQ(error({{"name", "transformer"}, {"d_model", 12}}),
           "model.heads: rotary positions need an even width of each head, got 12/4");
  CHECK_EQ(error({{"name", "lstmm"}}), "model.name: unknown name \"lstmm\"; did you mean \"lstm\"?");
  CHECK_EQ(error({{"name", "s4"}, {"layers", {"s4", "mamb"}}}),
           "model.layers[1]: unknown name \"mamb\"; did you mean \"mamba\"?");
  CHECK_EQ(error({{"name", "lstm"}, {"tie_embeddings", true}}),
           "model.tie_embeddings: needs a task whose answers are tokens of its vocabulary");
}
