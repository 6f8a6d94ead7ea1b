// `seqtape export` and `import` as a user runs them. What other programs make of the files: tests/interop/.
#include <doctest/doctest.h>
#include <onnx/onnx_pb.h>
#include <zip.h>

#include <cmath>
#include <cstring>
#include <sstream>

#include "core/error.h"
#include "core/io/file.h"
#include "core/io/json.h"
#include "core/io/safetensors.h"
#include "core/strings.h"
#include "tests/support/program.h"
#include "tests/support/temporary_folder.h"

using namespace seqtape;
using testing::TemporaryFolder;
namespace fs = std::filesystem;

namespace {

const fs::path kGolden = SEQTAPE_SOURCE_DIR "/tests/golden";

testing::Outcome run(const std::string& line) {
  auto outcome = testing::seqtape(line);
  CAPTURE(line);
  CAPTURE(outcome.err);
  return outcome;
}
void succeeds(const std::string& line) {
  const auto outcome = run(line);
  CAPTURE(line);
  CAPTURE(outcome.err);
  REQUIRE_EQ(outcome.exit_code, 0);
}
void refused(const std::string& line, int code, const std::string& why) {
  const auto outcome = run(line);
  CAPTURE(line);
  CAPTURE(outcome.err);
  CHECK_EQ(outcome.exit_code, code);
  CHECK(outcome.err.find(why) != std::string::npos);
}

/// A byte model, or one of another task, in FOLDER/NAME, trained for a few steps.
std::string train(const TemporaryFolder& folder, const std::string& name, const std::string& model,
                  const std::string& task = "") {
  std::string text;
  for (int i = 0; i < 400; ++i) text += "the quick brown fox jumps over the lazy dog. ";
  write_file(folder / "text", text);
  write_file(
      folder / (name + ".json"),
      R"({"task": )" + (task.empty() ? R"({"name": "text", "path": "text", "length": 64})" : task) +
          R"(, "optimizer": {"name": "adamw", "lr": 0.01}, "train": {"steps": 30, "batch": 4, "tensorboard": false},
    "model": )" +
          model + "}");
  const std::string path = (folder / name).string();
  succeeds("train " + (folder / (name + ".json")).string() + " --out " + path);
  return path;
}
constexpr const char* kPortable =
    R"({"name": "mamba", "d_model": 24, "layers": 2, "tie_embeddings": true, "head_bias": false})";
constexpr const char* kOwnHead =
    R"({"name": "mamba", "d_model": 16, "layers": 1, "d_state": 4, "d_conv": 3, "proj_bias": true, "head_bias": false})";

constexpr const char* kSecond =
    R"({"name": "mamba2", "d_model": 16, "layers": 2, "d_state": 8, "head_dim": 8, "n_groups": 2, "head_bias": false})";

/// The tensors of the run's last checkpoint, by name.
std::map<std::string, std::vector<float>> weights(const TemporaryFolder& folder, const std::string& run_path) {
  const std::string file = (folder / "w.safetensors").string();
  succeeds("export " + run_path + " --format safetensors --force --out " + file);
  const SafetensorsFile opened(file);
  std::map<std::string, std::vector<float>> all;
  for (const auto& [name, entry] : opened.entries()) all[name] = opened.floats(name);
  return all;
}

}  // namespace

TEST_CASE("out and in again: the same weights, bit for bit, and the same words") {
  const TemporaryFolder folder;
  for (const char* model : {kPortable, kOwnHead, kSecond}) {
    fs::remove_all(folder / "run");
    const std::string path = train(folder, "run", model);
    const auto before = weights(folder, path);
    const std::string words = run("generate " + path + " --prompt 'the q' --tokens 40 --temperature 0").out;
    for (const std::string form : {"hf", "mamba_ssm", "gguf"}) {
      if (form == "gguf" && model == kOwnHead) continue;  // llama.cpp's has no biases of the projections
      if (form != "hf" && model == kSecond) continue;     // Mamba-2 goes to transformers only
      CAPTURE(form);
      const std::string out = (folder / (form + "-out")).string(), back = (folder / (form + "-back")).string();
      fs::remove_all(back);
      succeeds("export " + path + " --format " + form + " --force --out " + out);
      succeeds("import " + out + " --out " + back + " --data " + (folder / "text").string());
      const auto after = weights(folder, back);
      REQUIRE_EQ(after.size(), before.size());
      for (const auto& [name, values] : before) {
        CAPTURE(name);
        if (form == "gguf" && name.ends_with("a_log")) {  // stored as -exp(a_log)
          for (std::size_t i = 0; i < values.size(); ++i)
            CHECK(after.at(name)[i] == doctest::Approx(values[i]).epsilon(1e-6));
        } else {
          CHECK(after.at(name) == values);
        }
      }
      CHECK_EQ(run("generate " + back + " --prompt 'the q' --tokens 40 --temperature 0").out, words);
      CHECK_EQ(run("eval " + back + " --json").exit_code, 0);
      succeeds("train " + back + "/config.json --init-from " + back + " --set train.steps=1 --force --out " +
               (folder / "tuned").string());
      if (form == "gguf") {
        const std::string seen = run("inspect " + out).out;
        CHECK(seen.find("general.architecture: mamba") != std::string::npos);
        CHECK(seen.find("blk.0.ssm_a") != std::string::npos);
      }
      const Json record = parse_json(read_file(form == "gguf" ? out + ".parity.json" : out + "/parity.json"), "parity");
      CHECK(record["largest_difference"].get<double>() < 1e-4);
      CHECK_EQ(record["logits"].size(), 256);
    }
  }
}

