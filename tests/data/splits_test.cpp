// Which split data are in: data of their own, shares of classes, groups, and what an evaluation of other data reads.
#include "data/splits.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "core/error.h"
#include "core/io/file.h"
#include "core/random.h"
#include "core/strings.h"
#include "tests/support/make_task.h"
#include "tests/support/temporary_folder.h"

using namespace seqtape;
using testing::make;
using testing::message_of;
using testing::TemporaryFolder;

namespace {

namespace fs = std::filesystem;

bool says(const std::string& text, const std::string& what) { return text.find(what) != std::string::npos; }

std::unique_ptr<Task> unprepared(const std::string& name, const Json& settings) {
  auto task = tasks().find(name)->make();
  read_fields([&](Fields& f) { task->fields(f); }, settings, "task");
  return task;
}

/// A task that has learned what `trained` did, on other data.
std::unique_ptr<Task> evaluating(const std::string& name, const Task& trained, const Json& settings,
                                 const fs::path& data) {
  auto task = unprepared(name, settings);
  task->use(trained.learned());
  task->evaluate_on(data);
  task->prepare(1);
  return task;
}

/// The config of a task with what its data gave.
Json resolved(Task& task) {
  return write_fields([&](Fields& f) { task.fields(f); });
}

/// The texts of a split, with their classes' numbers: "abc/0".
std::multiset<std::string> texts(const Task& task, Split split) {
  std::multiset<std::string> all;
  if (!task.has(split)) return all;
  const auto pass = task.evaluation(split, {.batch = 3, .chunk = 100000});
  for (Batch batch; pass->next(batch);)
    for (Index b = 0; b < batch.batch; ++b) {
      std::string text;
      for (Index t = 0; t < batch.lengths[static_cast<std::size_t>(b)]; ++t)
        text += static_cast<char>(batch.tokens[static_cast<std::size_t>(b * batch.length + t)]);
      all.insert(text + "/" + std::to_string(batch.targets[static_cast<std::size_t>(b)]));
    }
  return all;
}

/// The first value of each series of a split.
std::vector<double> first_values(const Task& task, Split split) {
  std::vector<double> all;
  const auto pass = task.evaluation(split, {.batch = 1, .chunk = 100000});
  for (Batch batch; pass->next(batch);) all.push_back(static_cast<double>(batch.values[0]));
  return all;
}

std::string tokens(const Task& task, Split split) {
  const auto pass = task.evaluation(split, {.batch = 1, .chunk = 100000});
  std::string all;
  for (Batch batch; pass->next(batch);) {
    if (all.empty()) all = task.decode({batch.tokens.front()});
    all += task.decode(batch.targets);
  }
  return all;
}

/// FOLDER/CLASS/NAME.
void write(const fs::path& folder, const std::string& label, const std::string& name, const std::string& text) {
  fs::create_directories(folder / label);
  write_file(folder / label / name, text);
}

}  // namespace

TEST_CASE("divide: each class gives its share, small ones to train, then validation, then test") {
  std::vector<Together> one_each;
  std::vector<std::string> labels;
  for (const auto& [label, count] : {std::pair("a", 100), {"b", 50}, {"c", 10}, {"d", 3}, {"e", 2}, {"f", 1}})
    for (int i = 0; i < count; ++i) one_each.push_back({{label, 1}}), labels.emplace_back(label);
  const auto splits = divide(one_each, 0.2, 0.1);
  std::map<std::string, BySplit<Index>> counts;
  for (std::size_t i = 0; i < splits.size(); ++i) ++of(counts[labels[i]], splits[i]);
  CHECK(counts["a"] == BySplit<Index>{70, 20, 10});
  CHECK(counts["b"] == BySplit<Index>{35, 10, 5});
  CHECK(counts["c"] == BySplit<Index>{7, 2, 1});
  CHECK(counts["d"] == BySplit<Index>{1, 1, 1});
  CHECK(counts["e"] == BySplit<Index>{1, 1, 0});
  CHECK(counts["f"] == BySplit<Index>{1, 0, 0});
  CHECK(divide(one_each, 0.2, 0.1) == splits);
  for (const Split split : divide(one_each, 0.2, 0)) CHECK(split != Split::test);
}

