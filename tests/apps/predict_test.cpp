// seqtape predict: answers for new data are those of eval, in the run's own classes, scale and alphabet.
#include <doctest/doctest.h>
#include <sys/resource.h>
#include <zip.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <map>
#include <numbers>

#include "apps/predict/answers.h"
#include "apps/predict/predictor.h"
#include "core/error.h"
#include "core/random.h"
#include "core/strings.h"
#include "models/module.h"
#include "tests/support/workplace.h"

using namespace seqtape;
using testing::Outcome;
using testing::Workplace;

namespace {

namespace fs = std::filesystem;

/// A config; `train`: steps and rate.
std::string config(const std::string& task, int steps, const std::string& model = R"("name": "gru")",
                   double rate = 0.02) {
  return format(R"({"task": {%s}, "model": {%s, "d_model": 16, "layers": 1},
    "optimizer": {"name": "adamw", "lr": %g}, "train": {"steps": %d, "batch": 8, "eval_every": %d, "tensorboard": false}})",
                task.c_str(), model.c_str(), rate, steps, steps);
}

bool says(const std::string& text, const std::string& what) { return text.find(what) != std::string::npos; }

using Table = std::vector<std::map<std::string, std::string>>;

/// CSV without quotes.
Table table(const std::string& csv) {
  std::istringstream lines(csv);
  std::string line;
  std::vector<std::string> names;
  Table rows;
  while (std::getline(lines, line)) {
    std::istringstream cells(line);
    std::vector<std::string> row;
    for (std::string cell; std::getline(cells, cell, ',');) row.push_back(cell);
    if (names.empty()) {
      names = row;
      continue;
    }
    REQUIRE_EQ(row.size(), names.size());
    auto& named = rows.emplace_back();
    for (std::size_t c = 0; c < row.size(); ++c) named[names[c]] = row[c];
  }
  return rows;
}

Outcome predict(const Workplace& w, const std::string& more) {
  return testing::seqtape("predict " + w.run + " " + more);
}

Table answers(const Workplace& w, const std::string& more) {
  const Outcome outcome = predict(w, more);
  INFO(outcome.err);
  REQUIRE_EQ(outcome.exit_code, 0);
  return table(outcome.out);
}

Json eval(const Workplace& w, const std::string& more = "") {
  const Outcome outcome = testing::seqtape("eval " + w.run + " --json " + more);
  INFO(outcome.err);
  REQUIRE_EQ(outcome.exit_code, 0);
  return Json::parse(outcome.out);
}

/// Which of `count` sequences validate: the task's fixed draw.
std::vector<std::size_t> validating(Index count, Index validation) {
  const auto order = Random(0, "split of labelled sequences").permutation(count);
  return {order.begin(), order.begin() + validation};
}

/// Answers with their true classes have the accuracy and the loss that eval reports, and err sometimes.
void agrees(const Table& rows, const std::vector<std::string>& truth, const Json& score) {
  REQUIRE_EQ(rows.size(), truth.size());
  double right = 0, loss = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    right += rows[i].at("label") == truth[i];
    loss -= std::log(std::stod(rows[i].at(truth[i])));
  }
  const double count = static_cast<double>(rows.size());
  CHECK(right / count == doctest::Approx(score.at("accuracy").get<double>()));
  CHECK(loss / count == doctest::Approx(score.at("loss").get<double>()).epsilon(1e-4));
  CHECK(right / count > 0.6);  // it learned
  CHECK(right / count < 1);    // and the comparison can tell: some labels are wrong on purpose
}

/// An array of an .npz, by its header and its bytes.
struct Loaded {
  std::string type;
  std::size_t rows = 0;
  std::string bytes;
  template <class T>
  T at(std::size_t row) const {
    T value;
    std::memcpy(&value, bytes.data() + row * sizeof(T), sizeof(T));
    return value;
  }
  std::string text(std::size_t row) const {
    const std::size_t width = std::stoul(type.substr(2));
    std::u32string letters(width, U'\0');
    std::memcpy(letters.data(), bytes.data() + row * width * sizeof(char32_t), width * sizeof(char32_t));
    return to_utf8(letters.substr(0, letters.find(U'\0')));
  }
};

/// What numpy.load would read.
std::map<std::string, Loaded> load_npz(const fs::path& path) {
  int problem = 0;
  zip_t* const archive = zip_open(path.c_str(), ZIP_RDONLY | ZIP_CHECKCONS, &problem);
  REQUIRE(archive);
  std::map<std::string, Loaded> all;
  for (zip_int64_t i = 0; i < zip_get_num_entries(archive, 0); ++i) {
    zip_stat_t status;
    REQUIRE_EQ(zip_stat_index(archive, static_cast<zip_uint64_t>(i), 0, &status), 0);
    std::string bytes(status.size, '\0');
    zip_file_t* const file = zip_fopen_index(archive, static_cast<zip_uint64_t>(i), 0);
    REQUIRE_EQ(zip_fread(file, bytes.data(), bytes.size()), static_cast<zip_int64_t>(bytes.size()));
    zip_fclose(file);
    const std::string name = status.name;
    REQUIRE(name.ends_with(".npy"));
    REQUIRE_EQ(bytes.substr(0, 8), std::string("\x93NUMPY\x01\0", 8));
    const std::size_t begin =
        10 + static_cast<unsigned char>(bytes[8]) + 256 * std::size_t{static_cast<unsigned char>(bytes[9])};
    CHECK_EQ(begin % 64, 0);
    const std::string header = bytes.substr(10, begin - 10);
    CHECK_EQ(header.back(), '\n');
    Loaded& array = all[name.substr(0, name.size() - 4)];
    const std::size_t type = header.find("'descr': '") + 10, shape = header.find("'shape': (") + 10;
    array.type = header.substr(type, header.find('\'', type) - type);
    array.rows = std::stoul(header.substr(shape));
    array.bytes = bytes.substr(begin);
    const std::size_t size = array.type[1] == 'U' ? 4 * std::stoul(array.type.substr(2)) : 8;
    CHECK_EQ(array.bytes.size(), size * array.rows);
    CHECK(says(header, "'fortran_order': False"));
  }
  zip_close(archive);
  return all;
}

