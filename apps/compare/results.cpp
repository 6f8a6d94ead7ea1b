#include "apps/compare/results.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "apps/measure/inference.h"
#include "apps/report/curve.h"
#include "apps/report/statistics.h"
#include "apps/trainer/describe.h"
#include "apps/trainer/metrics.h"
#include "apps/trainer/training.h"
#include "core/cpu.h"
#include "core/error.h"
#include "core/io/file.h"
#include "core/strings.h"

namespace seqtape {
namespace {

namespace fs = std::filesystem;

double number_or_nan(const Json& object, const std::string& key) {
  return object.contains(key) && object[key].is_number() ? object[key].get<double>() : NAN;
}

/// What is measured once for a member, without its training.
Json measure_member(const Member& member, const ComparisonFolder& folder) {
  const fs::path file = folder.measured(member, "model");
  if (Json known = read_object(file); known.value("parameters", Json()).is_number() &&
                                      known.value("length", Json()).is_number() &&
                                      known.value("tokens_a_step", Json()).is_number())
    return known;
  Training training(RunConfig::from_json(member.config, ""));
  training.allocate(false);
  Json json = {{"parameters", training.model->parameter_count()},
               {"length", training.shape.length},
               {"tokens_a_step", training.config.train.batch * std::max<Index>(1, training.shape.length)}};
  if (training.model->streams()) {
    const Streaming streaming = measure_streaming(*training.model, training.shape.length, 0.3);
    json["state_bytes"] = streaming.state_bytes;
    json["generates_per_second"] = std::round(streaming.steps_per_second);
  }
  replace_file(file, json.dump(2) + "\n");
  return json;
}

/// One run: how it ended, and its numbers.
Json collect_run(const Plan& plan, const Member& member, Index seed, const ComparisonFolder& folder) {
  const std::string name = run_name(member, seed);
  Json measured = read_measured(folder.measured(name));
  Json run = {{"name", name}, {"seed", seed}, {"finished", measured.value("finished", false)}};
  if (measured.contains("failure")) run["failure"] = measured["failure"];
  if (!run["finished"].get<bool>()) return run;
  Json last;
  std::vector<double> speeds;
  for (const Json& line : read_metrics(folder.run(name))) {
    if (line["split"] == "validation" && !line.contains("length")) last = line;
    if (line["split"] == "train") speeds.push_back(number_or_nan(line, "tokens_per_second"));
  }
  if (last.is_null() || last.at("step") != measured.value("step", last.at("step")))
    throw DataError(str(folder.run(name).string(), ": is finished, and its metrics do not have its last validation"));
  run["step"] = last["step"];
  run["seconds"] = last["seconds"];
  run["tokens_per_second"] = median(speeds);
  run["peak_bytes"] = measured.value("peak_bytes", Json());
  run["n"] = last.value("n", Json());
  run["metrics"] = last = scores_of(last);
  const std::string metric = main_metric(last);
  run["trained_value"] = run["value"] = json_number(number_or_nan(last, metric));
  if (!plan.lengths.empty()) {
    const Json known = measured.value("lengths", Json::array());
    const bool whole =
        known.size() == plan.lengths.size() && std::all_of(known.begin(), known.end(), [](const Json& scored) {
          return scored.is_object() && scored.value("length", Json()).is_number_integer();
        });
    if (!whole) {
      bool machine = false;
      measured["lengths"] = Json::array();
      for (const Index length : plan.lengths) {
        try {
          const Json scored = parse_json(
              output_of_self({"eval", folder.run(name).string(), "--lengths", std::to_string(length), "--json"}),
              "eval");
          measured["lengths"].push_back(scored.is_array() ? scored[0] : scored);
        } catch (const ConfigError& error) {  // learned positions end
          measured["lengths"].push_back({{"length", length}, {"failure", error.what()}});
        } catch (const Error& error) {  // the machine's: there is no memory for the cache. The next call tries again
          measured["lengths"].push_back({{"length", length}, {"failure", error.what()}});
          machine = true;
        }
      }
      if (!machine) replace_file(folder.measured(name), measured.dump(2) + "\n");
    }
    run["lengths"] = Json::array();
    for (const Json& scored : measured["lengths"]) {
      Json entry = {{"length", scored.at("length")}};
      if (scored.contains("failure"))
        entry["failure"] = scored.at("failure");
      else
        entry["value"] = json_number(number_or_nan(scored, metric));
      if (scored.at("length") == plan.decided_at) run["value"] = entry.value("value", Json());
      run["lengths"].push_back(entry);
    }
  }
  // Not a number is a result, the worst there is: it counts as a failure, everywhere.
  if (!std::isfinite(number_or_nan(run, "trained_value")))
    run["failure"] = str("it diverged: ", metric, " is ", run["trained_value"].get<std::string>());
  else if (run["value"].is_null())
    run["failure"] = str("it could not be tested at length ", plan.decided_at);
  else if (run["value"].is_string())
    run["failure"] = str("at length ", plan.decided_at, ": ", metric, " is ", run["value"].get<std::string>());
  return run;
}

/// A look inside a run; null if it fails.
Json look_into(const std::string& name, const ComparisonFolder& folder) {
  const fs::path file = folder.run(name) / "inside" / "inside.json";
  try {
    if (!fs::exists(file)) output_of_self({"inspect", folder.run(name).string(), "--example"});
    return parse_json(read_file(file), file.string());
  } catch (const Error&) {
    return {};
  }
}

}  // namespace

std::string score_name(const Json& results) {
  const long long at = results.value("decided_at", 0LL);
  return results["metric"].get<std::string>() + (at ? str(" at length ", grouped(at)) : "");
}

std::string result_text(const Json& results, double value) {
  return metric_text(results["metric"].get<std::string>(), value);
}

Json collect(const Plan& plan, const ComparisonFolder& folder) {
  Json results = {{"title", plan.title},
                  {"machine", str(processor_name(), ", ", describe_machine())},
                  {"seeds", plan.seeds},
                  {"metric", "accuracy"},
                  {"decided_at", plan.decided_at}};
  results["members"] = Json::array();
  for (const Member& member : plan.members) {
    Json entry = {{"label", member.label}, {"config", member.config}, {"runs", Json::array()}};
    std::vector<double> values, trained, speeds, memory, seconds;
    int failed = 0;
    for (const Index seed : plan.seeds) {
      Json run;
      try {
        run = collect_run(plan, member, seed, folder);
      } catch (const Error& error) {  // takes the report of no other
        run = {{"name", run_name(member, seed)}, {"seed", seed}, {"finished", false}, {"failure", error.what()}};
      }
      failed += run.contains("failure");
      if (run["finished"].get<bool>()) results["metric"] = main_metric(run["metrics"]);
      if (run["finished"].get<bool>() && !run.contains("failure")) {
        if (run["value"].is_number()) values.push_back(run["value"]);  // not tested at the length that decides
        trained.push_back(number_or_nan(run, "trained_value"));
        speeds.push_back(number_or_nan(run, "tokens_per_second"));
        memory.push_back(number_or_nan(run, "peak_bytes"));
        seconds.push_back(number_or_nan(run, "seconds"));
      }
      entry["runs"].push_back(std::move(run));
    }
    entry["finished"] = trained.size();
    entry["failed"] = failed;
    const bool higher = metric(results["metric"].get<std::string>()).higher_is_better;
    std::sort(values.begin(), values.end());
    entry["median"] = values.empty() ? Json() : json_number(median(values));
    entry["worst"] = values.empty() ? Json() : json_number(higher ? values.front() : values.back());
    entry["best"] = values.empty() ? Json() : json_number(higher ? values.back() : values.front());
    const auto median_of = [](const std::vector<double>& list) {
      return list.empty() ? Json() : json_number(median(list));
    };
    entry["trained_median"] = median_of(trained);
    entry["tokens_per_second"] = median_of(speeds);
    entry["peak_bytes"] = median_of(memory);
    entry["seconds"] = median_of(seconds);
    try {
      entry.update(measure_member(member, folder));
      for (const Json& run : entry["runs"])
        if (!entry.contains("inside") && run["finished"].get<bool>() && !run.contains("failure"))
          entry["inside"] = look_into(run["name"].get<std::string>(), folder);
    } catch (const Error& error) {
      entry["parameters"] = Json();
      entry["length"] = 0;
    }
    results["members"].push_back(std::move(entry));
  }
  results["higher_is_better"] = metric(results["metric"].get<std::string>()).higher_is_better;
  results["verdict"] = verdict(results);
  return results;
}

std::vector<Json> ranking(const Json& results) {
  std::vector<Json> members = results["members"];
  const bool higher = results["higher_is_better"];
  std::stable_sort(members.begin(), members.end(), [&](const Json& a, const Json& b) {
    if (!a["median"].is_number() || !b["median"].is_number()) return a["median"].is_number();
    const double x = a["median"], y = b["median"];
    return higher ? x > y : x < y;
  });
  return members;
}

namespace {

/// Fewer seeds do not show how much they vary.
constexpr int kSeedsOfWideMargin = 3;

/// The gap between the first's worst seed and the second's best is more than either's seeds differ.
bool wide_margin(const Json& first, const Json& second) {
  const auto distance = [](const Json& a, const Json& b) { return std::fabs(a.get<double>() - b.get<double>()); };
  const double gap = distance(first["worst"], second["best"]);
  return gap > distance(first["worst"], first["best"]) && gap > distance(second["worst"], second["best"]);
}

}  // namespace

std::string verdict(const Json& results) {
  std::vector<Json> members = ranking(results);
  std::string failures;
  for (const Json& member : members)
    if (member["failed"] > 0)
      failures += str(" ", member["label"].get<std::string>(), " failed in ", member["failed"].dump(), " of ",
                      member["runs"].size(), " runs.");
  std::erase_if(members, [](const Json& member) { return !member["median"].is_number(); });
  if (members.empty()) return "No run has finished." + failures;
  const auto name = [&](const Json& member) { return member["label"].get<std::string>(); };
  const auto text = [&](const Json& value) { return result_text(results, value.get<double>()); };
  const std::string metric = score_name(results);
  if (members.size() == 1)
    return str("Only ", name(members[0]), " has finished: ", metric, " ", text(members[0]["median"]), ".") + failures;
  const bool higher = results["higher_is_better"];
  const double first_worst = members[0]["worst"];
  const bool first_failed = members[0]["failed"] > 0;
  std::vector<std::string> level;
  for (std::size_t i = 1; i < members.size(); ++i) {
    const double other = members[i]["best"];
    if (higher ? other >= first_worst : other <= first_worst) level.push_back(name(members[i]));
  }
  std::string words;
  if (first_failed) {
    words = str("No clear winner: ", name(members[0]), " has the better median (", metric, " ",
                text(members[0]["median"]), "), but not every run of it came to a result.");
  } else if (level.empty()) {
    const bool several = members[0]["finished"] > 1 && members[1]["finished"] > 1;
    const bool enough = members[0]["finished"] >= kSeedsOfWideMargin && members[1]["finished"] >= kSeedsOfWideMargin;
    words =
        str(name(members[0]),
            enough && wide_margin(members[0], members[1]) ? " is first by a wide margin: " : " is first: ", metric, " ",
            text(members[0]["median"]), ", then ", name(members[1]), " with ", text(members[1]["median"]), ".");
    words += several ? " Its worst seed is better than the best seed of every other."
                     : " One seed each: how much of that is chance cannot be told.";
  } else {
    words = str("No clear winner: ", name(members[0]), " has the better median (", metric, " ",
                text(members[0]["median"]), "), but the seeds of ", join(level, ", "), " reach into its range.");
  }
  if (results.value("decided_at", 0LL) != 0) {  // what they were trained for, best first
    std::erase_if(members, [](const Json& member) { return !member["trained_median"].is_number(); });
    std::stable_sort(members.begin(), members.end(), [&](const Json& a, const Json& b) {
      const double x = a["trained_median"], y = b["trained_median"];
      return higher ? x > y : x < y;
    });
    std::vector<std::string> scores;
    for (const Json& member : members) scores.push_back(name(member) + " " + text(member["trained_median"]));
    words += " At the training length: " + join(scores, ", ") + ".";
  }
  return words + failures;
}

}  // namespace seqtape
