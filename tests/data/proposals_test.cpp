// What is proposed for one's own files (data/proposals), for files made here.

#include <doctest/doctest.h>

#include <fstream>

#include "core/error.h"
#include "core/strings.h"
#include "data/proposals/proposal.h"
#include "tests/support/numpy.h"
#include "tests/support/temporary_folder.h"

namespace seqtape {
namespace {

namespace fs = std::filesystem;

Proposal propose(const std::string& kind, const Paths& paths) {
  for (const DataKind& one : data_kinds())
    if (one.name == kind) return one.propose(paths);
  throw Error("no such kind");
}

struct Files {
  testing::TemporaryFolder folder;
  fs::path write(const std::string& name, const std::string& content) const {
    const fs::path path = folder.path() / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }
};

bool saw(const Proposal& proposal, const std::string& part) {
  for (const std::string& line : proposal.seen)
    if (line.find(part) != std::string::npos) return true;
  return false;
}

/// Rows of "date,value" from a date's text by number.
template <class Date>
std::string dated(Index rows, const Date& date) {
  std::string text = "when,y\n";
  for (Index r = 0; r < rows; ++r) text += str(date(r), ",", r % 7, "\n");
  return text;
}

TEST_CASE("series: what each column is") {
  const Files files;
  std::string text = ",day,y,shop,y2,note,twice,twice,empty\n";
  for (Index r = 0; r < 60; ++r) {
    if (r == 30) continue;
    text += str(r - (r > 30), ",", r < 31 ? "2024-01-" : "2024-02-",
                format("%02d", static_cast<int>(r < 31 ? r + 1 : r - 30)), ",", r == 7 ? "NA" : std::to_string(r), ",",
                r % 2 ? "b" : "a", ",", r, ".5,text", r, ",1,2,\n");
  }
  const Proposal made = propose("series", {files.write("a.csv", text)});
  CHECK(made.task["columns"] == Json({"y", "y2", "shop"}));
  CHECK(made.task["targets"] == Json({"y", "y2"}));
  CHECK(made.task["categorical"] == Json({"shop"}));
  CHECK(made.task["time"] == "day");
  CHECK(made.task["missing"] == "linear");
  CHECK(made.task["season"] == 7);
  CHECK(saw(made, "2024-01-01 to 2024-02-29, each 1 day, 1 absent"));
  CHECK(saw(made, "1 cells missing"));
  CHECK(saw(made, "column 1 (numbers the rows)"));
  CHECK(saw(made, "\"note\" (more than 50 different texts)"));
  CHECK(saw(made, "\"twice\" (is there twice)"));
  CHECK(saw(made, "\"empty\" (is empty)"));
}

TEST_CASE("series: seasons by the step of the dates; none without dates") {
  const Files files;
  const auto season = [&](const std::string& text) {
    return propose("series", {files.write("a.csv", text)}).task["season"].get<Index>();
  };
  CHECK(season(dated(120, [](Index r) { return format("%d-%02d", int(2000 + r / 12), int(r % 12 + 1)); })) == 12);
  CHECK(season(dated(120, [](Index r) { return format("2024-01-%02d %02d:00", int(1 + r / 24), int(r % 24)); })) == 24);
  CHECK(season(dated(192, [](Index r) {
          return format("2024-01-%02d %02d:%02d", int(1 + r / 96), int(r / 4 % 24), int(r % 4 * 15));
        })) == 96);
  CHECK(season("y\n" + [] {
          std::string rows;
          for (int r = 0; r < 60; ++r) rows += str(r * r % 11, "\n");
          return rows;
        }()) == 1);
}

TEST_CASE("series: a column that was meant as dates, and files that are none") {
  const Files files;
  std::string text = "when,y\n";
  for (int r = 0; r < 60; ++r) text += str(r == 20 ? "soon" : format("2024-03-%02d", r % 28 + 1), ",", r, "\n");
  CHECK(saw(propose("series", {files.write("a.csv", text)}), "\"when\" is no column of dates: "));
  CHECK_THROWS_WITH_AS(propose("series", {files.write("b.csv", "a,b\nx,y\nz,w\n")}),
                       doctest::Contains("has no column of numbers"), DataError);
  CHECK_THROWS_WITH_AS(propose("series", {files.write("c.csv", "a\n1\n2\n")}), doctest::Contains("has 2 rows, 40 are"),
                       DataError);
  CHECK_THROWS_AS(propose("series", {files.write("d.csv", "a\n1\n"), files.write("e.csv", "a\n1\n")}), ConfigError);
}

TEST_CASE("documents: lengths, classes of different size, folders for the splits") {
  const Files files;
  for (int i = 0; i < 20; ++i)
    files.write(str("d/train/many/", i), std::string(static_cast<std::size_t>(100 + i), 'a'));
  for (int i = 0; i < 3; ++i) files.write(str("d/train/few/", i), "bbb");
  files.write("d/test/few/x", "bbb");
  const fs::path folder = files.folder.path() / "d";
  const Proposal made = propose("documents", {folder});
  CHECK(made.task["train_path"] == (folder / "train").string());
  CHECK(made.task["test_path"] == (folder / "test").string());
  CHECK_FALSE(made.task.contains("path"));
  CHECK_FALSE(made.task.contains("validation_path"));
  CHECK(made.task["class_weights"] == "balanced");
  CHECK(made.task["length"] == 119);
  CHECK(saw(made, "23 texts of 2 classes: few 3, many 20"));
  const Proposal lines = propose("documents", {files.write("l.tsv", "a\tone\nb\ttwo two\na\tthree\n")});
  CHECK(lines.task["length"] == 7);
  CHECK_FALSE(lines.task.contains("class_weights"));
  CHECK_THROWS_WITH_AS(propose("documents", {files.write("m.tsv", "a\tone\nno tab\n")}), doctest::Contains("m.tsv:2: "),
                       DataError);
}

TEST_CASE("text, dna, ucr and images: too little or another kind is told") {
  const Files files;
  CHECK(propose("text", {files.write("t.txt", std::string(1000, 'x'))}).task["length"] == 48);
  CHECK_THROWS_WITH_AS(propose("text", {files.write("s.txt", "short")}), doctest::Contains("5 bytes are too few"),
                       DataError);
  CHECK(propose("dna", {files.write("g.fa", ">a\n" + std::string(4000, 'A'))}).task["name"] == "dna");
  files.write("species/x/a.fa", ">a\n" + std::string(4000, 'A'));
  files.write("species/y/a.fa", ">a\n" + std::string(9000, 'C'));
  const Proposal classes = propose("dna", {files.folder.path() / "species"});
  CHECK(classes.task["name"] == "dna_classes");
  CHECK(classes.task["length"] == 398);
  CHECK(saw(classes, "class y: 1 records, 9,000 bases"));
  const Proposal ucr =
      propose("ucr", {files.write("a.tsv", "1\t1\t2\t3\n2\t4\t5\tNaN\n"), files.write("b.tsv", "1\t1\t2\t3\n")});
  CHECK(ucr.task["length"] == 3);
  CHECK(ucr.task.contains("test_path"));
  CHECK(saw(ucr, "1 series to test"));
  CHECK_THROWS_WITH_AS(propose("images", {files.write("i.png", "\x89PNG none")}),
                       doctest::Contains("is neither an IDX file"), DataError);
}

TEST_CASE("arrays: one file or two, and classes beside them or named") {
  const Files files;
  std::string halves;  // 40 cases of 3 steps of 2 channels
  for (int i = 0; i < 40 * 3 * 2; ++i) halves += std::string("\0\x3C", 2);
  const std::string x = testing::npy("<f2", "(40, 3, 2)", halves);
  std::string classes;
  for (int i = 0; i < 40; ++i) classes += static_cast<char>(i % 2);
  const std::string y = testing::npy("|i1", "(40,)", classes);
  const fs::path train = files.write("X_train.npy", x), test = files.write("X_test.npy", x);
  CHECK_THROWS_WITH_AS(
      propose("arrays", {train}),
      str(train.string(), ": its classes are not beside it in ", (files.folder / "y_train.npy").string(),
          "; task.labels names their file, or an .npz has both: numpy.savez(\"new.npz\", X=X, y=y)")
          .c_str(),
      DataError);
  const fs::path named = files.write("truth.npy", y);
  Proposal made = propose("arrays", {train, named});
  CHECK(made.task["labels"] == named.string());
  CHECK(made.task["path"] == train.string());
  CHECK(made.task["length"] == 3);
  CHECK(made.task["normalise"] == true);
  CHECK(saw(made, "2 numbers a step"));
  CHECK(saw(made, "40 sequences of 2 classes: 0 20, 1 20"));
  files.write("y_test.npy", y);
  made = propose("arrays", {train, test, named});
  CHECK(made.task["test_path"] == test.string());
  CHECK_FALSE(made.task.contains("test_fraction"));
  CHECK(saw(made, "40 sequences of 2 classes to test"));
  CHECK_THROWS_AS(propose("arrays", {train, test, train, named}), ConfigError);
}

TEST_CASE("lines: texts or numbers, by what they hold") {
  const Files files;
  std::string texts, numbers;
  for (int i = 0; i < 20; ++i) {
    texts +=
        str("{\"text\": \"", std::string(static_cast<std::size_t>(i), 'x'), "\", \"label\": ", i % 2, ", \"id\": 1}\n");
    numbers += str("{\"values\": [[1, 2, 3], [4, 5, 6]], \"label\": \"", i % 2, "\"}\n");
  }
  const fs::path of_texts = files.write("t.jsonl", texts), of_numbers = files.write("n.jsonl", numbers);
  Proposal made = propose("lines", {of_texts});
  CHECK(made.task["name"] == "documents");
  CHECK(made.task["test_fraction"] == 0.2);
  CHECK(saw(made, "t.jsonl: \"id\" is not read"));
  CHECK(propose("documents", {of_texts}).task == made.task);
  made = propose("lines", {of_numbers, of_numbers});
  CHECK(made.task["name"] == "arrays");
  CHECK(made.task["test_path"] == of_numbers.string());
  CHECK(saw(made, "3 numbers a step"));
  CHECK_THROWS_WITH_AS(propose("lines", {files.write("o.jsonl", "{\"title\": \"a\"}\n")}),
                       str((files.folder / "o.jsonl").string(), ":1: has no \"text\"; it has \"title\"").c_str(),
                       DataError);
}

}  // namespace
}  // namespace seqtape
