#pragma once
// Audio files.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "data/readers/sound_bytes.h"

namespace seqtape {

/// The content of an audio file: frames in order, with a value in [-1, 1] for each channel.
struct Sound {
  std::vector<float> samples{};  ///< [frames, channels]
  std::size_t channels = 1;
  double rate = 0;        ///< frames a second
  std::uint32_t crc = 0;  ///< of the file's bytes, since decoded samples may differ in the last bits between machines

  std::size_t frames() const { return samples.size() / channels; }
};

/// Each call replaces its argument by the frames that follow, at least one and not many, or gives false at the end;
/// channels and rate are the same in all.
using SoundPieces = std::function<bool(Sound& piece)>;

/// Reads a file, plain or gz, to its end: FLAC with libFLAC, MP3 with libmpg123, the other formats with libsndfile. If
/// the header does not have the length (a pipe, a recorder that was never stopped), the file's end counts; of
/// concatenated MP3 files all are read. Throws DataError for a file that is damaged, ends before the length in its
/// header or within a frame, or is followed by another one: here, or where the pieces come to it. Memory does not grow
/// with the file, unless it is gz.
SoundPieces sound_pieces(const std::filesystem::path&);
/// The same at once. An empty file has one channel and the rate 0.
Sound read_sound(const std::filesystem::path&);

/// One channel, the mean of all, at another rate, by libsamplerate's sinc of medium quality. Each call appends what
/// follows; false at the end. What is appended does not depend on how the sound is cut into pieces. Throws DataError,
/// with `where` in front, for a value that is not finite and for rates that are too far apart.
std::function<bool(std::vector<float>& more)> waveform(SoundPieces, double rate, const std::string& where);

// Parts of `sound_pieces`; `path` is for messages.
SoundPieces flac_pieces(std::shared_ptr<const SoundBytes>, const std::string& path);
SoundPieces mp3_pieces(std::shared_ptr<const SoundBytes>, const std::string& path);
/// The bytes from `at` on, after a file's end, are what players skip: tags and zeros.
bool is_sound_tag(const SoundBytes&, std::size_t at);
/// Throws DataError for a container (WAV, RF64, AIFF, W64, CAF, AU, NIST, Ogg) that is truncated or followed by
/// another, and puts the length into one that was never closed: libsndfile silently reads what fits the file.
void settle_container(SoundBytes& bytes, const std::string& path);

}  // namespace seqtape
