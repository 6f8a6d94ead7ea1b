// Tasks that read files of real data: fixtures are written here, byte by byte.
#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cmath>
#include <cstring>
#include <map>
#include <set>
#include <tuple>

#include "core/error.h"
#include "core/io/file.h"
#include "core/strings.h"
#include "data/prefetch.h"
#include "data/readers/csv.h"
#include "tests/support/make_task.h"
#include "tests/support/temporary_folder.h"

using namespace seqtape;
using testing::make;
using testing::message_of;
using testing::TemporaryFolder;

namespace {

std::string refused(const std::string& name, const Json& settings) {
  try {
    make(name, settings);
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

template <class T>
std::string little_endian(T value, std::size_t bytes = sizeof(T)) {
  std::string text(sizeof(T), '\0');
  std::memcpy(text.data(), &value, sizeof(T));
  return text.substr(0, bytes);
}

/// A WAV file; samples in [-1, 1], frame by frame.
std::string wav(const std::vector<double>& samples, int bits, bool floats = false, int channels = 1, int rate = 8000) {
  std::string data;
  for (const double x : samples) {
    if (floats)
      data += little_endian(static_cast<float>(x));
    else if (bits == 8)
      data += static_cast<char>(std::lround(x * 127) + 128);
    else
      data += little_endian(static_cast<std::int64_t>(std::lround(x * (std::pow(2.0, bits - 1) - 1))),
                            static_cast<std::size_t>(bits / 8));
  }
  const int frame = channels * bits / 8;
  const std::string format = little_endian<std::uint16_t>(floats ? 3 : 1) +
                             little_endian(static_cast<std::uint16_t>(channels)) + little_endian(rate) +
                             little_endian(rate * frame) + little_endian(static_cast<std::uint16_t>(frame)) +
                             little_endian(static_cast<std::uint16_t>(bits));
  const std::string body = "WAVEfmt " + little_endian<std::uint32_t>(16) + format + "data" +
                           little_endian(static_cast<std::uint32_t>(data.size())) + data;
  return "RIFF" + little_endian(static_cast<std::uint32_t>(body.size())) + body;
}

std::vector<double> tone(std::size_t size, double period) {
  std::vector<double> samples(size);
  for (std::size_t t = 0; t < size; ++t) samples[t] = 0.5 * std::sin(2 * M_PI * static_cast<double>(t) / period);
  return samples;
}

/// Two classes of four recordings each, of 40 samples; one of them replaced by `sound`.
struct Sounds {
  TemporaryFolder folder;
  Json settings = {
      {"path", folder.path().string()}, {"validation_fraction", 0.25}, {"test_fraction", 0}, {"length", 100}};
  std::string changed = (folder.path() / "low" / "0.wav").string();
  Sounds() {
    for (const char* name : {"high", "low"}) {
      std::filesystem::create_directory(folder / name);
      for (int i = 0; i < 4; ++i)
        write_file(folder.path() / name / (std::to_string(i) + ".wav"),
                   wav(tone(40, *name == 'h' ? 4 + i : 20 + i), 16));
    }
  }
  /// All sequences of the training batches and the validation.
  std::vector<std::vector<float>> all(const Json& more = Json::object()) const {
    Json given = settings;
    given.update(more);
    const auto task = make("audio", given);
    std::vector<std::vector<float>> found;
    Batch batch;
    const auto keep = [&] {
      for (Index b = 0; b < batch.batch; ++b) {
        auto row = batch.rows(b, b + 1).values;
        row.resize(static_cast<std::size_t>(batch.lengths[static_cast<std::size_t>(b)]));
        found.push_back(row);
      }
    };
    task->training_batch(0, 6, batch);  // all that train
    keep();
    const auto pass = task->evaluation(Split::validation, {.batch = 100, .chunk = 1000});
    while (pass->next(batch)) keep();
    return found;
  }
};

/// Whether one of the sequences is `wanted`, to `tolerance`.
bool holds(const std::vector<std::vector<float>>& all, const std::vector<double>& wanted, double tolerance) {
  for (const auto& one : all) {
    bool same = one.size() == wanted.size();
    for (std::size_t i = 0; same && i < one.size(); ++i)
      same = std::fabs(static_cast<double>(one[i]) - wanted[i]) <= tolerance;
    if (same) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("audio: every kind of WAV gives the same waveform") {
  Sounds sounds;
  sounds.settings["normalise"] = false;
  const auto x = tone(37, 9.3);
  std::vector<double> stereo;
  for (const double v : x) stereo.insert(stereo.end(), {v + 0.1, v - 0.1});
  const auto seen = [&](const std::string& file, double tolerance) {
    write_file(sounds.changed, file);
    return holds(sounds.all(), x, tolerance);
  };
  CHECK(seen(wav(x, 16), 1e-4));
  CHECK(seen(wav(x, 8), 2e-2));
  CHECK(seen(wav(x, 24), 1e-6));
  CHECK(seen(wav(x, 32), 1e-6));
  CHECK(seen(wav(x, 32, true), 1e-7));
  CHECK(seen(wav(stereo, 16, false, 2), 1e-4));
  CHECK_FALSE(seen(wav(tone(37, 9), 16), 1e-2));
}

TEST_CASE("audio: normalised, resampled, cut, and refused by name") {
  Sounds sounds;
  for (const auto& x : sounds.all()) {
    CHECK_EQ(x.size(), 40);
    double square = 0;
    for (const float v : x) square += static_cast<double>(v * v);
    CHECK(square / 40 == doctest::Approx(1).epsilon(1e-4));
  }
  for (const auto& x : sounds.all({{"rate", 16000}})) CHECK(std::abs(static_cast<int>(x.size()) - 80) <= 2);
  for (const auto& x : sounds.all({{"length", 30}})) CHECK_EQ(x.size(), 30);
  Json refusing = sounds.settings;
  refusing.update({{"length", 30}, {"longer", "refuse"}});
  CHECK(refused("audio", refusing).find("has 40 steps, more than task.length, 30; raise it, or set task.longer") !=
        std::string::npos);
  write_file(sounds.changed, "RIFF, but no more");
  CHECK(refused("audio", sounds.settings).rfind(sounds.changed + ": cannot be read as sound: ", 0) == 0);
  write_file(sounds.changed, "");
  CHECK(refused("audio", sounds.settings).rfind(sounds.changed + ": cannot be read as sound: ", 0) == 0);
  std::string compressed = wav(tone(40, 5), 16);
  compressed[20] = 0x55;  // the format: MP3 within WAV
  write_file(sounds.changed, compressed);
  CHECK(refused("audio", sounds.settings).rfind(sounds.changed + ": ", 0) == 0);
  write_file(sounds.changed, wav({0, 0.5, std::nan("")}, 32, true));
  CHECK_EQ(refused("audio", sounds.settings), sounds.changed + ": sample 2 is not a finite number");
  write_file(sounds.changed, wav({}, 16));
  CHECK(make("audio", sounds.settings)->notes() == std::vector<std::string>{"1 empty sequence was left out"});
  CHECK_EQ(refused("audio", {{"path", sounds.changed}}),
           "task.path: " + sounds.changed + " is not a folder, or does not exist");
}

TEST_CASE("series: normalised by the training part, what is asked lies in its own part") {
  const TemporaryFolder folder;
  const std::string path = (folder / "a.csv").string();
  std::string text = "day,\"sales, net\",rain\n";
  for (int t = 0; t < 100; ++t) text += format("%d,%d,%d\n", t, 10 * t, t % 7);
  write_file(path, text);
  const Json settings = {{"path", path},
                         {"columns", {"sales, net", "rain"}},
                         {"targets", {"sales, net"}},
                         {"length", 10},
                         {"horizon", 3},
                         {"train_fraction", 0.6},
                         {"test_fraction", 0.2}};
  const auto task = make("series", settings);
  CHECK_EQ(task->shape().features, 2);
  CHECK_EQ(task->shape().outputs, 3);
  CHECK(task->shape().regression());
  // Rows 0 to 59 train: sales 0, 10, ... 590.
  const double mean = 295, deviation = 10 * std::sqrt((60.0 * 60 - 1) / 12);
  const auto sales = [&](float value) { return std::lround(static_cast<double>(value) * deviation + mean); };
  std::set<Index> starts;
  for (Index step = 0; step < 12; ++step) {
    Batch batch;
    task->training_batch(step, 4, batch);
    for (Index b = 0; b < 4; ++b) {
      const auto start = sales(batch.values[static_cast<std::size_t>(b * 20)]);
      for (Index t = 0; t < 10; ++t)
        CHECK_EQ(sales(batch.values[static_cast<std::size_t>(b * 20 + 2 * t)]), start + 10 * t);
      for (Index t = 0; t < 3; ++t)
        CHECK_EQ(sales(batch.target_values[static_cast<std::size_t>(b * 3 + t)]), start + 100 + 10 * t);
      starts.insert(start / 10);
    }
  }
  CHECK_EQ(starts.size(), 48);  // each of the 48 windows once an epoch
  CHECK_EQ(*starts.rbegin(), 47);
  for (const auto& [split, first] : {std::pair{Split::validation, 60}, {Split::test, 80}}) {
    const auto pass = task->evaluation(split, {.batch = 5, .chunk = 4});
    Index windows = 0;
    for (Batch chunk; pass->next(chunk);)
      if (chunk.last)
        for (Index b = 0; b < chunk.batch; ++b)
          CHECK_EQ(sales(chunk.target_values[static_cast<std::size_t>(3 * b)]), 10 * (first + windows++));
    CHECK_EQ(windows, 18);
  }
  Json strided = settings;
  strided["eval_stride"] = 3;
  Batch batch;
  REQUIRE(make("series", strided)->evaluation(Split::test, {.batch = 50, .chunk = 99})->next(batch));
  CHECK_EQ(batch.batch, 6);

  const auto error = [&](const Json& more) {
    Json all = settings;
    all.update(more);
    return refused("series", all);
  };
  CHECK_EQ(error({{"columns", Json::array({"sale"})}}).rfind("task.columns: " + path + " has no column \"sale\"", 0),
           0);
  CHECK(error({{"length", 70}}).rfind("task.length: a window of 70 rows and a horizon of 3 do not fit the train", 0) ==
        0);
  CHECK(
      error({{"horizon", 30}}).rfind("task.length: a window of 10 rows and a horizon of 30 do not fit the valid", 0) ==
      0);
  for (const char* cell : {"n/a", "NaN", ""}) {
    write_file(path, text + "100," + cell + ",1\n");
    CHECK_EQ(error(Json::object()),
             path + ":102: column sales, net has no value: \"" + cell +
                 "\"; set task.missing to \"forward\", \"linear\" or \"mask\", or fill or remove what is missing");
  }
  write_file(path, text + "100\n");
  CHECK_EQ(error(Json::object()), path + ":102: column sales, net is missing: the line has 1 columns");
  write_file(path, "");
  CHECK_EQ(error(Json::object()), path + ": holds no rows below a line of column names");
}

TEST_CASE("CSV: separators, quotes, byte order mark, line ends") {
  const TemporaryFolder folder;
  write_file(folder / "a", "\xEF\xBB\xBFx;y\r\n1;\"2\"\r\n\r\n3;4");
  const CsvFile file(folder / "a");
  REQUIRE_EQ(file.rows.size(), 3);
  CHECK(file.rows[0] == std::vector<std::string>{"x", "y"});
  CHECK_EQ(file.number(1, 1, "y"), 2.0f);
  CHECK_EQ(file.number(2, 0, "x"), 3.0f);
  CHECK(file.lines == std::vector<Index>{1, 2, 4});
  write_file(folder / "b", "x,y\n1,\"2\n");
  CHECK(message_of<DataError>([&] { CsvFile(folder / "b"); }).find("/b: ends within quotes") != std::string::npos);
}

TEST_CASE("series of classes, DNA of classes: what they hold, and weights that balance") {
  const TemporaryFolder folder;
  std::string lines;
  for (int i = 0; i < 12; ++i) lines += format("%s\t%d\t%d.5\n", i < 9 ? "up" : "down", i, i);
  write_file(folder / "a.tsv", lines);
  const auto series = make("series_classes", {{"path", (folder / "a.tsv").string()}, {"class_weights", "balanced"}});
  CHECK_EQ(series->shape().features, 1);
  Batch batch;
  series->training_batch(0, 10, batch);
  REQUIRE_EQ(batch.weights.size(), 10);
  std::map<std::int32_t, double> weight;
  for (std::size_t b = 0; b < 10; ++b) {
    CHECK_EQ(batch.values[2 * b + 1], batch.values[2 * b] + 0.5f);
    CHECK_EQ(batch.targets[b], batch.values[2 * b] < 9);  // classes by name: down 0, up 1
    weight[batch.targets[b]] += static_cast<double>(batch.weights[b]);
  }
  CHECK(weight[0] == doctest::Approx(5));
  CHECK(weight[1] == doctest::Approx(5));
  write_file(folder / "a.tsv", "up\t1\tx\n");
  CHECK_EQ(refused("series_classes", {{"path", (folder / "a.tsv").string()}}),
           (folder / "a.tsv").string() + ":1: column 3 is not a number: \"x\"");

  for (const char* name : {"aa", "cc"}) std::filesystem::create_directories(folder / "dna" / name);
  write_file(folder / "dna" / "aa" / "1.fa", ">1\n" + std::string(63, 'A') + "\n>2\nAAAA\n");
  write_file(folder / "dna" / "cc" / "1.fa", ">1\n" + std::string(100, 'C') + "!\n");
  const auto dna =
      make("dna_classes",
           {{"path", (folder / "dna").string()}, {"length", 10}, {"validation_fraction", 0.3}, {"test_fraction", 0.1}});
  CHECK(dna->notes().size() == 1);  // the "!"
  std::map<std::tuple<Split, int, Index>, int> chunks;
  const auto count = [&](Split split, const Batch& of) {
    for (Index b = 0; b < of.batch; ++b) {
      CHECK_EQ(of.tokens[static_cast<std::size_t>(b * of.length)], of.targets[static_cast<std::size_t>(b)]);
      ++chunks[{split, of.targets[static_cast<std::size_t>(b)], of.lengths[static_cast<std::size_t>(b)]}];
    }
  };
  dna->training_batch(0, dna->training_sequences(), batch);
  count(Split::train, batch);
  for (const Split split : {Split::validation, Split::test}) {
    const auto pass = dna->evaluation(split, {.batch = 9, .chunk = 99});
    while (pass->next(batch)) count(split, batch);
  }
  // Of 67 bases 41 train, 20 validate, 6 test; of 101 it is 61, 30 and 10. Rests below half a chunk are dropped.
  using enum Split;
  CHECK_EQ(chunks[{train, 1, 10}], 6);
  CHECK_EQ(chunks[{validation, 1, 10}], 3);
  CHECK_EQ(chunks[{test, 1, 10}], 1);
  Index bases = 0;
  for (const auto& [of, many] : chunks)
    if (std::get<1>(of) == 0) bases += std::get<2>(of) * many;
  CHECK(bases >= 67 - 3 * 4);
  CHECK(bases <= 67);
}

TEST_CASE("text: an alphabet of characters") {
  const TemporaryFolder folder;
  std::string text;
  for (int i = 0; i < 40; ++i) text += "aé漢 ";
  write_file(folder / "a", text);
  const Json settings = {
      {"path", (folder / "a").string()}, {"length", 8}, {"train_fraction", 0.5}, {"alphabet", "auto"}};
  const auto task = make("text", settings);
  CHECK_EQ(task->shape().vocabulary, 5);  // and the unknown
  CHECK_EQ(task->shape().unit, "character");
  Batch batch;
  task->training_batch(0, 2, batch);
  const std::string row = task->decode({batch.tokens.begin(), batch.tokens.begin() + 8});
  CHECK((text + text).find(row) != std::string::npos);
  CHECK(task->decode(task->encode("漢a")) == "漢a");
  CHECK(task->decode(task->encode("b")) == "\uFFFD");
  CHECK_EQ(write_fields([&](Fields& f) { task->fields(f); })["alphabet"], " aé漢");  // a run keeps the letters
  Json given = settings;
  given["alphabet"] = " ca";
  const auto partly = make("text", given);
  CHECK_EQ(partly->shape().vocabulary, 4);
  CHECK(partly->notes() ==
        std::vector<std::string>{"80 characters that task.alphabet does not have were read as one token"});
  write_file(folder / "a", text + "\xC0\x80");
  CHECK(refused("text", settings).find("/a: is not UTF-8 text (byte 280); set task.alphabet to \"\"") !=
        std::string::npos);
}

TEST_CASE("evaluate_on: recordings are resampled as in training, CIFAR-10's files are read whole") {
  const Sounds sounds;
  const auto trained = make("audio", sounds.settings);
  const TemporaryFolder other;
  std::filesystem::create_directory(other / "low");
  write_file(other / "low" / "x.wav", wav(tone(160, 80), 16, false, 1, 16000));
  const auto on = [](const std::string& name, const Task& learned, const Json& settings,
                     const std::filesystem::path& data) {
    auto task = tasks().find(name)->make();
    read_fields([&](Fields& f) { task->fields(f); }, settings, "task");
    task->use(learned.learned());
    task->evaluate_on(data);
    task->prepare(1);
    return task;
  };
  const auto task = on("audio", *trained, sounds.settings, other.path());
  Batch batch;
  const auto pass = task->evaluation(Split::test, {.batch = 4, .chunk = 1000});
  REQUIRE(pass->next(batch));
  CHECK_EQ(batch.batch, 1);
  CHECK(std::abs(batch.length - 80) <= 1);
  CHECK_EQ(batch.targets[0], 1);  // low, as in training, although it is the only class here
  CHECK(task->training_counts() == std::vector<Index>{3, 3});
  std::string bytes;
  for (int i = 0; i < 6; ++i) bytes += static_cast<char>(i % 3) + std::string(3072, static_cast<char>(i));
  write_file(other / "train.bin", bytes);
  write_file(other / "more.bin", bytes.substr(0, 2 * 3073));
  const Json cifar = {{"format", "cifar10"},
                      {"images", (other / "train.bin").string()},
                      {"side", 32},
                      {"validation", 2},
                      {"tokens", true}};
  const auto images = on("images", *make("images", cifar), cifar, other / "more.bin");
  const auto all = images->evaluation(Split::test, {.batch = 4, .chunk = 2000});
  REQUIRE(all->next(batch));
  CHECK(batch.targets == std::vector<std::int32_t>{0, 1});
  CHECK_FALSE(images->has(Split::train));
}

TEST_CASE("images: CIFAR-10's binary files, grey and in colour") {
  const TemporaryFolder folder;
  std::string bytes;
  for (int i = 0; i < 6; ++i) {
    bytes += static_cast<char>(i);
    for (int plane = 0; plane < 3; ++plane)
      for (int p = 0; p < 1024; ++p) bytes += static_cast<char>((p + 50 * plane + i) % 200);
  }
  const std::string path = (folder / "batch.bin").string();
  write_file(path, bytes);
  const Json settings = {{"format", "cifar10"}, {"images", {path, path}}, {"side", 32}, {"validation", 2}};
  const auto with = [&](const Json& more) {
    Json all = settings;
    all.update(more);
    return all;
  };
  const auto rgb = make("images", with({{"color", "rgb"}}));
  CHECK_EQ(rgb->shape().features, 3);
  Batch batch;
  rgb->training_batch(0, 10, batch);
  for (std::size_t b = 0; b < 10; ++b)
    for (const std::size_t p : {0, 1, 999})
      for (std::size_t c = 0; c < 3; ++c)
        CHECK_EQ(std::lround(batch.values[(b * 1024 + p) * 3 + c] * 255),
                 static_cast<long>((p + 50 * c + static_cast<std::size_t>(batch.targets[b])) % 200));
  const auto grey = make("images", with({{"tokens", true}}));
  grey->training_batch(0, 10, batch);
  for (std::size_t b = 0; b < 10; ++b) {
    const double i = batch.targets[b];
    CHECK_EQ(batch.tokens[b * 1024], std::lround(0.299 * i + 0.587 * (50 + i) + 0.114 * (100 + i)));
  }
  CHECK(make("images", with({{"classes", 8}}))->notes() ==
        std::vector<std::string>{"class 6 has no training image", "class 7 has no training image"});
  CHECK_EQ(refused("images", with({{"classes", 5}})), path + ": label 5 of image 5 is not below task.classes, 5");
  CHECK_EQ(refused("images", with({{"side", 28}})), "task.side: must be 32 for cifar10, got 28");
  write_file(path, bytes + "x");
  CHECK_EQ(refused("images", settings),
           path + ": is not a file of CIFAR-10's binary version: its 18439 bytes are no multiple of 3073");
}

TEST_CASE("files: folders that lead back to themselves, cut gz files") {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder / "a");
  write_file(folder / "a" / "x", std::string(400, 'x'));
  std::filesystem::create_directory_symlink(folder.path(), folder.path() / "a" / "up");
  std::filesystem::create_symlink("nowhere", folder.path() / "a" / "dangling");
  CHECK(make("text", {{"path", folder.path().string()}, {"length", 8}})->fingerprint().find("400 bytes") !=
        std::string::npos);
  const std::string path = (folder / "g.fa.gz").string();
  const gzFile file = gzopen(path.c_str(), "wb");
  std::string random;
  for (std::uint32_t i = 0, x = 1; i < 20000; ++i) random += "ACGT"[(x = x * 1664525 + 1013904223) >> 30];
  gzputs(file, (">x\n" + random).c_str());
  gzclose(file);
  CHECK(make("dna", {{"path", path}})->fingerprint().find("20000 bases") != std::string::npos);
  write_file(path, read_file(path).substr(0, 2000));
  CHECK_EQ(refused("dna", {{"path", path}}), path + ": is a damaged or truncated gz file");
}

TEST_CASE("files: what may not be read is refused by name, with the reason") {
  const TemporaryFolder folder;
  const std::string open = (folder / "open").string(), closed = open + "/closed", file = open + "/file";
  std::filesystem::create_directories(closed);
  write_file(closed + "/x", std::string(400, 'x'));
  write_file(file, std::string(400, 'x'));
  ::chmod(folder.path().c_str(), 0755);
  ::chmod(file.c_str(), 0);
  ::chmod(closed.c_str(), 0);
  const bool root = ::geteuid() == 0;  // who may read everything
  if (root) REQUIRE_EQ(::seteuid(65534), 0);
  const std::string in_closed = refused("text", {{"path", closed + "/x"}}),
                    of_closed = refused("text", {{"path", closed}}), of_open = refused("text", {{"path", open}}),
                    of_file = refused("text", {{"path", file}});
  if (root) REQUIRE_EQ(::seteuid(0), 0);
  ::chmod(closed.c_str(), 0700);
  CHECK_EQ(in_closed, "task.path: " + closed + "/x cannot be read: Permission denied");
  CHECK_EQ(of_closed, "task.path: " + closed + " cannot be listed: Permission denied");
  CHECK_EQ(of_open, "task.path: " + open + " cannot be listed: Permission denied");
  CHECK(of_file.find(file + ": ") != std::string::npos);
  CHECK(of_file.find("Permission denied") != std::string::npos);
}

TEST_CASE("prefetch: the batches of their steps, in any order") {
  const auto task = make("adding", {{"length", 20}});
  Prefetch batches(*task, 3);
  for (const Index step : {0, 1, 2, 7, 8, 3, 3, 4}) {
    Batch wanted;
    task->training_batch(step, 3, wanted);
    const Batch& got = batches.at(step);
    CHECK(got.values == wanted.values);
    CHECK(got.target_values == wanted.target_values);
  }
}
