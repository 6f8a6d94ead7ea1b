#include <algorithm>
#include <functional>
#include <iostream>

#include "apps/commands/command.h"
#include "apps/compare/comparison_file.h"
#include "apps/trainer/run_config.h"
#include "core/columns.h"
#include "core/error.h"
#include "core/strings.h"

namespace seqtape {
namespace {

/// Something with keys: a mixer, a task, a part of a config.
struct Section {
  std::string name, doc;
  std::function<std::string()> keys;
};

struct Kind {
  std::string name;  ///< "models"
  std::string doc;
  std::vector<Section> sections;
};

template <class T>
Kind kind_of_registry(const char* name, const char* doc, const Registry<T>& registry) {
  Kind kind{name, doc, {}};
  for (const auto& entry : registry.entries)
    kind.sections.push_back({entry.name, entry.doc, [&entry] {
                               const auto object = entry.make();
                               return describe_fields([&](Fields& f) { object->fields(f); });
                             }});
  return kind;
}

template <class T>
Section section(const char* name, const char* doc, void (T::*fields)(Fields&)) {
  return {name, doc, [fields] {
            T object;
            return describe_fields([&](Fields& f) { (object.*fields)(f); });
          }};
}

/// All that a config or a comparison file can hold.
std::vector<Kind> kinds() {
  return {kind_of_registry("models", "one as model.name; its keys stand beside it", mixers()),
          kind_of_registry("tasks", "one as task.name", tasks()),
          kind_of_registry("optimizers", "one as optimizer.name", optimizers()),
          kind_of_registry("schedules", "one as schedule.name", schedules()),
          {"groups",
           "further keys",
           {section("model", "of every model, whatever its mixer", &ModelConfig::skeleton),
            section("train", "the training loop", &TrainSettings::fields),
            section("comparison", "a comparison file", &ComparisonFile::fields)}}};
}

void list_options(cxxopts::Options& options) {
  options.add_options()("name", "what to list; default: all names", cxxopts::value<std::string>());
  options.parse_positional({"name"});
}

std::string notes() {
  return "NAME: models, tasks, optimizers or schedules for the keys of all of a kind; the name of one (mamba, text, "
         "adamw, cosine) for its keys; model, train or comparison for the keys of that part.";
}

void print(const Section& section) {
  std::cout << wrapped(section.name + ": " + section.doc, 4) << '\n' << section.keys();
}

int run_list(const cxxopts::ParseResult& args) {
  const std::string name = args.count("name") ? args["name"].as<std::string>() : "";
  std::vector<std::string> known;
  bool found = false;
  for (const Kind& kind : kinds()) {
    if (name.empty()) std::cout << kind.name << ": " << kind.doc << '\n';
    known.push_back(kind.name);
    for (const Section& section : kind.sections) {
      known.push_back(section.name);
      if (name.empty()) std::cout << wrapped(format("  %-22s %s\n", section.name.c_str(), section.doc.c_str()), 25);
      if (name != section.name && name != kind.name) continue;
      if (found) std::cout << '\n';
      found = true;
      print(section);
    }
    if (name.empty()) std::cout << '\n';
  }
  if (name.empty())
    std::cout << "`seqtape list NAME` shows the keys of one, `seqtape list models` of all models.\n";
  else if (!found)
    throw ConfigError(str("list: unknown name \"", name, "\"", suggestion(name, known)));
  return 0;
}

}  // namespace

const Command kList{"list",   "[NAME]", "what a config can name, with every key", "seqtape list mamba", list_options,
                    run_list, notes};

}  // namespace seqtape
