#include "apps/run_report/run_report.h"

#include "apps/baselines/kept.h"
#include "apps/inspect/inspect.h"
#include "apps/trainer/answers.h"
#include "core/error.h"
#include "core/io/file.h"
#include "core/strings.h"

namespace fs = std::filesystem;

namespace seqtape {
namespace {

/// Of the sequences that a look inside runs forward and backward; a longer one would take gigabytes.
constexpr Index kMostInside = 1 << 17;

/// A config with paths below the current folder as they are seen from there: a page is given to others, whom the
/// folders of a machine do not concern.
Json without_folders(Json json) {
  std::error_code error;
  const std::string here = fs::current_path(error).string() + "/";
  if (json.is_string() && json.get<std::string>().starts_with(here)) return json.get<std::string>().substr(here.size());
  if (json.is_structured())
    for (Json& one : json) one = without_folders(std::move(one));
  return json;
}

Split split_of(const Task& task, const ReportOptions& options) {
  if (options.data) return Split::test;
  if (options.split.empty()) return task.has(Split::test) ? Split::test : Split::validation;
  for (const Split split : {Split::train, Split::validation, Split::test})
    if (options.split == split_name(split)) {
      if (!task.has(split)) throw ConfigError(str("--split: the task has no ", options.split, " split"));
      return split;
    }
  throw ConfigError(str("--split: must be train, validation or test, got \"", options.split, "\""));
}

void judge(RunReport& report, TrainedModel& trained, const ReportOptions& options) {
  const Task& task = *trained.config.task;
  const Split split = split_of(task, options);
  report.split = split_name(split);
  const Index batch = trained.config.train.evaluation_batch();
  const auto answers = answers_of(task, nullptr);
  const auto examples = examples_of(task, split, batch);
  answers->begin(split);
  Score score;
  Index steps = 0;
  evaluate(
      *trained.model, task, split, batch, score, [] { return false; },
      [&](const Variable& logits, const Batch& chunk) {
        answers->add(logits, chunk);
        examples->add(logits, chunk);
        steps += chunk.steps();
        options.working(str(report.split, " split, ", grouped(steps), " steps"));
      });
  Json& document = report.evaluation = {{"step", trained.step}, {"split", report.split}};
  document.update(score.metrics(task.shape()));
  document.update(score.counts());
  answers->report(document);
  if (!document.at("loss").is_number()) return;  // it diverged: nothing of it is worth a look
  options.working("examples");
  report.examples = examples->sections(document, trained);
  report.charts = examples->charts(document);
}

void look_inside(RunReport& report, const TrainedModel& trained) {
  const Index length = std::max<Index>(1, trained.config.task->shape().length);
  if (!report.evaluation.at("loss").is_number())
    report.not_inside = "The model's outputs are not finite.";
  else if (length > kMostInside)
    report.not_inside = str("Sequences of ", grouped(length),
                            " steps are too long for it; seqtape inspect --example "
                            "--set task.length=N looks at shorter ones.");
  else if (!trained.config.task->has(Split::validation))
    report.not_inside = "It is of validation sequences, which these data have none of.";
  else
    report.inside = inspect_model(trained, std::clamp<Index>(kMostInside / length, 1, 16), false);
}

}  // namespace

RunReport read_run(const fs::path& path, const ReportOptions& options) {
  RunReport report{path};
  std::error_code error;
  const bool checkpoint = fs::exists(path / "state.json", error);
  if (checkpoint) report.run = find_run(path).run;
  const RunFolder folder(report.run);
  if (!fs::exists(folder.config_path(), error))
    throw ConfigError(str(path.string(), ": is neither a run folder nor a checkpoint of one"));
  report.config = without_folders(parse_json(read_file(folder.config_path()), folder.config_path().string()));
  report.going_on = RunLock::is_held(report.run);
  if (fs::exists(folder.metrics_path(), error)) report.metrics = read_metrics(report.run);
  if (!checkpoint && !folder.last()) {
    if (report.metrics.empty())
      throw ConfigError(str(path.string(), ": the run has neither a checkpoint nor a line of metrics yet"));
    return report;
  }
  TrainedModel trained = TrainedModel::open(path, options.best, {});
  options.working("reading the data");
  if (options.data)
    trained.open_data(*options.data);
  else
    trained.open_data();
  report.state = read_state(find_run(path, options.best).checkpoint);
  report.parameters = trained.model->parameter_count();
  for (const auto& lines : {trained.config.task->contents(), trained.config.task->notes()})
    report.contents.insert(report.contents.end(), lines.begin(), lines.end());
  judge(report, trained, options);
  if (!options.data) report.simple = kept_baselines(report.run, trained.config);
  if (!options.data && report.simple.is_null() && may_have_baselines(*trained.config.task)) {
    const auto load = [&](const auto& sets) { return RunConfig::load(folder.config_path(), sets); };
    report.simple = baselines_of_config(load, {}, options.working, nullptr);
    keep_baselines(report.run, report.simple);
  }
  options.working("a look inside");
  look_inside(report, trained);
  return report;
}

}  // namespace seqtape
