// Laws of every task that reads data.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <set>

#include "core/error.h"
#include "core/io/file.h"
#include "core/random.h"
#include "core/strings.h"
#include "tests/support/draw.h"
#include "tests/support/make_task.h"
#include "tests/support/numpy.h"
#include "tests/support/temporary_folder.h"

using namespace seqtape;
using testing::between;
using testing::draw;
using testing::make;
using testing::TemporaryFolder;

namespace {

/// Data that a task reads, in which each sequence can be told: how to make the task, and which sequence a row is.
struct Reading {
  std::string task;
  Json settings;
  std::function<Index(const Batch&, Index row)> name;
};

constexpr const char* kTasks[] = {"documents", "series_classes", "arrays", "images", "series", "text"};

/// A task with `sequences` or so to train on.
Reading reading(const std::string& task, Random& random, const TemporaryFolder& folder) {
  const std::string path = (folder / "data").string();
  const Index count = between(random, 12, 90), length = between(random, 3, 20);
  std::string content;
  if (task == "documents") {
    for (Index i = 0; i < count; ++i)
      content += format("%s\t%c%c", i % 2 ? "b" : "a", static_cast<int>('A' + i / 16), static_cast<int>('A' + i % 16)) +
                 std::string(static_cast<std::size_t>(random.below(length)), '.') + "\n";
    write_file(path, content);
    return {
        task, {{"path", path}, {"length", length + 2}, {"validation_fraction", 0.1}}, [](const Batch& batch, Index b) {
          const auto at = static_cast<std::size_t>(b * batch.length);
          return Index{16} * (batch.tokens[at] - 'A') + batch.tokens[at + 1] - 'A';
        }};
  }
  if (task == "series_classes") {
    for (Index i = 0; i < count; ++i) {
      content += format("%s,%lld", i % 2 ? "b" : "a", static_cast<long long>(i));
      for (Index t = random.below(length); t > 0; --t) content += ",0.5";
      content += "\n";
    }
    write_file(path, content);
    return {task, {{"path", path}, {"length", length + 1}}, [](const Batch& batch, Index b) {
              return static_cast<Index>(batch.values[static_cast<std::size_t>(b * batch.length)]);
            }};
  }
  if (task == "arrays") {
    std::string values, lengths, labels;
    for (Index i = 0; i < count; ++i) {
      for (Index t = 0; t <= length; ++t)
        values += testing::bytes_of<std::int16_t>({static_cast<std::int16_t>(i), static_cast<std::int16_t>(-t)});
      lengths += static_cast<char>(1 + random.below(length));
      labels += i % 2 ? 'b' : 'a';
    }
    testing::write_zip(path, {{"X.npy", testing::npy("<i2", str("(", count, ", ", length + 1, ", 2)"), values)},
                              {"y.npy", testing::npy("|S1", str("(", count, ",)"), labels)},
                              {"lengths.npy", testing::npy("|u1", str("(", count, ",)"), lengths)}});
    return {task, {{"path", path}, {"length", length + 1}}, [](const Batch& batch, Index b) {
              return static_cast<Index>(batch.values[static_cast<std::size_t>(2 * b * batch.length)]);
            }};
  }
  if (task == "images") {
    const auto number = [](Index value) {
      return std::string{0, 0, static_cast<char>(value >> 8), static_cast<char>(value & 255)};
    };
    std::string labels = std::string{0, 0, 8, 1} + number(count);
    content = std::string{0, 0, 8, 3} + number(count) + number(2) + number(2);
    for (Index i = 0; i < count; ++i)
      content += std::string(4, static_cast<char>(i)), labels += static_cast<char>(i % 2);
    write_file(path, content);
    write_file(path + ".labels", labels);
    return {task,
            {{"images", path},
             {"labels", path + ".labels"},
             {"side", 2},
             {"tokens", true},
             {"validation", between(random, 1, 5)}},
            [](const Batch& batch, Index b) { return Index{batch.tokens[static_cast<std::size_t>(4 * b)]}; }};
  }
  if (task == "series") {
    const Index rows = length + 3 * count;
    for (Index i = 0; i < rows; ++i) content += format("%lld\n", static_cast<long long>(i));
    write_file(path, "y\n" + content);
    const Index horizon = between(random, 1, 3), train = share_of(rows, 0.6);
    const double mean = static_cast<double>(train - 1) / 2;
    const double deviation = std::sqrt((static_cast<double>(train * train) - 1) / 12);
    return {task,
            {{"path", path},
             {"columns", {"y"}},
             {"length", length},
             {"horizon", horizon},
             {"train_fraction", 0.6},
             {"test_fraction", 0.1}},
            [=](const Batch& batch, Index b) {
              return static_cast<Index>(std::lround(
                  static_cast<double>(batch.values[static_cast<std::size_t>(b * length)]) * deviation + mean));
            }};
  }
  for (Index i = 0; i < length * count; ++i) content += to_utf8(std::u32string(1, static_cast<char32_t>(0x4E00 + i)));
  write_file(path, content);
  return {task,
          {{"path", path}, {"length", length}, {"alphabet", "auto"}, {"train_fraction", 0.7}},
          [](const Batch& batch, Index b) { return Index{batch.tokens[static_cast<std::size_t>(b * batch.length)]}; }};
}

}  // namespace