TEST_CASE("divide: groups of several sizes come near the shares of every class") {
  Random random(1, "groups");
  std::vector<Together> groups;
  Together all;
  for (int g = 0; g < 60; ++g) {
    Together group;
    for (const char* label : {"a", "b", "c"})
      if (const Index count = random.below(*label == 'c' ? 4 : 12)) group[label] = count, all[label] += count;
    groups.push_back(group);
  }
  const auto splits = divide(groups, 0.2, 0.2);
  BySplit<Together> in;
  for (std::size_t g = 0; g < groups.size(); ++g)
    for (const auto& [label, count] : groups[g]) of(in, splits[g])[label] += count;
  for (const auto& [label, count] : all) {
    CAPTURE(label);
    CHECK(std::abs(static_cast<double>(of(in, Split::validation)[label]) - 0.2 * static_cast<double>(count)) <= 6);
    CHECK(std::abs(static_cast<double>(of(in, Split::test)[label]) - 0.2 * static_cast<double>(count)) <= 6);
  }
}

TEST_CASE("a config without the keys of splits has the parts that it always had") {
  const TemporaryFolder folder;
  std::string lines;
  for (int i = 0; i < 20; ++i) lines += format("%s\t%02d\n", i % 3 ? "a" : "b", i);
  const std::string path = (folder / "d.tsv").string();
  write_file(path, lines);
  const auto task = make("documents", {{"path", path}, {"validation_fraction", 0.2}, {"test_fraction", 0.1}});
  // As an earlier program drew and read them.
  CHECK(texts(*task, Split::validation) == std::multiset<std::string>{"01/0", "03/1", "18/1", "19/0"});
  CHECK(texts(*task, Split::test) == std::multiset<std::string>{"05/0", "10/0"});
  CHECK_EQ(task->fingerprint(), "03f85506 of 20 sequences");
  write_file(folder / "t.txt", "abcdefghijklmnopqrst");
  const auto text = make(
      "text", {{"path", (folder / "t.txt").string()}, {"length", 2}, {"train_fraction", 0.6}, {"test_fraction", 0.15}});
  CHECK_EQ(tokens(*text, Split::validation), "mnopq");
  CHECK_EQ(tokens(*text, Split::test), "rst");
  CHECK_EQ(text->fingerprint(), "52903e96 of 20 bytes");
}

TEST_CASE("documents: data of their own are a split, and the others give it nothing") {
  const TemporaryFolder folder;
  for (int i = 0; i < 20; ++i) {
    write(folder / "train", "a", std::to_string(i), format("train a%d", i));
    write(folder / "train", "b", std::to_string(i), format("train b%d", i));
    if (i < 3) write(folder / "val", "b", std::to_string(i), format("val b%d", i));
  }
  write_file(folder / "test.tsv", "a\ttest a\nb\ttrain b7\n");
  const std::string train = (folder / "train").string(), val = (folder / "val").string(),
                    test = (folder / "test.tsv").string();
  const auto task = make("documents", {{"train_path", train}, {"validation_path", val}, {"test_path", test}});
  CHECK(texts(*task, Split::validation) == std::multiset<std::string>{"val b0/1", "val b1/1", "val b2/1"});
  CHECK(texts(*task, Split::test) == std::multiset<std::string>{"test a/0", "train b7/1"});
  CHECK_EQ(texts(*task, Split::train).size(), 40);
  CHECK_EQ(task->contents().at(0), "train 40 sequences (a 20, b 20), validation 3 (b 3), test 2 (a 1, b 1)");
  CHECK_EQ(task->contents().at(2), "1 of the 2 test sequences have the same content as one of train or validation");
  // With one of them, the other's share is taken as ever.
  const auto half = make("documents", {{"path", train}, {"validation_path", val}, {"test_fraction", 0.25}});
  CHECK_EQ(texts(*half, Split::train).size(), 30);
  CHECK_EQ(texts(*half, Split::test).size(), 10);
  CHECK_EQ(texts(*half, Split::validation).size(), 3);
  CHECK(half->fingerprint() != task->fingerprint());
  CHECK(message_of<ConfigError>([&] {
          make("documents", {{"path", train}, {"train_path", train}});
        }) == "task.train_path: is another name of task.path; one of them can be given");
  CHECK(says(message_of<ConfigError>([&] { make("documents", Json::object()); }), "task.path: is required"));
  fs::remove_all(folder / "val");
  CHECK_EQ(message_of<DataError>([&] {
             make("documents", {{"path", train}, {"validation_path", val}});
           }),
           "task.validation_path: " + val + " does not exist");
}

