// Are the tests of ops worth their name? Every op is made wrong in every way that applies (autograd/sabotage.h), and a
// check of that op must fail: in both precisions at once, and in float alone. SEQTAPE_TABLE=1 prints the table of
// docs/reliability.md.
#include "tests/support/sabotage.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>

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

/// The parts of "selective_scan.backward.delta:zeros".
struct Place {
  std::string op, pass, fault;

  explicit Place(const std::string& sabotage) {
    const std::size_t dot = sabotage.find('.'), colon = sabotage.find(':');
    op = sabotage.substr(0, dot);
    pass = sabotage.substr(dot + 1, std::min(colon, sabotage.find('.', dot + 1)) - dot - 1);
    fault = sabotage.substr(colon + 1);
  }
};

/// The checks that see a fault, by the operand that has it.
class Cell {
 public:
  void add(const std::string& seen) { all_.push_back(seen); }
  /// "GD": those that see it in every operand; "(GD)": in one or another.
  std::string text() const {
    std::string every, some;
    for (const char letter : {'G', 'R', 'D'}) {
      const auto count = std::count_if(all_.begin(), all_.end(),
                                       [&](const std::string& seen) { return seen.find(letter) != std::string::npos; });
      if (count) some += letter;
      if (count == static_cast<std::ptrdiff_t>(all_.size())) every += letter;
    }
    return every.empty() ? "(" + some + ")" : every;
  }

 private:
  std::vector<std::string> all_;
};

/// By op, fault and pass.
using Table = std::map<std::string, std::map<std::string, std::map<std::string, Cell>>>;

void print(const Table& table) {
  static const char* const faults[] = {"zeros",      "first_input", "last_lane",  "last_row", "chunk_border",
                                       "other_sign", "no_state",    "no_lengths", "no_starts"};
  std::cout << "| op |";
  for (const char* const fault : faults) std::cout << ' ' << fault << " |";
  std::cout << "\n|" << join(std::vector<std::string>(std::size(faults) + 1, "---"), "|") << "|\n";
  for (const auto& [op, cells] : table) {
    std::cout << "| " << op << " |";
    for (const char* const fault : faults) {
      std::vector<std::string> passes;
      if (const auto cell = cells.find(fault); cell != cells.end())
        for (const char* const pass : {"forward", "backward", "both"})
          if (const auto found = cell->second.find(pass); found != cell->second.end())
            passes.push_back(found->second.text());
      std::cout << ' ' << join(passes, " / ") << " |";
    }
    std::cout << '\n';
  }
}

}  // namespace

TEST_CASE("whatever is wrong with an op, a check of that op fails") {
  const std::vector<std::string> sabotages = all_sabotages();
  CHECK_GE(sabotages.size(), 700);
  const std::vector<Check> checks = all_checks();
  Table table;
  std::map<std::string, int> counts;  // "both G": how many faults of both precisions check G sees
  for (const std::string& sabotage : sabotages)
    for (const bool in_float_alone : {false, true}) {
      const Verdict verdict = try_out(sabotage, in_float_alone, checks);
      const Place place(sabotage);
      // What gives the right number (the first input of a copy) is no fault.
      if (!verdict.struck && place.fault == "first_input") continue;
      CAPTURE(sabotage);
      CAPTURE(in_float_alone);
      CHECK(!verdict.seen.empty());
      CHECK(verdict.struck);
      const std::string mode = in_float_alone ? "float alone" : "both precisions";
      ++counts[mode];
      for (const char letter : verdict.seen) ++counts[mode + ", " + letter];
      if (in_float_alone) continue;
      table[place.op][place.fault][place.pass].add(verdict.seen);
    }
  if (!std::getenv("SEQTAPE_TABLE")) return;
  print(table);
  for (const auto& [what, count] : counts) std::cout << what << ": " << count << '\n';
}
