#pragma once
// Sound files.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace seqtape {

/// What a sound file holds: frames one after the other, a value in [-1, 1] for each channel.
struct Sound {
  std::vector<float> samples;  ///< [frames, channels]
  std::size_t channels = 1;
  double rate = 0;
  std::uint32_t crc = 0;  ///< of the file's bytes: samples may differ in the last bits from machine to machine

  std::size_t frames() const { return samples.size() / channels; }
};

/// Reads a file (itself, or as gz) to its end: FLAC by libFLAC, MP3 by libmpg123, and what else libsndfile knows by
/// libsndfile. A header that does not know the length (of a pipe, of a recorder that was never stopped) gives way to
/// the file's end; of joined MP3 files all are read. Throws DataError for what is damaged, breaks off before the length
/// that its header promises or within a frame, or has another file joined after it.
Sound read_sound(const std::filesystem::path&);

/// `read_sound`'s parts, by the file's bytes; `path` is for messages.
Sound read_flac(const std::string& bytes, const std::string& path);
Sound read_mp3(const std::string& bytes, const std::string& path);
/// What players skip after a file's end: tags, and zeros.
bool is_sound_tag(std::string_view rest);
/// Throws for a container (WAV, RF64, AIFF, W64, CAF, AU, NIST, Ogg) that breaks off or has another after it, and
/// writes the length into one that was never closed: libsndfile reads what fits the file, in silence.
void settle_container(std::string& bytes, const std::string& path);

}  // namespace seqtape
