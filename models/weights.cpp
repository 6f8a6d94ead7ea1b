#include "models/weights.h"

#include <algorithm>
#include <set>

#include "core/error.h"
#include "core/strings.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace {

std::vector<Index> significant(const Shape& shape) {
  std::vector<Index> extents;
  std::copy_if(shape.begin(), shape.end(), std::back_inserter(extents), [](Index extent) { return extent != 1; });
  return extents;
}

/// Why the stored tensor `name` cannot be the parameter's value, or "".
std::string mismatch_of(const WeightMap& stored, const std::string& name, const Parameter& parameter) {
  const auto found = stored.find(name);
  if (found == stored.end()) return str("missing: ", name, " ", parameter.shape);
  const StoredTensor& tensor = found->second;
  if (significant(tensor.shape) != significant(parameter.shape))
    return str("wrong shape: ", name, " must be ", parameter.shape, ", is ", tensor.shape);
  if (!tensor.read)
    return str("wrong type: ", name, " is ", printable(tensor.dtype), "; F64, F32, F16 and BF16 are read");
  return "";
}

std::vector<std::string> unexpected_tensors(const WeightMap& stored, const std::set<std::string>& known) {
  std::vector<std::string> found;
  for (const auto& [name, tensor] : stored)
    if (!known.count(name)) found.push_back(str("not part of the model: ", printable(name), " ", tensor.shape));
  return found;
}

/// A line for each, or for the first of very many.
std::string lines(std::vector<std::string> problems) {
  constexpr std::size_t kMost = 100;
  const std::size_t more = problems.size() > kMost ? problems.size() - kMost : 0;
  problems.resize(problems.size() - more);
  return join(problems, "\n  ") + (more ? str("\n  and ", more, " more") : "");
}

/// The names as `shorter` shortens them, unless two would become equal.
void rename(WeightMap& weights, const std::function<std::string(const std::string&)>& shorter) {
  WeightMap renamed;
  for (const auto& [name, tensor] : weights) renamed.emplace(shorter(name), tensor);
  if (renamed.size() == weights.size()) weights = std::move(renamed);
}

/// "module.a._orig_mod.weight" -> "a.weight"; what was stripped is added to `taken`.
std::string without_wrappers(const std::string& name, std::string& taken) {
  static const std::set<std::string> wrappers{"module", "_orig_mod", "_fsdp_wrapped_module",
                                              "_checkpoint_wrapped_module", "_forward_module"};
  std::string kept;
  for (std::size_t at = 0; at < name.size();) {
    const std::size_t end = std::min(name.find('.', at), name.size());
    const std::string part = name.substr(at, end - at), with_point = name.substr(at, end + 1 - at);
    (wrappers.count(part) && end < name.size() ? taken : kept) += with_point;
    at = end + 1;
  }
  return kept;
}

void load(const StoredTensor& stored, Parameter& parameter) {
  const std::vector<double> values = stored.read();
  Tensor value(parameter.shape);
  std::transform(values.begin(), values.end(), value.data(), [](double v) { return static_cast<Real>(v); });
  parameter.variable = Variable(value, !parameter.frozen);
}

}  // namespace

WeightMap weights_of(SafetensorsFile opened) {
  const auto file = std::make_shared<const SafetensorsFile>(std::move(opened));
  WeightMap weights;
  for (const auto& [name, entry] : file->entries()) {
    StoredTensor tensor{entry.shape, {}, entry.dtype};
    if (SafetensorsFile::is_real(entry.dtype)) tensor.read = [file, name = name] { return file->doubles(name); };
    weights[name] = std::move(tensor);
  }
  return weights;
}

std::string unwrap(WeightMap& weights, const std::vector<Parameter*>& parameters, const NameOf& name_of) {
  std::string found;
  rename(weights, [&](const std::string& name) {
    std::string taken, kept = without_wrappers(name, taken);
    if (found.empty()) found = taken;
    return kept;
  });
  const auto fitting = [&](const std::string& prefix) {
    return std::count_if(parameters.begin(), parameters.end(),
                         [&](const Parameter* p) { return weights.count(prefix + name_of(p->path)) != 0; });
  };
  if (parameters.empty() || fitting("") > 0) return found;
  const std::string first = "." + name_of(parameters[0]->path);
  for (const auto& [name, tensor] : weights) {
    const std::string prefix = name.ends_with(first) ? name.substr(0, name.size() - first.size() + 1) : "";
    if (prefix.empty() || 2 * fitting(prefix) < static_cast<std::ptrdiff_t>(parameters.size())) continue;
    rename(weights,
           [&](const std::string& other) { return other.starts_with(prefix) ? other.substr(prefix.size()) : other; });
    return found + prefix;
  }
  return found;
}

void load_weights(const WeightMap& stored, const std::string& where, const std::vector<Parameter*>& parameters,
                  const NameOf& name_of, const std::vector<std::string>& may_be_extra) {
  std::vector<std::string> problems;
  std::set<std::string> known(may_be_extra.begin(), may_be_extra.end());
  for (const Parameter* parameter : parameters) {
    const std::string name = name_of(parameter->path);
    known.insert(name);
    if (const std::string problem = mismatch_of(stored, name, *parameter); !problem.empty())
      problems.push_back(problem);
  }
  for (const std::string& unexpected : unexpected_tensors(stored, known)) problems.push_back(unexpected);
  if (!problems.empty()) throw CheckpointError(str(where, ": its tensors do not fit the model:\n  ", lines(problems)));
  for (Parameter* parameter : parameters) load(stored.at(name_of(parameter->path)), *parameter);
}

WeightMatch load_matching_weights(const WeightMap& stored, const std::vector<Parameter*>& parameters) {
  WeightMatch match;
  std::set<std::string> known;
  for (Parameter* parameter : parameters) {
    known.insert(parameter->path);
    const std::string problem = mismatch_of(stored, parameter->path, *parameter);
    if (problem.empty()) {
      load(stored.at(parameter->path), *parameter);
      match.loaded.push_back(parameter->path);
    } else {
      match.problems.push_back(problem);
    }
  }
  for (const std::string& unexpected : unexpected_tensors(stored, known)) match.problems.push_back(unexpected);
  return match;
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
