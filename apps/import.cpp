#include <iostream>

#include "apps/command.h"
#include "apps/trainer/run_config.h"
#include "apps/trainer/run_folder.h"
#include "core/bpe.h"
#include "core/error.h"
#include "core/text.h"
#include "models/mamba_gguf.h"

namespace fs = std::filesystem;

namespace seqtape {
namespace {

void options(cxxopts::Options& options) {
  options.add_options()("path",
                        "a folder with config.json and safetensors (transformers, mamba_ssm), or a .gguf file: Mamba; "
                        "Mamba-2 of transformers",
                        cxxopts::value<std::string>())("out", "run folder to write", cxxopts::value<std::string>(),
                                                       "RUN")(
      "data", "file for eval and train; later: --set task.path=FILE, absolute", cxxopts::value<std::string>(), "FILE");
  options.parse_positional({"path"});
}

int run(const cxxopts::ParseResult& args) {
  const fs::path path = argument(args, "path");
  if (!args.count("out")) throw ConfigError("--out: is missing: the run folder to write");
  if (args["out"].as<std::string>().empty()) throw ConfigError("--out: must name the run folder to write");
  if (args.count("data") && !fs::exists(args["data"].as<std::string>()))
    throw ConfigError(str("--data: ", args["data"].as<std::string>(), " does not exist"));
  const RunFolder folder(args["out"].as<std::string>());
  if (fs::exists(folder.path()) && !fs::is_empty(folder.path()))
    throw ConfigError(str(folder.path().string(), ": exists; --out chooses another"));
  if (!fs::exists(path)) throw ConfigError(str(path.string(), ": does not exist"));
  if (path.extension() == ".safetensors")
    throw ConfigError(str(path.string(), ": holds weights alone; give the folder, with its config.json"));
  const MambaModel loaded = fs::is_directory(path) ? load_mamba_folder(path) : load_mamba_gguf(path);
  const MambaNumbers& n = loaded.numbers;
  RunConfig config;
  config.model = n.config();
  const std::string data =
      fs::absolute(args.count("data") ? fs::path(args["data"].as<std::string>()) : folder.path() / "data")
          .lexically_normal()
          .string();
  // The tokenizer goes into the run, so that the run needs nothing else.
  const fs::path found = fs::is_directory(path) ? path / "tokenizer.json" : fs::path();
  std::string tokenizer;
  if (n.vocabulary != 256 && !found.empty() && fs::exists(found)) {
    BpeTokenizer::read(found);
    tokenizer = fs::absolute(folder.path() / "tokenizer.json").lexically_normal().string();
  }
  Json json = {{"task", n.vocabulary == 256 ? Json({{"name", "text"}, {"path", data}, {"length", 256}})
                                            : Json({{"name", "tokens"},
                                                    {"path", data},
                                                    {"vocab", n.vocabulary},
                                                    {"length", 256},
                                                    {"tokenizer", tokenizer}})},
               {"model", write_fields([&](Fields& f) { f.named("model", "", config.model.named()); })["model"]}};
  config = RunConfig::from_json(json, "");
  folder.make();
  if (!tokenizer.empty()) fs::copy_file(found, tokenizer);
  const RunLock lock(folder.path());
  folder.begin(config.to_json());
  folder.save(0, {{"step", 0}, {"imported", fs::absolute(path).lexically_normal().string()}},
              loaded.model->parameters(), {}, 1);
  std::cout << folder.path().string() << ": Mamba, " << grouped(loaded.model->parameter_count()) << " parameters, "
            << n.vocabulary << " tokens\n";
  return 0;
}

}  // namespace

const Command kImport{"import",
                      "PATH --out RUN",
                      "a Mamba of another program as a run: eval, generate, train --init-from",
                      "seqtape import mamba-130m-hf --out runs/mamba-130m",
                      options,
                      run};

}  // namespace seqtape
