// Bands of the mel scale, stems and augmentation, as a user meets them: trained, resumed, evaluated, asked, exported.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <sstream>

#include "core/error.h"
#include "core/random.h"
#include "core/strings.h"
#include "tests/support/make_task.h"
#include "tests/support/workplace.h"

using namespace seqtape;
using testing::make;
using testing::message_of;
using testing::Outcome;
using testing::Workplace;
namespace fs = std::filesystem;

namespace {

/// A sine with noise, 16-bit WAV.
void write_sine(const fs::path& path, double hertz, int rate, int steps, std::uint64_t seed) {
  Random random(seed, "sine");
  const double phase = random.uniform(0, 6);
  std::string data;
  for (int t = 0; t < steps; ++t) {
    const double x = 0.4 * std::sin(phase + 6.283185307 * hertz * t / rate) + 0.15 * random.normal();
    const auto sample = static_cast<std::int16_t>(std::clamp(x, -1.0, 1.0) * 32767);
    data += static_cast<char>(sample & 0xFF);
    data += static_cast<char>(sample >> 8);
  }
  std::string bytes;
  const auto put = [&](std::size_t value, int size) {
    for (int i = 0; i < size; ++i) bytes += static_cast<char>(value >> (8 * i));
  };
  bytes += "RIFF";
  put(36 + data.size(), 4);
  bytes += "WAVEfmt ";
  put(16, 4), put(1, 2), put(1, 2), put(static_cast<std::size_t>(rate), 4), put(static_cast<std::size_t>(2 * rate), 4);
  put(2, 2), put(16, 2);
  bytes += "data";
  put(data.size(), 4);
  write_file(path, bytes + data);
}

/// Recordings of two pitches, of several lengths, the longest past `length`, 1000.
struct Tones {
  Workplace w;
  explicit Tones(const std::string& task, const std::string& model = R"("name": "gru")", const std::string& train = "")
      : w(R"({"task": {"name": "audio", "path": "d", "length": 1000, "rate": 2000, "validation_fraction": 0.3,
               "test_fraction": 0, )" +
          task + R"(}, "model": {"d_model": 16, "layers": 1, )" + model +
          R"(}, "optimizer": {"name": "adamw", "lr": 0.01},
               "train": {"steps": 60, "batch": 8, "eval_every": 60, "tensorboard": false)" +
          train + "}}") {
    for (const char* name : {"high", "low"}) {
      fs::create_directories(w.folder / "d" / name);
      for (int i = 0; i < 16; ++i)
        write_sine(file(name, i), *name == 'h' ? 500 : 80, 2000, 500 + 50 * i,
                   static_cast<std::uint64_t>(i) + (*name == 'h' ? 0 : 100));
    }
  }
  fs::path file(const std::string& name, int i) const { return w.folder / "d" / name / format("%02d.wav", i); }
};

constexpr const char* kBands = R"("features": "logmel", "window": 48, "hop": 20, "bands": 6)";

/// The probability of "high", by predict.
double predicted(const Workplace& w, const fs::path& file, const std::string& more = "") {
  const Outcome outcome = testing::seqtape("predict " + w.run + " " + file.string() + " --json " + more);
  INFO(outcome.err);
  REQUIRE_EQ(outcome.exit_code, 0);
  const Json answers = Json::parse(outcome.out);
  return answers.at(0).at("probabilities").at("high").get<double>();
}

}  // namespace

