#include <samplerate.h>
#include <sndfile.h>

#include <cmath>
#include <memory>

#include "core/error.h"
#include "data/labelled.h"

namespace seqtape {
namespace {

/// Classification of recordings by their waveform: a folder with a folder of sound files for each class. Read by
/// libsndfile (WAV with integers of 8 to 32 bits or floats, FLAC, AIFF, Ogg and more), mixed to one channel, resampled
/// to `rate` by libsamplerate.
class Audio final : public LabelledValues {
 public:
  void fields(Fields& f) override {
    Labelled::fields(f);
    f("rate", rate_, "samples a second; recordings of other rates are resampled", between(100, 1e6));
    f("normalise", normalise_, "scale each recording to a root mean square of 1; otherwise samples are in [-1, 1]");
  }

 private:
  const char* path_doc() const override {
    return "folder with a folder of sound files for each class, relative to the config";
  }

  void load_values() override {
    each_file([&](const std::filesystem::path& file, const std::string& label) {
      std::vector<float> samples = read(file);
      if (normalise_) {
        double square = 0;
        for (const float x : samples) square += static_cast<double>(x) * static_cast<double>(x);
        const double loudness = std::sqrt(square / static_cast<double>(std::max<std::size_t>(1, samples.size())));
        if (loudness > 1e-6)  // silence stays silence
          for (float& x : samples) x = static_cast<float>(static_cast<double>(x) / loudness);
      }
      add(std::move(samples), label, file.string());
    });
  }

  /// The samples at `rate`, one channel.
  std::vector<float> read(const std::filesystem::path& path) const {
    SF_INFO info{};
    const std::unique_ptr<SNDFILE, decltype(&sf_close)> file(sf_open(path.c_str(), SFM_READ, &info), sf_close);
    if (!file) throw DataError(str(path.string(), ": cannot be read as sound: ", sf_strerror(nullptr)));
    const auto channels = static_cast<std::size_t>(info.channels);
    std::vector<float> frames;
    std::vector<float> block(4096 * channels);  // headers may lie about how much follows
    for (sf_count_t got = 0; (got = sf_readf_float(file.get(), block.data(), 4096)) > 0;)
      frames.insert(frames.end(), block.begin(), block.begin() + got * info.channels);
    if (sf_error(file.get()) != SF_ERR_NO_ERROR)
      throw DataError(str(path.string(), ": is damaged: ", sf_strerror(file.get())));
    if (static_cast<sf_count_t>(frames.size()) != info.frames * info.channels)
      throw DataError(str(path.string(), ": is cut off: its header promises ", info.frames, " samples, it has ",
                          frames.size() / channels));
    std::vector<float> samples(frames.size() / channels);
    for (std::size_t i = 0; i < samples.size(); ++i) {
      for (std::size_t c = 0; c < channels; ++c) samples[i] += frames[i * channels + c];
      samples[i] /= static_cast<float>(channels);
      if (!std::isfinite(samples[i])) throw DataError(str(path.string(), ": sample ", i, " is not a finite number"));
    }
    return info.samplerate == rate_ ? samples : resample(samples, static_cast<double>(info.samplerate), path);
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
