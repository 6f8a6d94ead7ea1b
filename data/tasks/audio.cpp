#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "data/readers/sound.h"
#include "data/sequence_classification.h"

namespace seqtape {
namespace {

/// Classification of recordings, by their waveform or the bands of the mel scale that the model makes of it: a folder
/// with a folder of sound files for each class (WAV with integers of 8 to 32 bits or floats, FLAC, MP3, AIFF, Ogg and
/// more), mixed to one channel, resampled to `rate` by libsamplerate.
class Audio final : public ValueClassification {
 public:
  void fields(Fields& f) override {
    SequenceClassification::fields(f);
    group_field(f);
    f("rate", rate_, "samples a second; recordings of other rates are resampled", between(100, 1e6));
    f("normalise", normalise_, "scale each recording to a root mean square of 1; otherwise samples are in [-1, 1]");
    f("features", features_, "what the model computes of the samples first", one_of({"waveform", "logmel"}));
    f("window", window_, "of \"logmel\": samples of a frame; 0: the power of two next to 128 ms", between(0, 1 << 16));
    f("hop", hop_, "samples from frame to frame; 0: a quarter of the window", between(0, 1 << 16));
    f("bands", bands_, "bands of the mel scale", between(1, 1024));
    f("min_hertz", low_, "where the lowest band begins", at_least(0));
    f("max_hertz", high_, "where the highest one ends; 0: at half the rate", at_least(0));
    augment_field(f, true);
  }
  NewInputs new_inputs() override {
    NewInputs inputs = SequenceClassification::new_inputs();
    inputs.rate = static_cast<double>(rate_);
    inputs.read = [this](const std::filesystem::path& path, const NewInputs::Add& add) { add(read_new(path)); };
    return inputs;
  }
  Signature signature() const override {
    Signature all = SequenceClassification::signature();
    all.unit = "sample";
    all.note = normalise_ ? "one channel, of any loudness" : "from -1 to 1, one channel";
    all.rate = static_cast<double>(rate_);
    all.unit_loudness = normalise_;
    return all;
  }

 private:
  const char* path_doc() const override {
    return "folder with a folder of sound files for each class, relative to the config";
  }

  SequenceShape reads() const override { return {.features = 1, .bands = bands()}; }

  /// Keras' defaults, by the rate: at 16 kHz windows of 2048 samples, 512 apart.
  MelBands bands() const {
    if (features_ == "waveform") {
      if (augmentation().masks())
        throw ConfigError("task.augment: masks are of frames and bands: they need task.features \"logmel\"");
      return {};
    }
    MelBands all{window_, hop_, bands_, static_cast<double>(rate_), low_, high_};
    if (all.window == 0) all.window = Index{1} << std::lround(std::log2(0.128 * all.rate));
    if (all.window < 4) throw ConfigError(str("task.window: must be at least 4 samples, got ", all.window));
    if (all.hop == 0) all.hop = all.window / 4;
    if (all.hop > all.window)
      throw ConfigError(str("task.hop: must be at most the window, ", all.window, ", got ", all.hop));
    if (all.high == 0) all.high = all.rate / 2;
    if (all.high > all.rate / 2)
      throw ConfigError(str("task.max_hertz: must be at most half of task.rate, ", all.rate / 2, ", got ", all.high));
    if (all.low >= all.high)
      throw ConfigError(str("task.min_hertz: must be below the highest band's end, ", all.high, ", got ", all.low));
    return all;
  }

  void load() override {
    each_file([&](const std::filesystem::path& file, const std::string& label) {
      Sound sound = read_sound(file);
      const std::string crc = str(sound.crc);
      const auto once = [&](Sound& piece) { return std::swap(piece, sound), !piece.samples.empty(); };
      std::vector<float> samples;
      for (const auto more = waveform(once, static_cast<double>(rate_), file.string()); more(samples);) {
      }
      Loudness loudness;
      for (const float x : samples) loudness.add(x);
      for (float& x : samples) x = heard(x, loudness);
      add(std::move(samples), label, file.string(), crc);
    });
  }

  /// A recording in pieces, of any length. It is read to its end before the first one: it may be damaged, and its
  /// loudness counts.
  NewInput read_new(const std::filesystem::path& path) const {
    constexpr std::size_t kKept = 1 << 18;  // a short one is not read again
    const auto open = [&] { return waveform(sound_pieces(path), static_cast<double>(rate_), path.string()); };
    Loudness loudness;
    std::vector<float> piece, kept;
    for (const auto more = open(); more(piece); piece.clear()) {
      for (const float x : piece) loudness.add(x);
      if (loudness.count <= kKept) kept.insert(kept.end(), piece.begin(), piece.end());
    }
    if (loudness.count <= kKept) {
      for (float& x : kept) x = heard(x, loudness);
      return NewInput::of({.values = std::move(kept)});
    }
    return {"", [this, loudness, more = open()](Steps& steps) {
              const std::size_t before = steps.values.size();
              if (!more(steps.values)) return false;
              for (std::size_t i = before; i < steps.values.size(); ++i)
                steps.values[i] = heard(steps.values[i], loudness);
              return true;
            }};
  }

  struct Loudness {
    double square = 0;  // sum
    std::size_t count = 0;
    void add(float x) { square += static_cast<double>(x) * static_cast<double>(x), ++count; }
    double root_mean_square() const { return std::sqrt(square / static_cast<double>(std::max<std::size_t>(1, count))); }
  };
  /// A sample as the model reads it.
  float heard(float x, const Loudness& loudness) const {
    const double of = normalise_ ? loudness.root_mean_square() : 1;
    return of > 1e-6 ? static_cast<float>(static_cast<double>(x) / of) : x;  // silence stays silence
  }

  Index rate_ = 8000;
  bool normalise_ = true;
  std::string features_ = "waveform";
  Index window_ = 0, hop_ = 0, bands_ = 128;
  double low_ = 20, high_ = 0;
};

}  // namespace

std::unique_ptr<Task> make_audio() { return std::make_unique<Audio>(); }

}  // namespace seqtape
