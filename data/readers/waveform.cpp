#include <samplerate.h>

#include <cmath>

#include "core/error.h"
#include "data/readers/sound.h"

namespace seqtape {
namespace {

/// Sound that is made in pieces, from one of `from` Hz.
class Resampler {
 public:
  Resampler(double from, double to, std::string where) : from_(from), to_(to), where_(std::move(where)) {}
  /// Appends what follows from the samples; `end`: no more will come.
  void push(const std::vector<float>& samples, bool end, std::vector<float>& more) {
    int error = 0;
    if (!state_) state_.reset(src_new(SRC_SINC_MEDIUM_QUALITY, 1, &error));
    if (!state_) refuse(error);
    std::vector<float> block(4096);
    SRC_DATA data{};
    data.data_in = samples.data();
    data.input_frames = static_cast<long>(samples.size());
    data.data_out = block.data();
    data.output_frames = static_cast<long>(block.size());
    data.end_of_input = end;
    data.src_ratio = to_ / from_;
    do {
      if ((error = src_process(state_.get(), &data))) refuse(error);
      more.insert(more.end(), block.begin(), block.begin() + data.output_frames_gen);
      data.data_in += data.input_frames_used;
      data.input_frames -= data.input_frames_used;
    } while (data.input_frames_used > 0 || data.output_frames_gen > 0);
  }

 private:
  [[noreturn]] void refuse(int error) const {
    throw DataError(str(where_, ": cannot be resampled from ", from_, " to ", to_, " Hz: ", src_strerror(error)));
  }
  double from_, to_;
  std::string where_;
  std::unique_ptr<SRC_STATE, decltype(&src_delete)> state_{nullptr, src_delete};
};

/// The mean of the channels; `before`: frames before these, for the message.
void mix(const Sound& sound, std::size_t before, const std::string& where, std::vector<float>& mono) {
  mono.assign(sound.frames(), 0);
  for (std::size_t i = 0; i < mono.size(); ++i) {
    for (std::size_t c = 0; c < sound.channels; ++c) mono[i] += sound.samples[i * sound.channels + c];
    mono[i] /= static_cast<float>(sound.channels);
    if (!std::isfinite(mono[i])) throw DataError(str(where, ": sample ", before + i, " is not a finite number"));
  }
}

}  // namespace

std::function<bool(std::vector<float>& more)> waveform(SoundPieces pieces, double rate, const std::string& where) {
  struct Progress {
    Sound piece{};
    std::size_t frames = 0;
    std::vector<float> mono{};
    bool over = false;
    std::unique_ptr<Resampler> resampler{};  // null: the rate is right, or not known yet
  };
  return [pieces = std::move(pieces), rate, where, p = std::make_shared<Progress>()](std::vector<float>& more) {
    if (p->over) return false;
    if (!pieces(p->piece)) {
      p->over = true;
      if (!p->resampler) return false;
      p->mono.clear();
      p->resampler->push(p->mono, true, more);
      return true;
    }
    if (p->frames == 0 && p->piece.rate != rate) p->resampler = std::make_unique<Resampler>(p->piece.rate, rate, where);
    mix(p->piece, p->frames, where, p->mono);
    p->frames += p->piece.frames();
    if (p->resampler)
      p->resampler->push(p->mono, false, more);
    else
      more.insert(more.end(), p->mono.begin(), p->mono.end());
    return true;
  };
}

}  // namespace seqtape
