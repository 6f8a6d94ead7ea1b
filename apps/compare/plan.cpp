#include "apps/compare/plan.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "apps/compare/comparison_file.h"
#include "apps/trainer/run_config.h"
#include "apps/trainer/training.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/io/file.h"
#include "core/strings.h"

namespace seqtape {
namespace {

[[noreturn]] void refuse(const std::string& key, const std::string& rule, const Json& got) {
  throw ConfigError(str(key, ": must be ", rule, ", got ", got.dump()));
}

/// How many combinations a grid has, as a number that may be huge.
double combination_count(const Json& grid) {
  double count = 1;
  for (const auto& [key, values] : grid.items()) {
    if (!values.is_array() || values.empty()) refuse("grid." + key, "a list of values", values);
    if (key == "seed")
      throw ConfigError("grid.seed: runs over seeds are \"seeds\": [1, 2, 3], which the medians are over");
    if (key == "task" || key.rfind("task.", 0) == 0)
      throw ConfigError(str("grid.", key, ": models on different tasks cannot be ranked; compare each task alone"));
    count *= static_cast<double>(values.size());
  }
  return count;
}

/// Every combination of the grid's values: "optimizer.lr=0.001" and the like.
std::vector<std::vector<std::string>> combinations(const Json& grid) {
  std::vector<std::vector<std::string>> all{{}};
  for (const auto& [key, values] : grid.items()) {
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

/// The value at "a.b.c"; null where there is none.
Json at_path(const Json& json, std::string path) {
  std::replace(path.begin(), path.end(), '.', '/');
  return json.value(Json::json_pointer("/" + path), Json());
}

void refuse_many(double runs, const PlanOptions& options) {
  if (runs > static_cast<double>(options.most_runs))
    throw ConfigError(str("the comparison has ", format("%.15g", runs), " runs, more than ", options.most_runs,
                          "; --yes goes ahead with up to 10000"));
}

/// Steps that fill the budget.
void apply_budget(Json& config, const ComparisonFile::Budget& budget) {
  if (budget.parameters > 0) match_parameters(config, static_cast<double>(budget.parameters));
  if (budget.steps > 0) config["train"]["steps"] = budget.steps;
  if (budget.tokens > 0) {
    RunConfig run = RunConfig::from_json(config, "");
    run.task->prepare(static_cast<std::uint64_t>(run.seed));
    // Counted batch by batch, since sequences may have lengths of their own, or grow; after many steps, extrapolated.
    constexpr Index kCounted = 20000;
    const auto wanted = static_cast<double>(budget.tokens);
    double tokens = 0;
    Index steps = 0;
    for (Batch batch; tokens < wanted && steps < kCounted; ++steps) {
      run.task->training_batch(steps, run.train.batch, batch);
      tokens += static_cast<double>(batch.steps());
    }
    config["train"]["steps"] = tokens < wanted ? std::lround(static_cast<double>(steps) * wanted / tokens) : steps;
  }
  if (budget.seconds > 0) {  // measured once; a resumed comparison keeps the steps
    Training training(RunConfig::from_json(config, ""));
    training.allocate();
    training.step(0);
    const auto begin = Clock::now();
    Index steps = 0;
    while (steps < 3 || seconds_since(begin) < 2) training.step(++steps);
    const double a_step = seconds_since(begin) / static_cast<double>(steps);
    config["train"]["steps"] = std::max<Index>(1, std::lround(budget.seconds / a_step));
  }
}

/// The member's config with these keys set, complete and within the budget.
void finish(Member& member, const std::vector<std::string>& set, const ComparisonFile::Budget& budget,
            const std::filesystem::path& base) {
  try {
    for (const std::string& assignment : set) set_path(member.config, assignment);
    member.config = RunConfig::from_json(member.config, base).to_json();
    const Json asked = member.config;
    apply_budget(member.config, budget);
    RunConfig::from_json(member.config, "");  // a budget can ask for more than a key allows
    for (const std::string& assignment : set) {
      const std::string key = assignment.substr(0, assignment.find('='));
      if (at_path(asked, key) != at_path(member.config, key))
        throw ConfigError(str(key, ": is set to ", at_path(asked, key).dump(), ", and the budget makes it ",
                              at_path(member.config, key).dump(), "; leave one of them out"));
    }
  } catch (const ConfigError& error) {
    throw ConfigError(str(member.label, ": ", error.what()));
  }
}

Plan plan_of(const Json& json, const std::filesystem::path& path, const PlanOptions& options) {
  const ComparisonFile file = ComparisonFile::from_json(json, options.quick);
  Plan plan;
  plan.title = file.title.empty() ? path.stem().string() : file.title;
  plan.seeds = file.seeds;
  plan.lengths = file.lengths;
  plan.decided_at = file.decided_at;
  plan.scaling_lengths = file.scaling;
  for (const std::string& assignment : options.sets)
    if (const std::string key = assignment.substr(0, assignment.find('=')); file.grid.contains(key))
      throw ConfigError(str("--set ", key, ": the grid has values for it; leave one of them out"));
  refuse_many(combination_count(file.grid) * static_cast<double>(file.models.size()) *
                  static_cast<double>(options.seeds.empty() ? plan.seeds.size() : options.seeds.size()),
              options);
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
    Json config = file.common();
    config.merge_patch(entry);
    for (const auto& combination : combinations(file.grid)) {
      Member member{label, config};
      std::vector<std::string> shown, set = combination;
      for (std::string assignment : combination) {
        std::erase(assignment, '"');
        shown.push_back(assignment.substr(assignment.find_last_of('.', assignment.find('=')) + 1));
      }
      if (!shown.empty()) member.label += " [" + join(shown, ", ") + "]";  // not to be taken for a model's own name
      set.insert(set.end(), options.sets.begin(), options.sets.end());
      finish(member, set, file.budget, path.parent_path());
      plan.members.push_back(std::move(member));
    }
  }
  return plan;
}

}  // namespace

std::string file_name(const std::string& label) {
  std::string name;
  for (const char c : label)
    name += std::isalnum(static_cast<unsigned char>(c)) || static_cast<unsigned char>(c) >= 0x80 || c == '-' ||
                    c == '.' || c == '_'
                ? c
                : '-';
  return name;
}

void match_parameters(Json& config, double wanted) {
  Json best;
  double nearest = std::numeric_limits<double>::infinity();
  Json fitted = config;
  RunConfig first = RunConfig::from_json(config, "");
  first.task->prepare(static_cast<std::uint64_t>(first.seed));
  const SequenceShape shape = first.task->shape();
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

namespace {

/// A config's file name without its ending; with its folder, where another has the same.
std::string label_of(const std::vector<std::filesystem::path>& files, std::size_t i) {
  const auto same =
      std::count_if(files.begin(), files.end(), [&](const auto& file) { return file.stem() == files[i].stem(); });
  if (same == 1) return files[i].stem().string();
  const auto folder = std::filesystem::absolute(files[i]).lexically_normal().parent_path().filename();
  return (folder / files[i].stem()).string();
}

}  // namespace

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
    refuse_many(static_cast<double>(files.size() * std::max<std::size_t>(1, options.seeds.size())), options);
    for (std::size_t i = 0; i < files.size(); ++i) {
      if (parsed[i].contains("models"))
        throw ConfigError(str(files[i].string(), ": is a comparison; compare it alone"));
      RunConfig config = RunConfig::load(files[i], options.sets);
      plan.members.push_back({label_of(files, i), config.to_json()});
      plan.title = config.task_name;
      if (i == 0) plan.seeds = {config.seed};
      if (plan.seeds.front() != config.seed && options.seeds.empty())
        throw ConfigError(str("the seeds differ: ", files[0].string(), " has ", plan.seeds.front(), ", ",
                              files[i].string(), " has ", config.seed, "; --seeds gives all the same"));
      const Json &first = plan.members.front().config["task"], &task = plan.members.back().config["task"];
      if (task != first)
        throw ConfigError(str("the tasks differ: ", files[0].string(), " has ", first.dump(), ", ", files[i].string(),
                              " has ", task.dump()));
    }
  }
  if (!options.seeds.empty()) plan.seeds = options.seeds;
  if (plan.seeds.empty()) throw ConfigError("seeds: must name a seed, got none");
  if (std::set<Index>(plan.seeds.begin(), plan.seeds.end()).size() < plan.seeds.size())
    throw ConfigError("seeds: names a seed twice");
  for (std::size_t i = 0; i < plan.members.size(); ++i) {
    Member& member = plan.members[i];
    if (member.label.empty()) throw ConfigError("models: a model without a name or label");
    if (constexpr std::size_t most = 120; member.label.size() > most)  // it names a folder
      throw ConfigError(str("models: a label must have at most ", most, " bytes, got ", member.label));
    member.config.erase("seed");
    for (std::size_t k = 0; k < i; ++k) {
      const Member& other = plan.members[k];
      if (other.config == member.config)
        throw ConfigError(str("\"", other.label, "\" and \"", member.label, "\" are the same runs; leave one out"));
      if (file_name(other.label) == file_name(member.label))
        throw ConfigError(
            str("two models have the name \"", file_name(member.label), "\"; give each a label of its own"));
    }
  }
  return plan;
}

void Plan::take_over(const Json& saved, const std::string& where) {
  try {
    const Json& list = saved.at("members");
    if (list.size() != members.size()) throw ConfigError("it has other members");
    for (std::size_t i = 0; i < members.size(); ++i) {
      Json config = RunConfig::from_json(list.at(i).at("config"), "").to_json();
      config.erase("seed");
      members[i].config = std::move(config);
    }
  } catch (const Json::exception&) {
    throw DataError(str(where, ": is damaged; remove it, or choose another --out"));
  } catch (const ConfigError& error) {
    throw DataError(str(where, ": is damaged: ", error.what(), "; remove it, or choose another --out"));
  }
}

Json Plan::to_json() const {
  Json json = {
      {"title", title}, {"seeds", seeds}, {"lengths", lengths}, {"decided_at", decided_at}, {"members", Json::array()}};
  for (const Member& member : members)
    json["members"].push_back({{"label", member.label}, {"name", file_name(member.label)}, {"config", member.config}});
  return json;
}

}  // namespace seqtape
