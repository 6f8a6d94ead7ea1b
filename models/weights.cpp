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

/// Why the file's tensor `name` cannot be the parameter's value, or "".
std::string misfit(const SafetensorsFile& file, const std::string& name, const Parameter& parameter) {
  if (!file.contains(name)) return str("missing: ", name, " ", parameter.shape);
  const auto& entry = file.entry(name);
  if (significant(entry.shape) != significant(parameter.shape))
    return str("wrong shape: ", name, " must be ", parameter.shape, ", is ", entry.shape);
  if (entry.dtype[0] != 'F' && entry.dtype != "BF16") return str("wrong type: ", name, " is ", entry.dtype);
  return "";
}

std::vector<std::string> strangers(const SafetensorsFile& file, const std::set<std::string>& known) {
  std::vector<std::string> found;
  for (const auto& [name, entry] : file.entries())
    if (!known.count(name)) found.push_back(str("not part of the model: ", name, " ", entry.shape));
  return found;
}

void load(const SafetensorsFile& file, const std::string& name, Parameter& parameter) {
  const std::vector<double> values = file.doubles(name);
  Tensor value(parameter.shape);
  std::transform(values.begin(), values.end(), value.data(), [](double v) { return static_cast<Real>(v); });
  parameter.variable = Variable(value, !parameter.frozen);
}

}  // namespace

void load_weights(const SafetensorsFile& file, const std::string& where, const std::vector<Parameter*>& parameters,
                  const NameOf& name_of, const std::vector<std::string>& may_be_extra) {
  std::vector<std::string> problems;
  std::set<std::string> known(may_be_extra.begin(), may_be_extra.end());
  for (const Parameter* parameter : parameters) {
    const std::string name = name_of(parameter->path);
    known.insert(name);
    if (const std::string problem = misfit(file, name, *parameter); !problem.empty()) problems.push_back(problem);
  }
  for (const std::string& stranger : strangers(file, known)) problems.push_back(stranger);
  if (!problems.empty())
    throw CheckpointError(str(where, ": its tensors do not fit the model:\n  ", join(problems, "\n  ")));
  for (Parameter* parameter : parameters) load(file, name_of(parameter->path), *parameter);
}

WeightMatch load_matching_weights(const SafetensorsFile& file, const std::vector<Parameter*>& parameters) {
  WeightMatch match;
  std::set<std::string> known;
  for (Parameter* parameter : parameters) {
    known.insert(parameter->path);
    const std::string problem = misfit(file, parameter->path, *parameter);
    if (problem.empty()) {
      load(file, parameter->path, *parameter);
      match.loaded.push_back(parameter->path);
    } else {
      match.problems.push_back(problem);
    }
  }
  for (const std::string& stranger : strangers(file, known)) match.problems.push_back(stranger);
  return match;
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
