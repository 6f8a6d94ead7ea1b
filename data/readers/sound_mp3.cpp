#include <mpg123.h>

#include <algorithm>

#include "core/error.h"
#include "data/readers/sound.h"

namespace seqtape {
namespace {

/// The number of frames in a Xing (or Info) header, which has a frame of its own before the first.
std::size_t promised_frames(std::string_view before_first) {
  const std::size_t at = std::max<std::size_t>(before_first.rfind("Xing") + 1, before_first.rfind("Info") + 1);
  if (at == 0 || at + 11 > before_first.size()) return 0;
  const auto number = [&](std::size_t from) {
    std::size_t value = 0;
    for (std::size_t i = from; i < from + 4; ++i) value = value << 8 | static_cast<unsigned char>(before_first[i]);
    return value;
  };
  const std::size_t flags = number(at + 3);
  return flags < 16 && flags & 1 ? number(at + 7) : 0;
}

/// One MP3 file, which begins at `begin`, and which others may follow.
class Mp3 {
 public:
  /// `trimmed`: without what the encoder filled up at both ends, if the file says how much that is.
  Mp3(const std::shared_ptr<const SoundBytes>& bytes, std::size_t begin, const std::string& path, bool trimmed = true)
      : bytes_(bytes), path_(path), begin_(begin), trimmed_(trimmed), cursor_(bytes, begin) {
    static const int initialised = mpg123_init();
    if (initialised != MPG123_OK || !decoder_) refuse("libmpg123 does not start");
    mpg123_param(decoder_.get(), MPG123_ADD_FLAGS, MPG123_FORCE_FLOAT | MPG123_QUIET, 0);
    if (!trimmed) mpg123_param(decoder_.get(), MPG123_REMOVE_FLAGS, MPG123_GAPLESS, 0);
    mpg123_replace_reader_handle(
        decoder_.get(),
        [](void* from, void* to, std::size_t size) {
          return static_cast<ssize_t>(static_cast<SoundCursor*>(from)->read(to, size));
        },
        [](void* from, off_t offset, int base) {
          return static_cast<off_t>(static_cast<SoundCursor*>(from)->seek(offset, base));
        },
        nullptr);
    if (mpg123_open_handle(decoder_.get(), &cursor_) != MPG123_OK) refuse(mpg123_strerror(decoder_.get()));
  }

  /// The samples of the frame that follows; false: there is none.
  bool next(Sound& piece) {
    piece.samples.clear();
    while (piece.samples.empty()) {
      // The library reads on after the frames that the header promises, and takes what follows for a part of this file.
      if (promised_ > 0 && frames_ >= promised_) return false;
      const int state = mpg123_framebyframe_next(decoder_.get());
      cursor_.check();
      if (state == MPG123_DONE) return false;
      if (state == MPG123_NEW_FORMAT)
        take_format();
      else if (state != MPG123_OK)
        refuse(mpg123_strerror(decoder_.get()));
      decode_frame(piece.samples);
    }
    heard_ = true;
    piece.channels = channels_;
    piece.rate = rate_;
    return true;
  }

  /// After the last frame: where the next file may begin. Throws DataError unless this one ended as it should.
  std::size_t end() const {
    if (frames_ < promised_ && trimmed_) {  // a last frame may be nothing but filling, which was not read
      Mp3 all(bytes_, begin_, path_, false);
      for (Sound piece; all.next(piece);) {
      }
      return all.end();
    }
    if (frames_ < promised_)
      throw DataError(str(path_, ": is cut off: its header promises ", promised_, " frames, it has ", frames_));
    if (end_ == 0)
      throw DataError(
          str(path_, ": is damaged, or cut off within a frame: what follows byte ", begin_, " is no whole frame"));
    return begin_ + end_;
  }

 private:
  [[noreturn]] void refuse(const std::string& why) const {
    throw DataError(str(path_, ": cannot be read as MP3: ", why));
  }
  void take_format() {
    long rate = 0;
    int channels = 0, encoding = 0;
    mpg123_getformat(decoder_.get(), &rate, &channels, &encoding);
    const auto count = static_cast<std::size_t>(channels);
    if (heard_ && (count != channels_ || static_cast<double>(rate) != rate_))
      refuse("channels or rate change within it");
    channels_ = count;
    rate_ = static_cast<double>(rate);
  }
  void decode_frame(std::vector<float>& samples) {
    const auto at = static_cast<std::size_t>(mpg123_framepos(decoder_.get()));
    if (frames_++ == 0) {
      const std::size_t before = std::min<std::size_t>(at, 1500);
      promised_ = promised_frames(bytes_->at(begin_ + at - before, before));
    }
    unsigned long header = 0;
    unsigned char *body = nullptr, *audio = nullptr;
    std::size_t body_size = 0, size = 0;
    if (mpg123_framedata(decoder_.get(), &header, &body, &body_size) == MPG123_OK) end_ = at + 4 + body_size;
    const int decoded = mpg123_framebyframe_decode(decoder_.get(), nullptr, &audio, &size);
    if (decoded != MPG123_OK && decoded != MPG123_NEW_FORMAT) refuse(mpg123_strerror(decoder_.get()));
    const auto* floats = reinterpret_cast<const float*>(audio);
    samples.assign(floats, floats + size / sizeof(float));
  }

  std::shared_ptr<const SoundBytes> bytes_;
  std::string path_;
  std::size_t begin_;
  bool trimmed_;
  SoundCursor cursor_;
  std::unique_ptr<mpg123_handle, decltype(&mpg123_delete)> decoder_{mpg123_new(nullptr, nullptr), mpg123_delete};
  std::size_t frames_ = 0, end_ = 0;  // end_: after the last frame, from begin_ on
  std::size_t promised_ = 0;          // frames, by its Xing header; 0: it has none
  std::size_t channels_ = 1;
  double rate_ = 0;
  bool heard_ = false;  // frames with samples
};

}  // namespace

SoundPieces mp3_pieces(std::shared_ptr<const SoundBytes> bytes, const std::string& path) {
  struct All {
    std::unique_ptr<Mp3> one{};
    std::size_t begin = 0;
    std::size_t channels = 0;  // 0: no samples yet
    double rate = 0;
  };
  return [bytes, path, all = std::make_shared<All>()](Sound& piece) {
    for (;;) {
      if (!all->one && is_sound_tag(*bytes, all->begin)) return false;
      if (!all->one) all->one = std::make_unique<Mp3>(bytes, all->begin, path);
      if (all->one->next(piece)) break;
      all->begin = std::min(all->one->end(), bytes->size());
      all->one = nullptr;
    }
    if (all->channels && (all->channels != piece.channels || all->rate != piece.rate))
      throw DataError(str(path, ": MP3 files of different rates or channels are joined in it; keep them apart"));
    all->channels = piece.channels;
    all->rate = piece.rate;
    return true;
  };
}

}  // namespace seqtape
