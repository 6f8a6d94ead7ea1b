#include "apps/compare/runner.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <iostream>
#include <map>
#include <sstream>
#include <thread>

#include "apps/report/curve.h"
#include "apps/trainer/describe.h"
#include "apps/trainer/progress.h"
#include "apps/trainer/run_folder.h"
#include "apps/trainer/signals.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/file.h"
#include "core/text.h"
#include "core/threads.h"

namespace seqtape {
namespace {

namespace fs = std::filesystem;

/// This program with other arguments, its messages in a file.
pid_t start(const std::vector<std::string>& arguments, const fs::path& messages, bool append) {
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
  const int out = ::open(messages.c_str(), O_WRONLY | O_CREAT | (append ? O_APPEND : O_TRUNC), 0644);
  if (out >= 0) ::dup2(out, 1), ::dup2(out, 2);
  ::execv("/proc/self/exe", argv.data());
  ::_exit(127);
}

std::string last_line(const fs::path& file) {
  std::istringstream in(fs::exists(file) ? read_file(file) : "");
  std::string last;
  for (std::string line; std::getline(in, line);)
    if (!line.empty()) last = line;
  return last.rfind("error: ", 0) == 0 ? last.substr(7) : last;
}

Json read_json(const fs::path& file) {
  return fs::exists(file) ? parse_json(read_file(file), file.string()) : Json::object();
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

std::string run_name(const Member& member, long long seed) {
  std::string name;
  for (const char c : member.label)
    name += std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '.' || c == '_' ? c : '-';
  return str(name, "-seed", seed);
}

void ComparisonFolder::begin(Plan& plan, const Json& asked) const {
  const fs::path file = path_ / "comparison.json";
  if (fs::exists(file)) {
    const Json saved = read_json(file);
    if (saved.value("asked", Json()) != asked)
      throw ConfigError(str(path_.string(), ": is the folder of another comparison; --out chooses another"));
    // What was solved and measured for the budget stays.
    for (std::size_t i = 0; i < plan.members.size(); ++i)
      plan.members[i].config = saved["plan"]["members"][i]["config"];
    return;
  }
  if (fs::exists(path_) && !fs::is_empty(path_))
    throw ConfigError(str(path_.string(), ": exists and is not the folder of a comparison; --out chooses another"));
  for (const char* part : {"configs", "runs", "logs", "measured"}) fs::create_directories(path_ / part);
  replace_file(file, Json({{"asked", asked}, {"plan", plan.to_json()}}).dump(2) + "\n");
}

int carry_out(const Plan& plan, const ComparisonFolder& folder, int jobs, bool retry) {
  std::vector<std::string> waiting;
  for (const long long seed : plan.seeds)
    for (const Member& member : plan.members) {
      const std::string name = run_name(member, seed);
      const Json known = read_json(folder.measured(name));
      if (known.value("finished", false) || (known.contains("failure") && !retry)) continue;
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
    // A killed comparison's runs save before they end.
    for (int i = 0; i < 600 && RunLock::is_held(folder.run(name)); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    std::vector<std::string> arguments{
        "train",     folder.config(name).string(), "--out", folder.run(name).string(), "--resume",
        "--threads", std::to_string(threads)};
    running[start(arguments, folder.log(name), true)] = {name, Clock::now()};
  };
  const auto ended = [&](const Job& job, int status, const rusage& usage) {
    if (WIFEXITED(status) && WEXITSTATUS(status) >= 128 && signal) return;  // saved: to be gone on with
    ++done;
    Json measured = read_json(folder.measured(job.name));
    measured["peak_bytes"] = std::max(measured.value("peak_bytes", 0.0), static_cast<double>(usage.ru_maxrss) * 1024);
    std::string outcome;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
      measured["finished"] = true;
      measured.erase("failure");
      const auto lines = read_metrics(folder.run(job.name));
      for (Json line : lines) {
        if (line["split"] != "validation" || line.contains("length")) continue;
        for (const char* not_a_score : {"step", "split", "seconds"}) line.erase(not_a_score);
        outcome = describe_metrics(line);
      }
    } else {
      measured["failure"] =
          WIFSIGNALED(status) ? str("ended by signal ", WTERMSIG(status)) : last_line(folder.log(job.name));
      outcome = "FAILED: " + measured["failure"].get<std::string>();
    }
    replace_file(folder.measured(job.name), measured.dump(2) + "\n");
    progress.line(format("[%zu/%zu] %-28s %s, %s", done, all, job.name.c_str(), outcome.c_str(),
                         human_seconds(seconds_since(job.begin)).c_str()));
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
  if (signal) {
    progress.line("stopped; what ran has saved. The same command goes on");
    return 128 + signal;
  }
  return 0;
}

std::string output_of_self(const std::vector<std::string>& arguments) {
  const fs::path file = fs::temp_directory_path() / str("seqtape-", ::getpid(), ".out");
  const pid_t child = start(arguments, file, false);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  const std::string output = fs::exists(file) ? read_file(file) : "", last = last_line(file);
  std::error_code ignored;
  fs::remove(file, ignored);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return output;
  throw Error(str("seqtape ", join(arguments, " "), ": ", last));
}

}  // namespace seqtape
