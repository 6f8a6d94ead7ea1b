// Sequences of numbers with classes: NumPy's files, made here and by NumPy, and lines of JSON.
#include "data/readers/arrays.h"

#include <doctest/doctest.h>
#include <zlib.h>

#include <cmath>
#include <cstdlib>
#include <limits>

#include "core/error.h"
#include "core/io/file.h"
#include "core/random.h"
#include "core/strings.h"
#include "tests/support/make_task.h"
#include "tests/support/numpy.h"
#include "tests/support/temporary_folder.h"

using namespace seqtape;
using testing::bytes_of;
using testing::make;
using testing::message_of;
using testing::npy;
using testing::TemporaryFolder;
using testing::write_zip;

namespace {

using Values = std::vector<double>;
using Members = std::vector<std::pair<std::string, std::string>>;

/// All of a file.
std::vector<ArraySequence> all_of(const std::filesystem::path& path,
                                  std::optional<TargetKind> asked = TargetKind::one_class) {
  std::vector<ArraySequence> all;
  read_arrays(path, asked, "", [&](ArraySequence one) { all.push_back(std::move(one)); });
  return all;
}

/// What is said of an .npz of these members, its path taken off.
struct Trial {
  TemporaryFolder folder;
  std::filesystem::path path = folder / "a.npz";

  std::string said() const {
    const std::string text = message_of<DataError>([&] {
      for (const ArraySequence& one : all_of(path))
        if (!one.problem.empty()) throw DataError(one.problem);
    });
    return text.starts_with(path.string()) ? text.substr(path.string().size()) : text;
  }
  std::string operator()(const Members& members) const {
    write_zip(path, members);
    return said();
  }
  /// Of X with right classes.
  std::string x(const std::string& array) const { return (*this)({{"X.npy", array}, {"y.npy", kClasses}}); }
  /// Of y with a right X.
  std::string y(const std::string& array) const { return (*this)({{"X.npy", kX}, {"y.npy", array}}); }
  std::string lines(const std::string& text) const {
    write_file(folder / "a.jsonl", text);
    const std::string said = message_of<DataError>([&] {
      for (const ArraySequence& one : all_of(folder / "a.jsonl"))
        if (!one.problem.empty()) throw DataError(one.problem);
    });
    std::filesystem::remove(folder / "a.jsonl");
    const std::string name = (folder / "a.jsonl").string();
    return said.starts_with(name) ? said.substr(name.size()) : said;
  }

  const std::string kX = npy("<f4", "(2, 3, 2)", bytes_of<float>({1, 2, 3, 4, 5, 6, -1, -2, -3, -4, -5, 0.5}));
  const std::string kClasses = npy("<i8", "(2,)", bytes_of<std::int64_t>({7, -8}));
};

/// 2 sequences of 3 steps of 2 channels in a type, either order and either end first.
template <class T>
void check_type(const std::string& type, const std::vector<T>& numbers) {
  const TemporaryFolder folder;
  const Values expected(numbers.begin(), numbers.end());
  std::vector<T> turned;  // Fortran's order: the first index fastest
  for (std::size_t c = 0; c < 2; ++c)
    for (std::size_t t = 0; t < 3; ++t)
      for (std::size_t i = 0; i < 2; ++i) turned.push_back(numbers[6 * i + 2 * t + c]);
  for (const bool big : {false, true})
    for (const bool fortran : {false, true})
      for (const bool deflated : {false, true}) {
        const std::string full = (sizeof(T) == 1 ? "|" : big ? ">" : "<") + type;
        CAPTURE(full);
        CAPTURE(fortran);
        const std::string x = npy(full, "(2, 3, 2)", bytes_of(fortran ? turned : numbers, big), fortran);
        write_zip(folder / "a.npz", {{"y.npy", npy("|S2", "(2,)", std::string("a\0bb", 4))}, {"X.npy", x}}, deflated);
        const auto all = all_of(folder / "a.npz");
        REQUIRE_EQ(all.size(), 2);
        CHECK_EQ(all[0].values, Values(expected.begin(), expected.begin() + 6));
        CHECK_EQ(all[1].values, Values(expected.begin() + 6, expected.end()));
        CHECK_EQ(all[1].channels, 2);
        CHECK_EQ(all[0].target.names[0], "a");
        CHECK_EQ(all[1].target.names[0], "bb");
        CHECK_EQ(all[1].part, "1");
        CHECK_EQ(all[1].where, (folder / "a.npz").string() + ":1");
        for (const double value : expected)
          if (all[0].in_floats) CHECK_EQ(static_cast<double>(static_cast<float>(value)), value);
      }
}

/// A Python with NumPy, or "".
std::string numpy_python() {
  for (const char* python : {"python3", "/usr/bin/python3"})
    if (std::system(str(python, " -c 'import numpy' 2>/dev/null").c_str()) == 0) return python;
  return "";
}

}  // namespace

