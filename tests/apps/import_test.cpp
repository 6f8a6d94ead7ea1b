// What other programs' files may be like: read, or refused by name.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <map>

#include "core/error.h"
#include "core/io/file.h"
#include "core/io/gguf.h"
#include "core/io/json.h"
#include "core/io/safetensors.h"
#include "core/strings.h"
#include "tests/support/program.h"
#include "tests/support/temporary_folder.h"

using namespace seqtape;
using testing::TemporaryFolder;
namespace fs = std::filesystem;

namespace {

testing::Outcome succeeds(const std::string& line, const std::string& before = "") {
  auto outcome = testing::seqtape(line, before);
  CAPTURE(line);
  CAPTURE(outcome.err);
  REQUIRE_EQ(outcome.exit_code, 0);
  return outcome;
}
std::string refused(const std::string& line, int code, const std::string& why) {
  const auto outcome = testing::seqtape(line);
  CAPTURE(line);
  CAPTURE(outcome.err);
  CHECK_EQ(outcome.exit_code, code);
  CHECK(outcome.err.find(why) != std::string::npos);
  return outcome.err;
}
void contains(const std::string& text, const std::string& part) {
  CAPTURE(text);
  CAPTURE(part);
  CHECK(text.find(part) != std::string::npos);
}

constexpr const char* kMamba =
    R"({"name": "mamba", "d_model": 16, "layers": 1, "tie_embeddings": true, "head_bias": false})";
constexpr const char* kMamba2 =
    R"({"name": "mamba2", "d_model": 16, "layers": 1, "d_state": 8, "head_dim": 8, "head_bias": false})";

/// A folder with a trained byte model RUN, its exports, and paths in it.
struct Place {
  TemporaryFolder folder;
  std::string run = path("run"), hf = path("hf"), back = path("back");

  explicit Place(const std::string& model = kMamba, const std::string& task = "", int steps = 20) {
    std::string text;
    for (int i = 0; i < 400; ++i) text += "the quick brown fox jumps over the lazy dog. ";
    write_file(folder / "text", text);
    train("run", model, task, steps);
  }
  std::string path(const std::string& name) const { return (folder / name).string(); }
  void train(const std::string& name, const std::string& model, const std::string& task = "", int steps = 20) const {
    write_file(folder / (name + ".json"),
               R"({"task": )" + (task.empty() ? R"({"name": "text", "path": "text", "length": 64})" : task) +
                   R"(, "optimizer": {"lr": 0.01}, "train": {"steps": )" + std::to_string(steps) +
                   R"(, "batch": 4, "tensorboard": false}, "model": )" + model + "}");
    succeeds("train " + path(name + ".json") + " --out " + path(name));
  }
  void export_as(const std::string& format, const std::string& out) const {
    succeeds("export " + run + " --format " + format + " --force --out " + out);
  }
  std::string words(const std::string& of, const std::string& prompt = "the q") const {
    return succeeds("generate " + of + " --prompt '" + prompt + "' --tokens 20 --temperature 0").out;
  }
  void import(const std::string& from) const {
    fs::remove_all(back);
    succeeds("import " + from + " --out " + back);
  }
  std::string no_import(const std::string& from, const std::string& why, int code = 1) const {
    fs::remove_all(back);
    const std::string said = refused("import " + from + " --out " + back, code, why);
    CHECK_FALSE(fs::exists(back));
    CHECK_FALSE(fs::exists(back + ".unfinished"));
    return said;
  }
};

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  const std::size_t at = text.find(what);
  REQUIRE(at != std::string::npos);
  return text.replace(at, what.size(), by);
}

/// One word of a shell.
std::string quoted(const std::string& text) {
  std::string word = "'";
  for (const char c : text) word += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return word + "'";
}

using Tensors = std::map<std::string, std::pair<Shape, std::vector<float>>>;
Tensors tensors_of(const fs::path& path) {
  const SafetensorsFile file(path);
  Tensors all;
  for (const auto& [name, entry] : file.entries()) all[name] = {entry.shape, file.floats(name)};
  return all;
}
void write_tensors(const fs::path& path, const Tensors& tensors) {
  SafetensorsWriter writer;
  for (const auto& [name, tensor] : tensors) writer.add(name, tensor.first, tensor.second.data());
  writer.write(path);
}
Tensors renamed(const Tensors& tensors, const std::function<std::string(const std::string&)>& name_of) {
  Tensors all;
  for (const auto& [name, tensor] : tensors) all[name_of(name)] = tensor;
  return all;
}