TEST_CASE("text: files of their own validate and test; one that was read before is told") {
  const TemporaryFolder folder;
  const auto file = [&](const std::string& name, const std::string& text) {
    write_file(folder / name, text);
    return (folder / name).string();
  };
  const std::string a = file("a", "abcdefghij"), b = file("b", "0123456789"), c = file("c", "ABCDE"),
                    same = file("same", "0123456789");
  const Json settings = {{"length", 3}, {"train_fraction", 0.5}, {"test_fraction", 0.4}};
  const auto with = [&](const Json& more) {
    Json all = settings;
    all.update(more);
    return all;
  };
  const auto own = make("text", with({{"path", {a}}, {"validation_path", {b, c}}}));
  CHECK_EQ(tokens(*own, Split::train), "abcdef");
  CHECK_EQ(tokens(*own, Split::validation), "0123456789ABCDE");
  CHECK_EQ(tokens(*own, Split::test), "ghij");
  CHECK_EQ(own->contents().at(0), "train 6 bytes, validation 15, test 4");
  CHECK(own->notes().empty());
  const auto both = make("text", with({{"train_path", {a}}, {"validation_path", {b}}, {"test_path", {same}}}));
  CHECK_EQ(tokens(*both, Split::train), "abcdefghij");
  CHECK_EQ(tokens(*both, Split::test), "0123456789");
  CHECK(says(join(both->notes(), "\n"), "read twice: same"));
  CHECK(both->fingerprint() !=
        make("text", {{"path", {a, b, same}}, {"length", 3}, {"train_fraction", 0.5}})->fingerprint());
  // The alphabet is that of what is trained on.
  const auto letters = make("text", with({{"path", {a}}, {"validation_path", {b}}, {"alphabet", "auto"}}));
  CHECK_EQ(letters->shape().vocabulary, 11);
  CHECK(says(join(letters->notes(), "\n"), "10 characters that task.alphabet does not have"));
  CHECK_EQ(message_of<DataError>([&] {
             make("text", with({{"path", {a}}, {"test_path", {file("d", "x")}}}));
           }),
           "task.length: the test split has 1 bytes, a window needs 4; lower task.length, or give more of them in "
           "task.test_path");
}

TEST_CASE("stratified: each class gives its share; without it the draw does as it likes") {
  const TemporaryFolder folder;
  std::string lines;
  for (int i = 0; i < 100; ++i) lines += format("%s\t%02d\n", i < 70 ? "common" : i < 97 ? "some" : "rare", i);
  const std::string path = (folder / "d.tsv").string();
  write_file(path, lines);
  const Json settings = {{"path", path}, {"split", "stratified"}, {"validation_fraction", 0.2}, {"test_fraction", 0.1}};
  const auto task = make("documents", settings, 1);
  CHECK_EQ(task->contents().at(0),
           "train 69 sequences (common 49, rare 1, some 19), validation 20 (common 14, rare 1, some 5), "
           "test 11 (common 7, rare 1, some 3)");
  CHECK(texts(*make("documents", settings, 2), Split::test) == texts(*task, Split::test));
  Json shorter = settings;
  shorter["length"] = 1;
  CHECK_EQ(make("documents", shorter)->contents().at(0), task->contents().at(0));
}

