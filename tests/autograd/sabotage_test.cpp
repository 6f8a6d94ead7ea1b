// Are the tests of ops worth their name? Every op is made wrong in every way that applies (autograd/sabotage.h), and a
// check of that op must fail: in both precisions at once, and in float alone. SEQTAPE_SABOTAGES=all tries all of them
// and prints the table of docs/reliability.md; otherwise a sample of a number, drawn with SEQTAPE_SEED or the time.
#include "tests/support/sabotage.h"

#include <doctest/doctest.h>

#include <chrono>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>

#include "core/random.h"
#include "core/strings.h"
#include "tests/support/directions.h"
#include "tests/support/op_case.h"

using namespace seqtape;
using namespace seqtape::testing_bridge;

namespace {

/// A check of single ops: which cases run an op, and what it says of one.
struct Check {
  char letter;
  bool in_float;  ///< it can see what is wrong in float alone
  std::map<std::string, std::vector<std::size_t>> cases;
  std::function<std::string(std::size_t)> report;

  bool sees(const std::string& op) const {
    const auto found = cases.find(op);
    if (found == cases.end()) return false;
    for (const std::size_t which : found->second)
      if (!report(which).empty()) return true;
    return false;
  }
};

/// The sizes that are tried under sabotage: not those of a second each.
std::vector<SizedCase> quick_sizes() {
  std::vector<SizedCase> quick;
  for (const SizedCase& one : sized_cases())
    if (!is_long(one)) quick.push_back(one);
  return quick;
}

std::vector<Check> all_checks() {
  std::map<std::string, std::vector<std::size_t>> small, sized;
  for (std::size_t i = 0; i < testing::op_cases().size(); ++i)
    for (const std::string& op : ops_of_case(i)) small[op].push_back(i);
  static const std::vector<SizedCase> sizes = quick_sizes();
  for (std::size_t i = 0; i < sizes.size(); ++i)
    for (const std::string& op : ops_of_case(sizes[i])) sized[op].push_back(i);
  return {{'G', false, small, [](std::size_t i) { return gradient_report(i); }},
          {'R', false, small, reference_report_in_double},
          {'D', false, sized, [](std::size_t i) { return differences_report(sizes[i]); }},
          {'P', true, small, [](std::size_t i) { return precision_report(i, 1); }},
          {'R', true, small, reference_report_in_float},
          {'F', true, sized, [](std::size_t i) { return float_report(sizes[i]); }}};
}

struct Verdict {
  std::string seen;  ///< letters of the checks that fail
  bool struck;       ///< it changed a number
};

Verdict try_out(const std::string& sabotage, bool in_float_alone, const std::vector<Check>& checks) {
  const std::string op = sabotage.substr(0, sabotage.find('.'));
  sabotage_in_float(sabotage);
  sabotage_in_double(in_float_alone ? "" : sabotage);
  Verdict verdict{"", false};
  for (const Check& check : checks)
    if (check.in_float == in_float_alone && check.sees(op)) verdict.seen += check.letter;
  verdict.struck = struck_in_float() || struck_in_double();
  sabotage_in_float("");
  sabotage_in_double("");
  return verdict;
}

}  // namespace

TEST_CASE("whatever is wrong with an op, a check of that op fails") {
  const char* const chosen = std::getenv("SEQTAPE_SABOTAGES");
  const char* const given = std::getenv("SEQTAPE_SEED");
  const bool all = chosen && std::string(chosen) == "all";
  const auto seed = given
                        ? std::stoull(given)
                        : static_cast<unsigned long long>(std::chrono::system_clock::now().time_since_epoch().count());
  std::vector<std::string> sabotages = all_sabotages();
  const std::size_t known = sabotages.size();
  CHECK_GE(known, 900);
  if (!all) {
    Random random(seed, "sabotages");
    std::vector<std::string> sample;
    for (const std::int32_t i : random.permutation(static_cast<Index>(known)))
      if (sample.size() < 60) sample.push_back(sabotages[static_cast<std::size_t>(i)]);
    sabotages = sample;
    std::cout << sample.size() << " of " << known << " sabotages; again: SEQTAPE_SEED=" << seed << std::endl;
  }
  const std::vector<Check> checks = all_checks();
  for (const std::string& sabotage : sabotages)
    for (const bool in_float_alone : {false, true}) {
      const Verdict verdict = try_out(sabotage, in_float_alone, checks);
      // What gives the right number (the first input of a copy) is no fault.
      const bool harmless = !verdict.struck && sabotage.ends_with(":first_input");
      if (all)
        std::cout << sabotage << (in_float_alone ? " float " : " both ")
                  << (harmless               ? "same"
                      : verdict.seen.empty() ? "UNSEEN"
                                             : verdict.seen)
                  << std::endl;
      CAPTURE(sabotage);
      CAPTURE(in_float_alone);
      CHECK((harmless || !verdict.seen.empty()));
      CHECK((harmless || verdict.struck));
    }
}