std::string letters(const char* of, std::size_t size, std::uint64_t seed) {
  Random random(seed, "letters");
  std::string text;
  for (std::size_t i = 0; i < size; ++i) text += of[random.below(6)];
  return text;
}

constexpr const char* kOf[] = {"abcdef", "ghijkl", "mnopqr"};
constexpr const char* kNamed[] = {"wet", "calm", "dry"};  // not in the order of their letters

/// Three folders of 20 texts; some stand in a wrong one.
struct Documents {
  Workplace w{config(R"("name": "documents", "path": "d", "classes": 3, "length": 24, "validation_fraction": 0.35,
                      "test_fraction": 0)",
                     120)};
  std::vector<std::string> files, labels;  // in the task's order
  Documents() {
    for (const int c : {1, 2, 0}) {  // calm, dry, wet
      fs::create_directories(w.folder / "d" / kNamed[c]);
      for (std::size_t i = 0; i < 20; ++i) {
        files.push_back((w.folder / "d" / kNamed[c] / format("%02zu.txt", i)).string());
        labels.emplace_back(kNamed[c]);
        const std::size_t wrong = i % 6 == 5;
        write_file(files.back(), letters(kOf[(static_cast<std::size_t>(c) + wrong) % 3], 12 + i,
                                         100 * static_cast<std::uint64_t>(c) + i));
      }
    }
    REQUIRE_EQ(w.train().exit_code, 0);
  }
};

}  // namespace

TEST_CASE("documents: predict is eval, for files, folders, lines; without the training's data") {
  const Documents d;
  const Workplace& w = d.w;
  const Json score = eval(w);
  std::string named;
  std::vector<std::string> truth;
  for (const std::size_t i : validating(60, 21)) {
    named += " " + d.files[i];
    truth.push_back(d.labels[i]);
  }
  const std::string all = predict(w, named).out;
  CHECK(says(all, "input,label,calm,dry,wet\n"));
  agrees(table(all), truth, score);
  // Their place in a batch changes nothing but last bits.
  const Table alone = answers(w, named + " --batch 1 --threads 1"), together = table(all);
  for (std::size_t i = 0; i < alone.size(); ++i) {
    CHECK_EQ(alone[i].at("input"), together[i].at("input"));
    CHECK(std::stod(alone[i].at("wet")) == doctest::Approx(std::stod(together[i].at("wet"))).epsilon(1e-5));
  }

  // New files, in folders of other names: the training's folders are gone.
  fs::remove_all(w.folder / "d");
  const fs::path fresh = w.folder / "new";
  const char* const folder[] = {"1", "3", "2"};
  std::string lines;
  for (std::size_t c = 0; c < 3; ++c) {
    fs::create_directories(fresh / folder[c]);
    const std::string text = letters(kOf[c], 20, 7000 + c);
    write_file(fresh / folder[c] / "t.txt", text);
    lines += text + (c == 1 ? "\r\n\n" : "\n");
  }
  write_file(fresh / ".hidden", "x");
  const Outcome outcome = predict(w, fresh.string());
  CHECK(says(outcome.err, "1 hidden files were left out"));
  const Table rows = table(outcome.out);
  REQUIRE_EQ(rows.size(), 3);
  for (const auto& [place, name] : {std::pair{0, "wet"}, {1, "dry"}, {2, "calm"}}) {
    CHECK_EQ(rows[static_cast<std::size_t>(place)].at("input"), (fresh / std::to_string(place + 1) / "t.txt").string());
    CHECK_EQ(rows[static_cast<std::size_t>(place)].at("label"), name);
    CHECK(std::stod(rows[static_cast<std::size_t>(place)].at(name)) > 0.5);
  }
  write_file(w.folder / "lines", lines);
  const Outcome by_line = testing::seqtape("predict " + w.run + " - <" + (w.folder / "lines").string() + ")", "(");
  const Table of_lines = table(by_line.out);
  REQUIRE_EQ(of_lines.size(), 3);
  CHECK_EQ(of_lines[0].at("label"), "wet");
  CHECK_EQ(of_lines[0].at("wet"), rows[0].at("wet"));
  CHECK_EQ(of_lines[2].at("input"), "-:4");
  CHECK_EQ(of_lines[2].at("label"), "dry");
}

TEST_CASE("documents: what cannot be read is told after the others; answer files are whole or none") {
  const Documents d;
  const fs::path good = d.w.folder / "good.txt", empty = d.w.folder / "empty", none = d.w.folder / "none";
  write_file(good, letters(kOf[0], 20, 1));
  write_file(empty, "");
  const std::string named = none.string() + " " + empty.string() + " " + good.string();
  const Outcome some = predict(d.w, named);
  CHECK_EQ(some.exit_code, 1);
  CHECK_EQ(table(some.out).size(), 1);
  CHECK_EQ(some.err, "error: " + none.string() +
                         ": cannot be opened: No such file or directory\nerror: " + empty.string() + ": is empty\n");
  const std::string csv = (d.w.folder / "a.csv").string(), json = (d.w.folder / "a.json").string();
  testing::refused(predict(d.w, named + " --strict --out " + csv), 1,
                   none.string() + ": cannot be opened: No such file or directory");
  CHECK_FALSE(fs::exists(csv));
  CHECK_EQ(predict(d.w, good.string() + " --out " + csv).out, "");
  CHECK_EQ(read_file(csv), some.out);
  CHECK_EQ(predict(d.w, good.string() + " --out " + json).exit_code, 0);
  const Json document = Json::parse(read_file(json));
  CHECK_EQ(document, Json::parse(predict(d.w, good.string() + " --json").out));
  CHECK_EQ(document[0]["label"], "wet");
  CHECK_EQ(document[0]["input"], good.string());
  CHECK_EQ(document[0]["probabilities"]["wet"].get<double>(), std::stod(table(some.out)[0].at("wet")));
  testing::refused(predict(d.w, good.string() + " --out a.txt"), 2,
                   "--out: must end in .csv, .json or .npz, got \"a.txt\"");
  testing::refused(predict(d.w, good.string() + " --out no/a.csv"), 2, "--out: no is not a folder, or does not exist");
  testing::refused(predict(d.w, ""), 2, "the argument FILES is missing: files, a folder, or - for lines of text");
}

