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

}  // namespace

void load_weights(const SafetensorsFile& file, const std::string& where, const std::vector<Parameter*>& parameters,
                  const NameOf& name_of, const std::vector<std::string>& may_be_extra) {
  std::vector<std::string> problems;
  std::set<std::string> known(may_be_extra.begin(), may_be_extra.end());
  for (const Parameter* parameter : parameters) {
    const std::string name = name_of(parameter->path);
    known.insert(name);
    if (!file.contains(name)) {
      problems.push_back(str("missing: ", name, " ", parameter->shape));
    } else if (significant(file.entry(name).shape) != significant(parameter->shape)) {
      problems.push_back(str("wrong shape: ", name, " must be ", parameter->shape, ", is ", file.entry(name).shape));
    } else if (file.entry(name).dtype[0] != 'F' && file.entry(name).dtype != "BF16") {
      problems.push_back(str("wrong type: ", name, " is ", file.entry(name).dtype));
    }
  }
  for (const auto& [name, entry] : file.entries())
    if (!known.count(name)) problems.push_back(str("not part of the model: ", name, " ", entry.shape));
  if (!problems.empty())
    throw CheckpointError(str(where, ": its tensors do not fit the model:\n  ", join(problems, "\n  ")));
  for (Parameter* parameter : parameters) {
    const std::vector<double> values = file.doubles(name_of(parameter->path));
    Tensor value(parameter->shape);
    std::transform(values.begin(), values.end(), value.data(), [](double v) { return static_cast<Real>(v); });
    parameter->variable = Variable(value, true);
  }
}

}  // namespace seqtape::inline SEQTAPE_PRECISION
