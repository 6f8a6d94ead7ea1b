#include "apps/compare/plan.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "apps/trainer/run_config.h"
#include "apps/trainer/training.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/file.h"
#include "core/text.h"

namespace seqtape {
namespace {

/// The fields of a comparison file.
struct ComparisonFile {
  std::string title;
  Json common = Json::object();  ///< task, optimizer, schedule, train
  Json models, grid = Json::object(), budget = Json::object();
  std::vector<long long> seeds{1}, lengths, scaling_lengths;
  long long decided_at = 0;
};

[[noreturn]] void refuse(const std::string& key, const std::string& rule, const Json& got) {
  throw ConfigError(str(key, ": must be ", rule, ", got ", got.dump()));
}

std::vector<long long> positive_list(const Json& json, const char* key) {
  std::vector<long long> list;
  if (!json.is_array()) refuse(key, "a list of whole numbers > 0", json);
  for (const Json& value : json) {
    if (!value.is_number_integer() || value.get<long long>() < 1) refuse(key, "a list of whole numbers > 0", json);
    list.push_back(value.get<long long>());
  }
  return list;
}

ComparisonFile read(Json json, bool quick) {
  static const std::vector<std::string> known{"title",  "task",  "optimizer", "schedule", "train", "models",    "grid",
                                              "budget", "seeds", "lengths",   "scaling",  "quick", "decided_at"};
  for (const auto& [key, value] : json.items())
    if (std::find(known.begin(), known.end(), key) == known.end())
      throw ConfigError(str(key, ": unknown key of a comparison", suggestion(key, known)));
  if (quick) {
    if (!json.contains("quick")) throw ConfigError("--quick: this comparison has no \"quick\" size");
    const Json patch = json["quick"];
    json.merge_patch(patch);
  }
  ComparisonFile file;
  file.title = json.value("title", "");
  for (const char* part : {"task", "optimizer", "schedule", "train"})
    if (json.contains(part)) file.common[part] = json[part];
  file.models = json["models"];
  if (!file.models.is_array() || file.models.empty()) refuse("models", "a list of objects", file.models);
  if (json.contains("seeds")) file.seeds = positive_list(json["seeds"], "seeds");
  if (json.contains("lengths")) file.lengths = positive_list(json["lengths"], "lengths");
  if (json.contains("scaling")) file.scaling_lengths = positive_list(json["scaling"], "scaling");
  if (json.contains("decided_at")) {
    const Json& at = json["decided_at"];
    if (std::find(json["lengths"].begin(), json["lengths"].end(), at) == json["lengths"].end())
      refuse("decided_at", "one of lengths", at);
    file.decided_at = at;
  }
  for (const char* part : {"grid", "budget"})
    if (json.contains(part) && !json[part].is_object()) refuse(part, "an object", json[part]);
  if (json.contains("grid")) file.grid = json["grid"];
  if (json.contains("budget")) file.budget = json["budget"];
  for (const auto& [key, value] : file.budget.items()) {
    if (key != "steps" && key != "tokens" && key != "seconds" && key != "parameters")
      throw ConfigError(
          str("budget.", key, ": unknown key", suggestion(key, {"steps", "tokens", "seconds", "parameters"})));
    if (!value.is_number() || value.get<double>() <= 0) refuse("budget." + key, "a number > 0", value);
  }
  if (file.budget.contains("steps") + file.budget.contains("tokens") + file.budget.contains("seconds") > 1)
    throw ConfigError("budget: steps, tokens and seconds exclude each other");
  return file;
}

/// Every combination of the grid's values: "optimizer.lr=0.001" and the like.
std::vector<std::vector<std::string>> combinations(const Json& grid) {
  std::vector<std::vector<std::string>> all{{}};
  for (const auto& [key, values] : grid.items()) {
    if (!values.is_array() || values.empty()) refuse("grid." + key, "a list of values", values);
    std::vector<std::vector<std::string>> longer;
    for (const auto& one : all)
      for (const Json& value : values) {
        longer.push_back(one);
        longer.back().push_back(key + "=" + value.dump());
      }
    all = longer;
  }
  return all;
}

/// A label as the name of a folder.
std::string file_name(const std::string& label) {
  std::string name;
  for (const char c : label)
    name += std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '.' || c == '_' ? c : '-';
  return name;
}

/// Steps that fill the budget.
void apply_budget(Json& config, const Json& budget) {
  if (budget.contains("parameters")) match_parameters(config, budget["parameters"].get<double>());
  if (budget.contains("steps")) config["train"]["steps"] = budget["steps"];
  if (budget.contains("tokens")) {
    RunConfig run = RunConfig::from_json(config, "");
    run.task->prepare(static_cast<std::uint64_t>(run.seed));
    const double a_step = static_cast<double>(run.train.batch * std::max<Index>(1, run.task->shape().length));
    config["train"]["steps"] = std::max<Index>(1, std::lround(budget["tokens"].get<double>() / a_step));
  }
  if (budget.contains("seconds")) {  // measured once; a comparison that goes on keeps the steps
    Training training(RunConfig::from_json(config, ""));
    training.allocate();
    training.step(0);
    const auto begin = Clock::now();
    Index steps = 0;
    while (steps < 3 || seconds_since(begin) < 2) training.step(++steps);
    const double a_step = seconds_since(begin) / static_cast<double>(steps);
    config["train"]["steps"] = std::max<Index>(1, std::lround(budget["seconds"].get<double>() / a_step));
  }
}

Plan plan_of(const Json& json, const std::filesystem::path& path, const PlanOptions& options) {
  const ComparisonFile file = read(json, options.quick);
  Plan plan;
  plan.title = file.title.empty() ? path.stem().string() : file.title;
  plan.seeds = file.seeds;
  plan.lengths = file.lengths;
  plan.decided_at = file.decided_at;
  plan.scaling_lengths = file.scaling_lengths;
  for (std::size_t i = 0; i < file.models.size(); ++i) {
    Json entry = file.models[i];
    const std::string where = str("models.", i);
    if (entry.is_string()) entry = {{"model", {{"name", entry}}}};
    if (!entry.is_object() || !entry.contains("model") || !entry["model"].is_object())
      refuse(where, "a model's name, or an object with a \"model\"", entry);
    for (const auto& [key, value] : entry.items()) {
      static const std::vector<std::string> known{"label", "model", "optimizer", "schedule", "train"};
      if (std::find(known.begin(), known.end(), key) == known.end())
        throw ConfigError(str(where, ".", key, ": unknown key", suggestion(key, known)));
    }
    const std::string label = entry.value("label", entry["model"].value("name", ""));
    entry.erase("label");
    Json config = file.common;
    config.merge_patch(entry);
    for (const auto& combination : combinations(file.grid)) {
      Member member{label, config};
      for (const std::string& assignment : combination) {
        set_path(member.config, assignment);
        member.label += " " + assignment.substr(assignment.find_last_of('.', assignment.find('=')) + 1);
      }
      plan.members.push_back(std::move(member));
    }
  }
  for (Member& member : plan.members) {
    try {
      for (const std::string& assignment : options.sets) set_path(member.config, assignment);
      member.config = RunConfig::from_json(member.config, path.parent_path()).to_json();
      apply_budget(member.config, file.budget);
    } catch (const ConfigError& error) {
      throw ConfigError(str(member.label, ": ", error.what()));
    }
  }
  return plan;
}

}  // namespace

void match_parameters(Json& config, double wanted) {
  Json best;
  double nearest = std::numeric_limits<double>::infinity();
  Json fitted = config;
  RunConfig first = RunConfig::from_json(config, "");
  first.task->prepare(static_cast<std::uint64_t>(first.seed));
  const TaskShape task = first.task->shape();
  const ModelShape shape{task.vocabulary, task.features, task.outputs, task.pooled};
  for (Index width = 8; width <= 8192; width += 8) {
    fitted["model"]["d_model"] = width;
    double count = 0;
    try {
      count = static_cast<double>(SequenceModel(RunConfig::from_json(fitted, "").model, shape).parameter_count());
    } catch (const ConfigError&) {
      continue;  // heads that do not divide this width
    }
    if (std::fabs(count - wanted) < nearest) nearest = std::fabs(count - wanted), best = fitted;
    if (count > 2 * wanted) break;
  }
  if (best.is_null()) throw ConfigError("budget.parameters: no width of the model comes near");
  config = best;
}

Plan Plan::load(const std::vector<std::filesystem::path>& files, const PlanOptions& options) {
  if (files.empty()) throw ConfigError("the argument CONFIG is missing; see --help");
  Plan plan;
  std::vector<Json> parsed;
  for (const auto& file : files) parsed.push_back(parse_json(read_file(file), file.string(), true));
  if (files.size() == 1 && parsed[0].contains("models")) {
    plan = plan_of(parsed[0], files[0], options);
  } else {
    if (options.quick) throw ConfigError("--quick: goes with a comparison file, which says what is quick");
    plan.title = "comparison";
    for (std::size_t i = 0; i < files.size(); ++i) {
      if (parsed[i].contains("models"))
        throw ConfigError(str(files[i].string(), ": is a comparison; compare it alone"));
      RunConfig config = RunConfig::load(files[i], options.sets);
      plan.members.push_back({files[i].stem().string(), config.to_json()});
      plan.title = config.task_name;
      const Json &first = plan.members.front().config["task"], &task = plan.members.back().config["task"];
      if (task != first)
        throw ConfigError(str("the tasks differ: ", files[0].string(), " has ", first.dump(), ", ", files[i].string(),
                              " has ", task.dump()));
    }
  }
  if (!options.seeds.empty()) plan.seeds = options.seeds;
  if (plan.seeds.empty()) throw ConfigError("seeds: must name a seed, got none");
  if (std::set<long long>(plan.seeds.begin(), plan.seeds.end()).size() < plan.seeds.size())
    throw ConfigError("seeds: names a seed twice");
  std::set<std::string> labels;
  for (Member& member : plan.members) {
    if (member.label.empty()) throw ConfigError("models: a model without a name or label");
    std::string label = member.label;  // two configs may have one file name
    for (int copy = 2; !labels.insert(file_name(label)).second; ++copy) label = str(member.label, " ", copy);
    member.label = label;
    member.config.erase("seed");
  }
  return plan;
}

Json Plan::to_json() const {
  Json json = {
      {"title", title}, {"seeds", seeds}, {"lengths", lengths}, {"decided_at", decided_at}, {"members", Json::array()}};
  for (const Member& member : members)
    json["members"].push_back({{"label", member.label}, {"name", file_name(member.label)}, {"config", member.config}});
  return json;
}

}  // namespace seqtape