TEST_CASE("documents: a longer file is cut and told, by windows, or whole") {
  const Documents d;
  const fs::path file = d.w.folder / "long.txt";
  write_file(file, letters(kOf[0], 24, 1) + letters(kOf[1], 24, 2) + letters(kOf[2], 20, 3) + letters(kOf[2], 9000, 4));
  const Outcome cut = predict(d.w, file.string());
  CHECK_EQ(table(cut.out)[0].at("label"), "wet");
  CHECK(says(cut.err, "note: 1 inputs are longer than task.length, 24: of each the first 24 steps were read"));
  const Table windows = answers(d.w, file.string() + " --windows");
  REQUIRE_EQ(windows.size(), (24 + 24 + 20 + 9000 + 23) / 24);
  CHECK_EQ(windows[0].at("wet"), table(cut.out)[0].at("wet"));
  CHECK_EQ(windows[0].at("start"), "0");
  CHECK_EQ(windows[1].at("start"), "24");
  CHECK_EQ(windows[1].at("label"), "calm");
  CHECK_EQ(windows[2].at("label"), "dry");
  // Several chunks through carried state give what one pass over all of it gives.
  const Outcome whole = predict(d.w, file.string() + " --whole");
  CHECK_EQ(whole.err, "");
  const Table at_once = answers(d.w, file.string() + " --set task.length=10000");
  CHECK_EQ(table(whole.out)[0].at("label"), "dry");
  CHECK(std::stod(table(whole.out)[0].at("wet")) == doctest::Approx(std::stod(at_once[0].at("wet"))).epsilon(1e-3));
  // Beside a short one, that ends many chunks before.
  write_file(d.w.folder / "short.txt", letters(kOf[0], 24, 1));
  const Table both = answers(d.w, file.string() + " " + (d.w.folder / "short.txt").string() + " --whole");
  CHECK_EQ(both[0].at("label"), "dry");
  CHECK(std::stod(both[1].at("wet")) == doctest::Approx(std::stod(table(cut.out)[0].at("wet"))).epsilon(1e-5));
  const Outcome refuses = predict(d.w, file.string() + " --set task.longer=refuse");
  CHECK_EQ(refuses.exit_code, 1);
  CHECK(says(refuses.err, "long.txt: has more than task.length, 24, steps, and task.longer is \"refuse\""));
}

namespace {

/// A mono WAV file of 16-bit samples.
void write_tone(const fs::path& path, double hertz, int rate, int samples, std::uint64_t seed) {
  Random random(seed, "tone");
  const double phase = random.uniform(0, 6), loudness = random.uniform(3000, 20000);
  std::string bytes;
  const auto put = [&](std::uint32_t value, int size) {
    for (int i = 0; i < size; ++i) bytes += static_cast<char>(value >> (8 * i));
  };
  const auto size = static_cast<std::uint32_t>(2 * samples), hz = static_cast<std::uint32_t>(rate);
  bytes += "RIFF", put(36 + size, 4), bytes += "WAVEfmt ", put(16, 4), put(1, 2), put(1, 2), put(hz, 4), put(2 * hz, 4);
  put(2, 2), put(16, 2), bytes += "data", put(size, 4);
  for (int i = 0; i < samples; ++i)
    put(static_cast<std::uint32_t>(
            std::lround(loudness * std::sin(2 * std::numbers::pi * hertz * i / rate + phase) + 100 * random.normal())),
        2);
  write_file(path, bytes);
}

}  // namespace

TEST_CASE("audio: predict is eval; other rates are resampled; what is no sound is named") {
  const Workplace w(config(R"("name": "audio", "path": "d", "classes": 2, "length": 64, "rate": 2000,
                            "validation_fraction": 0.4, "test_fraction": 0)",
                           120));
  std::vector<std::string> files, labels;
  for (const char* name : {"high", "low"}) {
    fs::create_directories(w.folder / "d" / name);
    for (int i = 0; i < 16; ++i) {
      files.push_back((w.folder / "d" / name / format("%02d.wav", i)).string());
      labels.emplace_back(name);
      const bool high = (*name == 'h') != (i % 5 == 4);
      write_tone(files.back(), high ? 600 : 60, 2000, 64 + i, static_cast<std::uint64_t>(i) + (*name == 'h' ? 0 : 100));
    }
  }
  REQUIRE_EQ(w.train().exit_code, 0);
  std::string named;
  std::vector<std::string> truth;
  for (const std::size_t i : validating(32, 12)) {
    named += " " + files[i];
    truth.push_back(labels[i]);
  }
  agrees(answers(w, named), truth, eval(w));
  const fs::path fresh = w.folder / "new";
  fs::create_directory(fresh);
  write_tone(fresh / "1.wav", 60, 8000, 400, 900);
  write_tone(fresh / "2.wav", 600, 8000, 400, 901);
  write_tone(fresh / "3.wav", 60, 2000, 64, 902);
  write_file(fresh / "4.wav", "no sound");
  write_tone(fresh / "5.wav", 60, 1, 64, 902);
  const Outcome outcome = predict(w, fresh.string());
  CHECK_EQ(outcome.exit_code, 1);
  const Table rows = table(outcome.out);
  REQUIRE_EQ(rows.size(), 3);
  CHECK_EQ(rows[0].at("label"), "low");
  CHECK_EQ(rows[1].at("label"), "high");
  CHECK_EQ(rows[2].at("label"), "low");
  CHECK(says(outcome.err, "error: " + (fresh / "4.wav").string()));
  CHECK(says(outcome.err, "error: " + (fresh / "5.wav").string() + ": cannot be resampled from 1 to 2000 Hz"));
  testing::refused(predict(w, "-"), 2, "predict: -: the task audio does not read lines of text; name its files");
}