TEST_CASE("arrays: every type, both orders, both ends first, stored and deflated") {
  check_type<float>("f4", {1.5, -2, 3, 4, 5, 6, 7, 8, 9, 10, 0x1p-149F, 3e38F});
  check_type<double>("f8", {0.1, -2, 3, 4, 5, 6, 7, 8, 9, 1e-300, 11, 1e150});
  check_type<std::int8_t>("i1", {-128, 127, 3, 4, 5, 6, 7, 8, 9, 10, 11, -1});
  check_type<std::int16_t>("i2", {-32768, 32767, 3, 4, 5, 6, 7, 8, 9, 10, 11, -2});
  check_type<std::int32_t>("i4", {-2147483647, 2147483647, 3, 4, 5, 6, 7, 8, 9, 10, 11, -3});
  check_type<std::int64_t>("i8", {-(1LL << 53), 1LL << 53, 3, 4, 5, 6, 7, 8, 9, 10, 11, -4});
  check_type<std::uint8_t>("u1", {0, 255, 3, 4, 5, 6, 7, 8, 9, 10, 11, 128});
  check_type<std::uint16_t>("u2", {0, 65535, 3, 4, 5, 6, 7, 8, 9, 10, 11, 32768});
  check_type<std::uint32_t>("u4", {0, 4294967295U, 3, 4, 5, 6, 7, 8, 9, 10, 11, 1U << 31});
  check_type<std::uint64_t>("u8", {0, 1ULL << 63, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
  check_type<std::uint8_t>("b1", {0, 1, 1, 0, 0, 1, 1, 1, 0, 0, 0, 1});
}

TEST_CASE("arrays: half precision, one channel, and lengths behind which nothing is read") {
  const TemporaryFolder folder;
  const std::string halves = bytes_of<std::uint16_t>({0x3C00, 0xC000, 0x7E00, 0x0001, 0x7BFF, 0x3555});
  write_zip(folder / "a.npz", {{"X.npy", npy("<f2", "(2, 3)", halves)},
                               {"lengths.npy", npy("|u1", "(2,)", std::string("\2\3", 2))},
                               {"groups.npy", npy("<U1", "(2,)", bytes_of<std::uint32_t>({0x263A, 'b'}))}});
  const auto all = all_of(folder / "a.npz", {});
  REQUIRE_EQ(all.size(), 2);
  CHECK_EQ(all[0].values, Values{1, -2});  // the third is NaN
  CHECK_EQ(all[1].values, Values{0x1p-24, 65504, 0x1.554p-2});
  CHECK_EQ(all[0].channels, 1);
  CHECK_EQ(all[0].problem, "");
  CHECK_EQ(all[0].group, "");  // they mean nothing without classes
  CHECK(all[0].target.names.empty());
  write_zip(folder / "b.npz", {{"X.npy", npy("<f2", "(2, 1)", bytes_of<std::uint16_t>({0, 0}))},
                               {"y.npy", npy("|u1", "(2,)", std::string("\2\3", 2))},
                               {"groups.npy", npy("<U1", "(2,)", bytes_of<std::uint32_t>({0x263A, 'b'}))}});
  CHECK_EQ(all_of(folder / "b.npz")[0].group, "\u263A");
}

TEST_CASE("arrays: whole numbers that 64-bit floats do not hold are refused by place") {
  const Trial t;
  CHECK_EQ(t.x(npy("<u8", "(2, 2)", bytes_of<std::uint64_t>({1, 2, (1ULL << 53) + 1, 4}))),
           ": X[1, 0]: is 9007199254740993, which 64-bit floats do not hold, nor other whole numbers beyond 2^53; "
           "subtract their least before saving, or round them: .astype(float)");
  CHECK(t.x(npy("<u8", "(2, 1)", bytes_of<std::uint64_t>({1, ~0ULL})))
            .starts_with(": X[1, 0]: is 18446744073709551615,"));
  CHECK(t.x(npy("<i8", "(2, 1)", bytes_of<std::int64_t>({1, INT64_MAX})))
            .starts_with(": X[1, 0]: is 9223372036854775807,"));
  CHECK(
      t.x(npy("<i8", "(2, 1)", bytes_of<std::int64_t>({1, -(1LL << 60) - 1}))).starts_with(": X[1, 0]: is -115292150"));
  CHECK_EQ(t.x(npy("<i8", "(2, 1)", bytes_of<std::int64_t>({INT64_MIN, (1LL << 60) + 1024}))), "");
  CHECK_EQ(t.lines("{\"values\": [9007199254740993], \"label\": 1}"),
           ":1: values[0] must be below 2^53, where 64-bit floats hold every whole number, is 9007199254740993");
}

TEST_CASE("arrays: a damaged member is told before its values are judged") {
  const Trial t;
  std::vector<float> x(600, 1.5F);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i);
  write_zip(t.path, {{"X.npy", npy("<f4", "(2, 300)", bytes_of(x))}, {"y.npy", t.kClasses}});
  std::string bytes = read_file(t.path);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::size_t at = bytes.find(bytes_of<float>({7, 8}));
  REQUIRE_NE(at, std::string::npos);
  bytes.replace(at, 4, bytes_of<float>({nan}));
  write_file(t.path, bytes);
  CHECK(t.said().starts_with(": X: is damaged: "));
  // Of lengths and of classes too.
  write_zip(t.path, {{"X.npy", t.kX}, {"y.npy", t.kClasses}, {"lengths.npy", npy("|i1", "(2,)", "\2\3")}});
  bytes = read_file(t.path);
  bytes[bytes.find("(2,), }", bytes.find("|i1")) + 7] = ' ';
  const std::size_t end = bytes.find('\n', bytes.find("|i1")) + 1;
  REQUIRE_EQ(bytes[end], '\2');
  bytes[end] = '\x50';
  write_file(t.path, bytes);
  CHECK(t.said().starts_with(": lengths: is damaged: "));
}

TEST_CASE("arrays: values near the ends of what doubles hold keep their differences") {
  const TemporaryFolder folder;
  for (const double size : {1e-300, 1e-100, 1e-40, 1e100})
    for (const bool normalise : {true, false}) {
      CAPTURE(size);
      std::vector<double> x;
      std::vector<std::int32_t> y;
      for (int i = 0; i < 40; ++i) {
        y.push_back(i % 2);
        x.insert(x.end(), {i % 2 ? size : -size, 3 * size});
      }
      write_zip(folder / "a.npz",
                {{"X.npy", npy("<f8", "(40, 2)", bytes_of(x))}, {"y.npy", npy("<i4", "(40,)", bytes_of(y))}});
      const auto task =
          make("arrays", {{"path", (folder / "a.npz").string()}, {"length", 2}, {"normalise", normalise}});
      Batch batch;
      task->training_batch(0, task->training_sequences(), batch);
      double square = 0;
      for (std::size_t b = 0; b < batch.targets.size(); ++b) {
        CHECK(batch.values[2 * b + 1] > batch.values[2 * b]);
        CHECK((batch.values[2 * b] > -0.6F) == (batch.targets[b] == 1));
        for (const std::size_t k : {0, 1}) square += std::pow(static_cast<double>(batch.values[2 * b + k]), 2);
      }
      CHECK(std::fabs(square / static_cast<double>(batch.values.size()) - 1) < 1e-5);
      std::filesystem::remove(folder / "a.npz");
    }
}

TEST_CASE("lines: a line without a group is one of its own, and does not take that of the line before") {
  const TemporaryFolder folder;
  for (const char* task : {"arrays", "documents"}) {
    CAPTURE(task);
    std::string lines;
    for (int i = 0; i < 60; ++i)
      lines += str("{\"values\": [", i, "], \"text\": \"", i, "\", \"label\": ", i % 2,
                   i < 2   ? ", \"group\": \"first\""
                   : i % 3 ? ""
                           : ", \"group\": null",
                   "}\r");  // as old Macs ended lines
    write_file(folder / "a.JSONL", lines);
    const auto made = make(
        task,
        {{"path", (folder / "a.JSONL").string()}, {"length", 2}, {"validation_fraction", 0.5}, {"test_fraction", 0}});
    CHECK(std::abs(made->training_sequences() - 30) <= 1);
    REQUIRE_FALSE(made->notes().empty());
    CHECK_EQ(made->notes()[0], "58 sequences without a group: each is divided by itself");
  }
}

TEST_CASE("lines: LF, CR LF and CR end them, also where a piece of the file ends") {
  const TemporaryFolder folder;
  for (const char* ending : {"\n", "\r\n", "\r"}) {
    std::string text;
    int count = 0;
    for (; text.size() < (1 << 18) + 99; ++count)
      text += str("{\"values\": [", count, "], \"label\": 1}", std::string(static_cast<std::size_t>(count) % 7, ' '),
                  ending);
    write_file(folder / "a.jsonl", text);
    const auto all = all_of(folder / "a.jsonl");
    REQUIRE_EQ(all.size(), static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i) {
      REQUIRE_EQ(all[static_cast<std::size_t>(i)].part, std::to_string(i + 1));
      REQUIRE_EQ(all[static_cast<std::size_t>(i)].values[0], i);
    }
  }
}

TEST_CASE("data to test that share no class with those to train on are refused by file") {
  const TemporaryFolder folder;
  std::string train, test;
  for (int i = 0; i < 40; ++i) {
    train += str("{\"values\": [", i, "], \"label\": \"", i % 2 ? "b" : "a", "\"}\n");
    test += str("{\"values\": [", i, "], \"label\": \"", i % 2 ? "d" : "c", "\"}\n");
  }
  write_file(folder / "a.jsonl", train);
  write_file(folder / "b.jsonl", test);
  CHECK_EQ(message_of<DataError>([&] {
             make("arrays", {{"path", (folder / "a.jsonl").string()}, {"test_path", (folder / "b.jsonl").string()}});
           }),
           str("task.test_path: ", (folder / "b.jsonl").string(),
               ": its 2 classes, first \"c\", are none of those to train on, first \"a\""));
}

TEST_CASE("arrays: an .npy with its classes beside it, plain and gz") {
  const Trial t;
  write_file(t.folder / "X_train.npy", t.kX);
  write_file(t.folder / "y_train.npy", npy("<U2", "(2,)", bytes_of<std::uint32_t>({'a', 0, 'b', 'c'})));
  auto all = all_of(t.folder / "X_train.npy");
  REQUIRE_EQ(all.size(), 2);
  CHECK_EQ(all[1].values, Values{-1, -2, -3, -4, -5, 0.5});
  CHECK_EQ(all[0].target.names[0] + all[1].target.names[0], "abc");
  const gzFile file = gzopen((t.folder / "X.npy.gz").c_str(), "wb");
  REQUIRE_EQ(gzwrite(file, t.kX.data(), static_cast<unsigned>(t.kX.size())), static_cast<int>(t.kX.size()));
  gzclose(file);
  all = all_of(t.folder / "X.npy.gz", {});
  REQUIRE_EQ(all.size(), 2);
  CHECK_EQ(all[0].values, Values{1, 2, 3, 4, 5, 6});
  CHECK_EQ(
      message_of<DataError>([&] { all_of(t.folder / "X.npy.gz"); }),
      str((t.folder / "X.npy.gz").string(), ": its classes are not beside it in ", (t.folder / "y.npy.gz").string(),
          "; task.labels names their file, or an .npz has both: numpy.savez(\"new.npz\", X=X, y=y)"));
}

TEST_CASE("arrays: what does not fit is refused with what would do") {
  const Trial t;
  CHECK_EQ(t.x(t.kX), "");
  CHECK_EQ(t({{"X_train.npy", t.kX}, {"y.npy", t.kClasses}}),
           ": has no X; its arrays are X_train, y; numpy.savez(\"new.npz\", X=..., y=...) names them");
  CHECK_EQ(t({{"X.npy", t.kX}}), ": has no y; its arrays are X; numpy.savez(\"new.npz\", X=..., y=...) names them");
  CHECK_EQ(t({{"X.npy", t.kX}, {"y.npy", t.kClasses}, {"length.npy", t.kClasses}}),
           ": has X, y, length, of which length is not read; did you mean \"lengths\"?");
  CHECK_EQ(t({{"data.pkl", "x"}}), ": is a zip file, but not of NumPy's arrays: it has \"data.pkl\"");
  CHECK_EQ(t.x(npy("<f4", "(2,)", bytes_of<float>({1, 2}))),
           ": X: is float32 of (2,), must be of (cases, steps, channels) or (cases, steps)");
  CHECK_EQ(t.x(npy("<f4", "(2, 1, 1, 1)", bytes_of<float>({1, 2}))),
           ": X: is float32 of (2, 1, 1, 1), must be of (cases, steps, channels) or (cases, steps); "
           "X.reshape(*X.shape[:2], -1) is");
  CHECK_EQ(t.x(npy("<f4", "(2, 0)", "")), ": X: is float32 of (2, 0): holds nothing");
  CHECK_EQ(t.x(npy("<U1", "(2, 1)", bytes_of<std::uint32_t>({'a', 'b'}))), ": X: is text of (2, 1), must be numbers");
  CHECK_EQ(t.x(npy("<c8", "(2, 1)", bytes_of<float>({1, 2, 3, 4}))),
           ": X: is of type \"<c8\", complex; save its real and imaginary part as channels");
  CHECK_EQ(t.x(npy("<f16", "(1, 1)", std::string(16, '\0'))),
           ": X: is of type \"<f16\", float16, 32 and 64 are read: .astype(\"float64\")");
  CHECK_EQ(t.x(npy("<M8[s]", "(1, 1)", std::string(8, '\0'))),
           ": X: is of type \"<M8[s]\", dates; save numbers: .astype(\"int64\")");
  const float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
  CHECK_EQ(t.x(npy("<f4", "(2, 2, 2)", bytes_of<float>({1, 2, 3, 4, 5, 6, 7, nan}))),
           ":1: X[1, 1, 1] is nan; fill what is missing, or give the steps before it in lengths");
  CHECK_EQ(t.x(npy("<f4", "(2, 2)", bytes_of<float>({1, -inf, 3, 4}))),
           ":0: X[0, 1] is -inf; fill what is missing, or give the steps before it in lengths");
  CHECK_EQ(t.x(npy("<f8", "(2, 1)", bytes_of<double>({1, 1e200}))), ":1: X[1, 0] is 1e+200, which is too large");
  CHECK_EQ(t.y(npy("<i4", "(3,)", bytes_of<std::int32_t>({1, 2, 3}))),
           ": y: is int32 of (3,), must be of (2,), one for each of X, float32 of (2, 3, 2)");
  CHECK_EQ(t.y(npy("<i4", "(2, 1)", bytes_of<std::int32_t>({1, 2}))),
           ": y: is int32 of (2, 1), must be of (2,), one for each of X, float32 of (2, 3, 2); .ravel() is");
  CHECK_EQ(t.y(npy("|u1", "(2, 2)", std::string("\1\0\0\1", 4))),
           ": y: is uint8 of (2, 2), must be of (2,), one for each of X, float32 of (2, 3, 2); of rows with a 1 at the "
           "class, .argmax(1) is, and task.target says what other rows are");
  CHECK_EQ(t.y(npy("<f8", "(2,)", bytes_of<double>({1, 2}))),
           ": y: is float64 of (2,), must be text or whole numbers, which name classes; .astype(int) is, and of "
           "numbers to be answered task.target is \"numbers\"");
  CHECK_EQ(t.y(npy("|S1", "(2,)", std::string("a\0", 2))), ": y[1]: is empty, must be a name");
  CHECK_EQ(t.y(npy("<U1", "(2,)", std::string(8, '\xFF'))), ": y: element 0 is not Unicode; is it damaged?");
  CHECK_EQ(t({{"X.npy", t.kX}, {"y.npy", t.kClasses}, {"lengths.npy", npy("|i1", "(2,)", "\3\4")}}),
           ": lengths[1]: is 4, must be 0 to 3, the steps of X, float32 of (2, 3, 2)");
  CHECK_EQ(t({{"X.npy", t.kX}, {"y.npy", t.kClasses}, {"lengths.npy", npy("<f4", "(2,)", bytes_of<float>({1, 2}))}}),
           ": lengths: is float32 of (2,), must be whole numbers; .astype(int) is");
  CHECK(t.x(npy("|O", "(2, 1)", "\x80\4N.")).starts_with(": X: holds Python objects, a pickle, which is not read; "));
  CHECK(t.y(npy("|O", "(2,)", "\x80\4N.")).starts_with(": y: holds Python objects, a pickle, which is not read; "));
}

TEST_CASE("arrays: headers that lie are refused before memory is taken") {
  const Trial t;
  CHECK_EQ(
      t.x(npy("<f4", "(1000000000, 1000000000, 1000000000)", "x")),
      ": X: its header says float32 of (1000000000, 1000000000, 1000000000), more than any memory; is it damaged?");
  CHECK_EQ(t.x(npy("<f4", "(2, 100000000000)", "x")),
           ": X: its header says float32 of (2, 100000000000), 800000000000 bytes, and 1 follow; is it truncated?");
  CHECK_EQ(t.x(npy("<f4", "(2, 1)", std::string(9, 'x'))),
           ": X: its header says float32 of (2, 1), 8 bytes, and 9 follow; is it damaged, or of several arrays?");
  CHECK_EQ(t.x("\x93NUMPY\x09"), ": X: ends within its beginning: 7 of 8 bytes; is it truncated?");
  CHECK_EQ(t.x(std::string("\x93NUMPY\x09\0", 8)), ": X: is of version 9 of NumPy's format, 1 to 3 are read");
  CHECK_EQ(t.x(std::string("\x93NUMPY\x02\0\xFF\xFF\xFF\xFF", 12)),
           ": X: its header would have 4294967295 bytes; is it damaged, or of records?");
  for (const char* shape : {"(2, -1)", "(2, 99999999999999999999)", "2", "(2, 1", "(two, 1)"})
    CHECK(t.x(npy("<f4", shape, "x")).starts_with(": X: its header is not NumPy's: \"{'descr': '<f4'"));
  write_file(t.path, std::string("PK\3\4 and nothing else"));
  CHECK(t.said().starts_with(": is a damaged or truncated .npz: "));
  write_file(t.path, std::string("\x80\4]."));
  CHECK_EQ(t.said(),
           ": is a pickle: must be NumPy's .npz or .npy, or lines of JSON; in Python, "
           "numpy.savez(\"new.npz\", X=X, y=y) writes an .npz");
}

TEST_CASE("arrays: a file cut anywhere, or with any bit flipped, is read or refused") {
  const Trial t;
  for (const bool deflated : {false, true}) {
    write_zip(t.path, {{"X.npy", t.kX}, {"y.npy", t.kClasses}}, deflated);
    const std::string whole = read_file(t.path);
    int read = 0;
    for (std::size_t size = 0; size < whole.size(); ++size) {
      write_file(t.path, whole.substr(0, size));
      CHECK_NE(t.said(), "");
      std::filesystem::remove(t.path);
    }
    for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
      std::string flipped = whole;
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << bit % 8);
      write_file(t.path, flipped);
      if (t.said().empty()) {  // in what no reader looks at, such as times: the checksums hold
        ++read;
        const auto all = all_of(t.path);
        REQUIRE_EQ(all.size(), 2);
        CHECK_EQ(all[1].values, Values{-1, -2, -3, -4, -5, 0.5});
        CHECK_EQ(all[1].target.names[0], "-8");
      }
      std::filesystem::remove(t.path);
    }
    CHECK(read < static_cast<int>(8 * whole.size()) / 2);
  }
  const std::string npy_file = (t.folder / "X.npy").string();
  for (std::size_t bit = 0; bit < 8 * t.kX.size(); ++bit) {
    std::string flipped = t.kX;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << bit % 8);
    write_file(npy_file, flipped);
    message_of<DataError>([&] { all_of(npy_file, {}); });  // anything else ends the test
    std::filesystem::remove(npy_file);
  }
}

