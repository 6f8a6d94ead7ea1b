#include <cmath>
#include <iostream>

#include "apps/command.h"
#include "apps/trainer/run_folder.h"
#include "core/error.h"
#include "core/safetensors.h"
#include "core/text.h"

namespace fs = std::filesystem;

namespace seqtape {
namespace {

void options(cxxopts::Options& options) {
  options.add_options()("path", "safetensors file, checkpoint, run folder, or folder with model.safetensors",
                        cxxopts::value<std::string>());
  options.parse_positional({"path"});
}

void print_tensors(const fs::path& path) {
  const SafetensorsFile file(path);
  std::cout << path.string() << '\n';
  for (const auto& [key, value] : file.metadata()) std::cout << "  " << key << ": " << value.substr(0, 100) << '\n';
  Index total = 0;
  for (const auto& [name, entry] : file.entries()) {
    total += entry.shape.size();
    std::cout << format("  %-44s %-5s %-18s", name.c_str(), entry.dtype.c_str(), str(entry.shape).c_str());
    if ((entry.dtype[0] == 'F' || entry.dtype[0] == 'B') && entry.dtype != "BOOL" && entry.shape.size() > 0) {
      double sum = 0, squares = 0, least = INFINITY, most = -INFINITY;
      Index odd = 0;
      for (const double value : file.doubles(name)) {
        if (!std::isfinite(value)) {
          ++odd;
          continue;
        }
        sum += value;
        squares += value * value;
        least = std::min(least, value);
        most = std::max(most, value);
      }
      const auto n = static_cast<double>(entry.shape.size() - odd);
      const double mean = n > 0 ? sum / n : 0;
      std::cout << format(" mean % .3e  std %.3e  [% .3g, % .3g]", mean,
                          n > 0 ? std::sqrt(std::max(0.0, squares / n - mean * mean)) : 0, least, most);
      if (odd) std::cout << "  " << odd << " not finite";
    }
    std::cout << '\n';
  }
  std::cout << "  " << file.entries().size() << " tensors, " << grouped(total) << " elements\n";
}

int run(const cxxopts::ParseResult& args) {
  const fs::path path = argument(args, "path");
  if (!fs::exists(path)) throw ConfigError(str(path.string(), ": does not exist"));
  if (fs::is_regular_file(path)) {
    print_tensors(path);
    return 0;
  }
  if (fs::exists(path / "config.json") && fs::exists(path / "model.safetensors")) {  // an exported folder
    print_tensors(path / "model.safetensors");
    return 0;
  }
  const RunReference reference = find_run(path);
  const Checkpoint checkpoint = Checkpoint::open(reference.checkpoint);
  std::cout << checkpoint.folder.string() << ": whole, checksums hold\n";
  for (const auto& [key, value] : checkpoint.state.items())
    if (key.rfind("crc32", 0) != 0) std::cout << "  " << key << ": " << value.dump() << '\n';
  print_tensors(checkpoint.folder / "model.safetensors");
  return 0;
}

}  // namespace

const Command kInspect{
    "inspect", "PATH", "what a run, checkpoint or weight file holds", "seqtape inspect runs/text/mamba", options, run};

}  // namespace seqtape
