#include <algorithm>
#include <set>
#include <string>

#include "core/parts.h"
#include "embedded/models/export/c/functions.c.h"
#include "models/export/c/step.h"

namespace seqtape {

std::string c_functions(const std::set<std::string>& names) {
  static const Parts library(embedded::functions_c);
  std::set<std::string> wanted = names;
  for (auto function = library.all().rbegin(); function != library.all().rend(); ++function)
    if (wanted.contains(function->name)) wanted.insert(function->needs.begin(), function->needs.end());
  for (const std::string& name : wanted)
    if (std::none_of(library.all().begin(), library.all().end(), [&](const auto& one) { return one.name == name; }))
      throw ConfigError(str("c: functions.c has no function \"", name, "\", which an op's lowering calls"));
  std::string text;
  for (const Parts::Part& function : library.all())
    if (wanted.contains(function.name)) text += str("\n", function.text, "\n");
  return text;
}

}  // namespace seqtape