TEST_CASE("a model of byte-pair tokens: trained on text, out and in again with its tokenizer") {
  const TemporaryFolder folder;
  const std::string bytes = train(folder, "bytes", kPortable), out = (folder / "out").string();
  succeeds("export " + bytes + " --format hf --out " + out);
  Json tokenizer = parse_json(read_file(out + "/tokenizer.json"), "tokenizer");
  tokenizer["model"]["vocab"]["th"] = 256;
  tokenizer["model"]["vocab"]["the"] = 257;
  tokenizer["model"]["merges"] = {"t h", "th e"};
  write_file(folder / "pairs-tokenizer.json", tokenizer.dump());
  write_file(folder / "pairs.json",
             std::string(R"({"task": {"name": "tokens", "path": "text", "length": 64, "vocab": 258,
    "tokenizer": "pairs-tokenizer.json"}, "optimizer": {"name": "adamw", "lr": 0.01},
    "train": {"steps": 60, "batch": 4, "tensorboard": false}, "model": )") +
                 kPortable + "}");
  const std::string pairs = (folder / "pairs").string(), back = (folder / "back").string();
  succeeds("train " + pairs + ".json --out " + pairs);
  const std::string ask = " --prompt 'the quick' --tokens 40 --temperature 0";
  const std::string words = run("generate " + pairs + ask).out;
  CHECK(words.rfind("the quick", 0) == 0);
  CHECK(words.find("the", 9) != std::string::npos);  // one token
  CHECK_GT(words.size(), 9 + 40 + 1);
  succeeds("export " + pairs + " --format hf --force --out " + out);
  fs::remove(folder / "pairs-tokenizer.json");
  succeeds("import " + out + " --out " + back + " --data " + (folder / "text").string());
  CHECK_EQ(run("generate " + back + ask).out, words);
  CHECK_EQ(run("eval " + back + " --json").exit_code, 0);
  write_file(back + "/tokenizer.json", "{");
  refused("generate " + back + ask, 1, "tokenizer.json");
}

TEST_CASE("several prompts go on as each alone does") {
  const TemporaryFolder folder;
  const std::string path = train(folder, "run", kPortable), how = " --tokens 30 --temperature 0";
  const std::vector<std::string> prompts{"the q", "a dog ran, and", "x"};
  std::string asked, wanted, lines;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    asked += " --prompt '" + prompts[i] + "'";
    wanted += str("--- ", i + 1, "\n", run("generate " + path + how + " --prompt '" + prompts[i] + "'").out);
    lines += prompts[i] + "\n\n";
  }
  CHECK_EQ(run("generate " + path + how + asked).out, wanted);
  write_file(folder / "prompts.txt", lines);
  const std::string from_file = " --prompts " + (folder / "prompts.txt").string();
  CHECK_EQ(run("generate " + path + how + from_file).out, wanted);
  std::istringstream json(run("generate " + path + how + from_file + " --json").out);
  std::string line;
  for (const std::string& prompt : prompts) {
    REQUIRE(std::getline(json, line));
    const Json said = Json::parse(line);
    CHECK_EQ(said["prompt"], prompt);
    CHECK_EQ(said["tokens"], 30);
  }
  // Draws of the first prompt are those it has alone.
  const auto drawn = run("generate " + path + " --tokens 30 --seed 3" + asked).out;
  CHECK(drawn.starts_with("--- 1\n" + run("generate " + path + " --tokens 30 --seed 3 --prompt 'the q'").out));
  refused("generate " + path + " --prompts /dev/null", 2, "--prompts: /dev/null holds no line with a prompt");
  refused("generate " + path + " --prompt x --prompt ''", 2, "--prompt: must not be empty");
}