TEST_CASE("groups: a speaker is in one split, at every length, with shares of classes or without") {
  const TemporaryFolder folder;
  std::map<std::string, int> recordings;
  for (int speaker = 0; speaker < 12; ++speaker)
    for (int i = 0; i < 2 + speaker % 5; ++i) {
      const std::string text = format("speaker%02d says %d", speaker, i);
      ++recordings[text.substr(0, 9)];
      write(folder.path(), speaker % 2 ? "no" : "yes", format("s%02d_%d.txt", speaker, i), text);
    }
  for (const char* split : {"random", "stratified"})
    for (const int length : {9, 100}) {
      const auto task = make("documents", {{"path", folder.path().string()},
                                           {"group", "/s(\\d+)_"},
                                           {"split", split},
                                           {"length", length},
                                           {"validation_fraction", 0.25},
                                           {"test_fraction", 0.25}});
      std::map<std::string, std::set<Split>> where;
      std::map<std::string, int> found;
      for (const Split in : kSplits) {
        CHECK(task->has(in));
        for (const std::string& text : texts(*task, in))
          where[text.substr(0, 9)].insert(in), ++found[text.substr(0, 9)];
      }
      CHECK(found == recordings);
      for (const auto& [speaker, splits] : where) CHECK_EQ(splits.size(), 1);
    }
  // Files of a draw without groups do part them.
  const auto parted = make("documents", {{"path", folder.path().string()}, {"validation_fraction", 0.3}});
  std::set<std::string> train, both;
  for (const std::string& text : texts(*parted, Split::train)) train.insert(text.substr(0, 9));
  for (const std::string& text : texts(*parted, Split::validation))
    if (train.count(text.substr(0, 9))) both.insert(text.substr(0, 9));
  CHECK(!both.empty());
  const auto refused = [&](const Json& more) {
    Json all = {{"path", folder.path().string()}, {"group", "s(\\d+)_"}};
    all.update(more);
    return message_of<Error>([&] { make("documents", all); });
  };
  write(folder.path(), "no", "readme.txt", "no speaker");
  CHECK(says(refused(Json::object()),
             "task.group: " + (folder / "no" / "readme.txt").string() +
                 ": \"s(\\d+)_\" must match its path within the data, \"no/readme.txt\": no match"));
  CHECK(says(refused({{"group", "("}}), "task.group: must be a regular expression (PCRE2), got \"(\": at byte 1: "));
  CHECK(says(refused({{"group", "x*"}}), "gives an empty name"));
  fs::remove(folder / "no" / "readme.txt");
  CHECK(says(refused({{"group", "txt"}}), "sequences in 1 group"));
  // Data of their own must not part a group either.
  const TemporaryFolder other;
  write(other.path(), "no", "s03_99.txt", "once more");
  CHECK(refused({{"validation_path", other.path().string()}}) ==
        "task.validation_path: the group \"03\" is in other data too; a group must be in one split");
  CHECK(says(refused({{"path", (other.path() / "no" / "s03_99.txt").string()}}), "is one of lines; task.group_column"));
}