TEST_CASE("dna_classes: predict is eval, record by record; another alphabet is refused") {
  const Workplace w(config(R"("name": "dna_classes", "path": "d", "classes": 2, "length": 32,
                            "validation_fraction": 0.4, "test_fraction": 0)",
                           100));
  std::vector<std::string> validate;
  std::vector<std::string> truth;
  for (const char* name : {"at", "gc"}) {
    fs::create_directories(w.folder / "d" / name);
    std::vector<std::string> records;
    for (std::uint64_t i = 0; i < 20; ++i) {
      const bool rich = (*name == 'g') != (i % 5 == 4);
      records.push_back(letters(rich ? "GCGCGA" : "ATATAC", 32, i + (*name == 'g' ? 0 : 100)));
    }
    std::string fasta;
    for (const std::string& record : records) fasta += ">r\n" + record + "\n";
    write_file(w.folder / "d" / name / "x.fa", fasta);
    const auto order = Random(0, "order of records").permutation(20);
    for (std::size_t i = 12; i < 20; ++i) {
      validate.push_back(records[static_cast<std::size_t>(order[i])]);
      truth.emplace_back(name);
    }
  }
  REQUIRE_EQ(w.train().exit_code, 0);
  std::string fasta;
  for (const std::string& record : validate) fasta += ">r\n" + record + "\n";
  const fs::path file = w.folder / "new.fa";
  write_file(file, fasta);
  const Table rows = answers(w, file.string());
  agrees(rows, truth, eval(w));
  CHECK_EQ(rows[1].at("input"), file.string() + ":2");
  write_file(file, ">protein\nMFLEQIPLFEQLPEIFMKV\n");
  const Outcome protein = predict(w, file.string());
  CHECK_EQ(protein.exit_code, 1);
  CHECK(says(protein.err, file.string() + ": 15 of 19 letters are not bases (A, C, G, T, U, IUPAC's codes)\n"));
}

TEST_CASE("series_classes: predict is eval; the scale is the run's; a class in front is no value") {
  const Workplace w(config(R"("name": "series_classes", "path": "d.csv", "classes": 2, "length": 16, "normalise": true,
                            "validation_fraction": 0.4, "test_fraction": 0)",
                           120));
  std::vector<std::string> lines, labels;
  for (std::uint64_t i = 0; i < 40; ++i) {
    Random random(i, "series");
    const bool up = i % 2 == 0;
    labels.emplace_back(i % 11 == 10 ? (up ? "down" : "up") : (up ? "up" : "down"));
    std::string values;
    for (int t = 0; t < 16; ++t)
      values += format("%s%.4f", t ? "," : "", 5000 + (up ? 1 : -1) * 100.0 * (t - 7.5) + 50 * random.normal());
    lines.push_back(values);
  }
  std::string csv;
  for (std::size_t i = 0; i < lines.size(); ++i) csv += labels[i] + "," + lines[i] + "\n";
  write_file(w.folder / "d.csv", csv);
  REQUIRE_EQ(w.train().exit_code, 0);
  const Json score = eval(w);
  fs::remove(w.folder / "d.csv");
  std::string plain, labelled;
  std::vector<std::string> truth;
  for (const std::size_t i : validating(40, 16)) {
    plain += lines[i] + "\n";
    labelled += labels[i] + "," + lines[i] + "\n";
    truth.push_back(labels[i]);
  }
  const fs::path file = w.folder / "new.csv";
  write_file(file, plain);
  const std::string all = predict(w, file.string()).out;
  agrees(table(all), truth, score);
  write_file(file, labelled);
  const Outcome with_classes = predict(w, file.string());
  CHECK_EQ(with_classes.out, all);
  CHECK(says(with_classes.err, "the first cell of each line names a class"));
  // One series alone is measured by the run's mean and deviation, not by its own.
  write_file(file, plain.substr(0, plain.find('\n') + 1));
  CHECK(std::stod(answers(w, file.string())[0].at("up")) ==
        doctest::Approx(std::stod(table(all)[0].at("up"))).epsilon(1e-5));
  std::string far;
  for (int t = 0; t < 16; ++t) far += format("%s%d", t ? "," : "", 5000000 + 100000 * t);
  write_file(file, far + "\n");
  const Outcome refused = predict(w, file.string());
  CHECK_EQ(refused.exit_code, 1);
  CHECK(says(refused.err, "new.csv:1: lies "));
  CHECK(says(refused.err, "deviations of the training"));
  write_file(file, "1,2,x\n");
  CHECK(says(predict(w, file.string()).err, "new.csv:1: column 3 is not a number: \"x\""));
}

TEST_CASE("series: a forecast after the last row, in the data's units; another scale is refused") {
  const Workplace w(config(R"("name": "series", "path": "d.csv", "columns": ["x", "y"], "targets": ["y"], "length": 16,
                            "horizon": 4, "train_fraction": 0.8, "test_fraction": 0.02)",
                           200));
  const auto csv = [](int rows, double scale, const char* names = "x,y\n") {
    std::string text = names;
    for (int t = 0; t < rows; ++t)
      text += format("%.6f,%.6f\n", scale * std::cos(t * 0.4), scale * (5 + std::sin(t * 0.4)));
    return text;
  };
  write_file(w.folder / "d.csv", csv(200, 1000));
  REQUIRE_EQ(w.train().exit_code, 0);
  // The test part is one window: its four rows are asked after those before.
  const double mse = eval(w, "--split test").at("mse").get<double>();
  const fs::path file = w.folder / "new.csv";
  write_file(file, csv(196, 1000));
  const Outcome outcome = predict(w, file.string());
  CHECK(says(outcome.out, "time,step,y\n196,1,"));
  const Table rows = table(outcome.out);
  REQUIRE_EQ(rows.size(), 4);
  double error = 0;
  for (int h = 0; h < 4; ++h) {
    const auto& row = rows[static_cast<std::size_t>(h)];
    CHECK_EQ(row.at("time"), std::to_string(196 + h));
    CHECK_EQ(row.at("step"), std::to_string(h + 1));
    const double truth = 1000 * (5 + std::sin((196 + h) * 0.4)), value = std::stod(row.at("y"));
    CHECK(std::fabs(value - truth) < 300);  // of an amplitude of 1000 around 5000
    error += std::pow(value - truth, 2) / 4;
  }
  const Json state = Json::parse(w.bytes("step-00000200", "state.json"));
  const double deviation = state["learned"]["scales"]["y"]["deviation"];
  CHECK(error / deviation / deviation == doctest::Approx(mse).epsilon(1e-3));
  // The run's own file is the default; columns are found by their names; several files are told apart.
  CHECK_EQ(answers(w, "")[0].at("time"), "200");
  write_file(
      w.folder / "turned.csv", "z,y,x\n" + [&] {
        std::string text;
        for (int t = 0; t < 196; ++t)
          text += format("7,%.6f,%.6f\n", 1000 * (5 + std::sin(t * 0.4)), 1000 * std::cos(t * 0.4));
        return text;
      }());
  const Outcome two = predict(w, file.string() + " " + (w.folder / "turned.csv").string());
  CHECK(says(two.out, "input,time,step,y\n"));
  REQUIRE_EQ(table(two.out).size(), 8);
  CHECK_EQ(table(two.out)[4].at("y"), rows[0].at("y"));
  write_file(file, csv(196, 1e6));
  const Outcome far = predict(w, file.string());
  CHECK_EQ(far.exit_code, 1);
  CHECK(says(far.err, "new.csv: column x: lies "));
  write_file(file, csv(196, 1000, "x,z\n"));
  CHECK(says(predict(w, file.string()).err, "new.csv has no column \"y\""));
  write_file(file, csv(15, 1000));
  CHECK(says(predict(w, file.string()).err, "new.csv: has 15 rows, and the model reads 16 (task.length)"));
  CHECK_EQ(predict(w, "--windows").exit_code, 2);
}

