#pragma once
// Simple models of a task's answers, fitted in seconds to minutes: what a network should beat.

#include <functional>
#include <string>

#include "core/io/json.h"
#include "data/task.h"

namespace seqtape {

/// The data of a task, prepared.
struct BaselineData {
  const Task& task;      ///< whose splits are scored
  const Task& training;  ///< the same task, whose evaluation of the training split has every window of a series
};

/// Hears of progress, in words.
using Tell = std::function<void(const std::string&)>;

/// A baseline that was fitted to the training split.
struct Fitted {
  std::string about{};                 ///< what was chosen: "penalty 0.001, on 5,000 windows"
  std::function<Json(Split)> score{};  ///< the metrics of a split that `eval` has of a model; empty: left out
  std::string left_out{};              ///< why
};

struct Baseline {
  const char* name;
  const char* doc;
  bool (*suits)(const Task&);
  Fitted (*fit)(const BaselineData&, const Tell&);
};

/// Whether some baseline of the table can be fitted to the task, which is prepared.
bool may_have_baselines(const Task&);

/// The table of those that are fitted (baselines.cpp): one line each.
const std::vector<Baseline>& fitted_baselines();

/// Fits and tests all that suit the task, after those without a fit that `eval` has too: {"task", "data", "baselines":
/// [{"name", "about", "seconds", "validation": metrics, "test": metrics}], "left_out": [{"name", "why"}]}.
Json run_baselines(const std::string& task_name, const BaselineData&, const Tell&);

/// Such a document as tables of at most 80 columns.
std::string baselines_tables(const Json& document);

// The kinds.
Fitted fit_drift(const BaselineData&, const Tell&);
Fitted fit_nlinear(const BaselineData&, const Tell&);
Fitted fit_window_ridge(const BaselineData&, const Tell&);
Fitted fit_bag(const BaselineData&, const Tell&);
Fitted fit_minirocket(const BaselineData&, const Tell&);
Fitted fit_ngrams(const BaselineData&, const Tell&);

}  // namespace seqtape
