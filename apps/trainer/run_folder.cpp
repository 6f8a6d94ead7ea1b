#include "apps/trainer/run_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iostream>
#include <sstream>

#include "core/blas.h"
#include "core/cpu.h"
#include "core/error.h"
#include "core/io/file.h"
#include "core/strings.h"
#include "models/weights.h"

namespace fs = std::filesystem;

namespace seqtape {
namespace {

constexpr const char* kModel = "model.safetensors";
constexpr const char* kOptimizer = "optimizer.safetensors";
constexpr const char* kState = "state.json";
constexpr const char* kConfig = "config.json";
constexpr const char* kReplacement = "replacement.json";

std::string checkpoint_name(Index step) { return format("step-%08lld", static_cast<long long>(step)); }

std::uint32_t write_tensors(const fs::path& path, const std::vector<NamedTensor>& tensors) {
  SafetensorsWriter writer;
  writer.metadata("format", "seqtape");
  for (const NamedTensor& named : tensors) writer.add(named.name, named.tensor.shape(), named.tensor.data());
  return writer.write(path);
}

/// The checksum of a state is taken without the checksum itself.
std::uint32_t state_crc(Json state) {
  state.erase("crc32_of_state");
  return crc32_of(state.dump());
}

}  // namespace

namespace {

enum class Lock { taken, held, unsupported };

Lock try_lock(int fd, int kind) {
  int result = 0;
  do result = ::flock(fd, kind | LOCK_NB);
  while (result != 0 && errno == EINTR);
  return result == 0 ? Lock::taken : errno == EWOULDBLOCK ? Lock::held : Lock::unsupported;
}

}  // namespace

RunLock::RunLock(const fs::path& folder)
    : fd_(::open((folder / ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0644)) {
  if (fd_ < 0) throw CheckpointError(str((folder / ".lock").string(), ": cannot be created: ", std::strerror(errno)));
  switch (try_lock(fd_, LOCK_EX)) {
    case Lock::taken:
      return;
    case Lock::unsupported:
      std::cerr << "warning: " << printable(folder.string()) << ": cannot be locked here (" << std::strerror(errno)
                << "): nothing keeps a second process from training in it\n";
      return;
    case Lock::held:
      break;
  }
  ::close(fd_);
  throw ConfigError(
      str(folder.string(), ": another process is working in this folder; wait for it, or choose another --out"));
}
RunLock::~RunLock() { ::close(fd_); }

bool RunLock::is_held(const fs::path& folder) {
  const int fd =
      ::open((folder / ".lock").c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);  // opening a pipe must not block
  if (fd < 0) return false;
  const bool held = try_lock(fd, LOCK_SH) == Lock::held;
  ::close(fd);
  return held;
}

Checkpoint Checkpoint::open(const fs::path& folder) {
  const auto refuse = [&](const std::string& what) {
    throw CheckpointError(str(folder.string(), ": ", what, "; name another checkpoint of the run, or remove this one"));
  };
  Checkpoint checkpoint{folder, {}};
  try {
    const Json json = parse_json(read_file(folder / kState), (folder / kState).string());
    if (json.at("crc32_of_state") != state_crc(json)) refuse("state.json is damaged: its checksum differs");
    for (const auto& [name, crc] : json.at("crc32").items())
      if (crc32_of_file(folder / name) != crc) refuse(name + " is damaged: its checksum differs");
    checkpoint.state = RunState::from_json(json);
  } catch (const Json::exception&) {
    refuse("state.json is not a checkpoint's");
  } catch (const DataError& error) {
    refuse(str("is not a whole checkpoint: ", error.what()));
  } catch (const ConfigError& error) {
    refuse(error.what());
  }
  return checkpoint;
}

RunState read_state(const fs::path& checkpoint) {
  const std::string file = (checkpoint / kState).string();
  try {
    const Json json = parse_json(read_file(file), file);
    RunState state = RunState::from_json(json);
    // The state of an import by an earlier program has only its step.
    if (!json.contains("best") && state.imported.empty()) state.imported = "another program";
    return state;
  } catch (const ConfigError& error) {
    throw CheckpointError(str(file, ": is damaged: ", error.what()));
  }
}

void Checkpoint::load_model(const std::vector<Parameter*>& parameters) const {
  const fs::path path = folder / kModel;
  load_weights(weights_of(SafetensorsFile(path)), path.string(), parameters,
               [](const std::string& name) { return name; });
}

SafetensorsFile Checkpoint::training_file() const { return SafetensorsFile(folder / kOptimizer); }

void load_tensors(const SafetensorsFile& file, const std::vector<NamedTensor>& tensors) {
  for (const NamedTensor& named : tensors)
    if (!(file.entry(named.name).shape == named.tensor.shape()))
      throw CheckpointError(
          str(named.name, ": must be ", named.tensor.shape(), ", the checkpoint has ", file.entry(named.name).shape));
  for (const NamedTensor& named : tensors) {
    const std::vector<float> values = file.floats(named.name);
    std::copy(values.begin(), values.end(), named.tensor.data());
  }
}

bool RunFolder::exists() const {
  std::error_code error;
  return fs::exists(path_, error) && !(fs::is_directory(path_, error) && fs::is_empty(path_, error));
}

fs::path RunFolder::config_path() const {
  std::error_code error;
  return fs::exists(path_ / kReplacement, error) ? path_ / kReplacement : path_ / kConfig;
}

bool RunFolder::is_run() const {
  std::error_code error;
  if (fs::exists(config_path(), error) && fs::is_directory(path_ / "checkpoints", error)) {
    const Json config = Json::parse(read_file(config_path()), nullptr, false);
    if (config.is_object() && config.contains("task") && config.contains("model")) return true;
  }
  // A process killed while it made the folder leaves no more than this.
  for (const auto& entry : fs::directory_iterator(path_, error)) {
    const std::string name = entry.path().filename().string();
    if (name != ".lock" && name != "config.json.tmp" && !(name == "checkpoints" && fs::is_empty(entry.path(), error)))
      return false;
  }
  return !error;
}

void RunFolder::make() const {
  std::error_code error;
  fs::create_directories(path_ / "checkpoints", error);
  if (error) throw CheckpointError(str(path_.string(), ": cannot be created: ", error.message()));
}

namespace {

std::string config_text(const Json& config) {
  try {
    return config.dump(2) + "\n";
  } catch (const Json::exception&) {
    throw ConfigError("config: a path or another text in it is not UTF-8");
  }
}

/// Removes what killed saves and removals left. A `.replaced` checkpoint stays while its successor is missing.
void remove_leftovers(const fs::path& folder) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const fs::path ending = entry.path().extension();
    if (ending == kUnfinished || ending == kRemoved || ending == ".tmp" ||
        (ending == kReplaced && fs::exists(fs::path(entry.path()).replace_extension(), error)))
      fs::remove_all(entry.path(), error);
  }
}

}  // namespace