TEST_CASE("text: bits of files are those of eval, by windows or whole; another alphabet is refused") {
  const Workplace w(config(R"("name": "text", "path": "t.txt", "length": 32, "train_fraction": 0.75)", 40));
  std::string text;
  for (std::uint64_t i = 0; i < 200; ++i) text += letters(kOf[i % 3], 20, i) + "\n";
  write_file(w.folder / "t.txt", text);
  REQUIRE_EQ(w.train().exit_code, 0);
  const double bits = eval(w).at("bits_per_byte").get<double>();
  const double in_one = eval(w, "--set task.length=1049").at("bits_per_byte").get<double>();
  const fs::path file = w.folder / "new.txt";
  write_file(file, text.substr(text.size() * 3 / 4));
  const Outcome outcome = predict(w, file.string());
  CHECK(says(outcome.out, "input,bits_per_byte\n"));
  CHECK(says(outcome.err, "they were read in windows of that, each from a fresh start, as in training"));
  CHECK(std::stod(table(outcome.out)[0].at("bits_per_byte")) == doctest::Approx(bits).epsilon(1e-4));
  double sum = 0;
  const Table windows = answers(w, file.string() + " --windows");
  REQUIRE_EQ(windows.size(), 33);
  CHECK_EQ(windows[32].at("start"), "1024");
  for (std::size_t i = 0; i < windows.size(); ++i)
    sum += std::stod(windows[i].at("bits_per_byte")) * (i < 32 ? 32 : 25);
  CHECK(sum / 1049 == doctest::Approx(bits).epsilon(1e-4));
  const double whole = std::stod(answers(w, file.string() + " --whole")[0].at("bits_per_byte"));
  CHECK(whole == doctest::Approx(in_one).epsilon(1e-4));
  CHECK(std::fabs(whole - bits) > 1e-3);
  // Several chunks through carried state.
  write_file(file, text + text + text);
  CHECK(std::stod(answers(w, file.string() + " --whole")[0].at("bits_per_byte")) ==
        doctest::Approx(std::stod(answers(w, file.string() + " --set task.length=20000")[0].at("bits_per_byte")))
            .epsilon(1e-5));
  write_file(file, "a");
  CHECK(says(predict(w, file.string()).err, "new.txt: has one byte; an answer takes two"));

  REQUIRE_EQ(w.train("--force --set task.alphabet=auto --set train.steps=2").exit_code, 0);
  fs::remove(w.folder / "t.txt");
  write_file(file, "abc\nabz");
  const Outcome near = predict(w, file.string() + " --strict");
  CHECK_EQ(near.exit_code, 1);  // one of seven
  write_file(file, "abc abc abc abc abcz\n");
  CHECK(says(predict(w, file.string()).err, "new.txt: 5 of 21 characters are not in the model's alphabet"));
  write_file(file, "abc\nabc\nabc\nabcz\n");
  const Outcome known = predict(w, file.string());
  CHECK(says(known.out, "input,bits_per_character\n"));
  CHECK(says(known.err, "1 characters that task.alphabet does not have were read as one token"));
}

TEST_CASE("text: characters of a long file are those of the file, wherever it is cut into pieces") {
  const Workplace w(
      config(R"("name": "text", "path": "t.txt", "length": 32, "train_fraction": 0.75, "alphabet": "auto")", 4));
  std::string text;
  for (int i = 0; i < 1000; ++i) text += i % 3 == 0 ? "a" : i % 3 == 1 ? "\u20AC" : "\U0001F600";
  write_file(w.folder / "t.txt", text);
  REQUIRE_EQ(w.train().exit_code, 0);
  std::string many;
  for (int i = 0; i < 110; ++i) many += text;  // 290 kB: more than a piece
  for (int shift = 0; shift < 8; ++shift) {    // which ends within every byte of a character
    const fs::path file = w.folder / "new.txt";
    write_file(file, std::string("\xEF\xBB\xBF") + std::string(static_cast<std::size_t>(shift), 'a') + many);
    const Outcome each = predict(w, file.string() + " --whole --per-token");
    REQUIRE_EQ(each.exit_code, 0);
    CHECK_EQ(std::count(each.out.begin(), each.out.end(), '\n'), 110000 + shift);
    CHECK(says(each.out, format(",%d,\U0001F600,", shift + 109998)));
    CHECK_FALSE(says(each.out, ",\uFFFD,"));
  }
  const fs::path wrong = w.folder / "wrong.txt";
  write_file(wrong, many + "a\xE2\x82");
  CHECK(says(predict(w, wrong.string()).err, format("wrong.txt: is not UTF-8 text (byte %zu)", many.size() + 1)));
  write_file(wrong, many + "\xFF" + many);
  CHECK(says(predict(w, wrong.string()).err, format("wrong.txt: is not UTF-8 text (byte %zu)", many.size())));
}