TEST_CASE("bands and stems: trained, evaluated, asked at once and in pieces, and the C program agrees") {
  for (const auto& [task, model] : {std::pair<std::string, std::string>{kBands, R"("name": "mamba")"},
                                    {kBands, R"("name": "gru", "stem": {"name": "patch", "size": 3, "stride": 2})"},
                                    {R"("normalise": true)", R"("name": "gru", "stem": {"name": "conv"})"}}) {
    CAPTURE(model);
    const Tones tones(task, model);
    const Workplace& w = tones.w;
    const Outcome trained = w.train();
    INFO(trained.err);
    REQUIRE_EQ(trained.exit_code, 0);
    CHECK_GT(w.metrics().back().at("accuracy").get<double>(), 0.8);
    const std::string out = (w.folder / "c").string();
    REQUIRE_EQ(testing::seqtape("export " + w.run + " --format c --out " + out).exit_code, 0);
    REQUIRE_EQ(
        std::system(
            ("cc -O1 -std=c99 -Wall -Wextra -Werror -pedantic " + out + "/model.c -lm -o " + out + "/model").c_str()),
        0);
    double least = 1, most = 0;
    for (const auto& [name, i] : {std::pair{"high", 0}, {"high", 3}, {"low", 1}, {"low", 7}}) {
      const fs::path file = tones.file(name, i);
      const double ours = predicted(w, file);
      least = std::min(least, ours), most = std::max(most, ours);
      // In chunks, of which the evaluation of one sequence has several.
      CHECK(predicted(w, file, "--whole") == doctest::Approx(ours).epsilon(1e-4));
      write_file(out + "/raw", read_file(file).substr(44));
      REQUIRE_EQ(std::system((out + "/model " + out + "/model.bin --s16 <" + out + "/raw >" + out + "/said").c_str()),
                 0);
      std::istringstream said(read_file(out + "/said"));
      std::string label, high;
      double theirs = NAN;
      said >> label >> high >> theirs;
      CHECK_EQ(high, "high");
      CHECK(theirs == doctest::Approx(ours).epsilon(2e-4));
    }
    CHECK_GT(most, 0.7);
    CHECK_LT(least, 0.3);
    // Less than a step of the model's.
    write_file(out + "/raw", "\1\2\3\4");
    CHECK_NE(
        std::system((out + "/model " + out + "/model.bin --s16 <" + out + "/raw >" + out + "/said 2>" + out + "/error")
                        .c_str()),
        0);
    CHECK_NE(read_file(out + "/error").find("the input is too short"), std::string::npos);
    write_sine(w.folder / "short.wav", 80, 2000, 3, 1);
    const Outcome refused = testing::seqtape("predict " + w.run + " " + (w.folder / "short.wav").string());
    CHECK_EQ(refused.exit_code, 1);
    CHECK_NE(refused.err.find("short.wav: has 3 steps, and the model makes one of "), std::string::npos);
    // Windows of 250 samples, of which the last of 1003 has three.
    write_sine(w.folder / "long.wav", 80, 2000, 1003, 1);
    const Outcome windows = testing::seqtape("predict " + w.run + " " + (w.folder / "long.wav").string() +
                                             " --windows --set task.length=250 --json");
    CHECK_EQ(windows.exit_code, 0);
    CHECK_EQ(Json::parse(windows.out).size(), 4);
    for (const char* name : {"high", "low"}) {
      fs::create_directories(w.folder / "other" / name);
      write_sine(w.folder / "other" / name / "1.wav", 80, 2000, *name == 'h' ? 500 : 3, 1);
    }
    const Outcome eval = testing::seqtape("eval " + w.run + " --data " + (w.folder / "other").string());
    CHECK_EQ(eval.exit_code, 1);
    CHECK_NE(eval.err.find("low/1.wav: has 3 steps, and the model makes one of "), std::string::npos);
  }
}

TEST_CASE("augmentation: off in evaluation, other in each epoch, and a resumed run has the same bits") {
  const std::string all = std::string(kBands) + R"(, "augment": {"crop": true, "shift": 40, "gain": 6, "noise": 0.3,
    "time_masks": 2, "time_mask": 5, "band_masks": 1, "band_mask": 2})";
  const Tones tones(all, R"("name": "gru", "dropout": 0.1)", R"(, "checkpoint_every": 30)");
  const Workplace& w = tones.w;
  REQUIRE_EQ(w.train().exit_code, 0);
  const std::string bits = w.bytes("step-00000060");
  fs::remove_all(w.run + "/checkpoints/step-00000060");
  write_file(w.run + "/checkpoints/index.json", R"({"last": "step-00000030"})");
  const Outcome resumed = w.train("--resume");
  REQUIRE_EQ(resumed.exit_code, 0);
  CHECK_NE(resumed.out.find("resumed at step 30"), std::string::npos);
  CHECK(w.bytes("step-00000060") == bits);
  const Outcome plain = testing::seqtape("eval " + w.run + " --json --split all"),
                without = testing::seqtape("eval " + w.run + " --json --split all --set task.augment.noise=0");
  CHECK_EQ(Json::parse(plain.out).at("loss"), Json::parse(without.out).at("loss"));
}

