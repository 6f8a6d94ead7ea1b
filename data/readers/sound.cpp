#include "data/readers/sound.h"

#include <sndfile.h>

#include <algorithm>

#include "core/error.h"

namespace seqtape {
namespace {

SF_VIRTUAL_IO reads_cursor() {
  return {[](void* from) { return static_cast<sf_count_t>(static_cast<SoundCursor*>(from)->size()); },
          [](sf_count_t offset, int base, void* from) {
            return static_cast<sf_count_t>(static_cast<SoundCursor*>(from)->seek(offset, base));
          },
          [](void* to, sf_count_t size, void* from) {
            return static_cast<sf_count_t>(static_cast<SoundCursor*>(from)->read(to, static_cast<std::size_t>(size)));
          },
          [](const void*, sf_count_t, void*) { return sf_count_t{0}; },
          [](void* from) { return static_cast<sf_count_t>(static_cast<SoundCursor*>(from)->at()); }};
}

/// A file that libsndfile reads.
struct SoundFile {
  explicit SoundFile(const std::shared_ptr<const SoundBytes>& bytes, std::string path_)
      : path(std::move(path_)), cursor(bytes) {
    SF_VIRTUAL_IO io = reads_cursor();
    file.reset(sf_open_virtual(&io, SFM_READ, &info, &cursor));
    cursor.check();
    if (!file) throw DataError(str(path, ": cannot be read as sound: ", sf_strerror(nullptr)));
  }
  int type() const { return info.format & SF_FORMAT_TYPEMASK; }
  bool next(Sound& piece) {
    constexpr sf_count_t kFrames = 4096;  // headers may lie about how much follows
    piece.channels = static_cast<std::size_t>(info.channels);
    piece.rate = static_cast<double>(info.samplerate);
    piece.samples.resize(kFrames * piece.channels);
    const sf_count_t got = std::max<sf_count_t>(0, sf_readf_float(file.get(), piece.samples.data(), kFrames));
    piece.samples.resize(static_cast<std::size_t>(got) * piece.channels);
    frames += got;
    cursor.check();
    if (got > 0) return true;
    if (sf_error(file.get()) != SF_ERR_NO_ERROR) throw DataError(str(path, ": is damaged: ", sf_strerror(file.get())));
    if (info.frames < SF_COUNT_MAX && frames != info.frames)
      throw DataError(str(path, ": is cut off: its header promises ", info.frames, " samples, it has ", frames));
    return false;
  }

  std::string path;
  SoundCursor cursor;
  SF_INFO info{};
  std::unique_ptr<SNDFILE, decltype(&sf_close)> file{nullptr, sf_close};
  sf_count_t frames = 0;
};

SoundPieces pieces_of(const std::shared_ptr<SoundBytes>& bytes, const std::string& path) {
  settle_container(*bytes, path);
  const auto file = std::make_shared<SoundFile>(bytes, path);
  if (file->type() == SF_FORMAT_FLAC) return flac_pieces(bytes, path);
  if (file->type() == SF_FORMAT_MPEG) return mp3_pieces(bytes, path);
  return [file](Sound& piece) { return file->next(piece); };
}

}  // namespace

bool is_sound_tag(const SoundBytes& bytes, std::size_t at) {
  const std::string head = bytes.at(at, 16);
  if (head.starts_with("TAG") || head.starts_with("APETAGEX") || head.starts_with("LYRICSBEGIN")) return true;
  for (std::string zeros = head; !zeros.empty(); at += zeros.size(), zeros = bytes.at(at, 1 << 16))
    if (zeros.find_first_not_of('\0') != std::string::npos) return false;
  return true;
}

SoundPieces sound_pieces(const std::filesystem::path& path) {
  return pieces_of(std::make_shared<SoundBytes>(path), path.string());
}

Sound read_sound(const std::filesystem::path& path) {
  const auto bytes = std::make_shared<SoundBytes>(path);
  Sound sound, piece;
  sound.crc = bytes->crc();
  for (const auto next = pieces_of(bytes, path.string()); next(piece);) {
    sound.channels = piece.channels;
    sound.rate = piece.rate;
    sound.samples.insert(sound.samples.end(), piece.samples.begin(), piece.samples.end());
  }
  return sound;
}

}  // namespace seqtape