/// The GGUF again, with tensors and keys changed.
void rewrite_gguf(
    const std::string& from, const std::string& to,
    const std::function<void(std::map<std::string, GgufValue>&, std::map<std::string, std::vector<double>>&)>& change) {
  const GgufFile file(from);
  std::map<std::string, GgufValue> keys = file.keys();
  std::map<std::string, std::vector<double>> values;
  for (const auto& [name, entry] : file.entries()) values[name] = file.values(name);
  change(keys, values);
  GgufWriter writer;
  for (const auto& [key, value] : keys)
    std::visit(
        [&, &key = key](const auto& v) {
          using T = std::decay_t<decltype(v)>;
          if constexpr (std::is_same_v<T, std::int64_t>)
            writer.key(key, static_cast<std::uint32_t>(v));
          else if constexpr (std::is_same_v<T, double>)
            writer.key(key, static_cast<float>(v));
          else if constexpr (std::is_same_v<T, bool> || std::is_same_v<T, std::string> ||
                             std::is_same_v<T, std::vector<std::string>>)
            writer.key(key, v);
        },
        value);
  for (const auto& [name, entry] : file.entries())
    writer.tensor(name, entry.shape, std::vector<float>(values[name].begin(), values[name].end()));
  writer.write(to);
}

}  // namespace

TEST_CASE("GGUF: what mamba is not is refused by key or tensor; its tokens are not guessed") {
  const Place place;
  const std::string file = place.path("m.gguf"), other = place.path("other.gguf"), words = place.words(place.run);
  place.export_as("gguf", file);
  using Keys = std::map<std::string, GgufValue>;
  using Values = std::map<std::string, std::vector<double>>;
  rewrite_gguf(file, other, [](Keys&, Values&) {});
  CHECK_EQ(read_file(other).size(), read_file(file).size());
  place.import(other);
  CHECK_EQ(place.words(place.back), words);
  rewrite_gguf(file, other, [](Keys& keys, Values&) { keys.erase("mamba.ssm.dt_b_c_rms"); });
  place.import(other);
  CHECK_EQ(place.words(place.back), words);
  const auto no = [&](const std::function<void(Keys&, Values&)>& change, const std::string& why) {
    rewrite_gguf(file, other, change);
    return place.no_import(other, why);
  };
  no([](Keys& keys, Values&) { keys["mamba.ssm.dt_b_c_rms"] = true; }, "mamba.ssm.dt_b_c_rms: must be false");
  no([](Keys& keys, Values&) { keys["mamba.ssm.dt_b_c_rms"] = std::int64_t{1}; },
     "mamba.ssm.dt_b_c_rms: must be false");
  for (const double wrong : {0.5, 0.0, -HUGE_VAL, std::nan("")})
    no([&](Keys&, Values& values) { values["blk.0.ssm_a"][3] = wrong; }, "tensor \"blk.0.ssm_a\": must be -exp(A_log)");
  no([](Keys&, Values& values) { values["blk.0.ssm_d"][1] = NAN; }, "is not finite everywhere");
  no([](Keys& keys, Values&) { keys["split.count"] = std::int64_t{2}; }, "one of the 2 parts of a split GGUF");
  no([](Keys& keys, Values&) { keys["mamba.attention.layer_norm_rms_epsilon"] = static_cast<double>(NAN); },
     "layer_norm_rms_epsilon: must be between 0 and 1");
  std::string bytes = read_file(file);
  std::swap(bytes[4], bytes[7]);
  write_file(other, bytes);
  place.no_import(other, "byte order of a big-endian machine");
  // Two tokens have changed places: the text of the one is that of the other.
  rewrite_gguf(file, other, [](Keys& keys, Values&) {
    auto& tokens = std::get<std::vector<std::string>>(keys["tokenizer.ggml.tokens"]);
    std::swap(tokens['a'], tokens['b']);
  });
  fs::remove_all(place.back);
  contains(succeeds("import " + other + " --out " + place.back).out, "numbers of tokens");
  contains(place.words(place.back, "116 104 101"), "116 104 101 ");
}

TEST_CASE("config.json of Mamba-2: the limit of the step size in every spelling") {
  const Place place(kMamba2);
  place.export_as("hf", place.hf);
  const std::string config = read_file(place.hf + "/config.json"), words = place.words(place.run);
  const auto with = [&](const std::string& limit) {
    write_file(place.hf + "/config.json", replaced(config, "{", "{\"time_step_limit\": " + limit + ","));
  };
  for (const char* good : {"[0.0, Infinity]", "[0, Infinity ]", R"([0.0, {"__float__": "Infinity"}])", "null",
                           "[0.0, 3.4028234663852886e+38]", "[0.0, 1e308]"}) {
    with(good);
    place.import(place.hf);
    CHECK_EQ(place.words(place.back), words);
  }
  for (const char* bad :
       {"[0.0, NaN]", "[-Infinity, 0.1]", "[0.001, Infinity]", "[0.0, 0.5]", "[0.0]", "0.0", "Infinity", "\"x\"",
        R"([0.0, "abc"])", R"([0.0, {"__float__": "NaN"}])", R"([0.0, {"__float__": "-Infinity"}])",
        R"([0.0, {"__float__": 1}])", R"([0.0, {}])", "[NaN, Infinity]", "[0.0, Infinity, 1]"}) {
    CAPTURE(bad);
    with(bad);
    place.no_import(place.hf, "time_step_limit");
  }
  write_file(place.hf + "/config.json", replaced(config, "{", "{\"some_scale\": NaN, \"other\": [-Infinity],"));
  place.import(place.hf);
  for (const char* key : {"layer_norm_epsilon", "vocab_size", "n_groups", "head_dim"}) {
    const Json json = parse_json(config, "config");
    for (const char* value : {"NaN", "Infinity", "{}", "\"x\"", "[]", "true"}) {
      std::string changed = json.dump();
      const std::string old = Json(key).dump() + ":" + json[key].dump();
      write_file(place.hf + "/config.json", replaced(changed, old, Json(key).dump() + ":" + value));
      place.no_import(place.hf, str("config.json: ", key));
    }
  }
  for (const char* text :
       {"[]", "1", "{}", "{\"model_type\": 1}", "{\"model_type\": \"falcon_mamba\"}", "{\"d_model\": []}",
        "{\"d_model\": 8, \"ssm_cfg\": 3}", "{\"d_model\": 8, \"ssm_cfg\": {\"layer\": \"Mamba2\"}}"}) {
    write_file(place.hf + "/config.json", text);
    place.no_import(place.hf, "config.json");
  }
  write_file(place.hf + "/config.json", config + std::string("\0", 1));
  place.no_import(place.hf, "is a NUL");
}

