#include "apps/trainer/describe.h"

#include <algorithm>
#include <map>

#include "apps/trainer/answers.h"
#include "apps/trainer/answers_text.h"
#include "apps/trainer/evaluate.h"
#include "apps/trainer/metrics.h"
#include "core/columns.h"
#include "core/cpu.h"
#include "core/error.h"
#include "core/strings.h"
#include "core/threads.h"

namespace seqtape {
namespace {

/// The paths' ends after the blocks' numbers, each once: "norm.weight, mixer.a_log".
std::string kinds_of(const std::vector<const Parameter*>& parameters) {
  std::vector<std::string> kinds;
  for (const Parameter* p : parameters) {
    std::string kind = p->path;
    if (kind.rfind("blocks.", 0) == 0) kind = "*" + kind.substr(kind.find('.', 7));
    if (std::find(kinds.begin(), kinds.end(), kind) == kinds.end()) kinds.push_back(kind);
  }
  constexpr std::size_t kShown = 4;
  const std::size_t more = kinds.size() > kShown ? kinds.size() - kShown : 0;
  kinds.resize(kinds.size() - more);
  return join(kinds, ", ") + (more ? str(" and ", more, " more") : "");
}

Index count_of(const std::vector<const Parameter*>& parameters) {
  Index count = 0;
  for (const Parameter* p : parameters) count += p->shape.size();
  return count;
}

}  // namespace

std::string part_of(const std::string& path) {
  const std::size_t dot = path.find('.');
  return path.rfind("blocks.", 0) == 0 ? path.substr(0, path.find('.', dot + 1)) : path.substr(0, dot);
}

std::string describe_head(const Training& training) {
  const RunConfig& config = training.config;
  const Task& task = *config.task;
  const std::vector<std::string> contents = task.contents();
  std::string notes;
  for (const auto& lines : {contents, task.notes()})
    for (const std::string& line : lines) notes += "\ndata       " + line;
  if (const Index all = task.training_sequences(); all > 0 && all < config.train.batch)
    notes += str("\ndata       train.batch, ", config.train.batch, ", is more than the ", all,
                 " training sequences: a step is an epoch or more");
  if (task.has(Split::validation))
    notes += "\nvalidation " +
             baselines_text(baselines_of(task, Split::validation), main_metric(Score().metrics(training.shape)));
  std::string text = str("task       ", config.task_name, "\nmodel      ", config.model.name, ", ",
                         grouped(training.model->parameter_count()), " parameters, ", config.model.layers.count,
                         " layers of width ", config.model.d_model, notes, "\noptimizer  ", config.optimizer_name,
                         ", schedule ", config.schedule_name, "\n");
  // Parameters with the same settings are one row.
  std::map<std::tuple<bool, double, double>, std::vector<const Parameter*>> groups;
  for (const Parameter* p : training.model->parameters()) {
    const auto settings = config.optimizer->settings_of(*p);
    groups[{settings.frozen, -settings.lr, -settings.weight_decay}].push_back(p);
  }
  text += "             parameters        lr    decay\n";
  for (const auto& [key, parameters] : groups) {
    const auto& [frozen, lr, decay] = key;
    text += format("           %12s  %8s %8s  %s\n", grouped(count_of(parameters)).c_str(),
                   frozen ? "frozen" : format("%g", -lr).c_str(),
                   decay == 0 || frozen ? "-" : format("%g", -decay).c_str(), kinds_of(parameters).c_str());
  }
  return text;
}

std::string describe_parameters(const SequenceModel& model) {
  std::vector<std::string> order;
  std::map<std::string, std::vector<const Parameter*>> parts;
  for (const Parameter* p : model.parameters()) {
    if (!parts.count(part_of(p->path))) order.push_back(part_of(p->path));
    parts[part_of(p->path)].push_back(p);
  }
  std::string text;
  for (const std::string& part : order) {
    std::vector<std::string> tensors;
    for (const Parameter* p : parts[part]) tensors.push_back(str(p->path.substr(part.size() + 1), " ", p->shape));
    text += wrapped(
        format("  %-12s %12s  %s\n", part.c_str(), grouped(count_of(parts[part])).c_str(), join(tensors, ", ").c_str()),
        28);
  }
  return text + format("  %-12s %12s\n", "all", grouped(model.parameter_count()).c_str());
}

std::string describe_machine() { return str(thread_count(), " threads, ", isa_name(isa())); }

std::string describe_metrics(const Json& metrics) {
  std::string text;
  for (const auto& [key, value] : metrics.items()) {
    if (!text.empty()) text += "  ";
    std::string name = key;
    std::replace(name.begin(), name.end(), '_', ' ');
    if (!value.is_number())
      text += name + " " + value.dump();
    else
      text += metric(key).unit == Metric::Unit::share ? format("%s %.1f %%", name.c_str(), 100 * value.get<double>())
                                                      : format("%s %.4f", name.c_str(), value.get<double>());
  }
  return text;
}

}  // namespace seqtape