TEST_CASE("generate stops after the text it is told to stop at") {
  const TemporaryFolder folder;
  const std::string path = train(folder, "run", kPortable);
  const std::string all = run("generate " + path + " --prompt 'the q' --tokens 40 --temperature 0").out;
  const std::string stop = all.substr(15, 2);
  const std::string cut =
      run("generate " + path + " --prompt 'the q' --tokens 40 --temperature 0 --stop '" + stop + "'").out;
  CHECK_EQ(cut, all.substr(0, all.find(stop, 5) + 2) + "\n");
  refused("generate " + path + " --stop ''", 2, "--stop: must not be empty");
  refused("generate " + path + " --top-p 1.5", 2, "--top-p: must be > 0 and <= 1, got 1.5");
  refused("generate " + path + " --repetition-penalty 0", 2, "--repetition-penalty: must be > 0 and finite, got 0");
}

/// Compiles FOLDER/model.c, or `source` beside it, as strictly as C99 can be.
void compile(const std::string& folder, const std::string& source, const std::string& flags = "") {
  const std::string build = str("cc -O1 -std=c99 -Wall -Wextra -Werror -pedantic ", flags, " ", folder, "/", source,
                                " -lm -o ", folder, "/model");
  CAPTURE(build);
  REQUIRE_EQ(std::system(build.c_str()), 0);
}

TEST_CASE("the C program says what generate says") {
  const TemporaryFolder folder;
  for (const char* model : {kPortable, kOwnHead, R"({"name": "lstm", "d_model": 16, "layers": 2})"}) {
    fs::remove_all(folder / "run");
    const std::string path = train(folder, "run", model), out = (folder / "c").string();
    succeeds("export " + path + " --format c --force --out " + out);
    compile(out, "model.c");
    const std::string command = out + "/model " + out + "/model.bin 'the q' 60 >" + out + "/said";
    REQUIRE_EQ(std::system(command.c_str()), 0);
    const std::string ours = run("generate " + path + " --prompt 'the q' --tokens 60 --temperature 0").out;
    CHECK_EQ("the q" + read_file(out + "/said"), ours);
    // Weights of another size are noticed.
    fs::resize_file(out + "/model.bin", fs::file_size(out + "/model.bin") - 4);
    CHECK(std::system((command + " 2>" + out + "/error").c_str()) != 0);
  }
}