TEST_CASE("names with the prefixes of wrappers are read as without them") {
  const Place place;
  place.export_as("hf", place.hf);
  const std::string weights = place.path("w.safetensors"), words = place.words(place.run);
  place.export_as("safetensors", weights);
  const Tensors theirs = tensors_of(place.hf + "/model.safetensors"), ours = tensors_of(weights);
  const auto middle = [](const std::string& name) {
    const std::size_t at = name.find(".0.");
    return at == std::string::npos ? name : name.substr(0, at + 3) + "_orig_mod." + name.substr(at + 3);
  };
  std::vector<std::pair<std::string, std::function<std::string(const std::string&)>>> kinds{{"_orig_mod.", middle}};
  for (const char* prefix :
       {"_orig_mod.", "module.", "module._orig_mod.", "_orig_mod.module.", "model.", "net.module.x."})
    kinds.emplace_back(prefix, [prefix](const std::string& name) { return prefix + name; });
  for (const auto& [prefix, name_of] : kinds) {
    CAPTURE(prefix);
    write_tensors(place.hf + "/model.safetensors", renamed(theirs, name_of));
    fs::remove_all(place.back);
    contains(succeeds("import " + place.hf + " --out " + place.back).out, "of a wrapper, which is left out");
    CHECK_EQ(place.words(place.back), words);
    write_tensors(weights, renamed(ours, name_of));
    const std::string said = succeeds("train " + place.path("run.json") + " --force --set train.steps=1 --init-from " +
                                      weights + " --out " + place.path("tuned"))
                                 .out;
    contains(said, str("warm start ", ours.size(), " of ", ours.size(), " tensors"));
    contains(said, "have the prefix");
  }
  // Two that would become one stay two.
  Tensors both = theirs;
  both["module." + theirs.begin()->first] = theirs.begin()->second;
  write_tensors(place.hf + "/model.safetensors", both);
  place.no_import(place.hf, "not part of the model: module." + theirs.begin()->first);
}

TEST_CASE("a tied head: in the index alone, in both places, or in place of the embedding") {
  const Place place;
  place.export_as("hf", place.hf);
  const fs::path whole = place.hf + "/model.safetensors", index = place.hf + "/model.safetensors.index.json";
  const Tensors theirs = tensors_of(whole);
  const std::string words = place.words(place.run), embedding = "backbone.embeddings.weight";
  Tensors head = theirs;
  head["lm_head.weight"] = head[embedding];
  write_tensors(whole, head);
  place.import(place.hf);
  CHECK_EQ(place.words(place.back), words);
  head.erase(embedding);
  write_tensors(whole, head);
  place.import(place.hf);
  CHECK_EQ(place.words(place.back), words);

  fs::remove(whole);
  Tensors parts[2];
  Json map = Json::object();
  int at = 0;
  for (const auto& [name, tensor] : theirs) {
    parts[at % 2][name] = tensor;
    map[name] = str("part-", at++ % 2, ".safetensors");
  }
  for (int i = 0; i < 2; ++i) write_tensors(fs::path(place.hf) / str("part-", i, ".safetensors"), parts[i]);
  map["lm_head.weight"] = "part-0.safetensors";
  write_file(index, Json({{"metadata", Json::object()}, {"weight_map", map}}).dump());
  place.import(place.hf);
  CHECK_EQ(place.words(place.back), words);
  // An untied model needs it.
  const std::string config = read_file(place.hf + "/config.json");
  write_file(place.hf + "/config.json",
             replaced(config, "\"tie_word_embeddings\": true", "\"tie_word_embeddings\": false"));
  place.no_import(place.hf, "weight_map.lm_head.weight: part-0.safetensors has no tensor lm_head.weight");
  write_file(place.hf + "/config.json", config);
  fs::remove(place.hf + "/part-1.safetensors");
  place.no_import(place.hf, "part-1.safetensors");
  for (const char* bad : {"{}", "{\"weight_map\": []}", "{\"weight_map\": {\"a\": 1}}", "[]", ""}) {
    write_file(index, bad);
    place.no_import(place.hf, "model.safetensors.index.json");
  }
}