TEST_CASE("arrays: NumPy's own files, and its lines that make plain arrays of objects") {
  const std::string python = numpy_python();
  if (python.empty()) {
    MESSAGE("skipped: there is no NumPy");
    return;
  }
  const TemporaryFolder folder;
  write_file(folder / "make.py", R"(
import numpy, os, sys
os.chdir(sys.argv[1])
base = (numpy.arange(24).reshape(2, 4, 3) * 5) % 7
y = numpy.array(["left", "right"])
for code in "bhilqBHILQefd?":
    for end in "<>":
        X = base.astype(numpy.dtype(code).newbyteorder(end))
        numpy.savez(f"plain-{ord(code)}-{ord(end)}.npz", X=X, y=y)
        numpy.savez_compressed(f"packed-{ord(code)}-{ord(end)}.npz", X=numpy.asfortranarray(X), y=y.astype("S"))
several = numpy.empty(2, object)
several[:] = [base[0].astype(float), base[1, :2]]
numpy.savez("objects.npz", X=several, y=y.astype(object))
numpy.save("X.npy", several)
numpy.save("y.npy", y.astype(object))
)");
  const auto run = [&](const std::string& arguments) {
    return std::system(str(python, " ", arguments, " >", (folder / "log").string(), " 2>&1").c_str());
  };
  REQUIRE_MESSAGE(run(str((folder / "make.py").string(), " ", folder.path().string())) == 0, read_file(folder / "log"));
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with("plain-") && !name.starts_with("packed-")) continue;
    CAPTURE(name);
    const auto all = all_of(entry.path());
    REQUIRE_EQ(all.size(), 2);
    for (int i = 0; i < 24; ++i)
      CHECK_EQ(all[static_cast<std::size_t>(i / 12)].values[static_cast<std::size_t>(i % 12)],
               name.find("-63-") != std::string::npos ? (i * 5 % 7 ? 1 : 0) : i * 5 % 7);
    CHECK_EQ(all[0].target.names[0] + all[1].target.names[0], "leftright");
    ++files;
  }
  CHECK_EQ(files, 56);
  // The line of each refusal is run until nothing is refused.
  const auto made_plain = [&](std::string name) {
    for (int refusals = 0; refusals < 4; ++refusals) {
      const std::string said = message_of<DataError>([&] { all_of(folder / name); });
      if (said.empty()) break;
      const std::size_t line = said.find("import numpy; ");
      REQUIRE_MESSAGE(line != std::string::npos, said);
      write_file(folder / "line.py", said.substr(line));
      REQUIRE_MESSAGE(run((folder / "line.py").string()) == 0, read_file(folder / "log"));
      std::filesystem::remove(folder / "line.py");
      name = name.substr(0, name.rfind('.')) + "-plain.npz";
    }
    const auto all = all_of(folder / name);
    REQUIRE_EQ(all.size(), 2);
    CHECK_EQ(all[0].values.size(), 12);
    CHECK_EQ(all[1].values, Values{4, 2, 0, 5, 3, 1});
    CHECK_EQ(all[0].target.names[0] + all[1].target.names[0], "leftright");
  };
  made_plain("objects.npz");
  // Of two files y comes first.
  std::string said = message_of<DataError>(
      [&] { read_arrays(folder / "plain-98-60.npz", TargetKind::one_class, "", [](ArraySequence) {}); });
  CHECK_EQ(said, "");
  write_file(folder / "plain_y.py", str("import numpy; numpy.save('", (folder / "y.npy").string(), "', numpy.load('",
                                        (folder / "y.npy").string(), "', allow_pickle=True).astype(str))"));
  REQUIRE_EQ(run((folder / "plain_y.py").string()), 0);
  made_plain("X.npy");
}

