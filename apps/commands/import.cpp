#include <algorithm>
#include <iostream>

#include "apps/commands/command.h"
#include "apps/exchange/unfinished.h"
#include "apps/trainer/run_config.h"
#include "apps/trainer/run_folder.h"
#include "core/error.h"
#include "core/io/file.h"
#include "core/strings.h"
#include "data/next_token_prediction.h"
#include "data/tokenizer/bpe.h"
#include "models/formats/mamba_gguf.h"

namespace fs = std::filesystem;

namespace seqtape {
namespace {

void import_options(cxxopts::Options& options) {
  options.add_options()("path",
                        "a folder with config.json and safetensors (transformers, mamba_ssm), or a .gguf file: Mamba; "
                        "Mamba-2 of transformers",
                        cxxopts::value<std::string>())("out", "run folder to write", cxxopts::value<std::string>(),
                                                       "RUN")(
      "data", "file for eval and train; later: --set task.path=FILE, absolute", cxxopts::value<std::string>(), "FILE");
  options.parse_positional({"path"});
}

/// The files of other kinds of tokenizers, which are not supported.
std::vector<std::string> other_tokenizers(const fs::path& folder) {
  std::vector<std::string> found;
  for (const char* name : {"vocab.json", "merges.txt", "vocab.txt", "tokenizer.model", "spiece.model"})
    if (fs::exists(folder / name)) found.emplace_back(name);
  return found;
}

/// Whether every token is the byte of its id, as in the task `text` without a tokenizer.
bool is_bytes(const BpeTokenizer& tokenizer) {
  if (tokenizer.size() != 256) return false;
  std::string all;
  for (int byte = 0; byte < 256; ++byte) {
    all += static_cast<char>(byte);
    if (tokenizer.bytes(byte) != all.substr(all.size() - 1)) return false;
  }
  all += "e\u0301 e\n\n  e";  // what a normal form would join, and what a pattern or added token might
  const std::vector<std::int32_t> ids = tokenizer.encode(all);
  return std::equal(ids.begin(), ids.end(), all.begin(), all.end(),
                    [](std::int32_t id, char byte) { return id == static_cast<unsigned char>(byte); });
}

/// The run at `out` is this import, complete: a process was killed just before its end.
bool is_import_of(const fs::path& out, const std::string& source) {
  const RunReference run = find_run(out);
  return Checkpoint::open(run.checkpoint).state.imported == source;
}

MambaModel load(const fs::path& path) {
  if (fs::is_directory(path)) return load_mamba_folder(path);
  const std::string kind = path.extension().string();
  if (kind == ".bin" || kind == ".pt" || kind == ".pth" || kind == ".ckpt")
    throw ConfigError(str(path.parent_path().string(), ": ", pickle_advice({path.filename().string()}),
                          "; then give the folder, with its config.json"));
  if (kind == ".safetensors")
    throw ConfigError(str(path.string(), ": holds weights alone; give the folder, with its config.json"));
  return load_mamba_gguf(path);
}

int run_import(const cxxopts::ParseResult& args) {
  const fs::path path = argument(args, "path");
  if (!args.count("out")) throw ConfigError("--out: is missing: the run folder to write");
  if (args["out"].as<std::string>().empty()) throw ConfigError("--out: must name the run folder to write");
  if (args.count("data") && !fs::exists(args["data"].as<std::string>()))
    throw ConfigError(str("--data: ", args["data"].as<std::string>(), " does not exist"));
  fs::path out = fs::absolute(args["out"].as<std::string>()).lexically_normal();
  if (!out.has_filename()) out = out.parent_path();  // "folder/"
  if (!fs::exists(path)) throw ConfigError(str(path.string(), ": does not exist"));
  const std::string source = printable(fs::absolute(path).lexically_normal().string());
  if (fs::exists(out) && !(fs::is_directory(out) && fs::is_empty(out))) {
    if (!Unfinished::was_moved(out) || !is_import_of(out, source))
      throw ConfigError(str(out.string(), ": exists; --out chooses another"));
    const Unfinished left(out);
    std::cout << printable(out.string()) << ": is imported already\n";
    return 0;
  }
  const MambaModel loaded = load(path);
  const MambaNumbers& n = loaded.numbers;
  if (n.vocabulary > kMostTokens)
    throw ConfigError(str(path.string(), ": vocab_size: ", n.vocabulary, " tokens are more than the ", kMostTokens,
                          " of the task tokens"));
  std::vector<std::string> notes = loaded.notes;
  // The tokenizer goes into the run, so that the run needs nothing else.
  const fs::path found = fs::is_directory(path) ? path / "tokenizer.json" : fs::path();
  const bool has_tokenizer = !found.empty() && fs::exists(found);
  const std::vector<std::string> others =
      fs::is_directory(path) && !has_tokenizer ? other_tokenizers(path) : std::vector<std::string>{};
  if (!others.empty())
    notes.push_back(
        str(join(others, ", "), others.size() == 1 ? " is" : " are",
            " not read, so prompts and data are numbers of tokens; transformers' "
            "AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER) writes a tokenizer.json, which is"));
  const bool bytes = n.vocabulary == 256 && others.empty() && !loaded.other_tokens &&
                     (!has_tokenizer || is_bytes(BpeTokenizer::read(found)));
  const auto in_run = [&](const char* name) { return (out / name).string(); };
  const std::string data =
      args.count("data") ? fs::absolute(args["data"].as<std::string>()).lexically_normal().string() : in_run("data");
  Json task = {{"name", bytes ? "text" : "tokens"}, {"path", data}, {"length", 256}};
  if (!bytes)
    task.update({{"vocab", n.vocabulary},
                 {"tokenizer", has_tokenizer ? in_run("tokenizer.json") : ""},
                 {"end_token", n.end_token}});
  if (!bytes && has_tokenizer) BpeTokenizer::read(found);  // report now what is wrong with it
  ModelConfig model = n.config();
  RunConfig config = RunConfig::from_json(
      {{"task", task}, {"model", write_fields([&](Fields& f) { f.named("model", "", model.named()); })["model"]}}, "");

  Unfinished unfinished(out);
  const RunFolder folder(unfinished.path());
  folder.make();
  if (!bytes && has_tokenizer) write_file(folder.path() / "tokenizer.json", read_file(found));
  folder.begin(config.saved());
  folder.save({.imported = source}, loaded.model->parameters(), {}, 1);
  unfinished.move();
  for (const std::string& note : notes) std::cout << printable(note) << '\n';
  std::cout << printable(out.string()) << ": Mamba, " << grouped(loaded.model->parameter_count()) << " parameters, "
            << n.vocabulary << " tokens"
            << (bytes           ? ", the bytes"
                : has_tokenizer ? ", of tokenizer.json"
                                : "")
            << '\n';
  return 0;
}

}  // namespace

const Command kImport{"import",
                      "PATH --out RUN",
                      "a Mamba of another program as a run: eval, generate, train --init-from",
                      "seqtape import mamba-130m-hf --out runs/mamba-130m",
                      import_options,
                      run_import};

}  // namespace seqtape