TEST_CASE("a tokenizer of 256 tokens is used unless its tokens are the bytes") {
  const Place place;
  place.export_as("hf", place.hf);
  place.import(place.hf);
  CHECK_EQ(parse_json(read_file(place.back + "/config.json"), "c")["task"]["name"], "text");
  Json tokenizer = parse_json(read_file(place.hf + "/tokenizer.json"), "t");
  const std::string bytes = tokenizer.dump();
  auto& vocabulary = tokenizer["model"]["vocab"];
  std::swap(vocabulary["a"], vocabulary["b"]);
  write_file(place.hf + "/tokenizer.json", tokenizer.dump());
  place.import(place.hf);
  const Json task = parse_json(read_file(place.back + "/config.json"), "c")["task"];
  CHECK_EQ(task["name"], "tokens");
  CHECK_EQ(task["tokenizer"], place.back + "/tokenizer.json");
  // The same id follows the same id, under another letter: a and b have changed places.
  std::string swapped = place.words(place.run, "the ba");
  for (char& c : swapped) c = c == 'a' ? 'b' : c == 'b' ? 'a' : c;
  CHECK_EQ(place.words(place.back, "the ab"), swapped);
  Json spaced = parse_json(bytes, "t");
  spaced["pre_tokenizer"]["add_prefix_space"] = true;
  write_file(place.hf + "/tokenizer.json", spaced.dump());
  place.import(place.hf);
  CHECK_EQ(parse_json(read_file(place.back + "/config.json"), "c")["task"]["name"], "tokens");
  // The run goes elsewhere, and its tokenizer with it.
  const std::string here = place.words(place.back, "ab"), moved = place.path("moved");
  fs::rename(place.back, moved);
  CHECK_EQ(place.words(moved, "ab"), here);
  // One of another make is named, and not taken for bytes.
  fs::remove(place.hf + "/tokenizer.json");
  write_file(place.hf + "/vocab.json", "{}");
  write_file(place.hf + "/merges.txt", "");
  contains(succeeds("import " + place.hf + " --out " + place.back).out, "vocab.json, merges.txt are not read");
  CHECK_EQ(parse_json(read_file(place.back + "/config.json"), "c")["task"]["name"], "tokens");
}

TEST_CASE("a vocabulary beyond what a task can have is refused by the key that says so") {
  const Place place;
  place.export_as("hf", place.hf);
  Json config = parse_json(read_file(place.hf + "/config.json"), "c");
  config["vocab_size"] = 65537;
  write_file(place.hf + "/config.json", config.dump());
  Tensors tensors = tensors_of(place.hf + "/model.safetensors");
  tensors["backbone.embeddings.weight"] = {Shape{65537, 16}, std::vector<float>(65537 * 16)};
  write_tensors(place.hf + "/model.safetensors", tensors);
  place.no_import(place.hf, "vocab_size: 65537 tokens are more than the 65536", 2);
}

TEST_CASE("pickles: a line of Python that works also where tensors share memory") {
  const TemporaryFolder folder;
  fs::create_directories(folder / "h");
  write_file(folder / "h" / "config.json", R"({"d_model": 8, "n_layer": 1, "vocab_size": 8, "ssm_cfg": {}})");
  const std::string h = (folder / "h").string(), out = (folder / "out").string();
  refused("import " + h + " --out " + out, 1, "has no model.safetensors and no model.safetensors.index.json");
  for (const char* name : {"pytorch_model-00002-of-00002.bin", "pytorch_model-00001-of-00002.bin"})
    write_file(folder / "h" / name, "PK\3\4");
  const std::string said = refused("import " + h + " --out " + out, 1, "are pickles, which can run any code");
  contains(said, R"(for file in ["pytorch_model-00001-of-00002.bin","pytorch_model-00002-of-00002.bin"] for)");
  contains(said, "name: tensor.clone().contiguous()");
  refused("import " + h + "/pytorch_model-00001-of-00002.bin --out " + out, 2, "is a pickle");
  CHECK_FALSE(fs::exists(out));
}