TEST_CASE("arrays: lines of JSON, with one channel or several") {
  const TemporaryFolder folder;
  write_file(folder / "a.jsonl",
             "\xEF\xBB\xBF{\"values\": [1, -2.5, 3e2], \"label\": \"up\", \"group\": 3}\r\n\n"
             "{\"label\": 4, \"values\": [7], \"group\": \"x\", \"id\": 1}\n{\"values\": [], \"label\": true}");
  std::vector<ArraySequence> all;
  const std::string note = read_arrays(folder / "a.jsonl", TargetKind::one_class, "",
                                       [&](ArraySequence one) { all.push_back(std::move(one)); });
  REQUIRE_EQ(all.size(), 3);
  CHECK_EQ(note, "a.jsonl: \"id\" is not read");
  CHECK_EQ(all[0].values, Values{1, -2.5, 300});
  CHECK_EQ(all[0].target.names[0] + all[1].target.names[0] + all[2].target.names[0], "up4true");
  CHECK_EQ(all[0].group + all[1].group + all[2].group, "3x");
  CHECK_EQ(all[1].part, "3");
  CHECK_EQ(all[2].values.size(), 0);
  write_file(folder / "b.jsonl", "{\"values\": [[1, 2], [3, 4], [5, 6]]}\n");
  all = all_of(folder / "b.jsonl", {});
  REQUIRE_EQ(all.size(), 1);
  CHECK_EQ(all[0].values, Values{1, 2, 3, 4, 5, 6});
  CHECK_EQ(all[0].channels, 2);
  // Across the pieces that a file is read in, and of a line longer than those.
  std::string text, numbers = "0";
  for (int i = 1; i < 100000; ++i) numbers += "," + std::to_string(i % 10);
  for (int i = 0; i < 5; ++i) text += "{\"values\": [" + numbers + "]}\n";
  write_file(folder / "c.jsonl", text);
  all = all_of(folder / "c.jsonl", {});
  REQUIRE_EQ(all.size(), 5);
  for (const ArraySequence& one : all) {
    CHECK_EQ(one.values.size(), 100000);
    CHECK_EQ(one.values.back(), 9);
  }
}

