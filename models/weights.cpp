#include "models/weights.h"

#include <algorithm>
#include <set>

#include "core/error.h"
#include "core/text.h"

namespace seqtape::inline SEQTAPE_PRECISION {
namespace {

std::vector<Index> significant(const Shape& shape) {
  std::vector<Index> extents;
  std::copy_if(shape.begin(), shape.end(), std::back_inserter(extents), [](Index extent) { return extent != 1; });
  return extents;
}

/// Why the stored tensor `name` cannot be the parameter's value, or "".
std::string misfit(const WeightMap& stored, const std::string& name, const Parameter& parameter) {
  const auto found = stored.find(name);
  if (found == stored.end()) return str("missing: ", name, " ", parameter.shape);
  const StoredTensor& tensor = found->second;
  if (significant(tensor.shape) != significant(parameter.shape))
    return str("wrong shape: ", name, " must be ", parameter.shape, ", is ", tensor.shape);
  if (!tensor.read) return str("wrong type: ", name, " is ", tensor.dtype);
  return "";
}

std::vector<std::string> strangers(const WeightMap& stored, const std::set<std::string>& known) {
  std::vector<std::string> found;
  for (const auto& [name, tensor] : stored)
    if (!known.count(name)) found.push_back(str("not part of the model: ", name, " ", tensor.shape));
  return found;
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
    if (entry.dtype[0] == 'F' || entry.dtype == "BF16")
      tensor.read = [file, name = name] { return file->doubles(name); };
    weights[name] = std::move(tensor);
  }
  return weights;
}

void load_weights(const WeightMap& stored, const std::string& where, const std::vector<Parameter*>& parameters,
                  const NameOf& name_of, const std::vector<std::string>& may_be_extra) {
  std::vector<std::string> problems;
  std::set<std::string> known(may_be_extra.begin(), may_be_extra.end());
  for (const Parameter* parameter : parameters) {
    const std::string name = name_of(parameter->path);
    known.insert(name);
    if (const std::string problem = misfit(stored, name, *parameter); !problem.empty()) problems.push_back(problem);
  }
  for (const std::string& stranger : strangers(stored, known)) problems.push_back(stranger);
  if (!problems.empty())
    throw CheckpointError(str(where, ": its tensors do not fit the model:\n  ", join(problems, "\n  ")));
  for (Parameter* parameter : parameters) load(stored.at(name_of(parameter->path)), *parameter);
}

WeightMatch load_matching_weights(const WeightMap& stored, const std::vector<Parameter*>& parameters) {
  WeightMatch match;
  std::set<std::string> known;
  for (Parameter* parameter : parameters) {
    known.insert(parameter->path);
    const std::string problem = misfit(stored, parameter->path, *parameter);
    if (problem.empty()) {
      load(stored.at(parameter->path), *parameter);
      match.loaded.push_back(parameter->path);
    } else {
      match.problems.push_back(problem);
    }
  }
  for (const std::string& stranger : strangers(stored, known)) match.problems.push_back(stranger);
  return match;
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
