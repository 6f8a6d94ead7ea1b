#include "tests/support/program.h"

#include <sys/wait.h>

#include <cstdlib>

#include "core/io/file.h"
#include "core/io/json.h"
#include "tests/support/temporary_folder.h"

namespace seqtape::testing {

Outcome seqtape(const std::string& arguments, const std::string& before) {
  const TemporaryFolder folder;
  const std::string out = (folder / "out").string(), err = (folder / "err").string();
  const std::string command =
      before + "'" SEQTAPE_PROGRAM "' " + arguments + " >'" + out + "' 2>'" + err + "' </dev/null";
  const int status = std::system(command.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), read_file(out), read_file(err)};
}

std::string unwrapped(std::string out) {
  const std::string broken = "\n" + std::string(11, ' ');
  for (std::size_t at; (at = out.find(broken)) != std::string::npos;) out.replace(at, broken.size(), " ");
  return out;
}

std::vector<std::string> names_of(const std::string& section) {
  const Json schema = parse_json(seqtape("schema").out, "schema");
  std::vector<std::string> names;
  for (const Json& kind : schema.at("properties").at(section).at("anyOf"))
    names.push_back(kind.at("properties").at("name").at("const"));
  return names;
}

}  // namespace seqtape::testing
