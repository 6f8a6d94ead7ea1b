#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <iostream>

#include "apps/commands/command.h"
#include "apps/trainer/run_config.h"
#include "core/columns.h"
#include "core/error.h"
#include "core/io/file.h"
#include "core/strings.h"
#include "data/proposals/proposal.h"

namespace seqtape {
namespace {

namespace fs = std::filesystem;

void new_options(cxxopts::Options& options) {
  options.add_options()("kind", "of the data", cxxopts::value<std::string>())(
      "files", "files or folders", cxxopts::value<std::vector<std::string>>())(
      "out", "the config to write", cxxopts::value<std::string>(), "CONFIG.json")(
      "model", "a model of seqtape list models; default: s4d for numbers, mamba for tokens",
      cxxopts::value<std::string>(), "NAME")(
      "set", "a key of the config, as of train; task.calendar='[\"day_of_week\"]' reads the dates' weekdays too",
      cxxopts::value<std::vector<std::string>>(), "KEY=VALUE")("force", "replace an existing config");
  options.parse_positional({"kind", "files"});
}

std::string kinds_text() {
  std::string text = "Kinds:";
  for (const DataKind& kind : data_kinds()) text += format("\n  %-10s ", kind.name.c_str()) + kind.doc;
  return text;
}

const DataKind& kind_of(const std::string& name) {
  std::vector<std::string> known;
  for (const DataKind& kind : data_kinds()) {
    if (kind.name == name) return kind;
    known.push_back(kind.name);
  }
  throw ConfigError(
      str("new: unknown kind \"", name, "\"", suggestion(name, known), " (kinds: ", join(known, ", "), ")"));
}

/// Makes the paths of a task relative to a folder, so that data and config can be moved together.
void make_relative(Json& task, const fs::path& base) {
  const auto relative = [&](Json& path) {
    const fs::path made = fs::path(path.get<std::string>()).lexically_relative(base);
    if (!made.empty()) path = made.generic_string();
  };
  for (auto& [key, value] : task.items())
    if (value.is_string() && fs::path(value.get<std::string>()).is_absolute())
      relative(value);
    else if (value.is_array())
      for (Json& one : value)
        if (one.is_string() && fs::path(one.get<std::string>()).is_absolute()) relative(one);
}

/// A recipe for the task that trains in minutes on two cores: those of configs/ for data of its kind.
Json recipe(const Task& task, Json proposed, const std::string& model) {
  const TaskShape shape = task.shape();
  const bool numbers = shape.vocabulary == 0, forecast = task.forecasting() != nullptr;
  Json config = {{"seed", 1}, {"task", std::move(proposed)}};
  config["model"] = {{"name", model.empty() ? numbers ? "s4d" : "mamba" : model},
                     {"d_model", 64},
                     {"layers", numbers && !forecast ? 4 : 2}};
  if (forecast) config["model"].update({{"pooling", "last"}, {"dropout", 0.1}});
  config["optimizer"] = {
      {"name", "adamw"}, {"lr", 0.002}, {"betas", {0.9, 0.95}}, {"weight_decay", 0.05}, {"clip_norm", 1.0}};
  config["schedule"] = {{"name", "cosine"}, {"warmup", 0.1}, {"floor", 0.1}};
  // Twenty epochs, but at least 200 steps and at most so many that each token or value is read within minutes.
  const Index sequences = std::max<Index>(1, task.training_sequences());
  const Index batch = std::min<Index>(shape.length > 512 ? 16 : 32, sequences);
  const Index length = std::max<Index>(1, shape.length / std::max<Index>(1, shape.bands.hop));
  const Index most = std::clamp<Index>(16'000'000 / (batch * length), 300, 1000);
  const Index steps = std::clamp<Index>(20 * sequences / batch, 200, most);
  config["train"] = {{"steps", steps}, {"batch", batch}, {"eval_every", std::max<Index>(1, steps / 5)}};
  if (shape.objective == Objective::label) config["train"]["best"] = "accuracy";
  return config;
}

/// `config` with those of the assignments whose key begins with `prefix`, as the values that they are read as. Throws
/// ConfigError for a config that could not be trained.
Json with_sets(Json config, const std::vector<std::string>& sets, const std::string& prefix, const fs::path& folder) {
  Json given = config;
  std::vector<std::string> pointers;
  for (const std::string& assignment : sets) {
    if (assignment.rfind(prefix, 0) != 0) continue;
    set_path(given, assignment);
    std::string path = "/" + assignment.substr(0, assignment.find('='));
    std::replace(path.begin(), path.end(), '.', '/');
    pointers.push_back(path);
  }
  const Json read = RunConfig::from_json(given, folder).to_json();
  for (const std::string& path : pointers) {
    const Json::json_pointer at(path);
    config[at] = read.at(at);
  }
  return config;
}

/// As the configs that are here are written: a part a line.
std::string config_text(const Json& config) {
  std::string text;
  for (const auto& [key, value] : config.items())
    text += str(text.empty() ? "{\n" : ",\n", "  ", Json(key).dump(), ": ", value.dump());
  return text + "\n}\n";
}

int run_new(const cxxopts::ParseResult& args) {
  const DataKind& kind = kind_of(argument(args, "kind"));
  if (!args.count("files")) throw ConfigError(str("new: FILES is missing: ", kind.doc));
  if (!args.count("out")) throw ConfigError("new: --out is missing: the config to write, such as mine.json");
  const fs::path out = args["out"].as<std::string>();
  if (out.extension() != ".json") throw ConfigError(str("--out: must end in .json, got \"", out.string(), "\""));
  if (fs::exists(out) && !args.count("force"))
    throw ConfigError(str("--out: ", out.string(), " exists; --force replaces it"));
  const fs::path folder = fs::absolute(out).lexically_normal().parent_path();
  if (!fs::is_directory(folder)) throw ConfigError(str("--out: ", folder.string(), " is no folder, or does not exist"));
  Paths paths;
  for (const std::string& file : args["files"].as<std::vector<std::string>>())
    paths.push_back((fs::absolute(file) / "").lexically_normal().parent_path());

  Proposal proposal = kind.propose(paths);
  make_relative(proposal.task, folder);
  const std::string model = args.count("model") ? args["model"].as<std::string>() : "";
  // Read as training will read it: what does not fit is told now.
  const std::vector<std::string> given = sets(args);
  const Json bare = with_sets({{"task", proposal.task}, {"model", {{"name", "gru"}}}}, given, "task.", folder);
  RunConfig read = RunConfig::from_json(bare, folder);
  read.task->prepare(1);
  const Json config = with_sets(recipe(*read.task, bare["task"], model), given, "", folder);

  const auto print = [](const char* title, const std::vector<std::string>& lines) {
    for (const std::string& line : lines)
      std::cout << fitted(format("%-10s ", title) + printable(line) + "\n", 11, STDOUT_FILENO);
  };
  print("seen", proposal.seen);
  print("data", read.task->contents());
  print("data", read.task->notes());
  replace_file(out, config_text(config));
  const std::string run = "runs/" + out.stem().string();
  std::cout << "wrote      " << printable(out.string()) << ": " << config["model"]["name"].get<std::string>() << ", "
            << config["train"]["steps"] << " steps of " << config["train"]["batch"] << " sequences\n"
            << "next       seqtape train " << printable(out.string()) << " --out " << run
            << "\n           seqtape eval " << run << "\n           seqtape predict " << run
            << " NEW_FILES --out answers.csv\n";
  return 0;
}

}  // namespace

const Command kNew{"new",
                   "KIND FILES... --out CONFIG.json",
                   "a config for files of your own",
                   "seqtape new audio recordings/ --out sounds.json",
                   new_options,
                   run_new,
                   kinds_text};

}  // namespace seqtape
