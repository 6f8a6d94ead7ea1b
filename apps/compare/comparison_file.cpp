#include "apps/compare/comparison_file.h"

#include <algorithm>

#include "apps/trainer/run_config.h"
#include "core/error.h"

namespace seqtape {
namespace {

/// Parts of a config that a comparison and each of its models may have.
constexpr const char* kParts[] = {"task", "optimizer", "schedule", "train"};

void require(bool holds, const char* key, const char* rule, const Json& got) {
  if (!holds) throw ConfigError(str(key, ": must be ", rule, ", got ", got.dump()));
}

}  // namespace

void ComparisonFile::Budget::fields(Fields& f) {
  f("steps", steps, "optimizer steps of each model", positive_up_to(1e12));
  f("tokens", tokens, "tokens that each model trains on", positive_up_to(1e15));
  f("seconds", seconds, "of training for each model, measured once", positive_up_to(1e8));
  f("parameters", parameters, "of each model, by its width", positive_up_to(1e12));
}

void ComparisonFile::fields(Fields& f) {
  f("title", title, "of the report; \"\": the file's name");
  f("task", task, "of all models");
  f("optimizer", optimizer, "of all models, unless one has its own");
  f("schedule", schedule, "of all models, unless one has its own");
  f("train", train, "of all models, unless one has its own");
  f("models", models, "the models: names, or objects with a \"model\" and what else it has of its own", required());
  f("grid", grid, "values to try, by key: {\"optimizer.lr\": [1e-3, 3e-3]}; every combination is a model");
  f.group("budget", "what every model may use", [this](Fields& nested) { budget.fields(nested); });
  f("seeds", seeds, "of the runs of each model", at_least(0));
  f("lengths", lengths, "sequence lengths to test at, beside the task's own", at_least(1));
  f("decided_at", decided_at, "the one of lengths whose score ranks the models", at_least(1));
  f("scaling", scaling, "sequence lengths of --scaling", at_least(1));
  f("quick", quick, "what --quick lays over the file");
}

ComparisonFile ComparisonFile::from_json(Json json, bool quick) {
  if (quick) {
    if (!json.contains("quick")) throw ConfigError("--quick: this comparison has no \"quick\" size");
    const Json patch = json["quick"];
    json.merge_patch(patch);
  }
  if (json.is_object()) json.erase("$schema");  // how an editor finds the schema
  ComparisonFile file;
  read_fields([&](Fields& f) { file.fields(f); }, json, "");
  require(file.models.is_array() && !file.models.empty(), "models", "a list of names or objects", file.models);
  require(file.grid.is_object(), "grid", "an object", file.grid);
  for (const char* part : kParts)
    if (json.contains(part)) require(json[part].is_object(), part, "an object", json[part]);
  require(file.decided_at == 0 ||
              std::find(file.lengths.begin(), file.lengths.end(), file.decided_at) != file.lengths.end(),
          "decided_at", "one of lengths", file.decided_at);
  const Budget& budget = file.budget;
  if ((budget.steps > 0) + (budget.tokens > 0) + (budget.seconds > 0) > 1)
    throw ConfigError("budget: steps, tokens and seconds exclude each other");
  return file;
}

Json ComparisonFile::common() const {
  Json all = Json::object();
  for (const auto& [key, part] : {std::pair<const char*, const Json&>{"task", task},
                                  {"optimizer", optimizer},
                                  {"schedule", schedule},
                                  {"train", train}})
    if (!part.empty()) all[key] = part;
  return all;
}

Json comparison_schema() {
  ComparisonFile file;
  RunConfig config;
  const Json run = schema_of([&](Fields& f) { config.fields(f); }).at("properties");
  Json schema = schema_of([&](Fields& f) { file.fields(f); });
  Json own = {{"label", {{"type", "string"}, {"description", "in the report"}}}, {"model", run.at("model")}};
  for (const char* part : kParts) {
    schema["properties"][part] = run.at(part);
    if (part != kParts[0]) own[part] = run.at(part);
  }
  const Json entry = {
      {"type", "object"}, {"properties", own}, {"required", {"model"}}, {"additionalProperties", false}};
  schema["properties"]["models"].update(
      {{"type", "array"}, {"minItems", 1}, {"items", {{"anyOf", {{{"enum", mixers().names()}}, entry}}}}});
  return schema;
}

}  // namespace seqtape