void RunFolder::begin(const Json& config) const {
  replace_file(path_ / kConfig, config_text(config));
  remove_leftovers(path_);
  remove_leftovers(path_ / "checkpoints");
}

void RunFolder::replace(const Json& config) const {
  // With this file in place the old run is void; before, it is complete.
  replace_file(path_ / kReplacement, config_text(config));
  finish_replacement();
}

void RunFolder::finish_replacement() const {
  std::error_code error;
  if (!fs::exists(path_ / kReplacement, error)) return;
  const auto remove = [](const fs::path& path) {
    std::error_code failed;
    fs::remove_all(path, failed);
    if (failed) throw CheckpointError(str(path.string(), ": cannot be removed: ", failed.message()));
  };
  // Its content, not the folder: it may be a link to another disk.
  std::vector<fs::path> old;
  for (const auto& entry : fs::directory_iterator(path_ / "checkpoints", error)) old.push_back(entry.path());
  for (const char* name : {"metrics.jsonl", "eval.json", "tensorboard", "inside"}) old.push_back(path_ / name);
  for (const fs::path& path : old) remove(path);
  fs::rename(path_ / kReplacement, path_ / kConfig, error);
  if (error) throw CheckpointError(str(config_path().string(), ": cannot be renamed: ", error.message()));
  sync_folder(path_);
}

std::map<Index, fs::path> RunFolder::checkpoints() const {
  std::map<Index, fs::path> found;
  std::error_code error;
  if (fs::exists(path_ / kReplacement, error)) return found;  // they belong to the run that is replaced
  for (const auto& entry : fs::directory_iterator(path_ / "checkpoints", error)) {
    const fs::path name = entry.path().filename();
    const bool replaced = name.extension() == kReplaced;
    const std::string stem = (replaced ? name.stem() : name).string();
    const std::string digits = stem.rfind("step-", 0) == 0 ? stem.substr(5) : "";
    if (digits.empty() || digits.size() > 18 || digits.find_first_not_of("0123456789") != std::string::npos) continue;
    const auto has = [&](const char* file) { return fs::exists(entry.path() / file, error); };
    if (!has(kModel) || !has(kOptimizer) || !has(kState)) continue;
    // The new one of a step goes before the one that it was about to replace.
    if (replaced)
      found.emplace(std::stoll(digits), entry.path());
    else
      found[std::stoll(digits)] = entry.path();
  }
  return found;
}

void RunFolder::drop_beyond(Index step) const {
  const auto found = checkpoints();
  for (auto latest = found.rbegin(); latest != found.rend() && latest->first > step; ++latest)
    remove_whole(latest->second);  // the newest first: after a kill the run is at one of them
  write_index();
}