TEST_CASE("the C step gives the logits of every kind of model") {
  const TemporaryFolder folder;
  const std::string listops = R"({"name": "listops", "length": 64, "shortest": 16})",
                    adding = R"({"name": "adding", "length": 32})";
  std::vector<std::pair<std::string, std::string>> cases{
      {"", R"("name": "mamba", "tie_embeddings": true, "residual_scale": 0.5)"},
      {"", R"("name": "mamba", "d_conv": 1, "proj_bias": true, "head_bias": false)"},
      {"", R"("name": "mamba2", "n_groups": 2, "head_dim": 8, "d_state": 8)"},
      {"", R"("name": "rnn", "nonlinearity": "relu")"},
      {"", R"("name": "transformer", "positions": "alibi", "norm": "layer_norm", "norm_place": "post")"},
      {"", R"("name": "transformer", "positions": "learned", "max_length": 64)"},
      {"", R"("name": "mamba", "layers": ["mamba", "transformer"])"},
      {adding, R"("name": "mamba")"},
      {adding, R"("name": "gru", "pooling": "last")"},
      {adding, R"("name": "transformer", "pooling": "first")"},
      {adding, R"("name": "gru", "stem": {"name": "patch", "size": 6, "stride": 4})"},
      {adding,
       R"("name": "transformer", "positions": "learned", "pooling": "last", "stem": {"name": "conv", "stride": 2})"},
      {adding, R"("name": "mamba", "stem": {"name": "conv", "kernel": 3, "stride": 1})"},
      {listops, R"("name": "s4d")"}};
  for (const std::string& mixer : testing::names_of("model")) cases.emplace_back("", "\"name\": \"" + mixer + "\"");
  const std::string out = (folder / "c").string();
  for (const auto& [task, model] : cases) {
    CAPTURE(model);
    fs::remove_all(folder / "run");
    const std::string path = train(folder, "run", "{\"d_model\": 16, " + model + "}", task);
    succeeds("export " + path + " --format c --force --out " + out);
    const Json parity = parse_json(read_file(out + "/parity.json"), "parity.json");
    const bool tokens = parity.contains("tokens");
    write_file(
        out + "/driver.c",
        str("#define NO_MAIN\n#include \"model.c\"\nint main(void) {\n  static struct model_weights weights;\n"
            "  static struct model m;\n  static float logits[OUTPUTS];\n  int i, t;\n",
            tokens ? "  int input;\n" : "  float input[FEATURES];\n", "  if (!model_load(&weights, \"", out,
            "/model.bin\")) return 1;\n  model_start(&m, &weights);\n  for (t = 0; t < 2; ++t) {\n"
            "    model_reset(&m);\n    for (i = 0; i < ",
            parity["length"].get<int>(), "; ++i) {\n",
            tokens
                ? "      if (scanf(\"%d\", &input) != 1) return 2;\n"
                : "      int f;\n      for (f = 0; f < FEATURES; ++f) if (scanf(\"%f\", &input[f]) != 1) return 2;\n",
            "      if (!model_step(&m, input, logits)) return 3;\n    }\n  }\n"
            "  for (i = 0; i < OUTPUTS; ++i) printf(\"%.9g\\n\", logits[i]);\n  return 0;\n}\n"));
    compile(out, "driver.c", model.find("\"learned\"") != std::string::npos ? "" : "-DCONTEXT=40");
    std::string input;  // twice: a reset forgets all
    for (int i = 0; i < 2; ++i)
      for (const Json& number : parity[tokens ? "tokens" : "values"]) input += number.dump() + "\n";
    write_file(out + "/input", input);
    REQUIRE_EQ(std::system((out + "/model <" + out + "/input >" + out + "/logits").c_str()), 0);
    std::istringstream theirs(read_file(out + "/logits"));
    double largest = 0;
    for (const Json& ours : parity["logits"]) {
      double value = NAN;
      theirs >> value;
      CHECK(std::fabs(value - ours.get<double>()) < 2e-5);
      largest = std::max(largest, std::fabs(value));
    }
    CHECK_GT(largest, 0.05);
  }
}

TEST_CASE("the C program answers for a sequence on its standard input") {
  const TemporaryFolder folder;
  const std::string path = train(folder, "run", R"({"name": "gru", "d_model": 16})",
                                 R"({"name": "adding", "length": 32})"),
                    out = (folder / "c").string();
  succeeds("export " + path + " --format c --out " + out);
  compile(out, "model.c");
  const Json parity = parse_json(read_file(out + "/parity.json"), "parity.json");
  std::string input;
  for (const Json& number : parity["values"]) input += number.dump() + " ";
  write_file(out + "/input", input);
  const auto answer = [&](const char* file) {
    return std::system(str(out, "/model ", out, "/model.bin <", file, " >", out, "/said 2>", out, "/error").c_str());
  };
  REQUIRE_EQ(answer((out + "/input").c_str()), 0);
  CHECK(std::stod(read_file(out + "/said")) == doctest::Approx(parity["logits"][0].get<double>()).epsilon(1e-4));
  CHECK(answer("/dev/null") != 0);
  CHECK_EQ(read_file(out + "/error"), "step 1 of the input: is missing\n");
  write_file(out + "/input", "0.5 1 0.25 x");
  CHECK(answer((out + "/input").c_str()) != 0);
  CHECK_EQ(read_file(out + "/error"), "step 2 of the input: is not one\n");
}

TEST_CASE("a checkpoint of transformers: in and out, the same tensors bit for bit") {
  const TemporaryFolder folder;
  int seen = 0;
  for (const auto& entry : fs::directory_iterator(kGolden)) {
    if (entry.path().filename().string().rfind("hf_mamba", 0) != 0) continue;
    const std::string in = (folder / "in").string(), out = (folder / "hf").string();
    fs::remove_all(in);
    succeeds("import " + entry.path().string() + " --out " + in);
    succeeds("export " + in + " --format hf --force --out " + out);
    const SafetensorsFile theirs(entry.path() / "model.safetensors"), ours(out + "/model.safetensors");
    CHECK_EQ(ours.metadata().at("format"), "pt");
    for (const auto& [name, tensor] : theirs.entries()) {
      CAPTURE(name);
      REQUIRE(ours.contains(name));
      CHECK(ours.entry(name).shape == tensor.shape);
      CHECK(ours.floats(name) == theirs.floats(name));
      ++seen;
    }
    CHECK_EQ(ours.entries().size(), theirs.entries().size());
    const Json old = parse_json(read_file(entry.path() / "config.json"), "theirs"),
               now = parse_json(read_file(out + "/config.json"), "ours");
    for (const char* key : {"vocab_size", "hidden_size", "num_hidden_layers", "state_size", "conv_kernel", "expand",
                            "intermediate_size", "time_step_rank", "layer_norm_epsilon", "use_bias", "use_conv_bias",
                            "tie_word_embeddings", "hidden_act", "model_type", "num_heads", "head_dim", "n_groups"})
      if (old["model_type"] == "mamba" || std::string(key) != "time_step_rank")  // Mamba-2 has none
        CHECK_EQ(now.value(key, Json()), old.value(key, Json()));
    const auto said = run("generate " + in + " --prompt '1 2 3' --tokens 5 --temperature 0");
    CHECK_EQ(said.exit_code, 0);
    CHECK_EQ(said.out.rfind("1 2 3", 0), 0);
  }
  CHECK(seen > 10);
}