TEST_CASE("arrays: lines of JSON that do not fit are refused by line and place") {
  const Trial t;
  const std::string good = "{\"values\": [[1, 2]], \"label\": \"a\"}\n";
  CHECK_EQ(t.lines(good), "");
  CHECK_EQ(t.lines(good + "{\"values\": [[1, 2]], \"lable\": \"a\"}"),
           ":2: has no \"label\"; it has \"values\", \"lable\"");
  CHECK_EQ(t.lines("{\"text\": \"hello\", \"label\": \"a\"}"),
           ":1: has \"text\", not \"values\"; texts are for the task documents");
  CHECK_EQ(t.lines(good + "\n[1]"), ":3: must be an object, {\"values\": ...}, is array");
  CHECK_EQ(t.lines("{\"values\": 3, \"label\": 1}"),
           ":1: \"values\" must be a list of numbers, or of lists of numbers, is 3");
  CHECK_EQ(t.lines("{\"values\": [1, null], \"label\": 1}"),
           ":1: values[1] must be a number, is null; fill or leave out what is missing");
  CHECK_EQ(t.lines("{\"values\": [[1, 2], [3, \"x\"]], \"label\": 1}"), ":1: values[1][1] must be a number, is \"x\"");
  CHECK_EQ(t.lines("{\"values\": [[1, 2], [3]], \"label\": 1}"), ":1: values[1] has 1 numbers, values[0] has 2");
  CHECK_EQ(t.lines("{\"values\": [[1, 2], 3], \"label\": 1}"), ":1: values[1] must be a list as values[0] is, is 3");
  CHECK_EQ(t.lines("{\"values\": [[]], \"label\": 1}"), ":1: values[0] must be a list of one number or more, is array");
  CHECK_EQ(t.lines("{\"values\": [1e200], \"label\": 1}"), ":1: values[0] must be at most 1e150, is 1e+200");
  CHECK_EQ(t.lines(good + "{\"values\": [1], \"label\": \"b\"}"), ":2: has 1 numbers a step, the lines before have 2");
  CHECK_EQ(t.lines("{\"values\": [1], \"label\": 0.5}"), ":1: \"label\" must be a string or a whole number, is 0.5");
  CHECK_EQ(t.lines("{\"values\": [1], \"label\": null}"), ":1: \"label\" must be a string or a whole number, is null");
  CHECK_EQ(t.lines("{\"values\": [1], \"label\": \"\"}"), ":1: \"label\" is empty");
  CHECK(t.lines(good + "{\"values\": [1, NaN], \"label\": 1}")
            .ends_with("; JSON has no NaN: fill or leave out what is missing"));
  CHECK(t.lines(good + "{\"values\": [1, NaN], \"label\": 1}").starts_with(":2: not valid JSON: "));
  CHECK(t.lines(good + "{\"values\": [1], \"label\": 1, \"label\": 2}")
            .starts_with(":2: the key \"label\" is given twice"));
  CHECK(t.lines(good + "{\"values\": [1").starts_with(":2: not valid JSON: "));
}