TEST_CASE("law: an epoch has each of its sequences once, whatever the batch") {
  for (const char* name : kTasks) {
    INFO(name);
    draw("epoch", [&](Random& random) {
      const TemporaryFolder folder;
      const Reading read = reading(name, random, folder);
      const auto task = make(read.task, read.settings, static_cast<std::uint64_t>(between(random, 0, 99)));
      const Index sequences = task->training_sequences(), batch = between(random, 1, sequences + 3);
      REQUIRE(sequences > 0);
      CAPTURE(sequences);
      CAPTURE(batch);
      std::vector<Index> seen;
      Batch made;
      for (Index step = 0; static_cast<Index>(seen.size()) < 4 * sequences; ++step) {
        task->training_batch(step, batch, made);
        for (Index b = 0; b < made.batch; ++b) seen.push_back(read.name(made, b));
      }
      std::set<Index> all;
      for (Index epoch = 0; epoch < 4; ++epoch) {
        const auto begin = seen.begin() + epoch * sequences;
        const std::set<Index> one(begin, begin + sequences);
        REQUIRE_EQ(one.size(), sequences);
        // Windows of text are cut anew each epoch.
        if (read.task != "text" && epoch > 0) REQUIRE(one == all);
        all = one;
      }
      // Steps are a function of their number, in any order.
      for (const Index step : {between(random, 0, 5), between(random, 6, 9), Index{0}}) {
        Batch again, fresh;
        task->training_batch(step, batch, again);
        make(read.task, read.settings, 7)->training_batch(step, batch, fresh);
        const auto same = make(read.task, read.settings, 7);
        same->training_batch(between(random, 0, 30), batch, made);
        same->training_batch(step, batch, made);
        REQUIRE(made.tokens == fresh.tokens);
        REQUIRE(made.values == fresh.values);
        REQUIRE(made.targets == fresh.targets);
      }
    });
  }
}

TEST_CASE("law: two seeds give two orders, one seed one; preparing again begins anew") {
  for (const char* name : kTasks) {
    INFO(name);
    draw("seeds", [&](Random& random) {
      const TemporaryFolder folder;
      const Reading read = reading(name, random, folder);
      const auto order = [&](Task& task) {
        std::vector<Index> names;
        Batch made;
        for (Index step = 0; step < 6; ++step) {
          task.training_batch(step, 3, made);
          for (Index b = 0; b < made.batch; ++b) names.push_back(read.name(made, b));
        }
        return names;
      };
      const auto one = make(read.task, read.settings, 1), other = make(read.task, read.settings, 2);
      const auto first = order(*one);
      REQUIRE(order(*one) == first);
      REQUIRE(order(*make(read.task, read.settings, 1)) == first);
      REQUIRE(order(*other) != first);
      one->prepare(2);
      REQUIRE(order(*one) == order(*other));
    });
  }
}