TEST_CASE("tokens and images: numbers by the line, pictures by the file") {
  const Workplace tokens(
      config(R"("name": "tokens", "path": "t.txt", "vocab": 8, "length": 8, "train_fraction": 0.75)", 4));
  std::string ids;
  for (int i = 0; i < 100; ++i) ids += std::to_string(i % 7) + " ";
  write_file(tokens.folder / "t.txt", ids);
  REQUIRE_EQ(tokens.train().exit_code, 0);
  write_file(tokens.folder / "lines", "1 2 3\n4 9\n");
  const Outcome by_line =
      testing::seqtape("predict " + tokens.run + " - <" + (tokens.folder / "lines").string() + ")", "(");
  CHECK_EQ(by_line.exit_code, 1);
  CHECK(says(by_line.out, "input,bits_per_token\n-:1,"));
  CHECK(says(by_line.err, "error: -:2: number 2: must be a token in [0, 8), got \"9\""));
  const Outcome each =
      testing::seqtape("predict " + tokens.run + " --per-token - <" + (tokens.folder / "lines").string() + ")", "(");
  CHECK(says(each.out, "input,step,token,bits\n-:1,1,2,"));
  CHECK(says(each.out, "\n-:1,2,3,"));
  const fs::path out = tokens.folder / "a.npz";
  CHECK_EQ(predict(tokens, (tokens.folder / "t.txt").string() + " --per-token --out " + out.string()).exit_code, 0);
  const auto arrays = load_npz(out);
  CHECK_EQ(arrays.at("token").type, "<i8");
  CHECK_EQ(arrays.at("token").at<std::int64_t>(5), 6);
  CHECK_EQ(arrays.at("token").rows, 99);

  const Workplace images(
      config(R"("name": "images", "images": "i", "labels": "l", "side": 4, "validation": 20, "classes": 2,
                                 "order": "permuted")",
             60));
  const auto idx = [](std::size_t first, std::size_t count) {
    std::string bytes("\0\0\x08\x03\0\0\0", 7);
    bytes += static_cast<char>(count);
    bytes += std::string("\0\0\0\x04\0\0\0\x04", 8);
    for (std::size_t i = first; i < first + count; ++i)
      for (int p = 0; p < 16; ++p) bytes += static_cast<char>((i % 3 == 0) == (p < 8) ? 200 : 20);
    return bytes;
  };
  std::string labels("\0\0\x08\x01\0\0\0\x3c", 8);
  std::vector<std::string> truth;
  for (std::size_t i = 0; i < 60; ++i) {
    const bool first = (i % 3 == 0) != (i % 7 == 6);
    labels += first ? '\0' : '\1';
    if (i >= 40) truth.emplace_back(first ? "0" : "1");
  }
  write_file(images.folder / "i", idx(0, 60));
  write_file(images.folder / "l", labels);
  REQUIRE_EQ(images.train().exit_code, 0);
  const fs::path file = images.folder / "new.idx";
  write_file(file, idx(40, 20));
  const Table rows = answers(images, file.string());
  agrees(rows, truth, eval(images));
  CHECK_EQ(rows[19].at("input"), file.string() + ":19");
}

TEST_CASE("a model that cannot read a whole input refuses it") {
  const Workplace w(config(R"("name": "text", "path": "t.txt", "length": 32, "train_fraction": 0.75)", 2,
                           R"("name": "transformer", "positions": "learned", "max_length": 64)"));
  const fs::path file = w.folder / "t.txt", few = w.folder / "few.txt";
  write_file(file, letters(kOf[0], 1000, 1));
  write_file(few, letters(kOf[0], 65, 1));
  REQUIRE_EQ(w.train().exit_code, 0);
  const Outcome learned = predict(w, file.string() + " " + few.string() + " --whole");
  CHECK_EQ(learned.exit_code, 1);
  CHECK_EQ(table(learned.out).size(), 1);
  CHECK(
      says(learned.err, "t.txt: has more steps than the model's learned positions, 64; --windows reads it in windows"));
  CHECK(says(learned.err, "the memory of this model grows with the input that it reads whole"));
  const Workplace both(config(R"("name": "documents", "path": "d.tsv", "classes": 2, "length": 8,
                               "validation_fraction": 0.5)",
                              2, R"("name": "s4", "bidirectional": true)"));
  write_file(both.folder / "d.tsv", "a\txxxx\nb\tyyyy\na\txx\nb\tyy\n");
  REQUIRE_EQ(both.train().exit_code, 0);
  testing::refused(predict(both, file.string() + " --whole"), 2,
                   "predict: --whole: the model reads whole sequences, not parts of them with a carried state; "
                   "--windows answers for each window of task.length");
  const Outcome cut = predict(both, file.string());
  CHECK_EQ(cut.err,
           "note: 1 inputs are longer than task.length, 8: of each the first 8 steps were read, as in training; "
           "--windows answers for each window of that\n");
}

TEST_CASE("a task that makes its own data is refused by its name") {
  const Workplace w;
  REQUIRE_EQ(w.train("--set train.steps=1").exit_code, 0);
  testing::refused(predict(w, "x"), 2,
                   "predict: the task induction_heads makes its own data; seqtape eval RUN scores it");
}

namespace {

/// Says at each step which token it is: a task whose labels are a step's.
struct Naming final : Task {
  void fields(Fields&) override {}
  void prepare(std::uint64_t) override {}
  TaskShape shape() const override { return {{.vocabulary = 3, .outputs = 3}, Objective::label_per_step, 4}; }
  void training_batch(Index, Index, Batch&) const override {}
  std::unique_ptr<Evaluation> evaluation(Split, const EvaluationOptions&) const override { return nullptr; }
  NewInputs new_inputs() override {
    return {.read =
                [](const fs::path&, const NewInputs::Add& add) {
                  add(NewInput::of({.tokens = {0, 1, 2, 1, 0, 2}}, "r,1"));
                },
            .answers = {"a", "b", "c"}};
  }
};

}  // namespace

