// Are the tests of ops worth their name? Every op is made wrong in every way that applies (autograd/sabotage.h), and a
// check of that op must fail: in both precisions at once, and in float alone. SEQTAPE_TABLE=1 prints the table of
// docs/reliability.md.
#include "tests/support/sabotage.h"

#include <doctest/doctest.h>

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

/// "selective_scan.backward" and "zeros" of "selective_scan.backward.delta:zeros".
std::pair<std::string, std::string> row_and_column(const std::string& sabotage) {
  const std::size_t colon = sabotage.find(':'), second = sabotage.find('.', sabotage.find('.') + 1);
  return {sabotage.substr(0, std::min(colon, second)), sabotage.substr(colon + 1)};
}

/// The letters that are in both.
std::string common(const std::string& a, const std::string& b) {
  std::string letters;
  for (const char letter : a)
    if (b.find(letter) != std::string::npos) letters += letter;
  return letters;
}

/// A row an op and pass: the checks that see a fault in every operand.
void print(const std::map<std::string, std::map<std::string, std::string>>& table) {
  static const char* const faults[] = {"zeros",        "first_input", "last_lane", "last_row",
                                       "chunk_border", "other_sign",  "no_state",  "no_lengths"};
  std::cout << "| op and pass |";
  for (const char* const fault : faults) std::cout << ' ' << fault << " |";
  std::cout << "\n|---|" << join(std::vector<std::string>(std::size(faults), "---"), "|") << "|\n";
  for (const auto& [row, cells] : table) {
    std::cout << "| " << row << " |";
    for (const char* const fault : faults) {
      const auto cell = cells.find(fault);
      std::cout << ' ' << (cell == cells.end() ? "" : cell->second) << " |";
    }
    std::cout << '\n';
  }
}

}  // namespace

TEST_CASE("whatever is wrong with an op, a check of that op fails") {
  const std::vector<std::string> sabotages = all_sabotages();
  CHECK_GE(sabotages.size(), 700);
  const std::vector<Check> checks = all_checks();
  std::map<std::string, std::map<std::string, std::string>> table;
  std::map<std::string, int> counts;  // "both G": how many faults of both precisions check G sees
  for (const std::string& sabotage : sabotages)
    for (const bool in_float_alone : {false, true}) {
      const Verdict verdict = try_out(sabotage, in_float_alone, checks);
      const auto [row, column] = row_and_column(sabotage);
      // What gives the right number (the first input of a copy) is no fault.
      if (!verdict.struck && column == "first_input") continue;
      CAPTURE(sabotage);
      CAPTURE(in_float_alone);
      CHECK(!verdict.seen.empty());
      CHECK(verdict.struck);
      const std::string mode = in_float_alone ? "float alone" : "both precisions";
      ++counts[mode];
      for (const char letter : verdict.seen) ++counts[mode + ", " + letter];
      if (in_float_alone) continue;
      const auto [cell, fresh] = table[row].emplace(column, verdict.seen);
      if (!fresh) cell->second = common(cell->second, verdict.seen);
    }
  if (!std::getenv("SEQTAPE_TABLE")) return;
  print(table);
  for (const auto& [what, count] : counts) std::cout << what << ": " << count << '\n';
}
