#include "data/targets.h"

#include <algorithm>
#include <limits>

#include "core/error.h"
#include "core/strings.h"

namespace seqtape {
namespace {

constexpr float kNotScored = std::numeric_limits<float>::quiet_NaN();

/// Whole numbers by their size, others as text.
bool label_before(const std::string& a, const std::string& b) {
  const auto whole = [](const std::string& text) { return text.find_first_not_of("0123456789") == std::string::npos; };
  if (whole(a) && whole(b) && a.size() != b.size()) return a.size() < b.size();
  return a < b;
}

std::string shares(const std::vector<std::string>& names, const std::vector<Index>& counts) {
  constexpr std::size_t kNamed = 8;
  std::vector<std::string> all;
  for (std::size_t c = 0; c < names.size() && c < kNamed; ++c) all.push_back(str(names[c], " ", grouped(counts[c])));
  if (names.size() > kNamed) all.push_back(str("and ", names.size() - kNamed, " more"));
  return join(all, ", ");
}

}  // namespace

void Targets::fields(Fields& f) {
  f("classes", outputs_, "how many classes, labels or numbers are answered; 0: as many as the data hold",
    resolves(between(0, 1 << 20)));
  f("class_weights", class_weights_,
    "of an answer in the training's loss: none, or balanced: the rarer its class, or that a label applies or does not, "
    "the greater",
    one_of({"none", "balanced"}));
}

void Targets::kind_field(Fields& f, const std::vector<std::string>& kinds) {
  f("target", kind_,
    "what is answered: a class; of several labels those that apply; numbers; or a class or numbers at each step",
    one_of(kinds));
  f("target_names", target_names_,
    "of the numbers, or of the columns of a matrix of labels; []: y0, y1, ..., or 0, 1, ...");
}

Objective Targets::objective() const {
  static constexpr Objective kObjectives[] = {Objective::label, Objective::labels, Objective::numbers,
                                              Objective::label_per_step, Objective::numbers_per_step};
  return kObjectives[static_cast<std::size_t>(kind())];
}

void Targets::forget() {
  all_.clear(), found_.clear(), names_.clear(), weights_.clear();
  width_ = 0;
}

void Targets::add(const Target& target, Index steps, const std::string& where) {
  One& one = all_.emplace_back();
  if (width_ != 0 && target.width != width_)
    throw DataError(str(where, ": has ", counted(target.width, "number"), " to answer, those before have ", width_));
  width_ = target.width;
  const auto kept = static_cast<std::size_t>(per_step(kind()) ? steps : std::numeric_limits<std::int32_t>::max());
  for (std::size_t i = 0; i < std::min(kept, target.names.size()); ++i)
    // Made printable: a folder's name may be any bytes.
    one.classes.push_back(
        found_.emplace(printable(target.names[i]), static_cast<std::int32_t>(found_.size())).first->second);
  const std::size_t numbers =
      std::min(target.numbers.size(), kept * static_cast<std::size_t>(std::max<Index>(1, width_)));
  one.numbers.assign(target.numbers.begin(), target.numbers.begin() + static_cast<std::ptrdiff_t>(numbers));
}

void Targets::number(const std::string& where) {
  const bool numbers = of_numbers(kind()), matrix = kind() == TargetKind::labels && width_ > 0;
  for (Index k = 0; matrix && k < width_; ++k)
    found_.emplace(std::to_string(k), static_cast<std::int32_t>(found_.size()));
  std::vector<std::string> found;
  for (const auto& [name, number] : found_) found.push_back(name);
  if (!one_class()) std::sort(found.begin(), found.end(), label_before);
  if (numbers) {
    for (Index k = 0; k < width_; ++k) found.push_back(width_ == 1 ? "y" : str("y", k));
  }
  if (known() && (numbers || matrix) && width_ != static_cast<Index>(learned_names_.size()))
    throw DataError(str(where, ": has ", counted(width_, numbers ? "number" : "label"),
                        " to answer, the model answers ", learned_names_.size(), ": ", join(learned_names_, ", ")));
  std::vector<std::string> given = found;
  if (!target_names_.empty() && (numbers || matrix)) {
    if (target_names_.size() != found.size())
      throw ConfigError(
          str("task.target_names: must be ", found.size(), ", as many as the data have, got ", target_names_.size()));
    given = target_names_;
  }
  names_ = learned_names_.empty() ? given : learned_names_;
  std::vector<std::string> other;
  for (const std::string& name : given)
    if (std::find(names_.begin(), names_.end(), name) == names_.end()) other.push_back(str('"', name, '"'));
  if (!other.empty())
    throw DataError(str(where, ": ", numbers ? "number " : "class ", join(other, ", "),
                        other.size() > 1 ? " were" : " was", " not among the ", names_.size(),
                        " of training: ", join(names_, ", ")));
  if (names_.empty()) throw DataError(str(where, ": there is no label; there must be one or more"));
  if (names_.size() < 2 && (one_class() || kind() == TargetKind::class_per_step))
    throw DataError(str(where, ": all are of one class, \"", names_.front(), "\"; there must be two or more"));
  if (outputs_ == 0) outputs_ = static_cast<Index>(names_.size());  // so the run keeps what was found
  if (static_cast<Index>(names_.size()) != outputs_)
    throw ConfigError(str("task.classes: must be the ", names_.size(), " classes of the data (", join(names_, ", "),
                          "), got ", outputs_));
  if (numbers) return;
  std::vector<std::int32_t> place(found_.size());  // of each name, as they came
  for (std::size_t i = 0; i < found.size(); ++i)
    place[static_cast<std::size_t>(found_.at(found[i]))] =
        static_cast<std::int32_t>(std::find(names_.begin(), names_.end(), given[i]) - names_.begin());
  for (One& one : all_)
    for (std::int32_t& c : one.classes) c = place[static_cast<std::size_t>(c)];
}

void Targets::learn(const std::vector<Index>& train) {
  if (of_numbers(kind())) {
    if (known()) return;
    const auto width = static_cast<std::size_t>(outputs_);
    scales_ = measure_scales(width, [&](const auto& take) {
      for (const Index i : train)
        for (std::size_t k = 0; k < of(i).numbers.size(); ++k) take(k % width, of(i).numbers[k]);
    });
    return;
  }
  if (class_weights_ != "balanced") return;
  const std::vector<Index> present = counts(train);
  auto answers = static_cast<float>(train.size());
  if (kind() == TargetKind::class_per_step) {
    answers = 0;
    for (const Index count : present) answers += static_cast<float>(count);
  }
  // The mean weight of an answer is 1.
  for (const Index count : present) {
    const auto with = static_cast<float>(count), without = answers - with;
    const bool labels = kind() == TargetKind::labels;
    weights_.push_back(labels && without > 0 ? answers / (2 * without) : 0);
    weights_.push_back(with > 0 ? answers / ((labels ? 2 : static_cast<float>(outputs_)) * with) : 0);
  }
}

void Targets::fill(const std::vector<Index>& which, Index begin, Batch& out) const {
  const auto steps = static_cast<std::size_t>(out.length), width = static_cast<std::size_t>(outputs_),
             from = static_cast<std::size_t>(begin);
  switch (kind()) {
    case TargetKind::one_class:
      for (const Index i : which) out.targets.push_back(of(i).classes[0]);
      break;
    case TargetKind::class_per_step:
      out.targets.assign(which.size() * steps, kIgnore);
      for (std::size_t b = 0; b < which.size(); ++b)
        for (std::size_t t = 0; t < steps && from + t < of(which[b]).classes.size(); ++t)
          out.targets[b * steps + t] = of(which[b]).classes[from + t];
      break;
    case TargetKind::labels:
      out.target_values.assign(which.size() * width, 0);
      for (std::size_t b = 0; b < which.size(); ++b)
        for (const std::int32_t c : of(which[b]).classes)
          out.target_values[b * width + static_cast<std::size_t>(c)] = 1;
      break;
    case TargetKind::numbers:
    case TargetKind::numbers_per_step: {
      const bool each = kind() == TargetKind::numbers_per_step;
      const std::size_t row = width * (each ? steps : 1), first = each ? from * width : 0;
      out.target_values.assign(which.size() * row, kNotScored);
      for (std::size_t b = 0; b < which.size(); ++b)
        for (std::size_t k = 0; k < row && first + k < of(which[b]).numbers.size(); ++k) {
          const Scale& by = scales_[k % width];
          out.target_values[b * row + k] =
              static_cast<float>((of(which[b]).numbers[first + k] - by.mean) / by.divisor());
        }
    }
  }
}

void Targets::weigh(Batch& out) const {
  if (weights_.empty()) return;
  for (const std::int32_t target : out.targets)
    out.weights.push_back(target == kIgnore ? 0 : weight(static_cast<std::size_t>(target), true));
  for (std::size_t i = 0; i < out.target_values.size(); ++i)
    out.weights.push_back(weight(i % static_cast<std::size_t>(outputs_), out.target_values[i] != 0));
}

std::vector<Index> Targets::counts(const std::vector<Index>& sequences) const {
  if (of_numbers(kind())) return {};
  std::vector<Index> counts(static_cast<std::size_t>(outputs_));
  for (const Index i : sequences)
    for (const std::int32_t c : of(i).classes) ++counts[static_cast<std::size_t>(c)];
  return counts;
}

std::vector<std::string> Targets::contents(const std::vector<Index>& train) const {
  if (one_class()) return {};
  if (!of_numbers(kind()))
    return {str(kind() == TargetKind::labels ? "labels of the training sequences: " : "classes of the training steps: ",
                shares(names_, counts(train)))};
  std::vector<std::string> all;
  for (std::size_t k = 0; k < names_.size() && k < scales_.size() && k < 8; ++k)
    all.push_back(format("%s %.4g (deviation %.4g)", names_[k].c_str(), scales_[k].mean, scales_[k].deviation));
  if (names_.size() > 8) all.push_back(str("and ", names_.size() - 8, " more"));
  return {"means of the training answers: " + join(all, ", ")};
}

std::vector<std::string> Targets::notes(const std::vector<Index>& train) const {
  std::vector<std::string> all;
  const std::vector<Index> trained = counts(train);
  // Without data, as in `predict`, there are no names.
  for (std::size_t c = 0; c < names_.size() && c < trained.size(); ++c)
    if (trained[c] == 0)
      all.push_back(
          one_class() ? str("class \"", names_[c], "\" has no training sequence: all are kept for validation and test")
                      : str("\"", names_[c], "\" is no answer of the training part"));
  for (std::size_t k = 0; of_numbers(kind()) && k < names_.size(); ++k)
    if (scales_[k].deviation == 0)
      all.push_back(format("%s is %g throughout the training part", names_[k].c_str(), scales_[k].mean));
  return all;
}

Json Targets::learned() const {
  if (!of_numbers(kind())) return {{"classes", names_}};
  Json all = {{"target_names", names_}, {"target_mean", Json::array()}, {"target_deviation", Json::array()}};
  for (const Scale& scale : scales_) {
    all["target_mean"].push_back(scale.mean);
    all["target_deviation"].push_back(scale.deviation);
  }
  return all;
}

void Targets::use(const Json& learned) {
  learned_names_ = learned.value(of_numbers(kind()) ? "target_names" : "classes", std::vector<std::string>());
  scales_.clear();
  const auto means = learned.value("target_mean", std::vector<double>());
  const auto deviations = learned.value("target_deviation", std::vector<double>());
  for (std::size_t k = 0; k < means.size(); ++k) scales_.push_back({means[k], deviations.at(k)});
}

void Targets::describe(NewInputs& inputs) const {
  inputs.answers = learned_names_;
  if (of_numbers(kind()))
    inputs.in_units = [scales = scales_](std::size_t answer, double number) {
      return scales[answer].mean + scales[answer].divisor() * number;
    };
}

void Targets::describe(Signature& all) const {
  if (!of_numbers(kind())) {
    all.labels = learned_names_;
    return;
  }
  const std::vector<std::string>& names = learned_names_.empty() ? names_ : learned_names_;
  for (std::size_t k = 0; k < names.size(); ++k)
    all.numbers.push_back({names[k], scales_[k].mean, scales_[k].divisor()});
}

}  // namespace seqtape