TEST_CASE("labels of steps: a line a step, whose place goes on from window to window") {
  Naming task;
  const RunConfig run = RunConfig::from_json(parse_json(testing::kConfig, "config"), ".");
  SequenceModel model(run.model, task.shape());
  allocate(model.parameters(), 1);
  const auto text = [&](Reach reach, bool json) {
    std::string all;
    Predictor predictor(model, task, "naming", {.reach = reach, .batch = 2}, [&](const Answer& answer) {
      AnswerWriter(task.shape(), task.new_inputs(), {.json = json}, [&](const std::string& part) {
        all += part;
      }).write(answer);
    });
    predictor.file("f", "f");
    predictor.finish();
    CHECK_EQ(predictor.notes().empty(), reach != Reach::training);
    return all;
  };
  const std::string cut = text(Reach::training, false);
  CHECK(says(cut, "input,step,label,a,b,c\n\"f:r,1\",0,"));
  CHECK_EQ(std::count(cut.begin(), cut.end(), '\n'), 5);
  const std::string whole = text(Reach::whole, false);
  CHECK_EQ(whole.compare(0, cut.size(), cut), 0);
  CHECK_EQ(std::count(whole.begin(), whole.end(), '\n'), 7);
  CHECK(says(text(Reach::windows, false), "\"f:r,1\",5,"));
  const Json object = Json::parse(text(Reach::whole, true) + "]")[0];
  CHECK_EQ(object["steps"].size(), 6);
  double sum = 0;
  for (const auto& [name, probability] : object["steps"][5]["probabilities"].items()) sum += probability.get<double>();
  CHECK(sum == doctest::Approx(1).epsilon(1e-5));
}

TEST_CASE("--out FILE.npz: an array for each column, an element for each row") {
  const Documents d;
  std::string named;
  for (const std::size_t i : {0, 25, 45}) named += " " + d.files[i];
  write_file(d.w.folder / "d\xC3\xBCne.txt", letters(kOf[0], 20, 1));
  named += " " + (d.w.folder / "d\xC3\xBCne.txt").string();
  const fs::path out = d.w.folder / "a.npz";
  REQUIRE_EQ(predict(d.w, named + " --out " + out.string()).exit_code, 0);
  const Table rows = answers(d.w, named);
  const auto arrays = load_npz(out);
  CHECK_EQ(arrays.size(), 5);
  CHECK_EQ(arrays.at("label").type, "<U4");  // calm
  CHECK_EQ(arrays.at("calm").type, "<f8");
  REQUIRE_EQ(arrays.at("wet").rows, 4);
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK_EQ(arrays.at("input").text(i), rows[i].at("input"));
    CHECK_EQ(arrays.at("label").text(i), rows[i].at("label"));
    CHECK(arrays.at("wet").at<double>(i) == doctest::Approx(std::stod(rows[i].at("wet"))).epsilon(1e-6));
  }
  // An old file is replaced, whole or not at all, and nothing is left beside it.
  REQUIRE_EQ(predict(d.w, d.files[0] + " --windows --out " + out.string()).exit_code, 0);
  const auto fewer = load_npz(out);
  CHECK_EQ(fewer.at("start").type, "<i8");
  CHECK_EQ(fewer.at("start").at<std::int64_t>(0), 0);
  CHECK_EQ(fewer.at("input").rows, 1);
  const std::string before = read_file(out);
  CHECK_EQ(predict(d.w, "none " + d.files[1] + " --strict --out " + out.string()).exit_code, 1);
  CHECK_EQ(read_file(out), before);
  CHECK_FALSE(fs::exists(out.string() + ".unfinished"));
  REQUIRE_EQ(predict(d.w, "none --out " + out.string()).exit_code, 1);  // no answers
  CHECK_EQ(load_npz(out).at("wet").rows, 0);
  const Outcome here = testing::seqtape("predict " + d.w.run + " " + d.files[0] + " --out b.npz",
                                        "cd " + d.w.folder.path().string() + " && ");
  CHECK_EQ(here.err, "");
  CHECK_EQ(load_npz(d.w.folder / "b.npz").at("input").rows, 1);
  AnswerArrays twice;
  twice.column("a", AnswerArrays::Kind::text);
  CHECK_EQ(testing::message_of<ConfigError>([&] { twice.column("a", AnswerArrays::Kind::number); }),
           "--out: two columns of the answers are called \"a\", and an .npz has one array of a name; write .csv");
  testing::refused(predict(d.w, d.files[0] + " --json --out " + out.string()), 2, "--json: --out names a NumPy file");
}

TEST_CASE("series: standard input is one CSV; a backtest as arrays") {
  const Workplace w(config(R"("name": "series", "path": "d.csv", "columns": ["x"], "targets": ["x"], "length": 16,
                            "horizon": 2, "missing": "linear", "train_fraction": 0.7, "test_fraction": 0.1)",
                           2));
  std::string csv = "x\n";
  for (int t = 0; t < 200; ++t) csv += t == 199 ? "NaN\n" : format("%.6f\n", std::sin(t * 0.4));
  write_file(w.folder / "d.csv", csv);
  REQUIRE_EQ(w.train().exit_code, 0);
  const std::string file = (w.folder / "d.csv").string(), from = " - <" + file + ")";
  CHECK_EQ(testing::seqtape("predict " + w.run + from, "(").out, predict(w, file).out);
  CHECK_EQ(testing::seqtape("predict " + w.run + " --backtest 3" + from, "(").out, predict(w, "--backtest 3").out);
  write_file(w.folder / "d.csv", "y\n1\n");
  const Outcome other = testing::seqtape("predict " + w.run + from, "(");
  CHECK_EQ(other.exit_code, 1);
  CHECK(says(other.err, "error: task.columns: - has no column \"x\""));

  write_file(w.folder / "d.csv", csv);
  const fs::path out = w.folder / "a.npz";
  REQUIRE_EQ(predict(w, "--backtest 1 --out " + out.string()).exit_code, 0);
  const auto arrays = load_npz(out);
  REQUIRE_EQ(arrays.at("x_actual").rows, 4);
  CHECK(arrays.at("x_actual").at<double>(0) == doctest::Approx(std::sin(198 * 0.4)).epsilon(1e-5));
  for (const std::size_t i : {1, 2, 3}) CHECK(std::isnan(arrays.at("x_actual").at<double>(i)));
  CHECK_EQ(arrays.at("time").type, "<i8");
  CHECK_EQ(arrays.at("time").at<std::int64_t>(3), 201);
  CHECK_EQ(arrays.at("window").text(3), "2");

  const Workplace classes(config(R"("name": "series_classes", "path": "d.csv", "classes": 2, "length": 4,
                                  "validation_fraction": 0.5)",
                                 2));
  write_file(classes.folder / "d.csv", "a,1,2,3,4\nb,4,3,2,1\na,1,1,2,4\nb,4,4,2,1\n");
  REQUIRE_EQ(classes.train().exit_code, 0);
  const fs::path lines = classes.folder / "new.csv";
  write_file(lines, "1,2,3,4\n4,3,2,0\n");
  const Outcome in = testing::seqtape("predict " + classes.run + " - <" + lines.string() + ")", "(");
  const Table rows = table(in.out), of_file = answers(classes, lines.string());
  REQUIRE_EQ(rows.size(), 2);
  CHECK_EQ(rows[1].at("input"), "-:2");
  CHECK_EQ(rows[1].at("a"), of_file[1].at("a"));
}

