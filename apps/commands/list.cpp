#include <iostream>

#include "apps/commands/command.h"
#include "apps/trainer/run_config.h"
#include "core/error.h"
#include "core/strings.h"

namespace seqtape {
namespace {

void list_options(cxxopts::Options& options) {
  options.add_options()("kind", "models, tasks, optimizers or schedules; default: all", cxxopts::value<std::string>());
  options.parse_positional({"kind"});
}

template <class T>
void print(const char* title, const Registry<T>& registry) {
  std::cout << title << '\n';
  for (const auto& entry : registry.entries) {
    std::cout << '\n' << entry.name << ": " << entry.doc << '\n';
    const auto object = entry.make();
    std::cout << describe_fields([&](Fields& f) { object->fields(f); });
  }
  std::cout << '\n';
}

int run_list(const cxxopts::ParseResult& args) {
  const std::vector<std::string> kinds{"models", "tasks", "optimizers", "schedules"};
  const std::string kind = args.count("kind") ? args["kind"].as<std::string>() : "";
  if (!kind.empty() && std::find(kinds.begin(), kinds.end(), kind) == kinds.end())
    throw ConfigError(str("list: unknown kind \"", kind, "\"", suggestion(kind, kinds)));
  const auto wanted = [&](const char* name) { return kind.empty() || kind == name; };
  if (wanted("models")) print("MODELS: keys of \"model\"; `seqtape schema` has those that all models share", mixers());
  if (wanted("tasks")) print("TASKS: keys of \"task\"", tasks());
  if (wanted("optimizers")) print("OPTIMIZERS: keys of \"optimizer\"", optimizers());
  if (wanted("schedules")) print("SCHEDULES: keys of \"schedule\"", schedules());
  return 0;
}

}  // namespace

const Command kList{"list",
                    "[models|tasks|optimizers|schedules]",
                    "what a config can name, with every key",
                    "seqtape list models",
                    list_options,
                    run_list};

}  // namespace seqtape