TEST_CASE("generate: a stop ends the text wherever tokens begin and end") {
  const Place place;
  place.export_as("hf", place.hf);
  Json tokenizer = parse_json(read_file(place.hf + "/tokenizer.json"), "t");
  const char* const merged[] = {".\u0120", "qu", "qui", "th", "the", "\u00c3\u00a9", "d\u00c3"};
  int id = 256;
  for (const char* token : merged) tokenizer["model"]["vocab"][token] = id++;
  tokenizer["model"]["merges"] = {". \u0120", "q u", "qu i", "t h", "th e", "\u00c3 \u00a9", "d \u00c3"};
  write_file(place.folder / "tokenizer.json", tokenizer.dump());
  std::string text;
  for (int i = 0; i < 300; ++i) text += "the quick dé brown. ";
  write_file(place.folder / "pairs.txt", text);
  place.train("pairs", kMamba, R"({"name": "tokens", "path": "pairs.txt", "length": 32, "vocab": 263,
    "tokenizer": "tokenizer.json"})",
              150);
  const std::string ask = "generate " + place.path("pairs") + " --prompt 'the quick dé' --tokens 40 --temperature 0";
  const std::string all = parse_json(succeeds(ask + " --json").out, "out")["text"];
  REQUIRE(all.find(" brown. the quick dé brown") == 0);
  const auto stopped = [&](const std::string& stops) {
    const std::string said = parse_json(succeeds(ask + " --json" + stops).out, "out")["text"];
    CHECK_EQ(succeeds(ask + stops).out, "the quick dé" + said + "\n");
    return said;
  };
  CHECK_EQ(stopped(" --stop ."), " brown.");               // inside of ". "
  CHECK_EQ(stopped(" --stop 'uic'"), " brown. the quic");  // begins inside of "qui"
  CHECK_EQ(stopped(" --stop '. t'"), " brown. t");         // over a border, ends inside of "the"
  CHECK_EQ(stopped(" --stop 'the quick'"), " brown. the quick");
  CHECK_EQ(stopped(" --stop é"), " brown. the quick dé");                        // two bytes, of two tokens
  CHECK_EQ(stopped(" --stop zzz --stop k --stop 'brown. the'"), " brown. the");  // the first to end
  CHECK_EQ(stopped(" --stop nowhere"), all);
  // What a prompt holds is no stop: it was not written.
  CHECK_EQ(stopped(" --stop 'dé '"), stopped(" --stop 'quick dé '"));
  // Where tokens are numbers, so are stops.
  write_file(place.folder / "ids.txt", [] {
    std::string ids;
    for (int i = 0; i < 500; ++i) ids += "1 15 5 51 ";
    return ids;
  }());
  place.train("ids", kMamba, R"({"name": "tokens", "path": "ids.txt", "length": 32, "vocab": 64})", 150);
  const auto numbers = [&](const std::string& stop) {
    return succeeds("generate " + place.path("ids") + " --prompt '5 51' --tokens 9 --temperature 0 --stop '" + stop +
                    "'")
        .out;
  };
  CHECK_EQ(numbers("5"), "5 51 1 15 5\n");
  CHECK_EQ(numbers("15 5"), "5 51 1 15 5\n");
  CHECK_EQ(numbers("51 1"), "5 51 1 15 5 51 1\n");
  refused("generate " + place.path("ids") + " --prompt 1 --stop x", 2, "--stop: must be token numbers");
}

TEST_CASE("generate: settings of the choice that are no numbers are refused") {
  const Place place;
  for (const char* bad : {"--repetition-penalty inf", "--repetition-penalty nan", "--repetition-penalty -1",
                          "--temperature inf", "--temperature nan", "--temperature -1", "--top-p nan", "--top-p 0",
                          "--top-p inf", "--top-k -1", "--tokens -1", "--stop ''"}) {
    const std::string option = std::string(bad).substr(0, std::string(bad).find(' '));
    refused("generate " + place.run + " --prompt the " + bad, 2, option + ": must");
  }
  // Large ones are, and leave a choice.
  CHECK_EQ(succeeds("generate " + place.run + " --prompt the --tokens 300 --repetition-penalty 1e300").out.size(), 304);
  CHECK_EQ(succeeds("generate " + place.run + " --prompt the --tokens 30 --temperature 1e-300").out.size(), 34);
}

TEST_CASE("generate: prompts end in LF, CR LF or CR; a long one takes the memory of a short one") {
  const Place place;
  const std::string ask = "generate " + place.run + " --tokens 3 --temperature 0 --json --prompts " + place.path("p");
  write_file(place.folder / "p", "the\nand a\n\n");
  const std::string wanted = succeeds(ask).out;
  for (const char* text : {"the\rand a\r", "the\r\nand a\r\n", "\rthe\n\rand a", "the\n\nand a"}) {
    write_file(place.folder / "p", text);
    CHECK_EQ(succeeds(ask).out, wanted);
  }
  // Read in pieces: what it says is what is said step by step.
  std::string prompt;
  while (prompt.size() < 2500) prompt += "the quick brown fox jumps over the lazy dog. ";
  write_file(place.folder / "p", prompt + "the q");
  const Json said = parse_json(succeeds(ask).out, "out");
  CHECK_EQ(said["prompt"], prompt + "the q");
  place.export_as("c", place.path("c"));
  REQUIRE_EQ(std::system(("cc -O1 -std=c99 " + place.path("c/model.c") + " -lm -o " + place.path("model")).c_str()), 0);
  REQUIRE_EQ(std::system((place.path("model") + " " + place.path("c/model.bin") + " '" + prompt + "the q' 3 >" +
                          place.path("said"))
                             .c_str()),
             0);
  CHECK_EQ(read_file(place.folder / "said"), said["text"].get<std::string>() + "\n");
#ifndef __SANITIZE_ADDRESS__
  while (prompt.size() < 500000) prompt += prompt;
  write_file(place.folder / "p", prompt);
  succeeds(ask + " --threads 1", "ulimit -v 1200000; ");
#endif
}