namespace {

/// The first epoch of Tones' training sequences, in one batch: with the same seed, the same sequences in the same
/// order.
Batch epoch(const Tones& tones, const Json& augment, Index number = 0, Index length = 1000) {
  const auto task = make("audio", {{"path", (tones.w.folder / "d").string()},
                                   {"length", length},
                                   {"rate", 2000},
                                   {"validation_fraction", 0.3},
                                   {"features", "logmel"},
                                   {"window", 48},
                                   {"hop", 20},
                                   {"bands", 6},
                                   {"augment", augment}});
  Batch batch;
  task->training_batch(number, task->training_sequences(), batch);
  return batch;
}

/// Row b without its padding.
std::vector<float> row(const Batch& batch, Index b) {
  const auto begin = batch.values.begin() + b * batch.length;
  return {begin, begin + batch.lengths[static_cast<std::size_t>(b)]};
}

double root_mean_square(const std::vector<float>& x) {
  double square = 0;
  for (const float value : x) square += static_cast<double>(value) * static_cast<double>(value);
  return std::sqrt(square / static_cast<double>(x.size()));
}

}  // namespace

TEST_CASE("augmentation: what each kind does to a sequence") {
  const Tones tones(kBands);
  const Batch plain = epoch(tones, Json::object()), whole = epoch(tones, Json::object(), 0, 5000);
  REQUIRE_GE(plain.batch, 20);
  CHECK(plain.kept.empty());
  const Batch shifted = epoch(tones, {{"shift", 30}}), louder = epoch(tones, {{"gain", 6}}),
              noisy = epoch(tones, {{"noise", 0.3}}), cropped = epoch(tones, {{"crop", true}}),
              again = epoch(tones, {{"noise", 0.3}}), later = epoch(tones, {{"noise", 0.3}}, 1);
  CHECK(noisy.values == again.values);
  CHECK(noisy.values != later.values);
  std::set<Index> shifts, offsets;
  std::set<float> factors;
  double loudest = 0;
  for (Index b = 0; b < plain.batch; ++b) {
    const std::vector<float> was = row(plain, b);
    const auto count = static_cast<Index>(was.size());
    REQUIRE_EQ(row(shifted, b).size(), was.size());
    Index by = -31;
    const auto moved_by = [&](Index shift) {
      std::vector<float> moved(was.size(), 0);
      for (Index t = std::max<Index>(0, shift); t < std::min(count, count + shift); ++t)
        moved[static_cast<std::size_t>(t)] = was[static_cast<std::size_t>(t - shift)];
      return moved;
    };
    while (by <= 30 && row(shifted, b) != moved_by(by)) ++by;
    CHECK_LE(by, 30);
    shifts.insert(by);

    const std::vector<float> scaled = row(louder, b);
    const float factor = scaled[5] / was[5];
    CHECK(std::fabs(20 * std::log10(factor)) <= 6.001);
    for (std::size_t t = 0; t < was.size(); ++t) REQUIRE(scaled[t] == doctest::Approx(factor * was[t]).epsilon(1e-4));
    factors.insert(factor);

    std::vector<float> noise = row(noisy, b);
    for (std::size_t t = 0; t < was.size(); ++t) noise[t] -= was[t];
    const double share = root_mean_square(noise) / root_mean_square(was);
    CHECK(share < 0.33);
    loudest = std::max(loudest, share);

    const std::vector<float> part = row(cropped, b);
    REQUIRE_EQ(part.size(), was.size());
    bool found = false;
    for (Index other = 0; other < whole.batch; ++other) {  // which is longer has another place in the batch
      const std::vector<float> all = row(whole, other);
      const auto at = std::search(all.begin(), all.end(), part.begin(), part.end());
      if (at == all.end()) continue;
      found = true;
      if (all.size() > 1000) offsets.insert(at - all.begin());
    }
    CHECK(found);
  }
  CHECK_GE(shifts.size(), 8);
  CHECK_GE(factors.size(), 20);
  CHECK_GT(loudest, 0.15);
  CHECK_GE(offsets.size(), 3);

  const Batch masked = epoch(tones, {{"time_masks", 1}, {"time_mask", 9}, {"band_masks", 1}, {"band_mask", 3}});
  CHECK(masked.values == plain.values);
  CHECK_EQ(masked.bands, 6);
  const Index frames = masked.length / 20;
  REQUIRE_EQ(static_cast<Index>(masked.kept.size()), masked.batch * frames * 6);
  Index most_frames = 0, most_bands = 0;
  for (Index b = 0; b < masked.batch; ++b) {
    const auto kept = [&](Index t, Index j) {
      return masked.kept[static_cast<std::size_t>((b * frames + t) * 6 + j)] == 1;
    };
    Index without_frames = 0, without_bands = 0;
    for (Index t = 0; t < frames; ++t)
      without_frames += !(kept(t, 0) || kept(t, 1) || kept(t, 2) || kept(t, 3) || kept(t, 4) || kept(t, 5));
    for (Index j = 0; j < 6; ++j) {
      bool any = false;
      for (Index t = 0; t < frames; ++t) any |= kept(t, j);
      without_bands += !any;
    }
    CHECK_LE(without_frames, 9);
    CHECK_LE(without_bands, 3);
    most_frames = std::max(most_frames, without_frames), most_bands = std::max(most_bands, without_bands);
  }
  CHECK_GE(most_frames, 6);
  CHECK_EQ(most_bands, 3);
}