TEST_CASE("group_column: a cell of a line names its group, and is no value and no text") {
  const TemporaryFolder folder;
  std::string series, lines;
  for (int i = 0; i < 40; ++i) {
    series += format("%s,%d,%d,0.5\n", i % 2 ? "a" : "b", i, i / 4);
    lines += format("%s\tg%d\ttext %02d\n", i % 2 ? "a" : "b", i / 4, i);
  }
  write_file(folder / "s.csv", series);
  write_file(folder / "d.tsv", lines);
  const auto of_series = make("series_classes", {{"path", (folder / "s.csv").string()},
                                                 {"group_column", 3},
                                                 {"validation_fraction", 0.3},
                                                 {"test_fraction", 0.2}});
  std::map<int, std::set<Split>> where;
  Index all = 0;
  for (const Split split : kSplits)
    for (const double value : first_values(*of_series, split)) where[static_cast<int>(value) / 4].insert(split), ++all;
  CHECK_EQ(all, 40);
  for (const auto& [group, splits] : where) CHECK_EQ(splits.size(), 1);
  Batch batch;
  of_series->training_batch(0, 4, batch);
  CHECK_EQ(batch.length, 2);  // the number and the 0.5
  const auto documents = make("documents", {{"path", (folder / "d.tsv").string()}, {"group_column", 2}});
  std::map<int, std::set<Split>> places;
  for (const Split split : kSplits)
    for (const std::string& text : texts(*documents, split)) {
      CHECK_EQ(text.size(), 9);
      places[std::stoi(text.substr(5)) / 4].insert(split);
    }
  CHECK_EQ(places.size(), 10);
  for (const auto& [group, splits] : places) CHECK_EQ(splits.size(), 1);
  CHECK(says(message_of<DataError>([&] {
               make("series_classes", {{"path", (folder / "s.csv").string()}, {"group_column", 5}});
             }),
             "s.csv:1: has 4 cells; number 5 must name its group (task.group_column)"));
  write_file(folder / "d.tsv", "a\tone\nb\ttwo\n");
  CHECK(says(message_of<DataError>([&] {
               make("documents", {{"path", (folder / "d.tsv").string()}, {"group_column", 2}});
             }),
             "d.tsv:1: must be a class, a tab, a group, a tab and a text"));
}

TEST_CASE("dna_classes: with groups a file is in one split, the same at every length") {
  const TemporaryFolder folder;
  Random random(5, "bases");
  std::map<std::string, std::string> file_of;  // by the first bases of a record
  for (const char* label : {"x", "y"})
    for (int file = 0; file < 8; ++file) {
      std::string text, name = format("genome%d.fa", file);
      for (int record = 0; record < 3; ++record) {
        std::string bases;
        for (Index i = 50 + random.below(300); i > 0; --i) bases += "ACGT"[random.below(4)];
        file_of[bases.substr(0, 20)] = label + name;
        text += ">r\n" + bases + "\n";
      }
      write(folder.path(), label, name, text);
    }
  const auto where = [&](const Json& more) {
    Json settings = {{"path", folder.path().string()}, {"group", "[^/]+$"}, {"validation_fraction", 0.25}};
    settings.update(more);
    const auto task = make("dna_classes", settings);
    std::map<std::string, std::set<Split>> all;
    for (const Split split : kSplits) {
      if (!task->has(split)) continue;
      const auto pass = task->evaluation(split, {.batch = 1, .chunk = 100000});
      for (Batch batch; pass->next(batch);) {
        std::string bases;
        for (const std::int32_t token : batch.tokens) bases += "ACGT"[token];
        if (const auto found = file_of.find(bases.substr(0, 20)); found != file_of.end())
          all[found->second].insert(split);
      }
    }
    return all;
  };
  for (const char* split : {"random", "stratified"}) {
    const auto at_40 = where({{"length", 40}, {"split", split}}), at_90 = where({{"length", 90}, {"split", split}});
    CHECK_EQ(at_40.size(), 16);
    CHECK(at_40 == at_90);
    for (int file = 0; file < 8; ++file) {  // the same name in both classes is one group
      const std::string name = format("genome%d.fa", file);
      CHECK_EQ(at_40.at("x" + name).size(), 1);
      CHECK(at_40.at("x" + name) == at_40.at("y" + name));
    }
  }
  CHECK(says(message_of<ConfigError>([&] {
               make("dna_classes", {{"path", folder.path().string()}, {"split", "stratified"}});
             }),
             "task.split: the bases of each class are divided by their place"));
}