TEST_CASE("arrays: each channel is scaled by the training part's, in double") {
  const TemporaryFolder folder;
  const Index cases = 60, steps = 5;
  Random random(3, "arrays");
  std::vector<double> x;
  std::vector<std::int32_t> y;
  for (Index i = 0; i < cases; ++i) {
    y.push_back(static_cast<std::int32_t>(i % 2));
    for (Index t = 0; t < steps; ++t)  // far from 0, near 0, always the same
      x.insert(x.end(), {1e9 + random.uniform(), random.uniform() - 0.5, 0.1});
  }
  write_zip(folder / "a.npz",
            {{"X.npy", npy("<f8", "(60, 5, 3)", bytes_of(x))}, {"y.npy", npy("<i4", "(60,)", bytes_of(y))}});
  const Json settings = {{"path", (folder / "a.npz").string()}, {"length", 5}};
  const auto task = make("arrays", settings);
  CHECK_EQ(task->shape().features, 3);
  REQUIRE_EQ(task->notes().size(), 1);
  CHECK_EQ(task->notes()[0],
           "the values of 1 of the 3 channels, first of channel 0, are not held by 32-bit numbers: each "
           "channel's mean in the training part was taken off, and it was divided by its deviation (task.normalise)");
  const Json learned = task->learned();
  REQUIRE_EQ(learned.at("mean").size(), 3);
  CHECK_EQ(learned.at("mean")[2], 0.1);
  CHECK_EQ(learned.at("deviation")[2], 0.0);
  Batch batch;
  task->training_batch(0, task->training_sequences(), batch);  // an epoch
  for (std::size_t c = 0; c < 3; ++c) {
    double sum = 0, square = 0, count = 0;
    for (std::size_t k = c; k < batch.values.size(); k += 3, ++count) {
      sum += static_cast<double>(batch.values[k]);
      square += static_cast<double>(batch.values[k]) * static_cast<double>(batch.values[k]);
    }
    CHECK(std::fabs(sum / count) < 1e-6);
    CHECK(std::fabs(square / count - (c < 2 ? 1 : 0)) < 1e-5);
  }
  // What a run learned is what is read by, and other units are refused by channel.
  for (std::size_t k = 1; k < x.size(); k += 3) x[k] += 100;
  write_zip(folder / "b.npz",
            {{"X.npy", npy("<f8", "(60, 5, 3)", bytes_of(x))}, {"y.npy", npy("<i4", "(60,)", bytes_of(y))}});
  const auto other = tasks().find("arrays")->make();
  Json resolved = settings;
  resolved["channels"] = 3;
  resolved["classes"] = 2;
  read_fields([&](Fields& f) { other->fields(f); }, resolved, "task");
  other->use(learned);
  other->evaluate_on(folder / "b.npz");
  const std::string said = message_of<DataError>([&] { other->prepare(1); });
  CHECK_MESSAGE(said.starts_with((folder / "b.npz").string() + ":0: channel 1: lies 3"), said);
}

