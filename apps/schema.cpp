#include <iostream>

#include "apps/command.h"
#include "apps/trainer/run_config.h"

namespace seqtape {
namespace {

int run(const cxxopts::ParseResult&) {
  RunConfig config;
  Json schema = {{"$schema", "https://json-schema.org/draft/2020-12/schema"}, {"title", "seqtape config"}};
  schema.update(schema_of([&](Fields& f) { config.fields(f); }));
  std::cout << schema.dump(2) << '\n';
  return 0;
}

}  // namespace

const Command kSchema{"schema",
                      "",
                      "the JSON Schema of configs, for editors",
                      "seqtape schema > seqtape.schema.json",
                      [](cxxopts::Options&) {},
                      run};

}  // namespace seqtape