TEST_CASE("--per-token: what each token took adds up to the file's") {
  const Workplace w(config(R"("name": "text", "path": "t.txt", "length": 32, "train_fraction": 0.75)", 20));
  std::string text;
  for (std::uint64_t i = 0; i < 60; ++i) text += letters(kOf[i % 3], 20, i) + "\n";
  write_file(w.folder / "t.txt", text);
  REQUIRE_EQ(w.train().exit_code, 0);
  const fs::path file = w.folder / "new.txt";
  const std::string fresh = "abc,\"def\"\nabc\xFF" + text.substr(0, 500);
  write_file(file, fresh);
  for (const char* how : {"", " --whole", " --batch 3"}) {
    CAPTURE(how);
    const double bits = std::stod(answers(w, file.string() + how)[0].at("bits_per_byte"));
    const Outcome each = predict(w, file.string() + " --per-token" + how);
    CHECK(says(each.out, "input,step,token,bits\n" + file.string() + ",1,b,"));
    CHECK(says(each.out, ",3,\",\","));
    CHECK(says(each.out, ",4,\"\"\"\","));
    CHECK(says(each.out, ",7,f,"));
    CHECK(says(each.out, ",9,\\n,"));
    CHECK(says(each.out, ",13,\\xff,"));
    double sum = 0;
    Index count = 0;
    std::istringstream lines(each.out);
    for (std::string line; std::getline(lines, line); ++count)
      if (count > 0) sum += std::stod(line.substr(line.rfind(',') + 1));
    CHECK_EQ(count, static_cast<Index>(fresh.size()));  // a header, and all but the first
    CHECK(sum / static_cast<double>(fresh.size() - 1) == doctest::Approx(bits).epsilon(1e-5));
  }
  const Json object = Json::parse(predict(w, file.string() + " --per-token --json").out)[0];
  CHECK_EQ(object["steps"].size(), fresh.size() - 1);
  CHECK_EQ(object["steps"][7]["token"], "\"");
  CHECK_EQ(object["steps"][7]["step"], 8);
  const fs::path out = w.folder / "a.npz";
  REQUIRE_EQ(predict(w, file.string() + " --windows --per-token --out " + out.string()).exit_code, 0);
  const auto arrays = load_npz(out);
  REQUIRE_EQ(arrays.at("bits").rows, fresh.size() - 1);
  for (const std::size_t i : {std::size_t{0}, std::size_t{40}, fresh.size() - 2})
    CHECK_EQ(arrays.at("step").at<std::int64_t>(i), static_cast<std::int64_t>(i) + 1);
  CHECK_EQ(arrays.at("token").text(8), "\\n");
  const Documents d;
  testing::refused(predict(d.w, d.files[0] + " --per-token"), 2,
                   "predict: --per-token: the task documents asks for no next tokens");
}

TEST_CASE("audio: a recording of any length is read whole in the same memory; windows have a time") {
  const Workplace w(R"({"task": {"name": "audio", "path": "d", "classes": 2, "length": 500, "rate": 1000,
                        "validation_fraction": 0.5, "test_fraction": 0},
                        "model": {"name": "s4d", "d_model": 4, "layers": 1},
                        "train": {"steps": 20, "batch": 4, "eval_every": 20, "tensorboard": false}})");
  for (const char* name : {"high", "low"}) {
    fs::create_directories(w.folder / "d" / name);
    for (int i = 0; i < 8; ++i)
      write_tone(w.folder / "d" / name / format("%d.wav", i), *name == 'h' ? 300 : 30, 1000, 500,
                 static_cast<std::uint64_t>(i));
  }
  REQUIRE_EQ(w.train().exit_code, 0);
  const fs::path one = w.folder / "1.wav", twenty = w.folder / "20.wav";
  write_tone(one, 30, 8000, 60 * 8000, 1);
  std::string bytes = read_file(one);
  const std::string minute = bytes.substr(44);
  for (int i = 1; i < 20; ++i) bytes += minute;
  const auto put = [&](std::size_t at, std::size_t value) {
    for (std::size_t i = 0; i < 4; ++i) bytes[at + i] = static_cast<char>(value >> (8 * i));
  };
  put(4, bytes.size() - 8), put(40, bytes.size() - 44);
  write_file(twenty, bytes);
  const auto peak = [&](const fs::path& file) {  // KiB, of all children so far
    CHECK_EQ(predict(w, file.string() + " --whole").exit_code, 0);
    rusage usage{};
    getrusage(RUSAGE_CHILDREN, &usage);
    return usage.ru_maxrss;
  };
  const long short_peak = peak(one), long_peak = peak(twenty);
  CHECK(long_peak - short_peak < 4096);  // the samples alone are 18 MiB as they are stored
  const double whole = std::stod(answers(w, twenty.string() + " --whole")[0].at("low"));
  const Table at_once = answers(w, twenty.string() + " --set task.length=2000000");
  CHECK(whole == doctest::Approx(std::stod(at_once[0].at("low"))).epsilon(1e-3));

  const std::string windows = predict(w, one.string() + " --windows").out;
  CHECK(says(windows, "input,start,time,label,high,low\n" + one.string() + ",0,0.0,"));
  const Table rows = table(windows);
  REQUIRE_EQ(rows.size(), 120);
  CHECK_EQ(rows[3].at("start"), "1500");
  CHECK_EQ(rows[3].at("time"), "1.5");
  // What is damaged far behind what is read is refused as ever.
  write_file(twenty, bytes.substr(0, bytes.size() - 1000));
  const Outcome cut = predict(w, twenty.string() + " " + one.string());
  CHECK_EQ(cut.exit_code, 1);
  CHECK_EQ(table(cut.out).size(), 1);
  CHECK(says(cut.err, "error: " + twenty.string() + ": is cut off: its header promises"));
}
