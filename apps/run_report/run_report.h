#pragma once
// The report of a run: what was trained on what, how it learned, what it answers, and a look inside; a page of one run,
// or of several together.

#include <filesystem>
#include <functional>
#include <optional>

#include "apps/run_report/examples.h"

namespace seqtape {

struct ReportOptions {
  bool best = false;                            ///< the best checkpoint instead of the last
  std::string split{};                          ///< "" : test, where there is one, else validation
  std::optional<std::filesystem::path> data{};  ///< evaluate on other data instead
  std::function<void(const std::string&)> working = [](const std::string&) {};  ///< what is being done
};

/// What is known of a run. Of one without a checkpoint: its config and its curves.
struct RunReport {
  std::filesystem::path run;
  std::string label{};  ///< among several
  Json config{};
  std::vector<Json> metrics{};      ///< the lines of metrics.jsonl
  bool going_on = false;            ///< a process trains it now
  std::optional<RunState> state{};  ///< of the checkpoint
  Index parameters = 0;
  std::vector<std::string> contents{};  ///< of its data, and remarks on them
  std::string split{};                  ///< that was evaluated
  Json evaluation{};                    ///< the document of Answers::report; null: there is none
  Json simple{};                        ///< simple models, fitted to the same data (kept_baselines), or null
  std::vector<PageSection> examples{};
  std::vector<SharedChart> charts{};
  Json inside{};  ///< null: there is none, and `not_inside` says why
  std::string not_inside{};
};

/// Opens the run's model and evaluates it. Throws as TrainedModel does.
RunReport read_run(const std::filesystem::path&, const ReportOptions&);

/// The page; `version`: of the program.
std::string report_html(std::vector<RunReport>, const std::string& version);

// Parts of the page.

/// Learning curves: of one run training beside validation; of several one beside the other.
std::string learning_html(const std::vector<RunReport>&);
/// The metrics of an evaluation beside their intervals and those of answers without a model.
std::string metrics_html(const RunReport&);
/// Tables of what an evaluation says of classes or targets.
std::vector<PageSection> answers_sections(const RunReport&);
/// The one number that ranks models, and how sure it is.
struct Headline {
  std::string name;             ///< "accuracy"
  std::string figure;           ///< "87.5 %"
  std::string of;               ///< "of 1,292 answers, test split"
  std::string interval{};       ///< "85.1 % to 89.4 %"; "" where there is none
  std::string without_model{};  ///< "chance 25.0 %, always cooking 35.1 %"; "" where that is not known
  /// All but the first two, in a line.
  std::string words() const;
};
Headline headline(const RunReport&);

}  // namespace seqtape
