// Parity and words of finite groups, against groups built here from their definitions.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <tuple>

#include "core/error.h"
#include "tests/support/make_task.h"
#include "tests/support/temporary_folder.h"

using namespace seqtape;
using testing::make;
using testing::message_of;

namespace {

/// An element as what it does: where it takes each of the points 1 to 5, and what it adds modulo `cycle`.
struct Element {
  std::map<int, int> moves;
  int number = 0;
  bool operator<(const Element& other) const { return std::tie(moves, number) < std::tie(other.moves, other.number); }
  bool operator==(const Element& other) const { return moves == other.moves && number == other.number; }
};

struct Definition {
  const char* name;
  std::size_t order;
  int points, cycle;
  bool even;
  std::size_t generators;  ///< without the identity
};
const Definition kGroups[] = {{"S3", 6, 3, 1, false, 2}, {"A4", 12, 4, 1, true, 2},    {"S5", 120, 5, 1, false, 2},
                              {"A5", 60, 5, 1, true, 2}, {"Z60", 60, 0, 60, false, 1}, {"A4xZ5", 60, 4, 5, true, 3}};

/// Reads the name that a person is shown: "(12)(34)", "e", "7", "(123),4".
Element read_element(const std::string& name, const Definition& group) {
  Element element;
  for (int point = 1; point <= group.points; ++point) element.moves[point] = point;
  std::string rest = name;
  if (group.cycle > 1) {
    const std::size_t comma = rest.find(',');
    element.number = std::stoi(comma == std::string::npos ? rest : rest.substr(comma + 1));
    rest = comma == std::string::npos ? "e" : rest.substr(0, comma);
  }
  if (rest == "e") return element;
  std::vector<int> cycle;
  for (const char letter : rest) {
    if (letter == '(')
      cycle.clear();
    else if (letter == ')')
      for (std::size_t i = 0; i < cycle.size(); ++i) element.moves.at(cycle[i]) = cycle[(i + 1) % cycle.size()];
    else
      cycle.push_back(letter - '0');
  }
  return element;
}

/// First `a`, then `b`.
Element follow(const Element& a, const Element& b, int cycle) {
  Element both;
  for (const auto& [point, image] : a.moves) both.moves[point] = b.moves.at(image);
  both.number = (a.number + b.number) % cycle;
  return both;
}

/// An even number of transpositions: the points less the cycles, fixed points among these.
bool even(const Element& element) {
  std::set<int> seen;
  std::size_t cycles = 0;
  for (const auto& [first, image] : element.moves) {
    cycles += !seen.count(first);
    for (int point = first; seen.insert(point).second;) point = element.moves.at(point);
  }
  return (element.moves.size() - cycles) % 2 == 0;
}

/// The labels of a task, which are the elements in the order of the answers.
std::vector<Element> elements_of(const Task& task, const Definition& group) {
  std::vector<Element> all;
  for (const std::string& label : task.signature().labels) all.push_back(read_element(label, group));
  return all;
}

}  // namespace

TEST_CASE("group_word: the elements are those of the group, once each, and satisfy its axioms") {
  for (const Definition& group : kGroups) {
    CAPTURE(group.name);
    const auto task = make("group_word", {{"group", group.name}, {"length", 2}});
    const std::vector<Element> all = elements_of(*task, group);
    REQUIRE_EQ(all.size(), group.order);
    CHECK_EQ(task->shape().outputs, static_cast<Index>(group.order));
    CHECK_EQ(task->shape().vocabulary, static_cast<Index>(group.order));
    CHECK_EQ(std::set<Element>(all.begin(), all.end()).size(), group.order);
    if (group.even)
      for (const Element& one : all) CHECK(even(one));
    // The table of products as the task's own answers to all words of two elements give it.
    const auto n = static_cast<Index>(group.order);
    std::vector<Index> table(group.order * group.order, -1);
    Batch batch;
    bool consistent = true;  // an assertion for each word would take seconds
    for (Index step = 0, found = 0; found < n * n; ++step) {
      REQUIRE(step < 100);
      task->training_batch(step, 4 * n * n, batch);
      for (std::size_t b = 0; b < static_cast<std::size_t>(batch.batch); ++b) {
        const Index g = batch.tokens[2 * b], h = batch.tokens[2 * b + 1], product = batch.targets[2 * b + 1];
        Index& known = table[static_cast<std::size_t>(g * n + h)];
        if (known < 0) {
          known = product;
          ++found;
          REQUIRE(all[static_cast<std::size_t>(product)] ==
                  follow(all[static_cast<std::size_t>(g)], all[static_cast<std::size_t>(h)], group.cycle));
        }
        consistent = consistent && batch.targets[2 * b] == g && known == product;
      }
    }
    CHECK(consistent);
    const auto times = [&](Index g, Index h) { return table[static_cast<std::size_t>(g * n + h)]; };
    bool associates = true;
    for (Index g = 0; g < n; ++g) {
      REQUIRE((times(0, g) == g && times(g, 0) == g));
      std::set<Index> row, column;
      for (Index h = 0; h < n; ++h) {
        row.insert(times(g, h));
        column.insert(times(h, g));
        for (Index i = 0; i < n; ++i) associates = associates && times(times(g, h), i) == times(g, times(h, i));
      }
      REQUIRE((row.size() == group.order && column.size() == group.order));  // so each has an inverse
    }
    CHECK(associates);
    bool commutes = true;
    for (Index g = 0; g < n; ++g)
      for (Index h = 0; h < n; ++h) commutes = commutes && times(g, h) == times(h, g);
    CHECK_EQ(commutes, std::string(group.name) == "Z60");
  }
}