TEST_CASE("arrays: floats near 0 are read as they are, groups stay together, and the form does not matter") {
  const TemporaryFolder folder;
  std::vector<float> x;
  std::string lines, groups, classes;
  for (int i = 0; i < 40; ++i) {
    x.insert(x.end(), {static_cast<float>(i), 0.5F});
    lines += str("{\"values\": [", i, ", 0.5], \"label\": \"", i % 2 ? "b" : "a", "\", \"group\": ", i / 4, "}\n");
    groups += static_cast<char>(i / 4);
    classes += i % 2 ? "b" : "a";
  }
  write_file(folder / "a.jsonl", lines);
  write_zip(folder / "a.npz",
            {{"X.npy", npy("<f4", "(40, 2)", bytes_of(x))},
             {"y.npy", npy("|S1", "(40,)", classes)},
             {"groups.npy", npy("|u1", "(40,)", groups)}},
            true);
  std::vector<std::unique_ptr<Task>> both;
  for (const char* name : {"a.npz", "a.jsonl"})
    both.push_back(make("arrays", {{"path", (folder / name).string()}, {"length", 2}, {"validation_fraction", 0.2}}));
  CHECK_EQ(both[0]->fingerprint(), both[1]->fingerprint());
  CHECK_FALSE(both[0]->learned().contains("mean"));
  std::vector<Batch> batches(2);
  std::vector<int> in_training(10);
  for (std::size_t k = 0; k < 2; ++k) both[k]->training_batch(0, both[k]->training_sequences(), batches[k]);
  CHECK_EQ(batches[0].values, batches[1].values);
  CHECK_EQ(batches[0].targets, batches[1].targets);
  for (std::size_t b = 0; b < batches[0].targets.size(); ++b) {
    const int i = static_cast<int>(batches[0].values[2 * b]);
    CHECK_EQ(batches[0].targets[b], i % 2);
    ++in_training[static_cast<std::size_t>(i / 4)];
  }
  for (const int count : in_training) CHECK((count == 0 || count == 4));
}

TEST_CASE("Parquet is refused with the line that converts it") {
  const TemporaryFolder folder;
  const std::string path = (folder / "d.parquet").string();
  write_file(path, "PAR1\x15\x04\x15");
  const std::string said =
      str(path, ": is Parquet, which is not read; this line of Python makes lines of JSON of it, or with ",
          "to_csv(..., index=False) a table: import pandas; pandas.read_parquet(\"", path, "\").to_json(\"",
          (folder / "d.jsonl").string(), "\", orient=\"records\", lines=True)");
  for (const char* task : {"arrays", "documents", "series_classes"})
    CHECK_EQ(message_of<DataError>([&] { make(task, {{"path", path}}); }), said);
}