TEST_CASE("classes are counted, and the config keeps their number; one alone is refused") {
  const TemporaryFolder folder;
  std::string lines;
  for (int i = 0; i < 30; ++i) lines += format("%c\t%d\n", "abc"[i % 3], i);
  const std::string path = (folder / "d.tsv").string();
  write_file(path, lines);
  const auto task = make("documents", {{"path", path}});
  CHECK_EQ(task->shape().outputs, 3);
  CHECK_EQ(resolved(*task)["classes"], 3);
  CHECK(constraints_of([&](Fields& f) { task->fields(f); }).at("classes").resolves);
  CHECK_EQ(message_of<ConfigError>([&] {
             make("documents", {{"path", path}, {"classes", 4}});
           }),
           "task.classes: must be the 3 classes of the data (a, b, c), got 4");
  write_file(path, "a\tone\na\ttwo\n");
  CHECK_EQ(message_of<DataError>([&] {
             make("documents", {{"path", path}});
           }),
           "task.path: " + path + ": all are of one class, \"a\"; there must be two or more");
}

TEST_CASE("what was cut is counted, with the longest before") {
  const TemporaryFolder folder;
  std::string lines;
  for (int i = 1; i <= 20; ++i)
    lines +=
        format("%c\t", "ab"[i % 2]) + std::string(static_cast<std::size_t>(100 * i), static_cast<char>('a' + i)) + "\n";
  write_file(folder / "d.tsv", lines);
  const auto task = make("documents", {{"path", (folder / "d.tsv").string()}, {"length", 1700}});
  REQUIRE_EQ(task->contents().size(), 3);
  CHECK_EQ(task->contents()[1], "of 100 to 1,700 steps, median 1,100");
  CHECK_EQ(task->contents()[2],
           "3 of 20 sequences were longer than task.length, 1,700, and cut; the longest has 2,000");
}

TEST_CASE(
    "evaluate_on: classes keep their numbers, in whatever order and number they come; an unknown one is refused") {
  const TemporaryFolder train, other;
  for (int i = 0; i < 10; ++i)
    for (const char* label : {"cooking", "sports", "travel"})
      write(train.path(), label, std::to_string(i), format("%s %d", label, i));
  const Json settings = {{"path", train.path().string()}};
  const auto trained = make("documents", settings);
  write(other.path(), "travel", "1", "far");
  write(other.path(), "cooking", "1", "soup");
  write(other.path(), "cooking", "2", "far");  // of no matter there: nothing is trained
  const auto task = evaluating("documents", *trained, resolved(*trained), other.path());
  CHECK(texts(*task, Split::test) == std::multiset<std::string>{"far/2", "soup/0", "far/0"});
  CHECK_FALSE(task->has(Split::train));
  CHECK_FALSE(task->has(Split::validation));
  CHECK(task->training_counts() == trained->training_counts());
  CHECK_EQ(task->learned(), trained->learned());
  CHECK(task->notes().empty());
  // A file of lines will do, too; the config's own path may be gone.
  Json gone = resolved(*trained);
  gone["path"] = "/nowhere";
  write_file(other / "lines.tsv", "sports\tball\n");
  CHECK(texts(*evaluating("documents", *trained, gone, other / "lines.tsv"), Split::test) ==
        std::multiset<std::string>{"ball/1"});
  Json grouped = gone;  // groups are of the training
  grouped["group"] = "no such name";
  CHECK_EQ(texts(*evaluating("documents", *trained, grouped, other / "lines.tsv"), Split::test).size(), 1);
  fs::remove(other / "lines.tsv");
  CHECK_EQ(texts(*evaluating("documents", *trained, grouped, other.path()), Split::test).size(), 3);
  write(other.path(), "tech", "1", "chips");
  CHECK_EQ(
      message_of<DataError>([&] { evaluating("documents", *trained, settings, other.path()); }),
      "--data: " + other.path().string() + ": class \"tech\" was not among the 3 of training: cooking, sports, travel");
  // A run of an earlier version has no counts.
  const auto old = unprepared("documents", resolved(*trained));
  old->use({{"classes", {"cooking", "sports", "travel"}}});
  fs::remove_all(other / "tech");
  old->evaluate_on(other.path());
  old->prepare(1);
  CHECK(old->training_counts().empty());
  const auto older = unprepared("documents", settings);
  older->use(Json::object());
  CHECK(says(message_of<DataError>([&] { older->evaluate_on(other.path()); }), "names of its classes"));
}