void RunFolder::save(RunState state, const std::vector<Parameter*>& model, const std::vector<NamedTensor>& training,
                     Index keep_last) const {
  const fs::path root = path_ / "checkpoints", folder = root / checkpoint_name(state.step);
  const fs::path unfinished = fs::path(folder) += kUnfinished, replaced = fs::path(folder) += kReplaced;
  std::error_code error;
  fs::remove_all(unfinished, error);
  fs::create_directory(unfinished, error);
  if (error) throw CheckpointError(str(unfinished.string(), ": cannot be created: ", error.message()));
  const auto rename = [](const fs::path& from, const fs::path& to) {
    std::error_code failed;
    fs::rename(from, to, failed);
    if (failed) throw CheckpointError(str(to.string(), ": cannot be renamed: ", failed.message()));
  };
  try {
    state.processor = processor_name();
    state.instruction_set = isa_name(isa());
    state.blas_core = blas_core();
    Json json = state.to_json();
    std::vector<NamedTensor> weights;
    for (const Parameter* p : model) weights.push_back({p->path, p->variable.value()});
    json["crc32"][kModel] = write_tensors(unfinished / kModel, weights);
    json["crc32"][kOptimizer] = write_tensors(unfinished / kOptimizer, training);
    json["crc32_of_state"] = state_crc(json);
    write_file(unfinished / kState, json.dump(2) + "\n");
    sync_folder(unfinished);
    if (fs::exists(metrics_path(), error)) sync_file(metrics_path());  // no checkpoint is ahead of its metrics
    if (!fs::exists(folder, error)) {
      rename(unfinished, folder);
    } else if (!exchange(unfinished, folder)) {  // one of the same step, from before a resume
      fs::remove_all(replaced, error);
      rename(folder, replaced);
      rename(unfinished, folder);
    }
    sync_folder(root);
  } catch (...) {
    fs::remove_all(unfinished, error);
    throw;
  }
  fs::remove_all(unfinished, error);
  fs::remove_all(replaced, error);
  write_index();
  const auto kept = best();
  const auto found = checkpoints();
  Index newer = 0;
  for (auto one = found.rbegin(); one != found.rend(); ++one)
    if ((one == found.rbegin() || one->second != kept) && ++newer > keep_last) remove_whole(one->second);
}

void RunFolder::write_index() const {
  Json names = Json::object();
  if (const auto path = last()) names["last"] = path->filename().string();
  if (const auto path = best()) names["best"] = path->filename().string();
  const fs::path file = path_ / "checkpoints" / "index.json";
  const std::string text = names.dump(2) + "\n";
  std::error_code error;
  if (!names.empty() && !(fs::exists(file, error) && read_file(file) == text)) replace_file(file, text);
}

std::optional<fs::path> RunFolder::last() const {
  const auto found = checkpoints();
  if (found.empty()) return std::nullopt;
  return found.rbegin()->second;
}

std::optional<fs::path> RunFolder::best() const {
  const auto found = checkpoints();
  if (found.empty()) return std::nullopt;
  const fs::path newest = found.rbegin()->second;
  const RunState state = read_state(newest);
  if (!state.imported.empty()) return newest;  // nothing was evaluated
  const auto named = state.best ? found.find(state.best->step) : found.end();
  return named == found.end() ? std::nullopt : std::optional(named->second);
}

fs::path RunFolder::checkpoint(const std::string& name) const {
  std::vector<std::string> names;
  for (const auto& [step, folder] : checkpoints()) {
    names.push_back(checkpoint_name(step));
    if (name == names.back()) return folder;
  }
  throw ConfigError(
      str(path_.string(), ": has no checkpoint \"", name, "\"; it has ", names.empty() ? "none" : join(names, ", ")));
}

void RunFolder::append_metrics(const Json& line) const { append_file(metrics_path(), line.dump() + "\n"); }

void RunFolder::truncate_metrics(Index step, bool evaluation_due) const {
  std::error_code error;
  if (!fs::exists(metrics_path(), error) && !error) return;
  const std::string text = read_file(metrics_path());
  std::string kept;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    const Json json = Json::parse(line, nullptr, false);  // a line cut off by a kill does not parse
    const Json at = json.is_object() ? json.value("step", Json()) : Json();
    if (!at.is_number_integer() || at.get<Index>() > step) continue;
    if (evaluation_due && at.get<Index>() == step && json.value("split", Json()) == "validation") continue;
    kept += line + "\n";
  }
  if (kept != text) replace_file(metrics_path(), kept);
}

RunReference find_run(const fs::path& path, bool best) {
  std::error_code error;
  if (fs::exists(path / kState, error)) {
    const fs::path folder = fs::absolute(path).lexically_normal();
    const fs::path clean = folder.has_filename() ? folder : folder.parent_path();
    return {clean.parent_path().parent_path(), clean};
  }
  const RunFolder run(path);
  if (!fs::exists(run.config_path(), error))
    throw ConfigError(str(path.string(), ": is neither a run folder nor a checkpoint of one"));
  const auto last = run.last();
  if (!last) throw ConfigError(str(path.string(), ": the run has no checkpoint yet"));
  if (!best) return {path, *last};
  const auto found = run.best();
  if (!found)
    throw ConfigError(
        str(path.string(),
            ": has no best checkpoint: no evaluation gave a finite value yet, or the best has been removed since; "
            "without --best the last is used"));
  return {path, *found};
}

}  // namespace seqtape