TEST_CASE("group_word: each answer is the product so far, whatever the sequence is made of") {
  for (const Definition& group : kGroups)
    for (const char* elements : {"all", "generators"}) {
      CAPTURE(group.name);
      CAPTURE(elements);
      const auto task = make("group_word", {{"group", group.name}, {"elements", elements}, {"length", 40}});
      const std::vector<Element> all = elements_of(*task, group);
      Batch batch;
      task->training_batch(2, 300, batch);
      std::set<Element> symbols;
      for (std::size_t b = 0; b < 300; ++b) {
        Element product = read_element(group.points ? group.cycle > 1 ? "e,0" : "e" : "0", group);
        for (std::size_t t = 40 * b; t < 40 * (b + 1); ++t) {
          const Element symbol = read_element(task->symbol(batch.tokens[t]), group);
          symbols.insert(symbol);
          product = follow(product, symbol, group.cycle);
          REQUIRE(all[static_cast<std::size_t>(batch.targets[t])] == product);
        }
      }
      if (elements == std::string("all")) {
        CHECK_EQ(symbols.size(), group.order);
        continue;
      }
      // The identity and a set that generates: what can be reached from the identity is the group.
      CHECK_EQ(task->shape().vocabulary, static_cast<Index>(group.generators + 1));
      CHECK_EQ(symbols.size(), group.generators + 1);
      CHECK(symbols.count(all[0]));
      std::set<Element> reached{all[0]};
      for (std::size_t before = 0; before != reached.size();) {
        before = reached.size();
        for (const Element& from : std::set<Element>(reached))
          for (const Element& symbol : symbols) reached.insert(follow(from, symbol, group.cycle));
      }
      CHECK_EQ(reached.size(), group.order);
    }
}

TEST_CASE(
    "group_word, parity: symbols and answers are uniform at every step, and an answer is not told by its symbol") {
  for (const char* name : {"group_word", "parity"}) {
    const auto task = make(name, {{"length", 12}});
    constexpr Index kCount = 6000;
    const auto classes = static_cast<std::size_t>(task->shape().outputs);
    Batch batch;
    task->training_batch(0, kCount, batch);
    // Chi squared of `cells` equally frequent ones: mean cells - 1, deviation sqrt(2 (cells - 1)). Seven deviations.
    const auto uniform = [](const std::map<std::int32_t, int>& counts, std::size_t cells) {
      REQUIRE_EQ(counts.size(), cells);
      const double expected = static_cast<double>(kCount) / static_cast<double>(cells);
      double sum = 0;
      for (const auto& [cell, count] : counts) sum += (count - expected) * (count - expected) / expected;
      return sum < static_cast<double>(cells - 1) + 7 * std::sqrt(2.0 * static_cast<double>(cells - 1));
    };
    for (std::size_t t = 0; t < 12; ++t) {
      std::map<std::int32_t, int> symbols, answers, both;
      for (std::size_t b = 0; b < kCount; ++b) {
        const std::int32_t symbol = batch.tokens[12 * b + t], answer = batch.targets[12 * b + t];
        ++symbols[symbol];
        ++answers[answer];
        ++both[symbol * static_cast<std::int32_t>(classes) + answer];
      }
      CHECK(uniform(symbols, classes));
      CHECK(uniform(answers, classes));
      if (t > 0) CHECK(uniform(both, classes * classes));
    }
  }
}

