#include <fcntl.h>
#include <unistd.h>

#include <iostream>
#include <stdexcept>

#include "apps/commands/command.h"
#include "apps/commit.h"  // written at build time
#include "core/blas.h"
#include "core/columns.h"
#include "core/environment.h"
#include "core/error.h"
#include "core/strings.h"
#include "core/threads.h"

namespace seqtape {
namespace {

constexpr int kFailed = 1, kUsage = 2;

const std::vector<const Command*>& commands() {
  static const std::vector<const Command*> table{&kNew,      &kTrain, &kCompare, &kBaselines, &kEval,   &kPredict,
                                                 &kGenerate, &kList,  &kInspect, &kShow,      &kCheck,  &kRuns,
                                                 &kReport,   &kPlot,  &kSchema,  &kBench,     &kExport, &kImport};
  return table;
}

void print_help() {
  std::cout << "seqtape trains and compares long-sequence models on a CPU.\n\n  seqtape COMMAND ARGUMENTS...\n\n";
  for (const Command* command : commands())
    std::cout << wrapped(format("  %-10s %s\n", command->name, command->summary), 13);
  std::cout << "\n`seqtape COMMAND --help` shows its arguments, its options and an example.\n"
               "Exit codes: 0 done, 1 failed, 2 wrong usage or config, 129, 130 or 143 stopped\n"
               "by a signal after saving.\n";
}

int run(const Command& command, int argc, char** argv) {
  cxxopts::Options options(std::string("seqtape ") + command.name, command.summary);
  options.set_width(kColumns).custom_help("").positional_help("");
  command.options(options);
  options.add_options()("h,help", "show this help");
  cxxopts::ParseResult args;
  try {
    args = options.parse(argc, argv);
  } catch (const cxxopts::exceptions::exception& error) {
    throw ConfigError(str(error.what(), "; see seqtape ", command.name, " --help"));
  }
  if (args.count("help")) {
    std::string help = options.help({""}, false).substr(std::string(command.summary).size());
    // cxxopts leaves a blank at the end of a line that it breaks.
    for (std::size_t at; (at = help.find(" \n")) != std::string::npos;) help.erase(at, 1);
    std::cout << wrapped(str(command.summary, "\n\nUsage:\n  seqtape ", command.name, " ", command.arguments), 4)
              << (command.notes ? wrapped(str("\n\n", command.notes()), 13) : "") << help << "\nExample:\n  "
              << command.example << "\n";
    return 0;
  }
  if (const auto extra = args.unmatched(); !extra.empty())
    throw ConfigError(str("unexpected argument \"", extra.front(), "\"; see seqtape ", command.name, " --help"));
  if (args.count("threads")) {
    const int threads = args["threads"].as<int>();
    if (threads < 1) throw ConfigError(str("--threads: must be > 0, got ", threads));
    set_thread_count(threads);
  }
  if (const std::string problem = blas_problem(); !problem.empty()) std::cerr << "warning: " << problem << '\n';
  const int code = command.run(args);
  if (!std::cout.flush()) throw Error("standard output cannot be written");
  return code;
}

int dispatch(int argc, char** argv) {
  const std::string name = argc > 1 ? argv[1] : "--help";
  if (name == "--help" || name == "-h" || name == "help") {
    print_help();
    return argc > 1 ? 0 : kUsage;
  }
  if (name == "--version") {
    std::cout << version() << "\n";
    return 0;
  }
  std::vector<std::string> names;
  for (const Command* command : commands()) {
    if (name == command->name) return run(*command, argc - 1, argv + 1);
    names.emplace_back(command->name);
  }
  throw ConfigError(str("unknown command \"", name, "\"", suggestion(name, names)));
}

void print_error(const std::string& text) {
  std::cerr << fitted("error: " + printable_text(text) + "\n", 7, STDERR_FILENO);
}

/// Without them the next files that are opened would be 0, 1 and 2, and get what is printed.
void open_standard_descriptors() {
  for (int fd = open("/dev/null", O_RDWR); fd >= 0; fd = open("/dev/null", O_RDWR))
    if (fd > STDERR_FILENO) {
      close(fd);
      return;
    }
}

}  // namespace

std::string version() {
  const std::string commit = SEQTAPE_COMMIT;
  return "seqtape " SEQTAPE_VERSION + (commit.empty() ? "" : ", commit " + commit);
}

std::string argument(const cxxopts::ParseResult& args, const char* name) {
  if (!args.count(name)) throw ConfigError(str("the argument ", name, " is missing; see --help"));
  return args[name].as<std::string>();
}

void common_options(cxxopts::Options& options) {
  options.add_options()("set", "override a key of the config: key.path=value; may be repeated",
                        cxxopts::value<std::vector<std::string>>(),
                        "KEY=VALUE")("threads", "threads to use; default: all processors", cxxopts::value<int>(), "N");
}

std::vector<std::string> sets(const cxxopts::ParseResult& args) {
  return args.count("set") ? args["set"].as<std::vector<std::string>>() : std::vector<std::string>{};
}

std::vector<Index> number_list(const std::string& text, const char* option, long long least) {
  std::vector<Index> numbers;
  if (text.empty()) throw ConfigError(str(option, ": must be whole numbers with commas between, got \"\""));
  std::istringstream words(text);
  for (std::string word; std::getline(words, word, ',');) {
    std::size_t used = 0;
    try {
      numbers.push_back(std::stoll(word, &used));
    } catch (const std::logic_error&) {
    }
    if (used == 0 || used != word.size() || numbers.back() < least)
      throw ConfigError(str(option, ": must be whole numbers >= ", least, " with commas between, got \"", text, "\""));
  }
  return numbers;
}

}  // namespace seqtape

int main(int argc, char** argv) {
  seqtape::open_standard_descriptors();
  seqtape::settle_environment(argv);
  try {
    return seqtape::dispatch(argc, argv);
  } catch (const seqtape::ConfigError& error) {
    seqtape::print_error(error.what());
    return seqtape::kUsage;
  } catch (const std::bad_alloc&) {
    seqtape::print_error("memory: the system has none left; lower train.batch, task.length or model.d_model");
  } catch (const std::exception& error) {
    seqtape::print_error(error.what());
  }
  return seqtape::kFailed;
}
