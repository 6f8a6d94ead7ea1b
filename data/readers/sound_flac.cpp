#include <FLAC/stream_decoder.h>

#include <algorithm>

#include "core/error.h"
#include "data/readers/sound.h"

namespace seqtape {
namespace {

struct Flac {
  std::shared_ptr<const SoundBytes> bytes;
  std::string path;
  SoundCursor cursor{bytes};
  std::unique_ptr<FLAC__StreamDecoder, decltype(&FLAC__stream_decoder_delete)> decoder{FLAC__stream_decoder_new(),
                                                                                       FLAC__stream_decoder_delete};
  Sound piece{};
  std::uint64_t frames = 0;         ///< decoded so far
  std::uint64_t end = 0;            ///< of the last whole frame
  const char* problem = nullptr;    ///< the first
  std::uint64_t frames_before = 0;  ///< it
};

Flac& flac(void* client) { return *static_cast<Flac*>(client); }

FLAC__StreamDecoderReadStatus read_piece(const FLAC__StreamDecoder*, FLAC__byte* to, std::size_t* size, void* client) {
  *size = flac(client).cursor.read(to, *size);
  return *size ? FLAC__STREAM_DECODER_READ_STATUS_CONTINUE : FLAC__STREAM_DECODER_READ_STATUS_END_OF_STREAM;
}

FLAC__StreamDecoderTellStatus tell(const FLAC__StreamDecoder*, FLAC__uint64* at, void* client) {
  *at = flac(client).cursor.at();
  return FLAC__STREAM_DECODER_TELL_STATUS_OK;
}

FLAC__StreamDecoderWriteStatus take(const FLAC__StreamDecoder* decoder, const FLAC__Frame* frame,
                                    const FLAC__int32* const* channels, void* client) {
  Flac& f = flac(client);
  const auto& header = frame->header;
  if (f.frames > 0 && (header.channels != f.piece.channels || header.sample_rate != f.piece.rate)) {
    f.problem = "channels or rate change within it";
    return FLAC__STREAM_DECODER_WRITE_STATUS_ABORT;
  }
  f.piece.channels = header.channels;
  f.piece.rate = header.sample_rate;
  const float scale = 1 / static_cast<float>(std::int64_t{1} << (header.bits_per_sample - 1));
  for (unsigned t = 0; t < header.blocksize; ++t)
    for (unsigned c = 0; c < header.channels; ++c)
      f.piece.samples.push_back(static_cast<float>(channels[c][t]) * scale);
  f.frames += header.blocksize;
  FLAC__stream_decoder_get_decode_position(decoder, &f.end);
  return FLAC__STREAM_DECODER_WRITE_STATUS_CONTINUE;
}

void note_problem(const FLAC__StreamDecoder*, FLAC__StreamDecoderErrorStatus status, void* client) {
  if (flac(client).problem) return;
  flac(client).problem = FLAC__StreamDecoderErrorStatusString[status];
  flac(client).frames_before = flac(client).frames;
}

/// Throws DataError unless it ended as it should.
void check_flac_end(const Flac& f) {
  const std::uint64_t promised = FLAC__stream_decoder_get_total_samples(f.decoder.get());
  const bool tag = is_sound_tag(*f.bytes, f.end);
  if (f.problem && !(tag && f.frames_before == f.frames))  // no frame came after it
    throw DataError(str(f.path, ": is damaged, cut off, or joined with another file: ", f.problem));
  if (promised > f.frames)
    throw DataError(str(f.path, ": is cut off: its header promises ", promised, " samples, it has ", f.frames));
  if (!tag) throw DataError(str(f.path, ": is cut off within the frame at byte ", f.end));
}

}  // namespace

SoundPieces flac_pieces(std::shared_ptr<const SoundBytes> bytes, const std::string& path) {
  const auto flac = std::make_shared<Flac>(Flac{std::move(bytes), path});
  FLAC__StreamDecoder* const decoder = flac->decoder.get();
  if (!decoder || FLAC__stream_decoder_init_stream(decoder, read_piece, nullptr, tell, nullptr, nullptr, take, nullptr,
                                                   note_problem, flac.get()) != FLAC__STREAM_DECODER_INIT_STATUS_OK)
    throw DataError(str(path, ": cannot be read as FLAC: libFLAC does not start"));
  return [flac, decoder](Sound& piece) {
    flac->piece.samples.clear();
    while (flac->piece.samples.empty()) {
      const auto state = FLAC__stream_decoder_get_state(decoder);
      const bool over = state == FLAC__STREAM_DECODER_END_OF_STREAM || state == FLAC__STREAM_DECODER_ABORTED;
      const bool went_on = over || FLAC__stream_decoder_process_single(decoder);
      flac->cursor.check();
      if (!went_on && !flac->problem) flac->problem = FLAC__stream_decoder_get_resolved_state_string(decoder);
      if (over || !went_on) return check_flac_end(*flac), false;
    }
    std::swap(piece.samples, flac->piece.samples);
    piece.channels = flac->piece.channels;
    piece.rate = flac->piece.rate;
    return true;
  };
}

}  // namespace seqtape
