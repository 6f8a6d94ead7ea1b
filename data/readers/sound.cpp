#include "data/readers/sound.h"

#include <FLAC/stream_decoder.h>
#include <mpg123.h>
#include <sndfile.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "core/error.h"
#include "core/io/file.h"
#include "data/readers/files.h"

namespace seqtape {
namespace {

/// Bytes in memory, as a file that the libraries read.
struct Bytes {
  std::string_view all;
  std::size_t at = 0;

  std::size_t read(void* to, std::size_t size) {
    const std::size_t got = std::min(size, all.size() - at);
    if (got > 0) std::memcpy(to, all.data() + at, got);
    at += got;
    return got;
  }
  std::int64_t seek(std::int64_t offset, int from) {
    const auto base = static_cast<std::int64_t>(from == SEEK_SET ? 0 : from == SEEK_CUR ? at : all.size());
    at = static_cast<std::size_t>(std::clamp<std::int64_t>(base + offset, 0, static_cast<std::int64_t>(all.size())));
    return static_cast<std::int64_t>(at);
  }
};

struct Flac {
  Bytes bytes;
  Sound sound{};
  std::uint64_t end = 0;  ///< of the last whole frame
  const char* problem = nullptr;
  std::size_t samples_before = 0;  ///< the problem
};

Flac& flac(void* client) { return *static_cast<Flac*>(client); }

FLAC__StreamDecoderReadStatus read_piece(const FLAC__StreamDecoder*, FLAC__byte* to, std::size_t* size, void* client) {
  *size = flac(client).bytes.read(to, *size);
  return *size ? FLAC__STREAM_DECODER_READ_STATUS_CONTINUE : FLAC__STREAM_DECODER_READ_STATUS_END_OF_STREAM;
}

FLAC__StreamDecoderTellStatus tell(const FLAC__StreamDecoder*, FLAC__uint64* at, void* client) {
  *at = flac(client).bytes.at;
  return FLAC__STREAM_DECODER_TELL_STATUS_OK;
}

FLAC__StreamDecoderWriteStatus take(const FLAC__StreamDecoder* decoder, const FLAC__Frame* frame,
                                    const FLAC__int32* const* channels, void* client) {
  Flac& f = flac(client);
  const auto& header = frame->header;
  if (!f.sound.samples.empty() && (header.channels != f.sound.channels || header.sample_rate != f.sound.rate)) {
    f.problem = "channels or rate change within it";
    return FLAC__STREAM_DECODER_WRITE_STATUS_ABORT;
  }
  f.sound.channels = header.channels;
  f.sound.rate = header.sample_rate;
  const float scale = 1 / static_cast<float>(std::int64_t{1} << (header.bits_per_sample - 1));
  for (unsigned t = 0; t < header.blocksize; ++t)
    for (unsigned c = 0; c < header.channels; ++c)
      f.sound.samples.push_back(static_cast<float>(channels[c][t]) * scale);
  FLAC__stream_decoder_get_decode_position(decoder, &f.end);
  return FLAC__STREAM_DECODER_WRITE_STATUS_CONTINUE;
}

void note_problem(const FLAC__StreamDecoder*, FLAC__StreamDecoderErrorStatus status, void* client) {
  if (flac(client).problem) return;
  flac(client).problem = FLAC__StreamDecoderErrorStatusString[status];
  flac(client).samples_before = flac(client).sound.samples.size();
}

/// One MP3 file within `bytes`, of which others may follow.
struct Mp3 {
  Sound sound;
  std::size_t frames = 0, end = 0;  ///< of the file: after its last frame
  std::size_t promised = 0;         ///< frames, by its Xing header; 0: it has none
};

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

Mp3 read_one_mp3(std::string_view all, const std::string& path) {
  static const int initialised = mpg123_init();
  Bytes bytes{all};
  const std::unique_ptr<mpg123_handle, decltype(&mpg123_delete)> decoder(mpg123_new(nullptr, nullptr), mpg123_delete);
  const auto refuse = [&](const std::string& why) { throw DataError(str(path, ": cannot be read as MP3: ", why)); };
  if (initialised != MPG123_OK || !decoder) refuse("libmpg123 does not start");
  mpg123_param(decoder.get(), MPG123_ADD_FLAGS, MPG123_FORCE_FLOAT | MPG123_QUIET, 0);
  mpg123_replace_reader_handle(
      decoder.get(),
      [](void* from, void* to, std::size_t size) {
        return static_cast<ssize_t>(static_cast<Bytes*>(from)->read(to, size));
      },
      [](void* from, off_t offset, int base) {
        return static_cast<off_t>(static_cast<Bytes*>(from)->seek(offset, base));
      },
      nullptr);
  if (mpg123_open_handle(decoder.get(), &bytes) != MPG123_OK) refuse(mpg123_strerror(decoder.get()));
  Mp3 mp3;
  // The library reads on after the frames that the header promises, and takes what follows for a part of this file.
  while (mp3.promised == 0 || mp3.frames < mp3.promised) {
    const int state = mpg123_framebyframe_next(decoder.get());
    if (state == MPG123_DONE) break;
    if (state == MPG123_NEW_FORMAT) {
      long rate = 0;
      int channels = 0, encoding = 0;
      mpg123_getformat(decoder.get(), &rate, &channels, &encoding);
      const auto count = static_cast<std::size_t>(channels), had = mp3.sound.channels;
      if (!mp3.sound.samples.empty() && (count != had || static_cast<double>(rate) != mp3.sound.rate))
        refuse("channels or rate change within it");
      mp3.sound.channels = count;
      mp3.sound.rate = static_cast<double>(rate);
    } else if (state != MPG123_OK) {
      refuse(mpg123_strerror(decoder.get()));
    }
    const auto begin = static_cast<std::size_t>(mpg123_framepos(decoder.get()));
    if (mp3.frames++ == 0)
      mp3.promised = promised_frames(all.substr(0, begin).substr(begin - std::min<std::size_t>(begin, 1500)));
    unsigned long header = 0;
    unsigned char *body = nullptr, *audio = nullptr;
    std::size_t body_size = 0, size = 0;
    if (mpg123_framedata(decoder.get(), &header, &body, &body_size) == MPG123_OK) mp3.end = begin + 4 + body_size;
    const int decoded = mpg123_framebyframe_decode(decoder.get(), nullptr, &audio, &size);
    if (decoded != MPG123_OK && decoded != MPG123_NEW_FORMAT) refuse(mpg123_strerror(decoder.get()));
    const auto* samples = reinterpret_cast<const float*>(audio);
    mp3.sound.samples.insert(mp3.sound.samples.end(), samples, samples + size / sizeof(float));
  }
  return mp3;
}

}  // namespace

bool is_sound_tag(std::string_view rest) {
  return rest.find_first_not_of('\0') == std::string_view::npos || rest.substr(0, 3) == "TAG" ||
         rest.substr(0, 8) == "APETAGEX" || rest.substr(0, 11) == "LYRICSBEGIN";
}

Sound read_flac(const std::string& bytes, const std::string& path) {
  Flac flac{{bytes}};
  const std::unique_ptr<FLAC__StreamDecoder, decltype(&FLAC__stream_decoder_delete)> decoder(
      FLAC__stream_decoder_new(), FLAC__stream_decoder_delete);
  if (!decoder || FLAC__stream_decoder_init_stream(decoder.get(), read_piece, nullptr, tell, nullptr, nullptr, take,
                                                   nullptr, note_problem, &flac) != FLAC__STREAM_DECODER_INIT_STATUS_OK)
    throw DataError(str(path, ": cannot be read as FLAC: libFLAC does not start"));
  if (!FLAC__stream_decoder_process_until_end_of_stream(decoder.get()) && !flac.problem)
    flac.problem = FLAC__stream_decoder_get_resolved_state_string(decoder.get());
  const std::uint64_t promised = FLAC__stream_decoder_get_total_samples(decoder.get()), frames = flac.sound.frames();
  const std::string_view rest = std::string_view(bytes).substr(std::min<std::size_t>(flac.end, bytes.size()));
  const bool tag = is_sound_tag(rest) && flac.samples_before == flac.sound.samples.size();  // no frame came after it
  if (flac.problem && !tag)
    throw DataError(str(path, ": is damaged, cut off, or joined with another file: ", flac.problem));
  if (promised > frames)
    throw DataError(str(path, ": is cut off: its header promises ", promised, " samples, it has ", frames));
  if (!is_sound_tag(rest)) throw DataError(str(path, ": is cut off within the frame at byte ", flac.end));
  return flac.sound;
}

Sound read_mp3(const std::string& bytes, const std::string& path) {
  Sound sound;
  for (std::string_view rest = bytes; !is_sound_tag(rest);) {
    Mp3 one = read_one_mp3(rest, path);
    if (one.frames < one.promised)
      throw DataError(str(path, ": is cut off: its header promises ", one.promised, " frames, it has ", one.frames));
    if (one.end == 0)
      throw DataError(str(path, ": is damaged, or cut off within a frame: what follows byte ",
                          bytes.size() - rest.size(), " is no whole frame"));
    if (!sound.samples.empty() && (sound.channels != one.sound.channels || sound.rate != one.sound.rate))
      throw DataError(str(path, ": MP3 files of different rates or channels are joined in it; keep them apart"));
    sound.channels = one.sound.channels;
    sound.rate = one.sound.rate;
    sound.samples.insert(sound.samples.end(), one.sound.samples.begin(), one.sound.samples.end());
    rest.remove_prefix(std::min(one.end, rest.size()));
  }
  return sound;
}

namespace {

Sound read_by_kind(std::string& content, const std::string& path) {
  settle_container(content, path);
  Bytes bytes{content};
  SF_VIRTUAL_IO io{
      [](void* from) { return static_cast<sf_count_t>(static_cast<Bytes*>(from)->all.size()); },
      [](sf_count_t offset, int base, void* from) {
        return static_cast<sf_count_t>(static_cast<Bytes*>(from)->seek(offset, base));
      },
      [](void* to, sf_count_t size, void* from) {
        return static_cast<sf_count_t>(static_cast<Bytes*>(from)->read(to, static_cast<std::size_t>(size)));
      },
      [](const void*, sf_count_t, void*) { return sf_count_t{0}; },
      [](void* from) { return static_cast<sf_count_t>(static_cast<Bytes*>(from)->at); }};
  SF_INFO info{};
  const std::unique_ptr<SNDFILE, decltype(&sf_close)> file(sf_open_virtual(&io, SFM_READ, &info, &bytes), sf_close);
  if (!file) throw DataError(str(path, ": cannot be read as sound: ", sf_strerror(nullptr)));
  if ((info.format & SF_FORMAT_TYPEMASK) == SF_FORMAT_FLAC) return read_flac(content, path);
  if ((info.format & SF_FORMAT_TYPEMASK) == SF_FORMAT_MPEG) return read_mp3(content, path);
  Sound sound;
  sound.channels = static_cast<std::size_t>(info.channels);
  sound.rate = static_cast<double>(info.samplerate);
  std::vector<float> block(4096 * sound.channels);  // headers may lie about how much follows
  for (sf_count_t got = 0; (got = sf_readf_float(file.get(), block.data(), 4096)) > 0;)
    sound.samples.insert(sound.samples.end(), block.begin(), block.begin() + got * info.channels);
  if (sf_error(file.get()) != SF_ERR_NO_ERROR) throw DataError(str(path, ": is damaged: ", sf_strerror(file.get())));
  if (info.frames < SF_COUNT_MAX && static_cast<sf_count_t>(sound.frames()) != info.frames)
    throw DataError(str(path, ": is cut off: its header promises ", info.frames, " samples, it has ", sound.frames()));
  return sound;
}

}  // namespace

Sound read_sound(const std::filesystem::path& path) {
  std::string content = read_unpacked(path);
  const std::uint32_t crc = crc32_of(content);
  Sound sound = read_by_kind(content, path.string());
  sound.crc = crc;
  return sound;
}

}  // namespace seqtape
