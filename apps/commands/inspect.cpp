#include "apps/inspect/inspect.h"

#include <cmath>
#include <fstream>
#include <iostream>
#include <map>
#include <optional>

#include "apps/commands/command.h"
#include "apps/trainer/run_folder.h"
#include "core/error.h"
#include "core/io/file.h"
#include "core/io/gguf.h"
#include "core/io/safetensors.h"
#include "core/strings.h"

namespace fs = std::filesystem;

namespace seqtape {
namespace {

void inspect_options(cxxopts::Options& options) {
  options.add_options()("path", "safetensors or GGUF file, checkpoint, run folder, or folder with model.safetensors",
                        cxxopts::value<std::string>())(
      "example",
      "run validation examples through the trained model and look inside: what its gradients reach, Mamba's "
      "step sizes, the kernels of S4; writes RUN/inside/")("attention", "with --example: maps of attention too")(
      "json", "with --example: print the numbers as JSON");
  common_options(options);
  options.parse_positional({"path"});
}

/// The line of a tensor; `values` is undefined for types that are not floating-point.
void print_tensor(const std::string& name, const std::string& dtype, const Shape& shape,
                  const std::optional<std::vector<double>>& values) {
  std::cout << format("  %-44s %-5s %-18s", printable(name).c_str(), printable(dtype).c_str(), str(shape).c_str());
  if (values && !values->empty()) {
    double sum = 0, squares = 0, least = INFINITY, most = -INFINITY;
    Index odd = 0;
    for (const double value : *values) {
      if (!std::isfinite(value)) {
        ++odd;
        continue;
      }
      sum += value;
      squares += value * value;
      least = std::min(least, value);
      most = std::max(most, value);
    }
    const auto n = static_cast<double>(shape.size() - odd);
    const double mean = n > 0 ? sum / n : 0;
    std::cout << format(" mean % .3e  std %.3e  [% .3g, % .3g]", mean,
                        n > 0 ? std::sqrt(std::max(0.0, squares / n - mean * mean)) : 0, least, most);
    if (odd) std::cout << "  " << odd << " not finite";
  }
  std::cout << '\n';
}

void print_total(std::size_t tensors, Index elements) {
  std::cout << "  " << tensors << " tensors, " << grouped(elements) << " elements\n";
}

/// A file's metadata; long values are cut.
void print_key(const std::string& key, const std::string& value) {
  std::cout << "  " << printable(key) << ": " << printable(value.substr(0, 100)) << '\n';
}

void print_safetensors(const fs::path& path) {
  const SafetensorsFile file(path);
  std::cout << printable(path.string()) << '\n';
  for (const auto& [key, value] : file.metadata()) print_key(key, value);
  Index total = 0;
  for (const auto& [name, entry] : file.entries()) {
    total += entry.shape.size();
    const bool real = SafetensorsFile::is_real(entry.dtype);
    print_tensor(name, entry.dtype, entry.shape, real ? std::optional(file.doubles(name)) : std::nullopt);
  }
  print_total(file.entries().size(), total);
}

std::string shown(const GgufValue& value) {
  return std::visit(
      [](const auto& v) -> std::string {
        using T = std::decay_t<decltype(v)>;
        if constexpr (std::is_same_v<T, std::string>)
          return v;
        else if constexpr (std::is_same_v<T, bool>)
          return v ? "true" : "false";
        else if constexpr (std::is_arithmetic_v<T>)
          return str(v);
        else
          return str("a list of ", v.size());
      },
      value);
}

void print_gguf(const fs::path& path) {
  const GgufFile file(path);
  std::cout << printable(path.string()) << '\n';
  for (const auto& [key, value] : file.keys()) print_key(key, shown(value));
  const std::map<std::uint32_t, std::string> kinds{{0, "F32"}, {1, "F16"}, {30, "BF16"}};
  Index total = 0;
  for (const auto& [name, entry] : file.entries()) {
    total += entry.shape.size();
    const auto kind = kinds.find(entry.type);
    if (kind == kinds.end())
      print_tensor(name, str("type ", entry.type), entry.shape, std::nullopt);
    else
      print_tensor(name, kind->second, entry.shape, file.values(name));
  }
  print_total(file.entries().size(), total);
}

void print_tensors(const fs::path& path) {
  if (!fs::is_regular_file(path)) throw CheckpointError(str(path.string(), ": is not a file"));
  char magic[4] = {};
  std::ifstream(path, std::ios::binary).read(magic, 4);
  std::string_view(magic, 4) == "GGUF" ? print_gguf(path) : print_safetensors(path);
}

/// Looks into a trained model, and leaves charts and numbers in its run folder.
int example(const cxxopts::ParseResult& args, const fs::path& path) {
  const bool attention = args.count("attention") != 0;
  TrainedModel trained = TrainedModel::open(path, false, sets(args));
  trained.open_data();
  Json inside = inspect_model(trained, 16, false);
  if (attention) {  // a map has L^2 numbers for each head: one example is enough
    const Json maps = inspect_model(trained, 1, true);
    if (!maps.contains("attention")) throw ConfigError("--attention: no layer of this model has attention");
    inside["attention"] = maps["attention"];
  }
  const fs::path folder = find_run(path).run / "inside";
  fs::create_directories(folder);
  replace_file(folder / "inside.json", inside.dump() + "\n");
  for (const auto& [name, svg] : inspection_charts(inside)) replace_file(folder / (name + ".svg"), svg);
  if (args.count("json")) {
    std::cout << inside.dump() << '\n';
  } else {
    std::cout << inspection_text(inside) << "charts and numbers: " << folder.string() << '\n';
  }
  return 0;
}

int run_inspect(const cxxopts::ParseResult& args) {
  const fs::path path = argument(args, "path");
  if (!fs::exists(path)) throw ConfigError(str(path.string(), ": does not exist"));
  if (args.count("example")) return example(args, path);
  if (args.count("attention") || args.count("json")) throw ConfigError("--attention, --json: go with --example");
  if (fs::is_regular_file(path)) {
    print_tensors(path);
    return 0;
  }
  if (fs::exists(path / "config.json") && fs::exists(path / "model.safetensors")) {  // an exported folder
    print_tensors(path / "model.safetensors");
    return 0;
  }
  const RunReference reference = find_run(path);
  Checkpoint checkpoint = Checkpoint::open(reference.checkpoint);
  std::cout << printable(checkpoint.folder.string()) << ": whole, checksums hold\n";
  const Json state = checkpoint.state.to_json();
  for (const auto& [key, value] : state.items()) std::cout << "  " << key << ": " << printable(value.dump()) << '\n';
  print_tensors(checkpoint.folder / "model.safetensors");
  return 0;
}

}  // namespace

const Command kInspect{"inspect",
                       "PATH [--example]",
                       "what a run, checkpoint or weight file holds; a look inside a trained model",
                       "seqtape inspect runs/text/mamba --example",
                       inspect_options,
                       run_inspect};

}  // namespace seqtape
