// Readers of text, CSV and FASTA: what files of other programs and systems hold, read or refused by name.
#include <doctest/doctest.h>
#include <sys/stat.h>
#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include "core/error.h"
#include "core/io/file.h"
#include "core/strings.h"
#include "data/readers/csv.h"
#include "data/readers/fasta.h"
#include "data/readers/files.h"
#include "tests/support/make_task.h"
#include "tests/support/temporary_folder.h"

using namespace seqtape;
using namespace std::string_literals;
using testing::make;
using testing::message_of;
using testing::TemporaryFolder;

namespace {

std::string gz(const std::string& text) {
  z_stream stream{};
  REQUIRE_EQ(deflateInit2(&stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string packed(text.size() + 1000, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  REQUIRE_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(packed.size() - stream.avail_out);
  deflateEnd(&stream);
  return packed;
}

std::string utf16(const std::string& text, bool mark, bool big_endian) {
  std::string wide = !mark ? "" : big_endian ? "\xFE\xFF" : "\xFF\xFE";
  for (const char c : text) wide += big_endian ? "\0"s + c : c + "\0"s;
  return wide;
}

/// A file and what a task says when it is made of it: "" when it is read.
struct Trial {
  TemporaryFolder folder;
  std::string path = (folder / "x").string();

  std::string operator()(const std::string& task, const std::string& content, const Json& more = Json::object()) const {
    write_file(path, content);
    Json settings = {{"path", path}, {"length", 8}};
    settings.update(more);
    try {
      make(task, settings);
      return "";
    } catch (const Error& error) {
      return error.what();
    }
  }
  /// Its data, as the task tells them from others.
  std::string data(const std::string& task, const std::string& content, const Json& more = Json::object()) const {
    write_file(path, content);
    Json settings = {{"path", path}, {"length", 8}, {"train_fraction", 0.5}};
    settings.update(more);
    return make(task, settings)->fingerprint();
  }
};

bool says(const std::string& message, const std::string& what) { return message.find(what) != std::string::npos; }

const Json kColumns = {{"columns", {"y"}}, {"length", 2}, {"horizon", 1}};

std::string rows(const std::string& head, const std::function<std::string(int)>& row, const char* end = "\n") {
  std::string text = head + end;
  for (int i = 0; i < 60; ++i) text += row(i) + end;
  return text;
}

}  // namespace

TEST_CASE("files: gz is unpacked for every task, of several members; what else is packed is named") {
  const Trial trial;
  std::string text, fasta = ">x\n", ids;
  for (int i = 0; i < 4000; ++i)
    text += std::to_string(i * 7919 % 1000) + " ", fasta += "ACGT"[i * i % 7 % 4], ids += i % 2 ? "1 " : "0 ";
  const std::string table = rows("t,y", [](int i) { return format("%d,%d", i, i * i % 7); });
  const std::map<std::string, std::pair<std::string, Json>> tasks{{"text", {text, Json::object()}},
                                                                  {"tokens", {ids, {{"vocab", 2}}}},
                                                                  {"dna", {fasta, Json::object()}},
                                                                  {"series", {table, kColumns}}};
  for (const auto& [task, given] : tasks) {
    CAPTURE(task);
    const auto& [content, more] = given;
    const std::string plain = trial.data(task, content, more), half = content.substr(0, content.size() / 2);
    const std::string members = gz(half) + gz(content.substr(half.size())) + gz("");
    CHECK_EQ(trial.data(task, gz(content), more), plain);
    CHECK_EQ(trial.data(task, members, more), plain);
    CHECK_EQ(trial.data(task, members + std::string(512, '\0'), more), plain);
    CHECK(says(trial(task, members + "more", more), "what follows the gz data at byte"));
    CHECK(says(trial(task, gz(content).substr(0, 40), more), "is a damaged or truncated gz file"));
    CHECK(says(trial(task, gz(gz(content)), more), "is packed by gz twice"));
    for (const auto& [name, magic] : std::map<std::string, std::string>{{"bzip2", "BZh91AY&SY"},
                                                                        {"xz",
                                                                         "\xFD"
                                                                         "7zXZ\0"s},
                                                                        {"zstd", "\x28\xB5\x2F\xFD"},
                                                                        {"zip", "PK\3\4"},
                                                                        {"7z", "7z\xBC\xAF\x27\x1C"},
                                                                        {"tar", std::string(257, 'x') + "ustar"}}) {
      CHECK(says(trial(task, magic + "\n>" + content, more), "x: is packed by " + name + ";"));
      CHECK(says(trial(task, gz(magic + "\n>" + content), more), "x: is packed by " + name + ";"));
    }
    CHECK_EQ(trial.data(task, "\xEF\xBB\xBF" + content, more), plain);
  }
}

TEST_CASE("files: UTF-16 is said to be it; bytes are read as they are, with a note") {
  const Trial trial;
  const std::string table = rows("t,y", [](int i) { return format("%d,%d", i, i * i % 7); });
  for (const bool mark : {true, false})
    for (const bool big_endian : {true, false}) {
      const auto wide = [&](const std::string& text) { return utf16(text, mark, big_endian); };
      CHECK(says(trial("series", wide(table), kColumns), "x: is UTF-16 text, must be UTF-8; iconv -f UTF-16"));
      CHECK(says(trial("dna", wide(">x\nACGTACGTACGTACGT\n")), "is UTF-16 text"));
      CHECK(says(trial("tokens", wide("1 2 3 4 5 6 7 8 9 10 11")), "is UTF-16 text"));
      CHECK(
          says(trial("text", wide("some text to read, some text to read"), {{"alphabet", "auto"}}), "is UTF-16 text"));
      CHECK(says(trial("documents", wide("a\tone\nb\ttwo\n")), "is UTF-16 text"));
      write_file(trial.path, wide(std::string(200, 'x')));
      const auto task = make("text", {{"path", trial.path}, {"length", 8}});
      REQUIRE_EQ(task->notes().size(), 1);
      CHECK(says(task->notes()[0], "x is UTF-16, of which the bytes are read"));
    }
}

TEST_CASE("files: hidden ones, backups, runs and links are left out and named; order and place do not matter") {
  const TemporaryFolder folder, elsewhere;
  const auto fill = [](const std::filesystem::path& root) {
    for (const char* label : {"a", "b"}) {
      std::filesystem::create_directories(root / "d" / label);
      for (int i = 0; i < 6; ++i)
        write_file(root / "d" / label / (std::to_string(i) + ".txt"), std::string(40, *label) + std::to_string(i));
    }
  };
  fill(folder.path());
  fill(elsewhere / "in" / "another");
  const auto text = [](const std::filesystem::path& root) {
    return make("text", {{"path", (root / "d").string()}, {"length", 8}, {"train_fraction", 0.5}});
  };
  const auto documents = [](const std::filesystem::path& root) {
    return make("documents", {{"path", (root / "d").string()}, {"length", 8}});
  };
  const std::string of_text = text(folder.path())->fingerprint(),
                    of_documents = documents(folder.path())->fingerprint();
  CHECK_EQ(text(elsewhere / "in" / "another")->fingerprint(), of_text);
  CHECK_EQ(documents(elsewhere / "in" / "another")->fingerprint(), of_documents);
  CHECK(text(folder.path())->notes().empty());
  const auto d = folder / "d";
  for (const char* name : {".DS_Store", "._1.txt", ".1.txt.swp", "1.txt~", "#1.txt#", "Thumbs.db", "desktop.ini"})
    write_file(d / "a" / name, "no data");
  for (const char* name : {".ipynb_checkpoints", "__MACOSX", "run", "run/checkpoints"})
    std::filesystem::create_directory(d / name);
  write_file(d / ".ipynb_checkpoints" / "1.txt", "no data");
  write_file(d / "__MACOSX" / "1.txt", "no data");
  write_file(d / "run" / "config.json", "{}");
  write_file(d / "run" / "metrics.jsonl", "{}");
  REQUIRE_EQ(::mkfifo((d / "b" / "fifo").c_str(), 0600), 0);
  std::filesystem::create_directory_symlink(d / "a", d / "b" / "linked");
  std::filesystem::create_symlink("nowhere", d / "b" / "dangling");
  CHECK_EQ(text(folder.path())->fingerprint(), of_text);
  CHECK_EQ(documents(folder.path())->fingerprint(), of_documents);
  for (const auto& task : {text(folder.path()), documents(folder.path())}) {
    const std::string notes = join(task->notes(), "\n");
    for (const char* what :
         {"3 hidden files were left out (a/.", "1 hidden folders were left out (d/.ipynb_checkpoints)",
          "2 backup files of editors", "3 hidden files of other systems",
          "1 folders of runs or comparisons were left out (d/run)", "1 entries that are no files", "1 links to folders",
          "1 links to nothing"})
      CHECK(says(notes, what));
  }
  write_file(d / "loose.txt", "in no class");
  CHECK(says(join(documents(folder.path())->notes(), "\n"), "1 files beside the folders of the classes were left out"));
  const auto twice = make("text", {{"path", {(folder / "d").string(), (d / "a" / "3.txt").string()}}, {"length", 8}});
  CHECK(says(join(twice->notes(), "\n"), "read twice: 3.txt; what validates may have been trained on"));
  // A hidden file that is named is meant.
  CHECK(make("text", {{"path", (d / "a" / "._1.txt").string()}, {"length", 1}, {"train_fraction", 0.5}}));
}

TEST_CASE("files: FIFOs and devices are refused at once, whatever reads them") {
  const TemporaryFolder folder;
  const std::string fifo = (folder / "fifo").string();
  REQUIRE_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  for (const std::string& path : {fifo, "/dev/zero"s, folder.path().string()}) {
    CHECK(says(message_of<DataError>([&] { read_file(path); }), path + ": is not a file but a"));
    CHECK(says(message_of<DataError>([&] { crc32_of_file(path); }), path + ": is not a file but a"));
  }
  for (const std::string& path : {fifo, "/dev/zero"s}) {
    for (const char* task : {"text", "tokens", "dna", "documents", "series_classes"})
      CHECK(says(message_of<DataError>([&] { make(task, {{"path", path}, {"length", 8}}); }), "file"));
    CHECK(says(message_of<DataError>([&] { make("series", {{"path", path}, {"columns", {"y"}}}); }), "not a file"));
    CHECK(says(message_of<DataError>([&] { make("images", {{"images", path}, {"labels", path}}); }), "not a file"));
  }
}

TEST_CASE("CSV: numbers as they are written, and what is none with a hint") {
  const TemporaryFolder folder;
  const auto number = [&](const std::string& cell) {
    write_file(folder / "x", "x;y\n1;" + cell + "\n");
    return CsvFile(folder / "x").number(1, 1, "y");
  };
  CHECK_EQ(number("+0012.5"), 12.5);
  CHECK_EQ(number("+1e3"), 1000);
  CHECK_EQ(number("1e-400"), 0);
  CHECK_EQ(number("-1e-400"), 0);
  CHECK(number("-1e-320") == doctest::Approx(0));
  CHECK_EQ(number("100000000.8414709848"), 100000000.8414709848);
  CHECK_EQ(number("1700000001"), 1700000001);
  CHECK_EQ(number("1e40"), 1e40);
  CHECK_EQ(number("\" 2 \""), 2);
  for (const char* cell : {"++1", "+-1", "-+1", "+", "1x", "0x10", "1e400", "-1e400", "inf", "1e200", "", "1 2"})
    CHECK_THROWS_AS(number(cell), DataError);
  const auto refusal = [&](const std::string& cell) { return message_of<DataError>([&] { number(cell); }); };
  for (const char* cell : {"1,5", "\"1,234.5\"", "1.234,5", "1'000"})
    CHECK(says(refusal(cell), "; numbers have a decimal point, not a comma, and no thousands separators"));
  for (const char* cell : {"", "NA", "NaN", "null", "n/a"})
    CHECK(says(refusal(cell), "; rows without a value must be filled or removed"));
  CHECK(says(refusal("\033[31m2\n"), "is not a number: \"\\x1b[31m2\""));
}

TEST_CASE("CSV: separators in quotes, line ends of every kind, names that stand for two columns or none") {
  const Trial trial;
  const auto row = [](int i) { return format("%d;%d", i, i * i % 7); };
  const auto read = [&](const std::string& text, const char* column = "y") {
    return trial("series", text, {{"columns", {column}}, {"length", 2}, {"horizon", 1}});
  };
  const std::string plain = trial.data("series", rows("t;y", row), kColumns);
  for (const char* end : {"\r\n", "\r"}) CHECK_EQ(trial.data("series", rows("t;y", row, end), kColumns), plain);
  CHECK_EQ(read(rows("\"time, UTC\";\"load, MW\"", row), "load, MW"), "");
  CHECK_EQ(read(rows("\"a, b, c, d\nin one\";y", row)), "");
  CHECK_EQ(read(rows("\"a \"\"b, c\"\", d\";y", row)), "");
  const auto bad = [&](int at, const char* end) {
    return rows(
        "t;y", [&](int i) { return i == at ? "9;z" : row(i); }, end);
  };
  CHECK(says(read(bad(39, "\n")), "x:41: column y is not a number: \"z\""));
  CHECK(says(read(bad(39, "\r")), "x:41: column y is not a number: \"z\""));
  CHECK(says(read(bad(39, "\r\n")), "x:41: column y is not a number: \"z\""));
  std::string mixed = bad(59, "\n");
  for (const char* line : {"\n4;", "\n9;", "\n30;"}) mixed[mixed.find(line)] = '\r';
  CHECK(says(read(mixed), "x:61: column y is not a number: \"z\""));
  CHECK(says(read(rows("y;x;y", [](int i) { return format("%d;1;2", i); })), "has a column \"y\" twice"));
  CHECK_EQ(read(rows("y;x;x", [](int i) { return format("%d;1;2", i); })), "");
  CHECK(says(read(rows("y", [](int i) { return format("%d,5", i); })), "x:2: has 2 columns, the first line names 1"));
  CHECK_EQ(read(rows("t;y", [&](int i) { return row(i) + ";"; })), "");  // a separator at the end names nothing
  CHECK(says(read(rows("t y", [](int i) { return format("%d %d", i, i); })), "columns are separated by commas"));
  for (const char* last : {"60;NA", "Total;;", ";;", "60"})
    CHECK(says(read(rows("t;y", row) + last + "\n"), "x:62: column y"));
}

TEST_CASE("series: large offsets keep their changes; a constant column has no deviation; what was learned stays") {
  const TemporaryFolder folder;
  const std::string path = (folder / "a.csv").string();
  std::string text = "t,y,k\n";
  for (int i = 0; i < 2000; ++i)
    text += format("%d,%.6f,%s\n", 1700000000 + i, 1e8 + std::sin(i / 10.0), i < 1400 ? "14.62" : "14.82");
  write_file(path, text);
  const Json settings = {{"path", path}, {"columns", {"t", "y", "k"}}, {"length", 8}, {"horizon", 1}};
  const auto task = make("series", settings);
  const Json columns = task->learned().at("scales");
  CHECK(columns.at("y").at("mean").get<double>() == doctest::Approx(1e8));
  CHECK(columns.at("y").at("deviation").get<double>() == doctest::Approx(0.7071).epsilon(0.01));
  CHECK_EQ(columns.at("k").at("deviation").get<double>(), 0);
  Batch batch;
  task->training_batch(0, 16, batch);
  const double step = 1 / columns.at("t").at("deviation").get<double>();
  for (std::size_t b = 0; b < 16; ++b)
    for (std::size_t t = 0; t + 1 < 8; ++t) {
      const auto at = (b * 8 + t) * 3;
      CHECK(static_cast<double>(batch.values[at + 3] - batch.values[at]) == doctest::Approx(step).epsilon(1e-3));
      const double change = std::fabs(static_cast<double>(batch.values[at + 4] - batch.values[at + 1]));
      CHECK(change < 0.15);
      CHECK(std::fabs(static_cast<double>(batch.values[at + 2])) < 1e-6);
    }
  // The run's numbers hold for other data.
  write_file(path, "t,y,k\n" + text.substr(text.find('\n') + 1) + "1700002000,5,1\n");
  auto other = tasks().find("series")->make();
  read_fields([&](Fields& f) { other->fields(f); }, settings, "task");
  other->use(task->learned());
  other->prepare(1);
  CHECK_EQ(other->learned(), task->learned());
  CHECK_NE(other->fingerprint(), task->fingerprint());
  Json turned = settings;
  turned["columns"] = {"y", "t", "k"};
  turned["targets"] = {"t", "y", "k"};
  auto mixed = tasks().find("series")->make();
  read_fields([&](Fields& f) { mixed->fields(f); }, turned, "task");
  mixed->use(task->learned());
  CHECK_EQ(message_of<ConfigError>([&] { mixed->prepare(1); }),
           "task.columns: must be what the model was trained on, in the same order: t, y, k");
  write_file(path, "t,y,k\n" + text.substr(text.find('\n') + 1) + "1700002000,5,1e120\n");
  CHECK(
      says(message_of<DataError>([&] { make("series", settings); }), "column k: 1e+120 is too far from the training"));
}

TEST_CASE("series of classes: the UCR archive's paddings and blanks, and numbers that floats cannot hold") {
  const Trial trial;
  const auto line = [](int i, const char* between, int steps) {
    std::string text = std::to_string(1 + i % 2);
    for (int k = 0; k < steps; ++k) text += between + format("%.3f", (i * 7 + k * 3) % 10 / 10.0);
    return text;
  };
  const auto lines = [&](const auto& make_line) {
    std::string text;
    for (int i = 0; i < 12; ++i) text += make_line(i) + "\n";
    return text;
  };
  const auto ucr = [&](const std::string& content, const Json& more = Json::object()) {
    Json settings = {{"length", 100}, {"validation_fraction", 0.2}, {"test_fraction", 0}};
    settings.update(more);
    return trial("series_classes", content, settings);
  };
  const auto print = [&](const std::string& content) {
    CHECK_EQ(ucr(content), "");
    return make("series_classes", {{"path", trial.path}})->fingerprint();
  };
  const std::string plain = print(lines([&](int i) { return line(i, "\t", i % 3 ? 8 : 5); }));
  for (const char* filler : {"\tNaN\tNaN\tNaN", "\tnan\tnan\tnan", "\t\t\t"})
    CHECK_EQ(print(lines([&](int i) { return line(i, "\t", i % 3 ? 8 : 5) + (i % 3 ? "" : filler); })), plain);
  CHECK_EQ(print(lines([&](int i) { return line(i, "  ", i % 3 ? 8 : 5); })), plain);
  CHECK_EQ(print(lines([&](int i) { return "   " + line(i, " ", i % 3 ? 8 : 5) + "  \r"; })), plain);
  const std::string holes = lines([&](int i) { return line(i, "\t", 3) + (i == 7 ? "\tNaN" : "\t1") + "\t2\t3"; });
  CHECK(says(ucr(holes), "x:8: column 5 is not a"));
  CHECK(says(ucr(lines([&](int i) { return line(i, "\t", 8); }), {{"length", 5}, {"longer", "refuse"}}),
             "x:1: has 8 steps"));

  const std::string large = lines([&](int i) {
    std::string text = i % 2 ? "up" : "down";
    for (int k = 0; k < 50; ++k) text += format(",%.6f", 1e8 + std::sin(k / 5.0 + i));
    return text;
  });
  write_file(trial.path, large);
  const Json settings = {{"path", trial.path}, {"validation_fraction", 0.2}};
  const auto task = make("series_classes", settings);
  REQUIRE_EQ(task->notes().size(), 1);
  CHECK(says(task->notes()[0], "32-bit numbers do not hold the values: the training part's mean, 1e+08, was"));
  Batch batch;
  const auto check_range = [&](const Task& of, double least, double most) {
    of.training_batch(0, 8, batch);
    const auto [low, high] = std::minmax_element(batch.values.begin(), batch.values.end());
    CHECK(static_cast<double>(*low) == doctest::Approx(least).epsilon(0.1));
    CHECK(static_cast<double>(*high) == doctest::Approx(most).epsilon(0.1));
  };
  check_range(*task, -1.4, 1.4);
  // The same at any length, and what was learned is kept to.
  Json shorter = settings;
  shorter["length"] = 7;
  CHECK_EQ(make("series_classes", shorter)->learned(), task->learned());
  CHECK_EQ(make("series_classes", shorter)->fingerprint(), task->fingerprint());
  auto other = tasks().find("series_classes")->make();
  read_fields([&](Fields& f) { other->fields(f); }, settings, "task");
  other->use({{"classes", {"down", "up"}}, {"mean", 1e8}, {"deviation", 2}});
  other->prepare(1);
  check_range(*other, -0.5, 0.5);
  // Numbers that floats hold are left as they are, unless it is asked for.
  write_file(trial.path, lines([&](int i) { return line(i, ",", 50); }));
  check_range(*make("series_classes", {{"path", trial.path}, {"validation_fraction", 0.2}}), 0, 0.9);
  check_range(*make("series_classes", {{"path", trial.path}, {"validation_fraction", 0.2}, {"normalise", true}}), -1.57,
              1.57);
}

TEST_CASE("FASTA: line ends, marks, remarks, empty records; what it is not is refused by line") {
  const Trial trial;
  const std::string a(40, 'A'), c(40, 'C');
  const std::string plain = trial.data("dna", ">one\n" + a + "\n>two\n" + c + "\n");
  CHECK(says(plain, "81 bases"));
  for (const std::string& same :
       {">one\r\n" + a + "\r\n>two\r\n" + c, ">one\r" + a + "\r>two\r" + c + "\r",
        "\xEF\xBB\xBF>one\n" + a + "\n>two\n" + c, "; a remark\n\n >one\n" + a + "\n\t>two\n; another\n" + c,
        ">0\n>one\n" + a + "\n>x\n\n>two\n" + c + "\n>end"})
    CHECK_EQ(trial.data("dna", same), plain);
  CHECK(make("dna", {{"path", trial.path}, {"length", 8}, {"train_fraction", 0.5}})->notes() ==
        std::vector<std::string>{"3 records without bases were left out"});
  CHECK(says(trial("dna", a + "\n>two\n" + c), "x:1: is not a FASTA file: there is text in front of the first line"));
  CHECK(says(trial("dna", "\n\n" + a), "x:3: is not a FASTA file"));
  CHECK(says(trial("dna", "LOCUS  X\nORIGIN\n"), "x:1: is not a FASTA file"));
  CHECK(says(trial("dna", "@r\n" + a + "\n+\n>" + std::string(39, 'I') + "\n"), "x:1: is FASTQ, not FASTA"));
  CHECK(says(trial("dna", ">r\n" + a + "\n+\n" + a), "x:3: is FASTQ, not FASTA"));
  CHECK(says(trial("dna", ">one\n" + a + ">two\n" + c), "x:2: \">\" within a line of bases; a line break is missing"));
  CHECK(says(trial("dna", ""), "is not a FASTA file: no line starts with \">\""));
  CHECK(says(trial("dna", "\033]0;title\n>x\n"), "\"\\x1b]0;title\""));
}

TEST_CASE("documents: lines end in LF, CR LF or CR; tokens: what is no id is shown as it can be printed") {
  const Trial trial;
  const auto lines = [](const char* end) {
    std::string text;
    for (int i = 0; i < 12; ++i) text += std::string(i % 2 ? "b" : "a") + "\ttext " + std::to_string(i) + end;
    return text + end;
  };
  const auto print = [&](const std::string& content) {
    CHECK_EQ(trial("documents", content), "");
    return make("documents", {{"path", trial.path}, {"length", 8}})->fingerprint();
  };
  const std::string plain = print(lines("\n"));
  for (const std::string& same : {lines("\r\n"), lines("\r"), "\xEF\xBB\xBF" + lines("\n")})
    CHECK_EQ(print(same), plain);
  CHECK(says(trial("tokens", "1 2 \033[31m3"), "number 3: must be a token in [0, 256), got \"\\x1b[31m3\""));
}

TEST_CASE("fractions: a share is as it is written, not one less by binary rounding") {
  for (const auto& [fraction, share] : std::map<double, Index>{
           {0.57, 57}, {0.29, 29}, {0.58, 58}, {0.5, 50}, {0, 0}, {1, 100}, {0.999, 99}, {0.005, 0}})
    CHECK_EQ(share_of(100, fraction), share);
  for (Index count = 1; count < 3000; ++count)
    for (Index percent = 0; percent <= 100; ++percent)
      REQUIRE_EQ(share_of(count, static_cast<double>(percent) / 100), count * percent / 100);
}