TEST_CASE("shards, and what an index may not do") {
  const TemporaryFolder folder;
  const std::string path = train(folder, "run", kPortable);
  const fs::path whole = folder / "whole", parts = folder / "parts";
  succeeds("export " + path + " --format hf --out " + whole.string());
  fs::create_directories(parts);
  fs::copy(whole / "config.json", parts / "config.json");
  const SafetensorsFile file(whole / "model.safetensors");
  std::map<std::string, std::vector<float>> values;
  SafetensorsWriter shards[2];
  Json index = {{"weight_map", Json::object()}};
  int at = 0;
  for (const auto& [name, entry] : file.entries()) {
    values[name] = file.floats(name);
    shards[at % 2].add(name, entry.shape, values[name].data());
    index["weight_map"][name] = str("part-", at++ % 2, ".safetensors");
  }
  for (int i = 0; i < 2; ++i) shards[i].write(parts / str("part-", i, ".safetensors"));
  write_file(parts / "model.safetensors.index.json", index.dump());
  succeeds("import " + parts.string() + " --out " + (folder / "back").string());
  CHECK(weights(folder, (folder / "back").string()) == weights(folder, path));
  const auto no = [&](const Json& bad, const std::string& why) {
    write_file(parts / "model.safetensors.index.json", bad.dump());
    refused("import " + parts.string() + " --out " + (folder / "no").string(), 1, why);
    CHECK_FALSE(fs::exists(folder / "no"));
  };
  const std::string first = file.entries().begin()->first;
  for (const char* trick : {"../run/x.safetensors", "/etc/passwd", "..", ""}) {
    Json bad = index;
    bad["weight_map"][first] = trick;
    no(bad, "must be the name of a file beside it");
  }
  Json bad = index;
  bad["weight_map"][first] = str("part-", 1, ".safetensors");
  no(bad, "has no tensor " + first);
  bad = index;
  bad["weight_map"].erase(first);
  no(bad, "missing: " + first);
  no(Json::object(), "has no \"weight_map\"");
  fs::remove(parts / "model.safetensors.index.json");
  write_file(parts / "pytorch_model.bin", "x");
  refused("import " + parts.string() + " --out " + (folder / "no").string(), 1, "is a pickle");
}

TEST_CASE("ONNX: graphs with the tensors that they promise; what they compute is tests/interop/'s") {
  const TemporaryFolder folder;
  const std::string path = train(folder, "lstm", R"({"name": "lstm", "d_model": 16, "layers": 1})"),
                    out = (folder / "onnx").string();
  succeeds("export " + path + " --format onnx --out " + out);
  const auto names = [](const auto& values) {
    std::vector<std::string> all;
    for (const auto& value : values) all.push_back(value.name());
    return join(all, " ");
  };
  for (const bool step : {false, true}) {
    onnx::ModelProto model;
    REQUIRE(model.ParseFromString(read_file(fs::path(out) / (step ? "step.onnx" : "model.onnx"))));
    CHECK_EQ(names(model.graph().input()), step ? "tokens state.0.0 state.0.1" : "tokens");
    CHECK_EQ(names(model.graph().output()), "logits next_state.0.0 next_state.0.1");
    CHECK_EQ(model.opset_import(0).version(), 17);
    int loops = 0, numbers = 0;
    for (const auto& node : model.graph().node()) loops += node.op_type() == "Scan";
    CHECK_EQ(loops, step ? 0 : 1);  // one step needs none
    for (const auto& constant : model.graph().initializer()) {
      const std::string& bytes = constant.raw_data();
      for (std::size_t i = 0; i + 4 <= bytes.size(); i += 4) numbers += bytes.substr(i, 4) != std::string(4, '\0');
    }
    CHECK_GT(numbers, 10000);  // the weights are in it
  }
  write_file(folder / "both.json", R"({"task": {"name": "adding", "length": 16}, "train": {"steps": 1, "batch": 2},
    "model": {"name": "transformer", "d_model": 16, "layers": 1, "heads": 2, "causal": false}})");
  const std::string both = (folder / "both").string();
  succeeds("train " + both + ".json --out " + both);
  for (const std::string form : {"onnx", "c"})
    refused("export " + both + " --format " + form + " --out " + (folder / "no").string(), 2, "can run in steps");
  CHECK_FALSE(fs::exists(folder / "no"));
}