TEST_CASE("evaluate_on: series are measured by the training's mean and deviation; another scale is refused") {
  const TemporaryFolder folder;
  std::string lines, near = "a,104,106\n", far = near;
  for (int i = 0; i < 40; ++i) lines += format("%s,%d,%d\n", i % 2 ? "a" : "b", 90 + i % 20, 110 - i % 20);
  write_file(folder / "t.csv", lines);
  write_file(folder / "near.csv", near + "b,101,99\n");
  write_file(folder / "far.csv", near + "b,101,99000\n");
  const auto trained = make("series_classes", {{"path", (folder / "t.csv").string()}, {"normalise", true}});
  const double mean = trained->learned().at("mean").get<double>(),
               deviation = trained->learned().at("deviation").get<double>();
  CHECK(mean == doctest::Approx(100).epsilon(0.01));
  const auto task = evaluating("series_classes", *trained, resolved(*trained), folder / "near.csv");
  const auto values = first_values(*task, Split::test);
  REQUIRE_EQ(values.size(), 2);
  CHECK(values[0] == doctest::Approx((104 - mean) / deviation));
  CHECK(values[1] == doctest::Approx((101 - mean) / deviation));
  CHECK_EQ(task->learned(), trained->learned());
  CHECK(says(
      message_of<DataError>([&] { evaluating("series_classes", *trained, resolved(*trained), folder / "far.csv"); }),
      "far.csv:2: lies "));
}

TEST_CASE("evaluate_on: text and bases in the model's alphabet, all of the file") {
  const TemporaryFolder folder;
  const auto file = [&](const std::string& name, const std::string& text) {
    write_file(folder / name, text);
    return (folder / name).string();
  };
  const auto trained =
      make("text", {{"path", file("t", "abcabcabcabc")}, {"alphabet", "auto"}, {"length", 4}, {"train_fraction", 0.5}});
  const auto task = evaluating("text", *trained, resolved(*trained), file("e", "cbacbacba"));
  CHECK_EQ(tokens(*task, Split::test), "cbacbacba");
  CHECK_EQ(task->shape().vocabulary, 4);
  CHECK(task->training_counts() == std::vector<Index>{0, 2, 2, 2});
  CHECK_FALSE(task->has(Split::train));
  CHECK_FALSE(task->has(Split::validation));
  CHECK_EQ(tokens(*evaluating("text", *trained, resolved(*trained), file("s", "ab")), Split::test), "ab");
  CHECK_EQ(message_of<DataError>([&] { evaluating("text", *trained, resolved(*trained), file("x", "abxy")); }),
           (folder / "x").string() + ": 2 of 4 characters are not in the model's alphabet");
  CHECK(says(message_of<DataError>([&] { evaluating("text", *trained, resolved(*trained), file("one", "a")); }),
             "--data: has one character"));
  const auto dna = make("dna", {{"path", file("d", ">r\nACGTACGTACGT\n")}, {"length", 3}, {"train_fraction", 0.5}});
  CHECK_EQ(tokens(*evaluating("dna", *dna, resolved(*dna), file("f", ">1\nGG\n>2\nCC\n")), Split::test), "GGNCC");
  CHECK(says(message_of<DataError>([&] { evaluating("dna", *dna, resolved(*dna), file("p", ">1\nMKLQELPFG\n")); }),
             "letters are not bases"));
}

