#pragma once
// Audio files.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace seqtape {

/// The content of an audio file: frames in order, with a value in [-1, 1] for each channel.
struct Sound {
  std::vector<float> samples;  ///< [frames, channels]
  std::size_t channels = 1;
  double rate = 0;        ///< frames a second
  std::uint32_t crc = 0;  ///< of the file's bytes, since decoded samples may differ in the last bits between machines

  std::size_t frames() const { return samples.size() / channels; }
};

/// Reads a file, plain or gz, to its end: FLAC with libFLAC, MP3 with libmpg123, the other formats with libsndfile. If
/// the header does not have the length (a pipe, a recorder that was never stopped), the file's end counts; of
/// concatenated MP3 files all are read. Throws DataError for a file that is damaged, ends before the length in its
/// header or within a frame, or is followed by another one.
Sound read_sound(const std::filesystem::path&);

// Parts of `read_sound`. They take the file's bytes; `path` is for messages.
Sound read_flac(const std::string& bytes, const std::string& path);
Sound read_mp3(const std::string& bytes, const std::string& path);
/// The bytes after a file's end are what players skip: tags and zeros.
bool is_sound_tag(std::string_view rest);
/// Throws DataError for a container (WAV, RF64, AIFF, W64, CAF, AU, NIST, Ogg) that is truncated or followed by
/// another, and writes the length into one that was never closed: libsndfile silently reads what fits the file.
void settle_container(std::string& bytes, const std::string& path);

}  // namespace seqtape
