#include "apps/trainer/run_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "core/blas.h"
#include "core/cpu.h"
#include "core/error.h"
#include "core/file.h"
#include "core/text.h"
#include "models/weights.h"

namespace fs = std::filesystem;

namespace seqtape {
namespace {

constexpr const char* kModel = "model.safetensors";
constexpr const char* kOptimizer = "optimizer.safetensors";
constexpr const char* kState = "state.json";
constexpr const char* kUnfinished = ".unfinished";

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

RunLock::RunLock(const fs::path& folder) : fd_(::open((folder / ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)) {
  if (fd_ < 0) throw CheckpointError(str((folder / ".lock").string(), ": cannot be created: ", std::strerror(errno)));
  if (::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
    ::close(fd_);
    throw ConfigError(
        str(folder.string(), ": another process is training in this folder; wait for it, or choose another --out"));
  }
}
RunLock::~RunLock() { ::close(fd_); }

bool RunLock::is_held(const fs::path& folder) {
  const int fd = ::open((folder / ".lock").c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool held = ::flock(fd, LOCK_SH | LOCK_NB) != 0;
  ::close(fd);
  return held;
}

Checkpoint Checkpoint::open(const fs::path& folder) {
  const auto refuse = [&](const std::string& what) {
    throw CheckpointError(str(folder.string(), ": ", what, "; name another checkpoint of the run, or remove this one"));
  };
  Checkpoint checkpoint{folder, {}};
  try {
    checkpoint.state = parse_json(read_file(folder / kState), (folder / kState).string());
    if (checkpoint.state.at("crc32_of_state") != state_crc(checkpoint.state))
      refuse("state.json is damaged: its checksum differs");
    for (const auto& [name, crc] : checkpoint.state.at("crc32").items())
      if (crc32_of_file(folder / name) != crc) refuse(name + " is damaged: its checksum differs");
  } catch (const Json::exception&) {
    refuse("state.json is not a checkpoint's");
  } catch (const DataError& error) {
    refuse(str("is not a whole checkpoint: ", error.what()));
  } catch (const ConfigError& error) {
    refuse(error.what());
  }
  return checkpoint;
}

void Checkpoint::load_model(const std::vector<Parameter*>& parameters) const {
  const fs::path path = folder / kModel;
  load_weights(weights_of(SafetensorsFile(path)), path.string(), parameters, [](const std::string& name) { return name; });
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

void RunFolder::begin(const Json& config) const {
  std::string text;
  try {
    text = config.dump(2);
  } catch (const Json::exception&) {
    throw ConfigError("config: a path or another text in it is not UTF-8");
  }
  replace_file(config_path(), text + "\n");
  std::error_code error;
  for (const fs::path& folder : {path_ / "checkpoints", path_})
    for (const auto& entry : fs::directory_iterator(folder, error))
      if (entry.path().extension() == kUnfinished || entry.path().extension() == ".tmp")
        fs::remove_all(entry.path(), error);
}

void RunFolder::clear() const {
  std::error_code error;
  const fs::path doomed = path_ / "checkpoints.tmp";
  fs::remove_all(doomed, error);
  fs::rename(path_ / "checkpoints", doomed, error);
  fs::remove(metrics_path(), error);
  fs::remove_all(doomed, error);
  make();
}

std::map<Index, fs::path> RunFolder::checkpoints() const {
  std::map<Index, fs::path> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(path_ / "checkpoints", error)) {
    const std::string name = entry.path().filename().string();
    const std::string digits = name.rfind("step-", 0) == 0 ? name.substr(5) : "";
    if (!digits.empty() && digits.size() < 19 && digits.find_first_not_of("0123456789") == std::string::npos)
      found[std::stoll(digits)] = entry.path();
  }
  return found;
}

void RunFolder::drop_beyond(Index step) const {
  std::error_code error;
  for (const auto& [at, folder] : checkpoints())
    if (at > step) fs::remove_all(folder, error);
}

void RunFolder::save(Index step, Json state, const std::vector<Parameter*>& model,
                     const std::vector<NamedTensor>& training, bool best, Index keep_last) const {
  const fs::path root = path_ / "checkpoints", folder = root / checkpoint_name(step);
  fs::path unfinished = folder;
  unfinished += kUnfinished;
  std::error_code error;
  fs::remove_all(unfinished, error);
  fs::create_directory(unfinished, error);
  if (error) throw CheckpointError(str(unfinished.string(), ": cannot be created: ", error.message()));
  try {
    state["step"] = step;
    state["processor"] = processor_name();
    state["instruction_set"] = isa_name(isa());
    state["blas_core"] = blas_core();
    std::vector<NamedTensor> weights;
    for (const Parameter* p : model) weights.push_back({p->path, p->variable.value()});
    state["crc32"][kModel] = write_tensors(unfinished / kModel, weights);
    state["crc32"][kOptimizer] = write_tensors(unfinished / kOptimizer, training);
    state["crc32_of_state"] = state_crc(state);
    write_file(unfinished / kState, state.dump(2) + "\n");
    sync_folder(unfinished);
    fs::remove_all(folder, error);  // of the same step, from before a resume: the same bits
    fs::rename(unfinished, folder, error);
    if (error) throw CheckpointError(str(folder.string(), ": cannot be renamed: ", error.message()));
    sync_folder(root);
    Json names = index();
    names["last"] = folder.filename().string();
    if (best) names["best"] = folder.filename().string();
    replace_file(root / "index.json", names.dump(2) + "\n");
    std::vector<fs::path> others;
    for (const auto& [at, path] : checkpoints())
      if (path.filename() != names.value("best", "") && path.filename() != names.value("last", ""))
        others.push_back(path);
    for (std::size_t i = 0; static_cast<Index>(others.size() - i) > keep_last - 1 && i < others.size(); ++i)
      fs::remove_all(others[i], error);
  } catch (...) {
    fs::remove_all(unfinished, error);
    throw;
  }
}

Json RunFolder::index() const {
  const fs::path path = path_ / "checkpoints" / "index.json";
  std::error_code error;
  if (!fs::exists(path, error)) return Json::object();
  try {
    const Json names = parse_json(read_file(path), path.string());
    return names.is_object() ? names : Json::object();
  } catch (const ConfigError&) {
    return Json::object();  // the checkpoints themselves still say which is the newest
  }
}

std::optional<fs::path> RunFolder::named(const char* which) const {
  const Json names = index();
  if (!names.contains(which) || !names[which].is_string()) return std::nullopt;
  return path_ / "checkpoints" / names[which].get<std::string>();
}

std::optional<fs::path> RunFolder::last() const {
  if (const auto path = named("last")) return path;
  const auto found = checkpoints();
  if (found.empty()) return std::nullopt;
  return found.rbegin()->second;
}

fs::path RunFolder::checkpoint(const std::string& name) const {
  std::vector<std::string> names;
  for (const auto& [step, folder] : checkpoints()) {
    names.push_back(folder.filename().string());
    if (name == names.back()) return folder;
  }
  throw ConfigError(
      str(path_.string(), ": has no checkpoint \"", name, "\"; it has ", names.empty() ? "none" : join(names, ", ")));
}

void RunFolder::append_metrics(const Json& line) const {
  std::ofstream out(metrics_path(), std::ios::app);
  out << line.dump() << '\n' << std::flush;
  if (!out) throw CheckpointError(str(metrics_path().string(), ": cannot be written: ", std::strerror(errno)));
}

void RunFolder::truncate_metrics(Index step) const {
  std::ifstream in(metrics_path());
  std::string kept;
  for (std::string line; std::getline(in, line);) {
    const Json json = Json::parse(line, nullptr, false);  // a line cut off by a kill does not parse
    if (json.is_object() && json.contains("step") && json["step"].is_number_integer() && json["step"] <= step)
      kept += line + "\n";
  }
  replace_file(metrics_path(), kept);
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
  const auto checkpoint = best ? run.best() : run.last();
  if (!checkpoint) throw ConfigError(str(path.string(), ": the run has no checkpoint yet"));
  return {path, *checkpoint};
}

}  // namespace seqtape