namespace {

std::string number(Index value) { return {0, 0, static_cast<char>(value >> 8), static_cast<char>(value & 255)}; }

/// IDX files of images of 2 x 2, all pixels of each of one value; label = value % classes.
void write_images(const fs::path& images, const fs::path& labels, Index first, Index count, Index classes) {
  std::string pixels = std::string{0, 0, 8, 3} + number(count) + number(2) + number(2);
  std::string answers = std::string{0, 0, 8, 1} + number(count);
  for (Index i = first; i < first + count; ++i)
    pixels += std::string(4, static_cast<char>(i)), answers += static_cast<char>(i % classes);
  write_file(images, pixels);
  write_file(labels, answers);
}

}  // namespace

TEST_CASE("images: files of their own validate; classes are counted; other files are found with their labels") {
  const TemporaryFolder folder;
  const auto at = [&](const std::string& name) { return (folder / name).string(); };
  write_images(at("a-images-idx3-ubyte"), at("a-labels-idx1-ubyte"), 0, 12, 3);
  write_images(at("b-images-idx3-ubyte"), at("b-labels-idx1-ubyte"), 11, 4, 2);
  const Json settings = {{"images", at("a-images-idx3-ubyte")},
                         {"labels", at("a-labels-idx1-ubyte")},
                         {"side", 2},
                         {"classes", 0},
                         {"tokens", true},
                         {"validation", 5}};
  const auto pixels = [](const Task& task, Split split) {
    std::vector<Index> all;
    const auto pass = task.evaluation(split, {.batch = 1, .chunk = 100});
    for (Batch batch; pass->next(batch);) all.push_back(batch.tokens[0]);
    return all;
  };
  const auto plain = make("images", settings);
  CHECK_EQ(plain->shape().outputs, 3);
  CHECK_EQ(resolved(*plain)["classes"], 3);
  CHECK_EQ(plain->contents().at(0), "train 7 images (0 3, 1 2, 2 2), validation 5 (0 1, 1 2, 2 2), test none");
  Json own = settings;
  own.update({{"validation_images", at("b-images-idx3-ubyte")}, {"validation_labels", at("b-labels-idx1-ubyte")}});
  const auto task = make("images", own);
  CHECK_EQ(task->training_sequences(), 12);
  CHECK(pixels(*task, Split::validation) == std::vector<Index>{11, 12, 13, 14});
  CHECK_EQ(task->contents().at(1), "1 of the 4 validation images have the same content as one of train");
  for (const std::string& data : {at("b-images-idx3-ubyte"), at("only")}) {
    fs::create_directories(folder / "only");
    write_images(at("only/b-images-idx3-ubyte"), at("only/b-labels-idx1-ubyte"), 11, 4, 2);
    const auto other = evaluating("images", *plain, resolved(*plain), data);
    CHECK(pixels(*other, Split::test) == std::vector<Index>{11, 12, 13, 14});
    CHECK(other->training_counts() == std::vector<Index>{3, 2, 2});
    CHECK_FALSE(other->has(Split::train));
    CHECK_FALSE(other->has(Split::validation));
  }
  const auto refused = [&](const std::string& data) {
    return message_of<DataError>([&] { evaluating("images", *plain, resolved(*plain), data); });
  };
  CHECK(says(refused(folder.path().string()), "or a folder with one of each, named as MNIST's"));
  CHECK(says(refused(folder.path().string()), "it has 3 such pairs"));
  fs::rename(at("b-labels-idx1-ubyte"), at("answers"));
  CHECK(says(refused(at("b-images-idx3-ubyte")), "it has 0 such pairs"));
  write_images(at("c-images-idx3-ubyte"), at("c-labels-idx1-ubyte"), 0, 5, 5);
  CHECK_EQ(refused(at("c-images-idx3-ubyte")),
           at("c-labels-idx1-ubyte") + ": label 3 of image 3 is not below task.classes, 3");
}