namespace {

std::string joined(const auto& values) {
  std::vector<std::string> all;
  for (const auto& value : values) all.push_back(value.name());
  return join(all, " ");
}

}  // namespace

TEST_CASE("an export says what its model reads and answers: labels, scales, units") {
  const TemporaryFolder folder;
  std::string classes = "", rows = "load,kind\n";
  for (int i = 0; i < 60; ++i) {
    classes += i % 2 ? R"("""up"" there")" : "b?";
    for (int t = 0; t < 20; ++t) classes += str(",", 1000 + t * (i % 2) + i % 5);
    classes += "\n";
    rows += str(500 + i % 7, i % 3 ? ",dry\n" : ",wet\n");
  }
  write_file(folder / "classes", classes);
  write_file(folder / "rows", rows);
  const std::string gru = R"({"name": "gru", "d_model": 16, "layers": 1})";
  const std::string out = (folder / "out").string();
  const auto exported = [&](const std::string& run_path, const std::string& form) {
    succeeds("export " + run_path + " --format " + form + " --force --out " + out);
    const std::string beside = fs::is_directory(out) ? out + "/signature.json" : out + ".signature.json";
    const Json signature = parse_json(read_file(beside), "signature.json");
    fs::remove_all(out + ".unfinished");
    return signature;
  };
  const std::string waves = train(folder, "waves", gru,
                                  R"({"name": "series_classes", "path": "classes", "length": 20, "normalise": true})"),
                    sales =
                        train(folder, "sales", gru,
                              R"({"name": "series", "path": "rows", "columns": ["load", "kind"], "targets": ["load"],
       "categorical": ["kind"], "length": 8, "horizon": 3, "train_fraction": 0.6})");
  for (const std::string form : {"npz", "safetensors"}) {
    const Json signature = exported(waves, form);
    CHECK_EQ(signature["labels"], Json({"\"up\" there", "b?"}));
    fs::remove_all(out);
  }
  const Json signature = exported(waves, "onnx");
  CHECK(signature["columns"][0]["mean"].get<double>() == doctest::Approx(1006.7).epsilon(0.01));
  for (const std::string& run_path : {waves, sales}) {
    const Json now = exported(run_path, "onnx");
    for (const char* file : {"model.onnx", "step.onnx"}) {
      onnx::ModelProto model;
      REQUIRE(model.ParseFromString(read_file(fs::path(out) / file)));
      std::map<std::string, std::string> metadata;
      for (const auto& entry : model.metadata_props()) metadata[entry.key()] = entry.value();
      CHECK_EQ(metadata.size(), now.size());
      for (const auto& [key, value] : now.items())
        CHECK_EQ(metadata[key], value.is_string() ? value.get<std::string>() : value.dump());
      const std::string outputs = joined(model.graph().output());
      CHECK(outputs.find(run_path == waves ? "logits probabilities next_" : "logits forecast next_") !=
            std::string::npos);
      CHECK_EQ(model.graph().input(0).type().tensor_type().elem_type(), onnx::TensorProto::DOUBLE);
    }
  }
  const Json forecast = exported(sales, "onnx");
  CHECK_EQ(forecast["columns"][1]["categories"], Json({"dry", "wet"}));
  CHECK_EQ(forecast["horizon"], 3);
  const std::string readme = read_file(out + "/README.md");
  CHECK(readme.find("`load`, `kind=dry`, `kind=wet`") != std::string::npos);
  CHECK(readme.find("session.run([\"forecast\"], {\"values\": values})") != std::string::npos);
  // Two models in one program have names of their own; what is no name of C is refused.
  fs::remove_all(out);
  succeeds("export " + waves + " --format c --name tide --out " + out);
  const std::string header = read_file(out + "/model.h");
  CHECK(header.find("int tide_predict(struct tide *m, const double *rows") != std::string::npos);
  CHECK(header.find("MODEL_") == std::string::npos);
  CHECK(read_file(out + "/model.c").find(R"({"\"up\" there", "b\?"})") != std::string::npos);
  CHECK(read_file(out + "/README.md").find("tide_predict(m, rows, count, answer)") != std::string::npos);
  compile(out, "model.c");
  // Nothing that changes is outside of functions and structs.
  std::istringstream code(read_file(out + "/model.c"));
  for (std::string line; std::getline(code, line);) {
    CAPTURE(line);
    CHECK_FALSE((line.starts_with("static float ") && line.find('(') == std::string::npos));
    CHECK(line.find("  static float") == std::string::npos);
  }
  refused("export " + waves + " --format c --name 2x --force --out " + out, 2, "--name: must be a name of C");
  refused("export " + waves + " --format onnx --name x --out " + (folder / "no").string(), 2,
          "--name: is for the format c");
}