TEST_CASE("law: a pass has each sequence that was kept back once, in any batches and chunks") {
  for (const char* name : kTasks) {
    INFO(name);
    draw("passes", [&](Random& random) {
      const TemporaryFolder folder;
      const Reading read = reading(name, random, folder);
      const auto task = make(read.task, read.settings);
      const auto names = [&](Index batch, Index chunk) {
        std::multiset<Index> all;
        Index rows = 0;
        const auto pass = task->evaluation(Split::validation, {.batch = batch, .chunk = chunk});
        for (Batch made; pass->next(made);) {
          rows += made.last ? made.batch : 0;
          if (made.first)
            for (Index b = 0; b < made.batch; ++b) all.insert(read.name(made, b));
        }
        REQUIRE_EQ(rows, all.size());
        return all;
      };
      const auto whole = names(1, 1000);
      REQUIRE(!whole.empty());
      REQUIRE_EQ(std::set<Index>(whole.begin(), whole.end()).size(), whole.size());
      const Index least = read.task == "documents" ? 2 : read.task == "images" ? 4 : 1;  // what tells a sequence
      REQUIRE(names(between(random, 1, 9), 1000) == whole);
      if (read.task != "series" && read.task != "images")
        REQUIRE(names(between(random, 1, 9), between(random, least, 9)) == whole);
    });
  }
}

TEST_CASE("law: carried training comes by every token, whatever the batch") {
  draw("carry", [&](Random& random) {
    const TemporaryFolder folder;
    const Index length = between(random, 1, 9), batch = between(random, 1, 7),
                tracks = between(random, 2 * length + 1, 60);
    const Index size = batch * tracks + between(random, 0, batch - 1);
    std::string text;
    for (Index i = 0; i < 2 * size; ++i) text += to_utf8(std::u32string(1, static_cast<char32_t>(0x4E00 + i)));
    write_file(folder / "x", text);
    const auto task = make("text", {{"path", (folder / "x").string()},
                                    {"alphabet", "auto"},
                                    {"length", length},
                                    {"train_fraction", 0.5},
                                    {"carry", true}});
    std::set<std::int32_t> seen;
    Batch made;
    for (Index step = 0; step < 12000 && static_cast<Index>(seen.size()) < size; ++step) {
      task->training_batch(step, batch, made);
      seen.insert(made.tokens.begin(), made.tokens.end());
      seen.insert(made.targets.begin(), made.targets.end());
    }
    REQUIRE_EQ(seen.size(), size);
    REQUIRE_EQ(*seen.rbegin(), size);  // and nothing beyond the training part: tokens count from 1
  });
}

namespace {

/// Which positions of the source each part asks for or classifies, at a length. The source counts up, so that a value
/// is its own position; `positions` are those of a row.
std::map<Split, std::set<Index>> parts(const Task& task,
                                       const std::function<std::vector<Index>(const Batch&, Index)>& positions) {
  std::map<Split, std::set<Index>> all;
  Batch batch;
  const auto take = [&](Split split) {
    for (Index b = 0; b < batch.batch; ++b)
      for (const Index at : positions(batch, b)) all[split].insert(at);
  };
  for (Index step = 0; step < 3 * task.training_sequences() + 3; ++step) {
    task.training_batch(step, 1, batch);
    take(Split::train);
  }
  for (const Split split : {Split::validation, Split::test}) {
    const auto pass = task.evaluation(split, {.batch = 3, .chunk = 1000});
    while (pass->next(batch)) take(split);
  }
  return all;
}

}  // namespace

