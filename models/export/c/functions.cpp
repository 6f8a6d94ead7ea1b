#include <algorithm>
#include <set>
#include <string>

#include "core/parts.h"
#include "embedded/models/export/c/functions.c.h"
#include "embedded/models/export/c/stems.c.h"
#include "models/export/c/step.h"

namespace seqtape {

std::string c_functions(const std::set<std::string>& names) {
  static const std::string text = str(embedded::functions_c, embedded::stems_c);
  static const Parts library(text);
  for (const std::string& name : names)
    if (std::none_of(library.all().begin(), library.all().end(), [&](const auto& one) { return one.name == name; }))
      throw ConfigError(
          str("c: neither functions.c nor stems.c has a function \"", name, "\", which an op's lowering calls"));
  return library.with_needs(names);
}

}  // namespace seqtape
