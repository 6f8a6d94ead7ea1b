// The library of exported C programs: what a function calls is what its line says that it needs.
#include <doctest/doctest.h>

#include <regex>
#include <set>

#include "core/io/file.h"
#include "core/parts.h"

using namespace seqtape;

TEST_CASE("every C function names the functions that it needs, and they stand before it") {
  const std::string folder = SEQTAPE_SOURCE_DIR "/models/export/c/";
  const std::string source = read_file(folder + "functions.c") + read_file(folder + "stems.c");
  const Parts library(source);
  std::set<std::string> names, before;
  for (const Parts::Part& function : library.all()) CHECK(names.insert(function.name).second);
  CHECK_GT(names.size(), 20);
  for (const Parts::Part& function : library.all()) {
    CAPTURE(function.name);
    const std::string text = std::regex_replace(std::string(function.text), std::regex(R"(/\*[^]*?\*/)"), "");
    CHECK(std::regex_search(text, std::regex("static [a-z]+ " + function.name + "\\(")));
    std::set<std::string> called;
    for (const std::string& name : names)
      if (name != function.name && std::regex_search(text, std::regex("\\b" + name + "\\("))) called.insert(name);
    CHECK_EQ(called, std::set<std::string>(function.needs.begin(), function.needs.end()));
    for (const std::string& need : function.needs) CHECK(before.contains(need));
    before.insert(function.name);
  }
}
