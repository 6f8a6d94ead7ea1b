#pragma once
// The results of a comparison and its verdict.

#include "apps/compare/runner.h"

namespace seqtape {

/// Measures what is still missing (the scores at the plan's lengths, state and speed of generation), and collects
/// everything in one document, DIR/results.json. Failed runs are in it, as failures.
Json collect(const Plan&, const ComparisonFolder&);

/// The verdict in words, from the numbers alone: a member is first when its worst seed is better than the best seed of
/// every other (by a wide margin: when that gap is more than either's seeds differ); otherwise there is no clear
/// winner.
std::string verdict(const Json& results);

/// "accuracy", "accuracy at length 128": what ranks the members.
std::string score_name(const Json& results);
/// "99.6 %", "1.904", "0.00321": a value of the comparison's metric.
std::string result_text(const Json& results, double value);

/// The members, best first; those without a finished run last.
std::vector<Json> ranking(const Json& results);

/// The rows of a table of simple models on the same data, the best first, below a row of headings; none: there are
/// none.
std::vector<std::vector<std::string>> simple_rows(const Json& results);
std::string results_table(const Json& results);     ///< for the terminal
std::string results_markdown(const Json& results);  ///< for a paper or a README
std::string results_csv(const Json& results);       ///< a line for each run
/// The page, self-contained.
std::string results_html(const Json& results, const ComparisonFolder&);

}  // namespace seqtape
