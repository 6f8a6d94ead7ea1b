#include <iostream>

#include "apps/commands/command.h"
#include "apps/compare/comparison_file.h"
#include "apps/trainer/run_config.h"

namespace seqtape {
namespace {

/// A mixed stack ("layers": ["mamba", "transformer"]) has the settings of its further kinds in groups of their names;
/// which there are is known only when a config is read, so every kind may have every other's.
void add_groups_of_mixed_stacks(Json& model) {
  for (Json& kind : model.at("anyOf"))
    for (const auto& other : mixers().entries) {
      if (kind["properties"]["name"]["const"] == other.name) continue;
      const auto made = other.make();
      Json group = schema_of([&](Fields& f) { made->fields(f); });
      group["description"] = "settings of the layers of this kind";
      kind["properties"][other.name] = group;
    }
}

int run_schema(const cxxopts::ParseResult& args) {
  const bool comparison = args.count("comparison") != 0;
  Json schema = {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                 {"title", comparison ? "seqtape comparison" : "seqtape config"}};
  if (comparison) {
    schema.update(comparison_schema());
  } else {
    RunConfig config;
    schema.update(schema_of([&](Fields& f) { config.fields(f); }));
    add_groups_of_mixed_stacks(schema["properties"]["model"]);
  }
  std::cout << schema.dump(2) << '\n';
  return 0;
}

}  // namespace

const Command kSchema{"schema",
                      "[--comparison]",
                      "the JSON Schema of configs, or of comparison files, for editors",
                      "seqtape schema > seqtape.schema.json",
                      [](cxxopts::Options& options) { options.add_options()("comparison", "of comparison files"); },
                      run_schema};

}  // namespace seqtape