TEST_CASE("generate: escapes go into a file as they are, and are shown on a terminal") {
  const Place place;
  const std::string ask = "generate " + place.run + " --tokens 0 --prompt $'\\x1b[31m\\xc3\\xa9\\xff\\u009b' ";
  const auto said = [&](const std::string& more) {
    const std::string line = "bash -c " + quoted("'" SEQTAPE_PROGRAM "' " + ask + more + " 2>/dev/null");
    const std::string out = place.path("out");
    REQUIRE_EQ(std::system((line + " >" + out).c_str()), 0);
    const std::string raw = read_file(out);
    // `script` runs it on a terminal of its own, whose lines end in CR LF.
    REQUIRE_EQ(std::system(("script -qec " + quoted(line) + " /dev/null >" + out + " </dev/null").c_str()), 0);
    return std::pair(raw, read_file(out));
  };
  const std::string escaped = "\\x1b[31mé\\xff\\u{9b}";
  CHECK_EQ(said("").first, "\x1b[31mé\xff\u009b\n");
  CHECK_EQ(said("").second, escaped + "\r\n");
  CHECK_EQ(said("--prompt b").second, "--- 1\r\n" + escaped + "\r\n--- 2\r\nb\r\n");
  CHECK(said("--json").second.starts_with("{\"prompt\":\"\\u001b[31mé\uFFFD\\u{9b}\""));
}

TEST_CASE("a text model of letters is generated with, evaluated, looked into and exported") {
  for (const char* alphabet : {"auto", "abcdefghijklmnopqrstuvwxyz ."}) {
    const Place place(kMamba, str(R"({"name": "text", "path": "text", "length": 64, "alphabet": ")", alphabet, "\"}"));
    CHECK(place.words(place.run).starts_with("the q"));
    CHECK_EQ(succeeds("eval " + place.run + " --json").err, "");
    succeeds("inspect " + place.run + " --example");
    succeeds("check " + place.path("run.json"));
    succeeds("train " + place.path("run.json") + " --resume --set train.steps=21 --out " + place.run);
    for (const std::string format : {"hf", "mamba_ssm", "gguf", "c", "onnx", "safetensors", "npz"})
      place.export_as(format, place.path(format));
    place.import(place.hf);
  }
}

TEST_CASE("a tokenizer's path is relative to the config, and the run works from anywhere") {
  const Place place;
  place.export_as("hf", place.hf);
  fs::rename(place.hf + "/tokenizer.json", place.folder / "tokenizer.json");
  write_file(place.folder / "c.json", R"({"task": {"name": "tokens", "path": "text", "length": 64, "vocab": 256,
    "tokenizer": "tokenizer.json"}, "train": {"steps": 2, "batch": 2, "tensorboard": false}, "model": )" +
                                          std::string(kMamba) + "}");
  const std::string there = "cd '" + place.folder.path().string() + "'; ";
  succeeds("train c.json --out tok", there);
  CHECK_EQ(parse_json(read_file(place.folder / "tok" / "config.json"), "c")["task"]["tokenizer"],
           place.path("tokenizer.json"));
  for (const std::string where : {"/", "/usr"}) {
    succeeds("eval " + place.path("tok"), "cd " + where + "; ");
    succeeds("generate " + place.path("tok") + " --tokens 2 --prompt a", "cd " + where + "; ");
  }
  succeeds("train c.json --out tok --resume --set train.steps=3", there);
}