TEST_CASE("hf names the tokens of bases; train says first which exports its config allows") {
  const TemporaryFolder folder;
  std::string bases = ">r\n";
  for (int i = 0; i < 400; ++i) bases += "ACGGT";
  write_file(folder / "genome", bases + "\n");
  const std::string path = train(folder, "dna", kPortable, R"({"name": "dna", "path": "genome", "length": 32})"),
                    out = (folder / "hf").string();
  succeeds("export " + path + " --format hf --out " + out);
  const Json config = parse_json(read_file(out + "/config.json"), "config.json");
  CHECK_EQ(config["id2label"].dump(), R"({"0":"A","1":"C","2":"G","3":"T","4":"N"})");
  CHECK_EQ(config["label2id"]["N"], 4);
  succeeds("import " + out + " --out " + (folder / "back").string());
  const auto line = [&](const std::string& sets) {
    const std::string said = testing::unwrapped(run("train " + (folder / "dna.json").string() + " --force --out " +
                                                    (folder / "again").string() + " --set train.steps=1 " + sets)
                                                    .out);
    const std::size_t begin = said.find("\nexports    ") + 12;
    CHECK(begin < said.find("\nstep "));  // before it trains
    return said.substr(begin, said.find('\n', begin) - begin);
  };
  CHECK_EQ(line(""), "hf, mamba_ssm, gguf, onnx, c, safetensors, npz");
  const std::string bias = line("--set model.head_bias=true");
  CHECK(bias.starts_with("onnx, c, safetensors, npz; not hf, mamba_ssm, gguf: model.head_bias: must be false; "));
  CHECK(bias.find("configs/text/mamba-hf.json") != std::string::npos);
  CHECK_EQ(line("--set model.proj_bias=true"),
           "hf, mamba_ssm, onnx, c, safetensors, npz; not gguf: model.proj_bias: must be false for llama.cpp");
}

