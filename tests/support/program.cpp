#include "tests/support/program.h"

#include <sys/wait.h>

#include <cstdlib>

#include "core/io/file.h"
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

}  // namespace seqtape::testing
