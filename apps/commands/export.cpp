#include "apps/exchange/export.h"

#include <cmath>
#include <iostream>

#include "apps/commands/command.h"
#include "apps/exchange/unfinished.h"
#include "apps/trainer/intervals.h"
#include "core/error.h"
#include "core/io/file.h"
#include "core/strings.h"

namespace fs = std::filesystem;

namespace seqtape {
namespace {

std::vector<std::string> format_names() {
  std::vector<std::string> all;
  for (const ExportFormat& format : export_formats()) all.push_back(format.name);
  return all;
}

void export_options(cxxopts::Options& options) {
  std::string formats;
  for (const ExportFormat& format : export_formats())
    formats += str(formats.empty() ? "" : "; ", format.name, ": ", format.what);
  options.add_options()("run", "run folder or checkpoint", cxxopts::value<std::string>())(
      "format", formats, cxxopts::value<std::string>(), "FORMAT")("out", "file or folder to write",
                                                                  cxxopts::value<std::string>(), "PATH")(
      "name", "of c: begins the names of the functions, so that several models fit into one program; default: model",
      cxxopts::value<std::string>(),
      "NAME")("best", "the best checkpoint instead of the last")("force", "replace an export")(
      "intervals",
      "of onnx and c: forecasts have the ends of the intervals of 80 and 95 % too, by the errors on "
      "validation")("verify", "print how far the logits of what was written, read again, are from the model's");
  common_options(options);
  options.parse_positional({"run"});
}

/// What --force may replace: an export, which has its parity.json.
bool is_export(const fs::path& out) {
  if (fs::is_directory(out)) return fs::exists(out / "parity.json") && !fs::exists(out / "checkpoints");
  return fs::is_regular_file(out) && fs::exists(fs::path(out) += ".parity.json");
}

/// Throws NumericalError for weights that are not numbers.
void check_finite(const TrainedModel& trained) {
  for (const Parameter* p : trained.model->parameters())
    for (Index i = 0; i < p->shape.size(); ++i)
      if (!std::isfinite(p->variable.data()[i]))
        throw NumericalError(str(p->path, ": is not finite everywhere; the model's training diverged"));
}

/// Writes beside the destination and moves the export there: it is the old or the new one, complete.
void write_whole(const ExportFormat& format, const TrainedModel& trained, const fs::path& out,
                 const ExportNames& names) {
  Unfinished unfinished(out);
  const fs::path beside = unfinished.path();
  write_export(format, trained, beside, names);
  unfinished.move();
}

int run_export(const cxxopts::ParseResult& args) {
  const std::string run = argument(args, "run");
  if (!args.count("format")) throw ConfigError(str("--format: is missing; known: ", join(format_names(), ", ")));
  const std::string wanted = args["format"].as<std::string>();
  const ExportFormat* chosen = nullptr;
  for (const ExportFormat& one : export_formats())
    if (wanted == one.name) chosen = &one;
  if (!chosen) throw ConfigError(str("--format: unknown format \"", wanted, "\"", suggestion(wanted, format_names())));
  if (args.count("name") && wanted != "c") throw ConfigError("--name: is for the format c");
  if (!args.count("out")) throw ConfigError("--out: is missing: the file or folder to write");
  if (args["out"].as<std::string>().empty()) throw ConfigError("--out: must name the file or folder to write");
  fs::path out = fs::absolute(args["out"].as<std::string>()).lexically_normal();
  if (!out.has_filename()) out = out.parent_path();  // "folder/"
  if (fs::exists(out) && !args.count("force") && !Unfinished::was_moved(out))
    throw ConfigError(str(out.string(), ": exists; --force replaces an export"));
  if (fs::exists(out) && (!is_export(out) || fs::is_directory(out) != chosen->folder))
    throw ConfigError(str(out.string(), ": is not an export of this format, and --force replaces nothing else"));
  const TrainedModel trained = TrainedModel::open(run, args.count("best") != 0, sets(args));
  choose_intervals(trained, args.count("intervals") != 0);
  const fs::path folder = fs::absolute(find_run(run).run).lexically_normal();
  check_finite(trained);
  ExportNames names{printable((folder.has_filename() ? folder : folder.parent_path()).filename().string())};
  if (args.count("name")) names.code = args["name"].as<std::string>();
  try {
    write_whole(*chosen, trained, out, names);
  } catch (const fs::filesystem_error& error) {
    throw Error(str(out.string(), ": cannot be written: ", error.code().message()));
  }
  std::cout << printable(out.string()) << ": " << chosen->what << '\n';
  if (args.count("verify")) {
    const Json record = parity(trained, *chosen, out);
    if (record.contains("largest_difference"))
      std::cout << format("largest difference of the logits, read back: %.3g\n",
                          record["largest_difference"].get<double>());
    else
      std::cout << "this format is not read here; parity.json has the logits to compare with\n";
  }
  return 0;
}

}  // namespace

const Command kExport{"export",
                      "RUN --format FORMAT --out PATH",
                      "a trained model for other programs",
                      "seqtape export runs/text/mamba-hf --format gguf --out mamba.gguf --verify",
                      export_options,
                      run_export};

}  // namespace seqtape