TEST_CASE("models that a format cannot hold are refused, with what to set; paths are looked after") {
  const TemporaryFolder folder;
  const std::string out = (folder / "out").string();
  const std::string biased = train(folder, "biased", R"({"name": "mamba", "d_model": 16, "layers": 1})");
  for (const std::string form : {"hf", "mamba_ssm", "gguf"})
    refused("export " + biased + " --format " + form + " --out " + out, 2, "model.head_bias: must be false");
  const std::string own = train(folder, "own", kOwnHead);
  refused("export " + own + " --format gguf --out " + out, 2, "model.proj_bias: must be false for llama.cpp");
  const std::string narrow =
      train(folder, "narrow", R"({"name": "mamba", "d_model": 16, "layers": 1, "d_inner": 8, "head_bias": false})");
  refused("export " + narrow + " --format hf --out " + out, 2, "model.d_inner: must be at least d_model 16");
  const std::string second = train(folder, "second", kSecond);
  for (const std::string form : {"mamba_ssm", "gguf"})
    refused("export " + second + " --format " + form + " --out " + out, 2,
            "model.name: must be mamba for the format " + form);
  const std::string gru = train(folder, "gru", R"({"name": "gru", "d_model": 16, "layers": 1})");
  for (const std::string form : {"hf", "mamba_ssm", "gguf"})
    refused("export " + gru + " --format " + form + " --out " + out, 2, "model.name: must be mamba");
  CHECK_FALSE(fs::exists(out));
  CHECK_FALSE(fs::exists(out + ".tmp"));
  refused("export " + gru + " --format onn --out " + out, 2, "unknown format \"onn\"");
  refused("export " + gru + " --out " + out, 2, "--format: is missing");
  refused("export " + gru + " --format npz", 2, "--out: is missing");
  write_file(out, "mine");
  refused("export " + gru + " --format npz --out " + out, 2, "exists; --force replaces an export");
  // Only an export of the same kind is replaced: not a file or folder of the user's, not a run, nor what holds or is in
  // one.
  const std::string no = "is not an export of this format, and --force replaces nothing else";
  fs::create_directories(folder / "mine");
  write_file(folder / "mine" / "x", "mine");
  for (const std::string& place :
       {out, own, own + "/checkpoints", folder.path().string(), (folder / "mine").string()}) {
    refused("export " + own + " --format hf --force --out " + place, 2, no);
    refused("export " + gru + " --format npz --force --out " + place, 2, no);
  }
  CHECK_EQ(read_file(out), "mine");
  CHECK_EQ(read_file(folder / "mine" / "x"), "mine");
  CHECK(fs::exists(own + "/checkpoints/index.json"));
  succeeds("export " + own + " --format hf --out " + (folder / "slash").string() + "/");
  succeeds("export " + own + " --format hf --force --out " + (folder / "slash").string());
  refused("export " + own + " --format c --out ''", 2, "--out: must name");
  refused("export " + own + " --format c --out /dev/null/x", 1, "/dev/null/x: cannot be written: Not a directory");
  refused("import " + (folder / "nowhere").string() + " --out " + (folder / "no").string(), 2, "does not exist");
  refused("import " + folder.path().string() + " --out " + (folder / "no").string(), 1, "has no config.json");
  refused("import " + out + " --out " + (folder / "no").string(), 1, "not a GGUF file");
  refused("import " + out + " --out " + own, 2, "exists; --out chooses another");
  const std::string slash = (folder / "slash").string(), nowhere = (folder / "no").string();
  refused("import " + slash + "/model.safetensors --out " + nowhere, 2, "give the folder, with its config.json");
  refused("import " + slash + " --data " + nowhere + " --out " + nowhere, 2, "--data: ");
  refused("import " + slash + " --out ''", 2, "--out: must name the run folder");
  const Json config = parse_json(read_file(slash + "/config.json"), "config");
  const auto with = [&](const char* key, const Json& value, const std::string& why) {
    Json changed = config;
    changed[key] = value;
    write_file(slash + "/config.json", changed.dump());
    refused("import " + slash + " --out " + nowhere, 1, why);
  };
  for (const char* key :
       {"hidden_size", "num_hidden_layers", "state_size", "conv_kernel", "vocab_size", "time_step_rank"})
    for (const Json& value : {Json(0), Json(-1), Json(1.5), Json(1e30), Json("x"), Json(true), Json(1ull << 63)})
      with(key, value, str("config.json: ", key, ": must be a whole number from 1 to"));
  with("num_hidden_layers", 100000000, "would have 100000000 layers, but holds only");
  with("hidden_size", 100000000, "do not fit the model");
  with("layer_norm_epsilon", 1e30, "layer_norm_epsilon: must be between 0 and 1");
  write_file(slash + "/config.json", "{");
  refused("import " + slash + " --out " + nowhere, 1, "config.json");
  CHECK_FALSE(fs::exists(folder / "no"));

  // NumPy's file holds the very bytes.
  const std::string npz = (folder / "x.npz").string();
  succeeds("export " + gru + " --format npz --out " + npz);
  zip_t* const archive = zip_open(npz.c_str(), ZIP_RDONLY | ZIP_CHECKCONS, nullptr);
  REQUIRE(archive != nullptr);
  const auto values = weights(folder, gru);
  CHECK_EQ(zip_get_num_entries(archive, 0), static_cast<zip_int64_t>(values.size()));
  for (const auto& [name, expected] : values) {
    CAPTURE(name);
    zip_file_t* const member = zip_fopen(archive, (name + ".npy").c_str(), 0);
    REQUIRE(member != nullptr);
    std::string bytes(1 << 20, '\0');
    bytes.resize(static_cast<std::size_t>(zip_fread(member, bytes.data(), bytes.size())));
    zip_fclose(member);
    REQUIRE_EQ(bytes.substr(0, 8), std::string("\x93NUMPY\x01\0", 8));
    const std::size_t start = 10 + static_cast<unsigned char>(bytes[8]) + 256 * static_cast<std::size_t>(bytes[9]);
    CHECK_EQ(start % 64, 0);
    REQUIRE_EQ(bytes.size() - start, 4 * expected.size());
    CHECK_EQ(std::memcmp(bytes.data() + start, expected.data(), 4 * expected.size()), 0);
  }
  zip_close(archive);
}
