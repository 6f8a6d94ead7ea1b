#include <samplerate.h>

#include <cmath>

#include "core/error.h"
#include "data/readers/sound.h"
#include "data/sequence_classification.h"

namespace seqtape {
namespace {

/// Classification of recordings by their waveform: a folder with a folder of sound files for each class (WAV with
/// integers of 8 to 32 bits or floats, FLAC, MP3, AIFF, Ogg and more), mixed to one channel, resampled to `rate` by
/// libsamplerate.
class Audio final : public ValueClassification {
 public:
  void fields(Fields& f) override {
    SequenceClassification::fields(f);
    group_field(f);
    f("rate", rate_, "samples a second; recordings of other rates are resampled", between(100, 1e6));
    f("normalise", normalise_, "scale each recording to a root mean square of 1; otherwise samples are in [-1, 1]");
  }
  NewInputs new_inputs() override {
    NewInputs inputs = SequenceClassification::new_inputs();
    inputs.read = [this](const std::filesystem::path& path, const NewInputs::Add& add) {
      add(NewInput::of({.values = heard(read_sound(path), path.string())}));
    };
    return inputs;
  }

 private:
  const char* path_doc() const override {
    return "folder with a folder of sound files for each class, relative to the config";
  }

  void load() override {
    each_file([&](const std::filesystem::path& file, const std::string& label) {
      const Sound sound = read_sound(file);
      add(heard(sound, file.string()), label, file.string(), str(sound.crc));
    });
  }

  /// The recording as the model reads it.
  std::vector<float> heard(const Sound& sound, const std::string& path) const {
    std::vector<float> samples = wave(sound, path);
    if (!normalise_) return samples;
    double square = 0;
    for (const float x : samples) square += static_cast<double>(x) * static_cast<double>(x);
    const double loudness = std::sqrt(square / static_cast<double>(std::max<std::size_t>(1, samples.size())));
    if (loudness > 1e-6)  // silence stays silence
      for (float& x : samples) x = static_cast<float>(static_cast<double>(x) / loudness);
    return samples;
  }

  /// The samples at `rate`, one channel.
  std::vector<float> wave(const Sound& sound, const std::string& path) const {
    std::vector<float> samples(sound.frames());
    for (std::size_t i = 0; i < samples.size(); ++i) {
      for (std::size_t c = 0; c < sound.channels; ++c) samples[i] += sound.samples[i * sound.channels + c];
      samples[i] /= static_cast<float>(sound.channels);
      if (!std::isfinite(samples[i])) throw DataError(str(path, ": sample ", i, " is not a finite number"));
    }
    return sound.rate == static_cast<double>(rate_) ? samples : resample(samples, sound.rate, path);
  }

  std::vector<float> resample(const std::vector<float>& samples, double from, const std::string& path) const {
    const double ratio = static_cast<double>(rate_) / from;
    std::vector<float> out(static_cast<std::size_t>(std::ceil(static_cast<double>(samples.size()) * ratio)) + 1);
    SRC_DATA data{};
    data.data_in = samples.data();
    data.data_out = out.data();
    data.input_frames = static_cast<long>(samples.size());
    data.output_frames = static_cast<long>(out.size());
    data.src_ratio = ratio;
    if (const int error = src_simple(&data, SRC_SINC_MEDIUM_QUALITY, 1))
      throw DataError(str(path, ": cannot be resampled from ", from, " to ", rate_, " Hz: ", src_strerror(error)));
    out.resize(static_cast<std::size_t>(data.output_frames_gen));
    return out;
  }

  Index rate_ = 8000;
  bool normalise_ = true;
};

}  // namespace

std::unique_ptr<Task> make_audio() { return std::make_unique<Audio>(); }

}  // namespace seqtape
