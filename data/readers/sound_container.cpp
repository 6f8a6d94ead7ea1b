#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "core/error.h"
#include "data/readers/sound.h"

namespace seqtape {
namespace {

/// How a container keeps its chunks: an id, a size, the content.
/// Sources: Microsoft's Multimedia Programming Interface 1.0 (RIFF), EBU 3306 (RF64), Apple's AIFF-C and CAF
/// specifications, Sony's Wave-64.
struct Chunks {
  std::size_t first;           ///< where they begin
  std::size_t id, size;        ///< bytes of each
  bool big_endian;             ///< the sizes
  bool with_header;            ///< the size counts id and size as well
  std::size_t padding;         ///< the next one begins at a multiple of this
  const char* samples;         ///< the id of the one with the samples
  std::uint64_t preamble = 0;  ///< bytes of it that are none yet
};

std::optional<Chunks> chunks_of(const SoundBytes& bytes) {
  const auto begins = [&](const char* id) { return bytes.holds(0, id); };
  if (begins("RIFF") || begins("RF64") || begins("BW64")) return Chunks{12, 4, 4, false, false, 2, "data"};
  if (begins("RIFX")) return Chunks{12, 4, 4, true, false, 2, "data"};
  if (begins("FORM"))
    return Chunks{12, 4, 4, true, false, 2, bytes.holds(8, "AIF") ? "SSND" : "BODY", bytes.holds(8, "AIF") ? 8u : 0u};
  if (begins("riff")) return Chunks{40, 16, 8, false, true, 8, "data"};
  if (begins("caff")) return Chunks{8, 4, 8, true, false, 1, "data", 4};
  return std::nullopt;
}

std::uint64_t number(const SoundBytes& bytes, std::size_t at, std::size_t size, bool big_endian) {
  const std::string digits = bytes.at(at, size);
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < digits.size(); ++i)
    value = value << 8 | static_cast<unsigned char>(digits[big_endian ? i : digits.size() - 1 - i]);
  return value;
}

void put(SoundBytes& bytes, std::size_t at, std::size_t size, bool big_endian, std::uint64_t value) {
  std::string digits(size, '\0');
  for (std::size_t i = 0; i < size; ++i, value >>= 8)
    digits[big_endian ? size - 1 - i : i] = static_cast<char>(value & 255);
  bytes.put(at, std::move(digits));
}

/// The size of the content of the chunk at `at`, as its header gives it.
std::uint64_t given_size(const SoundBytes& bytes, const Chunks& c, std::size_t at) {
  const std::uint64_t size = number(bytes, at + c.id, c.size, c.big_endian), header = c.id + c.size;
  return !c.with_header ? size : size < header ? 0 : size - header;
}

/// Where the chunk after the one at `at` begins; nothing beyond the end of the bytes.
std::optional<std::size_t> chunk_after(const SoundBytes& bytes, const Chunks& c, std::size_t at) {
  const std::uint64_t size = given_size(bytes, c, at), begin = at + c.id + c.size;
  if (size > bytes.size() - begin) return std::nullopt;
  return static_cast<std::size_t>((begin + size + c.padding - 1) / c.padding * c.padding);
}

/// Whole chunks lead from `at` to the end of the bytes.
bool chunks_to_end(const SoundBytes& bytes, const Chunks& c, std::size_t at) {
  while (at + c.id + c.size <= bytes.size()) {
    const auto next = chunk_after(bytes, c, at);
    if (!next) return false;
    at = *next;
  }
  return at >= bytes.size();
}

/// What may follow samples: nothing, less than a chunk, a tag, or chunks, of which the last may be cut. Some writers
/// forget the padding.
bool may_follow(const SoundBytes& bytes, std::uint64_t at, std::size_t padding) {
  for (const std::uint64_t from : {(at + padding - 1) / padding * padding, at}) {
    if (from + 8 > bytes.size() || is_sound_tag(bytes, from)) return true;
    const std::string id = bytes.at(from, 4);
    if (std::all_of(id.begin(), id.end(), [](char c) { return c >= ' ' && c <= '~'; })) return true;
  }
  return false;
}

/// Sizes that mean "not known yet": 0, all ones, and what programs write that cannot go back to the header
/// (0x7FFFF000 and more: SoX, ALSA's arecord).
bool is_unknown(std::uint64_t size, std::size_t bytes, std::uint64_t preamble) {
  return size <= preamble || (bytes == 4 && size >= 0x7FFFF000) || (bytes == 8 && size >= std::uint64_t{1} << 62);
}

[[noreturn]] void refuse_cut(const std::string& path, std::uint64_t promised, std::uint64_t held) {
  throw DataError(str(path, ": is cut off: its header promises ", promised, " bytes of samples, it has ", held));
}

[[noreturn]] void refuse_joined(const std::string& path, std::size_t at) {
  throw DataError(str(path, ": another sound file is joined after the first, at byte ", at, "; keep them apart"));
}

/// Samples end at `at`, by their header.
void check_end(const SoundBytes& bytes, const std::string& path, std::uint64_t at, std::size_t padding) {
  for (const std::uint64_t from : {at, (at + padding - 1) / padding * padding})
    if (from + 4 <= bytes.size() && bytes.holds(from, bytes.at(0, 4))) refuse_joined(path, from);
  if (!may_follow(bytes, at, padding))
    throw DataError(str(path, ": its header promises samples up to byte ", at, ", but ", bytes.size() - at,
                        " more bytes follow that are none of its chunks; was the recording broken off?"));
}

void settle_chunks(SoundBytes& bytes, const Chunks& c, const std::string& path) {
  std::size_t at = c.first, long_size = 0;  // where RF64's header has the size of the samples
  while (at + c.id + c.size <= bytes.size() && !bytes.holds(at, c.samples)) {
    if (bytes.holds(at, "ds64") && at + 24 <= bytes.size()) long_size = at + 16;
    const auto next = chunk_after(bytes, c, at);
    if (!next) return;
    at = *next;
  }
  if (at + c.id + c.size > bytes.size()) return;  // no samples: libsndfile reports the error
  const std::size_t begin = at + c.id + c.size;
  const std::uint64_t held = bytes.size() - begin;
  const std::size_t field = long_size ? long_size : at + c.id, width = long_size ? 8 : c.size;
  const std::uint64_t size = long_size ? number(bytes, long_size, 8, false) : given_size(bytes, c, at);
  if (!is_unknown(size, width, c.preamble)) {
    if (size > held) refuse_cut(path, size - c.preamble, held - std::min(held, c.preamble));
    return check_end(bytes, path, begin + size, c.padding);
  }
  if (size <= held && chunks_to_end(bytes, c, begin + size)) return;  // empty
  if (size > c.preamble && size <= held) return;                      // as large as it says
  put(bytes, field, width, c.big_endian, held + (c.with_header ? c.id + c.size : 0));
  if (long_size) put(bytes, long_size - 8, 8, false, bytes.size() - 8);
  if (c.first == 12) put(bytes, 4, 4, c.big_endian, long_size ? 0xFFFFFFFF : bytes.size() - 8);
}

/// Sun's AU: the offset of the samples and their size are the header's second and third number.
void settle_au(SoundBytes& bytes, const std::string& path) {
  if (bytes.size() < 24) return;
  const std::uint64_t begin = number(bytes, 4, 4, true), size = number(bytes, 8, 4, true);
  if (begin > bytes.size()) return;
  const std::uint64_t held = bytes.size() - begin;
  if (is_unknown(size, 4, 0)) {
    put(bytes, 8, 4, true, held);
    return;
  }
  if (size > held) refuse_cut(path, size, held);
  check_end(bytes, path, begin + size, 1);
}

/// NIST's SPHERE, of the speech corpora: a header of lines "key -i number", whose own size is the second line. Packed
/// ones (shorten) have another coding; libsndfile refuses them.
void check_nist(const SoundBytes& bytes, const std::string& path) {
  const std::string text = bytes.at(0, 1100);
  const auto field = [&](const char* key, std::size_t missing) {
    const std::size_t at = text.find(std::string(key) + " -i ");
    return at == std::string::npos || at > 1024 ? missing
                                                : std::strtoull(text.c_str() + at + std::strlen(key) + 4, nullptr, 10);
  };
  const std::size_t header = text.size() > 16 ? std::strtoull(text.c_str() + 8, nullptr, 10) : 0;
  const std::size_t size = field("sample_count", 0) * field("channel_count", 1) * field("sample_n_bytes", 2);
  if (header + size > bytes.size()) refuse_cut(path, size, bytes.size() - std::min(header, bytes.size()));
  if (size > 0) check_end(bytes, path, header + size, 1);
}

/// Ogg: pages of up to 255 segments; the last one is marked. Source: RFC 3533.
void check_ogg(const SoundBytes& bytes, const std::string& path) {
  constexpr unsigned kBegins = 2, kEnds = 4;
  unsigned flags = 0;
  for (std::size_t at = 0; at < bytes.size();) {
    if (at > 0 && is_sound_tag(bytes, at)) break;
    if (at + 27 > bytes.size() || !bytes.holds(at, "OggS"))
      throw DataError(str(path, ": is damaged, or breaks off within a page: no page begins at byte ", at));
    const std::string page = bytes.at(at, 27 + 255);  // its head
    const unsigned before = flags;
    flags = static_cast<unsigned char>(page[5]);
    if ((flags & kBegins) && (before & kEnds)) refuse_joined(path, at);
    const std::size_t segments = static_cast<unsigned char>(page[26]);
    std::size_t next = at + 27 + segments;
    for (std::size_t i = 0; i < segments && 27 + i < page.size(); ++i) next += static_cast<unsigned char>(page[27 + i]);
    if (next > bytes.size()) throw DataError(str(path, ": is cut off within the page at byte ", at));
    at = next;
  }
  if (!(flags & kEnds)) throw DataError(str(path, ": is cut off: its last page is not marked as the end"));
}

}  // namespace

void settle_container(SoundBytes& bytes, const std::string& path) {
  if (bytes.holds(0, "OggS")) return check_ogg(bytes, path);
  if (bytes.holds(0, ".snd")) return settle_au(bytes, path);
  if (bytes.holds(0, "NIST_1A")) return check_nist(bytes, path);
  if (bytes.size() >= 12)
    if (const auto chunks = chunks_of(bytes)) settle_chunks(bytes, *chunks, path);
}

}  // namespace seqtape