TEST_CASE("names that are not UTF-8, and escapes in files") {
  const Place place;
  const std::string odd = place.path("r\xff\x1b[2J");
  fs::rename(place.run, odd);
  for (const std::string format : {"hf", "mamba_ssm", "gguf", "c", "onnx", "safetensors", "npz"}) {
    const std::string out = place.path(format + "\xfe");
    succeeds("export '" + odd + "' --format " + format + " --out '" + out + "'");
    if (format == "hf" || format == "gguf") {
      fs::remove_all(place.back);
      succeeds("import '" + out + "' --out " + place.back);
      CHECK_EQ(place.words(place.back), place.words("'" + odd + "'"));
      if (format == "hf") contains(read_file(out + "/README.md"), "# r\\xff\\x1b[2J");
    }
    CHECK(succeeds("inspect '" + odd + "'").out.find('\x1b') == std::string::npos);
  }
  refused("import " + place.path("hf\xfe") + " --out '" + place.path("x\xff") + "'", 2, "is not UTF-8");
  CHECK_FALSE(fs::exists(place.path("x\xff")));

  const Json header = {{"\x1b[2Jname", {{"dtype", "F32\x1b"}, {"shape", {1}}, {"data_offsets", {0, 4}}}},
                       {"__metadata__", {{"k\x1b[31m", "v\x1b]0;t\x07\u009b"}}}};
  const std::string text = header.dump();
  const std::uint64_t size = text.size();
  write_file(place.folder / "e.safetensors",
             std::string(reinterpret_cast<const char*>(&size), 8) + text + std::string(4, '\0'));
  GgufWriter gguf;
  gguf.key("general.architecture", std::string("\x1b[2Jx\xff"));
  gguf.key("k\x1b[31m", std::uint32_t{1});
  gguf.tensor("t\x1b\xfe", Shape{1}, {1.f});
  gguf.write(place.folder / "e.gguf");
  for (const char* file : {"e.safetensors", "e.gguf"}) {
    const std::string said = succeeds("inspect " + place.path(file)).out;
    CHECK_EQ(said, printable_text(said));
    contains(said, "\\x1b");
    const std::string error = testing::seqtape(str("train ", place.path("run.json"), " --out ", place.path("n"),
                                                   " --init-from ", place.path(file)))
                                  .err;
    CHECK_EQ(error, printable_text(error));
  }
  place.no_import(place.path("e.gguf"), "general.architecture: must be mamba, got \\x1b[2Jx\\xff");
  REQUIRE_EQ(mkfifo(place.path("pipe").c_str(), 0600), 0);
  place.no_import(place.path("pipe"), "is not a file");
  fs::create_directories(place.folder / "pipes");
  REQUIRE_EQ(mkfifo(place.path("pipes/config.json").c_str(), 0600), 0);
  place.no_import(place.path("pipes"), "config.json: is not a file");
}

TEST_CASE("what a model is for is known from its task: no end where the vocabulary has none") {
  const Place place;
  write_file(place.folder / "g.fa", [] {
    std::string bases = ">r\n";
    for (unsigned i = 0; i < 3000; ++i) bases += "ACGT"[i * i % 7 % 4];
    return bases + "\n";
  }());
  place.train("dna", kMamba, R"({"name": "dna", "path": "g.fa", "length": 32, "train_fraction": 0.8})");
  place.train("answers", kMamba, R"({"name": "selective_copying", "length": 24, "items": 4, "vocab": 6})");
  for (const std::string run : {"run", "dna", "answers"}) {
    CAPTURE(run);
    fs::remove_all(place.hf);
    const std::string gguf = place.path("m.gguf");
    succeeds("export " + place.path(run) + " --format hf --out " + place.hf);
    succeeds("export " + place.path(run) + " --format gguf --force --out " + gguf);
    std::vector<std::string> files{"config.json"};
    if (run != "answers") files.emplace_back("generation_config.json");
    for (const std::string& file : files)
      for (const char* key : {"bos_token_id", "eos_token_id", "pad_token_id"}) {
        const Json json = parse_json(read_file(place.hf + "/" + file), file);
        REQUIRE(json.contains(key));  // absent, MambaConfig takes 0
        CHECK(json[key].is_null());
      }
    CHECK_EQ(fs::exists(place.hf + "/generation_config.json"), run != "answers");
    CHECK_EQ(read_file(place.hf + "/README.md").find("generate(") != std::string::npos, run != "answers");
    const GgufFile file(gguf);
    for (const char* kind : {"bos", "eos", "eot", "padding"})
      CHECK_EQ(file.keys().count(str("tokenizer.ggml.", kind, "_token_id")), 0);
    CHECK_EQ(file.keys().count("tokenizer.ggml.unknown_token_id"), run == "dna");  // N
    const auto& tokens = std::get<std::vector<std::string>>(file.keys().at("tokenizer.ggml.tokens"));
    CHECK_EQ(tokens[1], run == "run" ? "\\x01" : run == "dna" ? "C" : "[1]");
  }
  // An end that a file names goes along.
  Json config = parse_json(read_file(place.hf + "/config.json"), "c");
  for (const auto& [ids, end] :
       {std::pair<Json, Json>{5, 5}, {Json::array({3, 1}), 3}, {77, nullptr}, {nullptr, nullptr}}) {
    config["eos_token_id"] = ids;
    write_file(place.hf + "/config.json", config.dump());
    place.import(place.hf);
    for (const std::string format : {"hf", "gguf"}) {
      const std::string out = place.path("again." + format);
      fs::remove_all(out);
      succeeds("export " + place.back + " --format " + format + " --force --out " + out);
      if (format == "hf")
        for (const char* file : {"/config.json", "/generation_config.json"})
          CHECK_EQ(parse_json(read_file(out + file), "c")["eos_token_id"], end);
      else
        CHECK_EQ(GgufFile(out).keys().count("tokenizer.ggml.eos_token_id"), end.is_null() ? 0 : 1);
    }
  }
  // The C programs of the two that write text, and of those that answer every step.
  place.train("parity", R"({"name": "lstm", "d_model": 8, "layers": 1})", R"({"name": "parity", "length": 12})");
  for (const auto& [run, input, lines] :
       {std::tuple<const char*, const char*, int>{"answers", "1 0 2 5 5", 5}, {"parity", "1 0 1", 3}}) {
    const std::string out = place.path("c");
    fs::remove_all(out);
    succeeds("export " + place.path(run) + " --format c --out " + out);
    REQUIRE_EQ(std::system(str("cc -O1 -std=c99 ", out, "/model.c -lm -o ", out, "/model && echo ", input, " | ", out,
                               "/model ", out, "/model.bin >", out, "/said")
                               .c_str()),
               0);
    const std::string said = read_file(out + "/said");
    CHECK_EQ(std::count(said.begin(), said.end(), '\n'), lines);
  }
}