TEST_CASE("group_word, parity: training lengths are uniform over their range, evaluations have the whole length") {
  for (const char* name : {"group_word", "parity"}) {
    CAPTURE(name);
    const auto task = make(name, {{"length", 12}, {"shortest", 3}, {"eval_sequences", 50}});
    Batch batch;
    task->training_batch(5, 5000, batch);
    CHECK_EQ(batch.length, 12);
    REQUIRE_EQ(batch.lengths.size(), 5000);
    std::map<std::int32_t, int> seen;
    for (std::size_t b = 0; b < 5000; ++b) {
      ++seen[batch.lengths[b]];
      // Every step of the sequence is scored, none of the padding.
      for (std::int32_t t = 0; t < 12; ++t)
        REQUIRE_EQ(batch.targets[12 * b + static_cast<std::size_t>(t)] != kIgnore, t < batch.lengths[b]);
    }
    REQUIRE_EQ(seen.size(), 10);
    CHECK_EQ(seen.begin()->first, 3);
    CHECK_EQ(seen.rbegin()->first, 12);
    for (const auto& [length, count] : seen) CHECK(std::abs(count - 500) < 5 * std::sqrt(500 * 0.9));
    Index sequences = 0;
    const auto pass = task->evaluation(Split::test, {.batch = 16});
    for (Batch chunk; pass->next(chunk); sequences += chunk.batch) {
      CHECK_EQ(chunk.steps(), chunk.batch * 12);
      CHECK_EQ(std::count(chunk.targets.begin(), chunk.targets.end(), kIgnore), 0);
    }
    CHECK_EQ(sequences, 50);
    // Evaluations of a config with a range and of one without are the same sequences.
    const auto plain = make(name, {{"length", 12}});
    Batch a, b;
    REQUIRE(task->evaluation(Split::validation, {.batch = 16})->next(a));
    REQUIRE(plain->evaluation(Split::validation, {.batch = 16})->next(b));
    CHECK(a.tokens == b.tokens);
    CHECK(a.targets == b.targets);
    CHECK_EQ(a.targets.size(), 16 * 12);
  }
}

TEST_CASE("group_word, parity: training sequences grow evenly as told") {
  for (const char* name : {"group_word", "parity"}) {
    const auto task = make(name, {{"length", 43}, {"shortest", 3}, {"grow_steps", 100}, {"eval_sequences", 8}});
    Batch batch;
    for (const auto& [step, longest] :
         std::map<Index, Index>{{0, 3}, {2, 3}, {3, 4}, {50, 23}, {99, 42}, {100, 43}, {100000, 43}}) {
      task->training_batch(step, 1000, batch);
      CHECK_EQ(batch.length, longest);
      CHECK_EQ(batch.batch, 1000);
      CHECK_EQ(*std::min_element(batch.lengths.begin(), batch.lengths.end()), 3);
      CHECK_EQ(*std::max_element(batch.lengths.begin(), batch.lengths.end()), longest);
    }
    REQUIRE(task->evaluation(Split::validation, {.batch = 8})->next(batch));
    CHECK_EQ(batch.length, 43);
  }
}

TEST_CASE("parity: the bits of a config without a range are those of earlier versions") {
  Batch batch;
  make("parity", {{"length", 8}}, 7)->training_batch(3, 2, batch);
  CHECK(batch.tokens == std::vector<std::int32_t>{1, 0, 0, 0, 1, 0, 0, 1, 0, 1, 1, 0, 1, 0, 1, 0});
  CHECK(batch.lengths.empty());
}

TEST_CASE("group_word, parity: only the last step is asked where the config says so") {
  const auto task = make("group_word", {{"length", 9}, {"shortest", 2}, {"every_step", false}}),
             whole = make("group_word", {{"length", 9}, {"shortest", 2}});
  Batch last, all;
  task->training_batch(0, 200, last);
  whole->training_batch(0, 200, all);
  for (std::size_t b = 0; b < 200; ++b)
    for (std::int32_t t = 0; t < 9; ++t) {
      const auto at = 9 * b + static_cast<std::size_t>(t);
      REQUIRE_EQ(last.targets[at], t == all.lengths[b] - 1 ? all.targets[at] : kIgnore);
    }
}

TEST_CASE("group_word, parity: what cannot be is refused by its path") {
  CHECK_EQ(message_of<ConfigError>([] {
             make("parity", {{"length", 8}, {"shortest", 9}});
           }),
           "task.shortest: must be at most task.length, 8, got 9");
  CHECK_EQ(message_of<ConfigError>([] {
             make("parity", {{"grow_steps", 9}});
           }),
           "task.grow_steps: needs task.shortest, from which the sequences grow");
  CHECK_EQ(message_of<ConfigError>([] {
             make("group_word", {{"shortest", -1}});
           }),
           "task.shortest: must be >= 0, got -1");
  CHECK(message_of<ConfigError>([] { make("group_word", {{"group", "S6"}}); }).rfind("task.group: ", 0) == 0);
  CHECK(message_of<ConfigError>([] { make("group_word", {{"elements", "some"}}); }).rfind("task.elements: ", 0) == 0);
  CHECK(message_of<ConfigError>([] { make("group_word", {{"length", 0}}); }).rfind("task.length: ", 0) == 0);
}