TEST_CASE("bands, stems and masks that cannot be are refused, with what would do") {
  const Tones tones(kBands);
  const auto refused = [&](const Json& settings) {
    Json task = {{"path", (tones.w.folder / "d").string()}, {"rate", 2000}, {"features", "logmel"}};
    task.update(settings);
    return message_of<ConfigError>([&] { make("audio", task); });
  };
  CHECK_EQ(refused({{"features", "waveform"}, {"augment", {{"time_masks", 1}}}}),
           "task.augment: masks are of frames and bands: they need task.features \"logmel\"");
  CHECK_EQ(refused({{"window", 64}, {"hop", 65}}), "task.hop: must be at most the window, 64, got 65");
  CHECK_EQ(refused({{"max_hertz", 1001}}), "task.max_hertz: must be at most half of task.rate, 1000, got 1001");
  CHECK_EQ(refused({{"min_hertz", 1000}}), "task.min_hertz: must be below the highest band's end, 1000, got 1000");
  // Keras' windows at 16 kHz, and the same 128 ms at others.
  for (const auto& [rate, window] : {std::pair{16000, 2048}, {8000, 1024}, {2000, 256}, {44100, 4096}}) {
    auto task = tasks().find("audio")->make();
    const Json settings = {{"path", "d"}, {"rate", rate}, {"features", "logmel"}};
    read_fields([&](Fields& f) { task->fields(f); }, settings, "task");
    const MelBands bands = task->shape().bands;
    CHECK_EQ(bands.window, window);
    CHECK_EQ(bands.hop, window / 4);
    CHECK_EQ(bands.bands, 128);
    CHECK_EQ(bands.low, 20);
    CHECK_EQ(bands.high, rate / 2.0);
  }
  testing::refused(
      tones.w.train("--set 'model.stem={\"name\": \"patch\", \"size\": 40}'"), 1,
      "high/00.wav: has 500 steps, and the model makes one of 800 (model.stem, task.hop); it needs as many");
}

TEST_CASE("new proposes bands for recordings that have a frame of them") {
  const Tones tones(kBands);
  const auto proposed = [&](const char* name) {
    const std::string config = (tones.w.folder / name).string();
    const Outcome made = testing::seqtape("new audio " + (tones.w.folder / "d").string() + " --out " + config);
    INFO(made.err);
    REQUIRE_EQ(made.exit_code, 0);
    return Json::parse(read_file(config)).at("task").value("features", "waveform");
  };
  CHECK_EQ(proposed("long.json"), "logmel");
  CHECK_EQ(testing::seqtape("train " + (tones.w.folder / "long.json").string() + " --dry-run").exit_code, 0);
  write_sine(tones.file("low", 20), 80, 2000, 200, 7);
  CHECK_EQ(proposed("short.json"), "waveform");
}