TEST_CASE("law: parts share no position of the source, at any two lengths") {
  const auto check = [](const std::vector<std::map<Split, std::set<Index>>>& at_lengths) {
    for (const auto& at_one : at_lengths)
      for (const auto& at_other : at_lengths)
        for (const auto& [split, one] : at_one)
          for (const auto& [apart, other] : at_other) {
            if (split == apart) continue;
            std::vector<Index> shared;
            std::set_intersection(one.begin(), one.end(), other.begin(), other.end(), std::back_inserter(shared));
            REQUIRE(shared.empty());
          }
  };
  draw("parts of DNA", [&](Random& random) {
    const TemporaryFolder folder;
    constexpr std::size_t kTell = 20;       // as many bases tell where they stand
    std::map<std::string, Index> place_of;  // in all records, one behind the other
    Index at = 0;
    for (const char* label : {"a", "b"}) {
      std::filesystem::create_directory(folder / label);
      for (Index file = between(random, 1, 2); file > 0; --file) {
        std::string text;
        for (Index record = between(random, 1, 6); record > 0; --record) {
          std::string bases;
          for (Index i = between(random, 20, 400); i > 0; --i) bases += "ACGT"[random.below(4)];
          for (std::size_t i = 0; i + kTell <= bases.size(); ++i)
            REQUIRE(place_of.emplace(bases.substr(i, kTell), at + static_cast<Index>(i)).second);
          at += static_cast<Index>(bases.size());
          text += ">r\n" + bases + "\n";
        }
        write_file(folder / label / (std::to_string(file) + ".fa"), text);
      }
    }
    std::vector<std::map<Split, std::set<Index>>> found;
    for (int i = 0; i < 3; ++i) {
      const auto task = make("dna_classes", {{"path", folder.path().string()},
                                             {"length", between(random, 20, 150)},
                                             {"validation_fraction", 0.3},
                                             {"test_fraction", 0.2}});
      found.push_back(parts(*task, [&](const Batch& batch, Index b) {
        std::string bases;
        std::vector<Index> positions;
        const Index steps = batch.lengths[static_cast<std::size_t>(b)];
        for (Index t = 0; t < steps; ++t) bases += "ACGT"[batch.tokens[static_cast<std::size_t>(b * batch.length + t)]];
        if (bases.size() < kTell) return positions;
        for (Index t = 0; t < steps; ++t) positions.push_back(place_of.at(bases.substr(0, kTell)) + t);
        return positions;
      }));
    }
    check(found);
  });
  draw("parts of text", [&](Random& random) {
    const TemporaryFolder folder;
    const Index size = between(random, 200, 400);
    std::string text;
    for (Index i = 0; i < size; ++i) text += to_utf8(std::u32string(1, static_cast<char32_t>(0x4E00 + i)));
    write_file(folder / "x", text);
    std::vector<std::map<Split, std::set<Index>>> found;
    for (int i = 0; i < 3; ++i)
      found.push_back(parts(*make("text", {{"path", (folder / "x").string()},
                                           {"alphabet", "auto"},
                                           {"length", between(random, 2, 30)},
                                           {"train_fraction", 0.5},
                                           {"test_fraction", 0.2}}),
                            [](const Batch& batch, Index b) {
                              std::vector<Index> at;
                              for (Index t = 0; t < batch.length; ++t)
                                if (const auto target = batch.targets[static_cast<std::size_t>(b * batch.length + t)];
                                    target != kIgnore)
                                  at.push_back(target);
                              return at;
                            }));
    check(found);
  });
  draw("parts of documents", [&](Random& random) {
    const TemporaryFolder folder;
    const Index count = between(random, 12, 90);
    std::string text;
    for (Index i = 0; i < count; ++i)
      text += format("%s\t%c%c", i % 2 ? "b" : "a", static_cast<int>('A' + i / 16), static_cast<int>('A' + i % 16)) +
              std::string(static_cast<std::size_t>(random.below(40)), '.') + "\n";
    write_file(folder / "x", text);
    std::vector<std::map<Split, std::set<Index>>> found;
    for (int i = 0; i < 3; ++i)
      found.push_back(parts(*make("documents", {{"path", (folder / "x").string()},
                                                {"length", between(random, 2, 50)},
                                                {"validation_fraction", 0.2},
                                                {"test_fraction", 0.2}}),
                            [](const Batch& batch, Index b) {
                              const auto at = static_cast<std::size_t>(b * batch.length);
                              return std::vector<Index>{Index{16} * batch.tokens[at] + batch.tokens[at + 1]};
                            }));
    check(found);
  });
}