TEST_CASE("a warm start whose tokens stand for other things is refused by name") {
  const Place place;
  write_file(place.folder / "a.txt", [] {
    std::string s;
    for (int i = 0; i < 3000; ++i) s += "abcdefgh"[i % 8];
    return s;
  }());
  write_file(place.folder / "b.txt", [] {
    std::string s;
    for (int i = 0; i < 3000; ++i) s += "zyxwvuts"[i % 8];
    return s;
  }());
  const std::string model = R"({"name": "gru", "d_model": 16, "layers": 1})";
  for (const char* name : {"a", "b"})
    place.train(name, model, str(R"({"name": "text", "path": ")", name, R"(.txt", "alphabet": "auto", "length": 32})"));
  const auto line = [&](const std::string& config, const std::string& from) {
    return "train " + place.path(config) + ".json --force --out " + place.path("n") + " --init-from " +
           place.path(from);
  };
  succeeds(line("a", "a"));
  const std::string last = "a/checkpoints/step-00000020";
  succeeds("export " + place.path("a") + " --format safetensors --out " + place.path("a.safetensors"));
  const std::string why =
      "train.init_from: its tokens are the characters \"abcdefgh\", here they are the characters "
      "\"stuvwxyz\"";
  for (const std::string& from : {std::string("a"), last, last + "/model.safetensors", std::string("a.safetensors")})
    refused(line("b", from), 2, why);
  // Bytes and letters differ in number: the blocks are taken, the rest is named.
  write_file(place.folder / "bytes.json", replaced(read_file(place.folder / "b.json"), "\"alphabet\": \"auto\", ", ""));
  contains(succeeds(line("bytes", "a")).out, "wrong shape: embedding.weight");
  // Two tokenizers of one size.
  place.export_as("hf", place.hf);
  Json tokenizer = parse_json(read_file(place.hf + "/tokenizer.json"), "t");
  write_file(place.folder / "one.json.tok", tokenizer.dump());
  write_file(place.folder / "same.json.tok", tokenizer.dump(1));
  std::swap(tokenizer["model"]["vocab"]["a"], tokenizer["model"]["vocab"]["b"]);
  write_file(place.folder / "two.json.tok", tokenizer.dump());
  for (const char* name : {"one", "same", "two"})
    place.train(
        name, model,
        str(R"({"name": "tokens", "path": "a.txt", "vocab": 256, "length": 32, "tokenizer": ")", name, ".json.tok\"}"));
  succeeds(line("same", "one"));
  refused(line("two", "one"), 2, "those of a tokenizer.json of 256");
  refused(line("bytes", "two"), 2, "here they are bytes");
}

TEST_CASE("an import that has only to end is no reason to refuse the next; any other run is") {
  const Place place;
  place.export_as("hf", place.hf);
  place.import(place.hf);
  refused("import " + place.hf + " --out " + place.back, 2, "exists; --out chooses another");
  fs::create_directories(place.back + ".unfinished");  // as after a kill after the move
  contains(succeeds("import " + place.hf + " --out " + place.back).out, "is imported already");
  CHECK_FALSE(fs::exists(place.back + ".unfinished"));
  fs::create_directories(place.run + ".unfinished");
  refused("import " + place.hf + " --out " + place.run, 2, "exists; --out chooses another");
  // What a killed one left is cleared.
  fs::remove_all(place.back);
  fs::create_directories(place.back + ".unfinished/back/checkpoints/step-00000000.unfinished");
  write_file(place.back + ".unfinished/back/x", "");
  succeeds("import " + place.hf + " --out " + place.back + "/");
  CHECK_FALSE(fs::exists(place.back + "/x"));
  fs::create_directories(place.folder / "elsewhere");
  fs::create_directory_symlink("elsewhere", place.folder / "link");
  succeeds("import " + place.hf + " --out " + place.path("link"));
  CHECK(fs::exists(place.folder / "elsewhere" / "config.json"));
  CHECK(fs::is_symlink(place.folder / "link"));
  CHECK_FALSE(fs::exists(place.back + ".unfinished"));
}
