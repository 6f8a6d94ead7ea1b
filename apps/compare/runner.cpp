#include "apps/compare/runner.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <iostream>
#include <map>
#include <sstream>
#include <thread>

#include "apps/report/curve.h"
#include "apps/trainer/describe.h"
#include "apps/trainer/metrics.h"
#include "apps/trainer/progress.h"
#include "apps/trainer/run_folder.h"
#include "apps/trainer/signals.h"
#include "core/clock.h"
#include "core/columns.h"
#include "core/error.h"
#include "core/io/file.h"
#include "core/strings.h"
#include "core/threads.h"

namespace seqtape {
namespace {

namespace fs = std::filesystem;

/// A descriptor that is closed at its end; -1: none.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

/// This program with other arguments; what it prints goes to `out` and `messages`.
pid_t start(const std::vector<std::string>& arguments, int out, int messages) {
  std::vector<char*> argv{const_cast<char*>("seqtape")};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const pid_t parent = ::getpid(), child = ::fork();
  if (child < 0) throw Error("a process cannot be started");
  if (child > 0) return child;
  // In the child. A signal from the terminal is for the parent, which passes it on; its death is one as well.
  ::setpgid(0, 0);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(1);
  ::dup2(out, 1);
  ::dup2(messages, 2);
  ::execv("/proc/self/exe", argv.data());
  ::_exit(127);
}

std::string last_line(const std::string& text) {
  std::istringstream in(text);
  std::string last;
  for (std::string line; std::getline(in, line);)
    if (!line.empty()) last = line;
  return last.rfind("error: ", 0) == 0 ? last.substr(7) : last;
}

/// All that was written to a file without a name.
std::string content_of(int fd) {
  std::string content(static_cast<std::size_t>(std::max<off_t>(0, ::lseek(fd, 0, SEEK_END))), '\0');
  const ssize_t got = ::pread(fd, content.data(), content.size(), 0);
  content.resize(static_cast<std::size_t>(std::max<ssize_t>(0, got)));
  return content;
}

/// The last metrics of a run are not finite: it ended because it diverged.
bool diverged(const fs::path& run) {
  if (!fs::exists(run / "metrics.jsonl")) return false;
  const auto lines = read_metrics(run);
  return std::any_of(lines.begin(), lines.end(), [&](const Json& line) {
    const auto is_word = [&](const char* key) { return line.value(key, Json()).is_string(); };  // "nan", "inf"
    return line.at("step") == lines.back().at("step") && (is_word("loss") || is_word("grad_norm"));
  });
}

/// One run on its way.
struct Job {
  std::string name;
  std::chrono::steady_clock::time_point begin;
};

std::string describe_progress(const ComparisonFolder& folder, const std::string& name) {
  if (!fs::exists(folder.run(name) / "metrics.jsonl")) return name + " starts";
  const auto lines = read_metrics(folder.run(name));
  return lines.empty() ? name + " starts" : str(name, " step ", lines.back()["step"].dump());
}

}  // namespace

std::string run_name(const Member& member, Index seed) { return str(file_name(member.label), "-seed", seed); }

Json read_measured(const fs::path& file) {
  Json measured = read_object(file);
  const auto is = [&](const char* key, auto kind) { return !measured.contains(key) || (measured.at(key).*kind)(); };
  if (!is("finished", &Json::is_boolean) || !is("machine", &Json::is_boolean) || !is("failure", &Json::is_string) ||
      !is("lengths", &Json::is_array) || !is("peak_bytes", &Json::is_number))
    throw DataError(str(file.string(), ": is damaged; remove it, or choose another --out"));
  return measured;
}

Json read_object(const fs::path& file) {
  if (!fs::exists(file)) return Json::object();
  Json json;
  try {
    json = parse_json(read_file(file), file.string());
  } catch (const ConfigError& error) {
    throw DataError(str(error.what(), "; remove it, or choose another --out"));
  }
  if (!json.is_object()) throw DataError(str(file.string(), ": is damaged; remove it, or choose another --out"));
  return json;
}

fs::path ComparisonFolder::measured(const Member& member, const std::string& what) const {
  return path_ / "measured" / what / (file_name(member.label) + ".json");
}

std::unique_ptr<RunLock> ComparisonFolder::begin(Plan& plan, const Json& asked) const {
  const fs::path file = path_ / "comparison.json";
  // A process killed while it made the folder leaves no more than its parts, empty.
  const std::vector<std::string> parts{"configs", "runs", "logs", "measured"};
  std::error_code error;
  if (fs::exists(path_, error) && !fs::exists(file, error))
    for (const auto& entry : fs::directory_iterator(path_)) {
      const std::string name = entry.path().filename().string();
      const bool part = std::find(parts.begin(), parts.end(), name) != parts.end() && fs::is_empty(entry.path(), error);
      if (!part && name != ".lock" && name != "comparison.json.tmp")
        throw ConfigError(str(path_.string(), ": exists and is not the folder of a comparison; --out chooses another"));
    }
  for (const std::string& part : parts) fs::create_directories(path_ / part);
  auto lock = std::make_unique<RunLock>(path_);
  const bool begun = fs::exists(file);
  if (!begun) replace_file(file, Json({{"asked", asked}, {"plan", plan.to_json()}}).dump(2) + "\n");
  for (const char* what : {"model", "scaling"}) fs::create_directories(path_ / "measured" / what);
  if (!begun) return lock;
  const Json saved = read_object(file);
  if (saved.value("asked", Json()) != asked)
    throw ConfigError(str(path_.string(), ": is the folder of another comparison; --out chooses another"));
  plan.take_over(saved.value("plan", Json()), file.string());
  return lock;
}

void carry_out(const Plan& plan, const ComparisonFolder& folder, int jobs, bool retry) {
  std::vector<std::string> waiting;
  for (const Index seed : plan.seeds)
    for (const Member& member : plan.members) {
      const std::string name = run_name(member, seed);
      const Json known = read_measured(folder.measured(name));
      const bool failed = known.contains("failure") && !known.value("machine", false);
      if (known.value("finished", false) || (failed && !retry)) continue;
      Json config = member.config;
      config["seed"] = seed;
      replace_file(folder.config(name), config.dump(2) + "\n");
      waiting.push_back(name);
    }
  std::reverse(waiting.begin(), waiting.end());
  const std::size_t all = plan.runs();
  std::size_t done = all - waiting.size();
  const int threads = std::max(1, thread_count() / jobs);
  if (done > 0 && !waiting.empty()) std::cout << done << " of " << all << " runs are finished\n";
  catch_signals();
  Progress progress;
  std::map<pid_t, Job> running;
  int signal = 0;
  const auto begin = [&](const std::string& name) {
    // The runs of a killed comparison save before they end.
    for (int i = 0; i < 600 && RunLock::is_held(folder.run(name)); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    std::vector<std::string> arguments{
        "train",     folder.config(name).string(), "--out", folder.run(name).string(), "--resume",
        "--threads", std::to_string(threads)};
    const Descriptor log(::open(folder.log(name).c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
    if (log.get() < 0) throw Error(str(folder.log(name).string(), ": cannot be written: ", std::strerror(errno)));
    running[start(arguments, log.get(), log.get())] = {name, Clock::now()};
  };
  const auto ended = [&](const Job& job, int status, const rusage& usage) {
    if (WIFEXITED(status) && WEXITSTATUS(status) >= 128 && signal) return;  // saved: it can be resumed
    ++done;
    Json measured = read_measured(folder.measured(job.name));
    measured["peak_bytes"] = std::max(measured.value("peak_bytes", 0.0), static_cast<double>(usage.ru_maxrss) * 1024);
    std::string outcome;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
      measured["finished"] = true;
      measured.erase("failure");
      measured.erase("machine");
      const auto lines = read_metrics(folder.run(job.name));
      for (Json line : lines) {
        if (line["split"] != "validation" || line.contains("length")) continue;
        measured["step"] = line.at("step");
        outcome = describe_metrics(scores_of(line));
      }
    } else {
      measured["failure"] =
          WIFSIGNALED(status) ? str("ended by signal ", WTERMSIG(status)) : last_line(read_file(folder.log(job.name)));
      const bool refused = WIFEXITED(status) && WEXITSTATUS(status) == 2;
      measured["machine"] = !refused && !diverged(folder.run(job.name));
      outcome = "FAILED: " + measured["failure"].get<std::string>();
    }
    replace_file(folder.measured(job.name), measured.dump(2) + "\n");
    progress.line(wrapped(format("[%zu/%zu] %-28s %s, %s", done, all, job.name.c_str(), outcome.c_str(),
                                 human_seconds(seconds_since(job.begin)).c_str()),
                          6));
  };
  while (!running.empty() || (!waiting.empty() && !signal)) {
    while (!signal && !waiting.empty() && running.size() < static_cast<std::size_t>(jobs)) {
      begin(waiting.back());
      waiting.pop_back();
    }
    int status = 0;
    rusage usage{};
    if (const pid_t child = ::wait4(-1, &status, WNOHANG, &usage); child > 0) {
      ended(running.at(child), status, usage);
      running.erase(child);
      continue;
    }
    if (const int asked = stop_signal(); asked && !signal) {
      signal = asked;
      for (const auto& [child, job] : running) ::kill(child, signal);
    }
    std::vector<std::string> lines;
    if (progress.is_live())
      for (const auto& [child, job] : running) lines.push_back(describe_progress(folder, job.name));
    progress.live(format("[%zu/%zu] ", done, all) + join(lines, ", "));
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  if (signal) throw Stopped{signal};
}

std::string output_of_self(const std::vector<std::string>& arguments) {
  const Descriptor out(::memfd_create("out", MFD_CLOEXEC)), messages(::memfd_create("messages", MFD_CLOEXEC));
  if (out.get() < 0 || messages.get() < 0) throw Error(str("no memory for a process's output: ", std::strerror(errno)));
  if (const int signal = stop_signal()) throw Stopped{signal};
  const pid_t child = start(arguments, out.get(), messages.get());
  int status = 0;
  while (::waitpid(child, &status, WNOHANG) <= 0) {
    if (const int signal = stop_signal()) {
      ::kill(child, SIGKILL);  // it measures, and has nothing to save
      ::waitpid(child, &status, 0);
      throw Stopped{signal};
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return content_of(out.get());
  const std::string why =
      str("seqtape ", join(arguments, " "), ": ",
          WIFSIGNALED(status) ? str("ended by signal ", WTERMSIG(status)) : last_line(content_of(messages.get())));
  if (WIFEXITED(status) && WEXITSTATUS(status) == 2) throw ConfigError(why);
  throw Error(why);
}

}  // namespace seqtape
