// Sound files whose headers do not know how long they are, that break off, or that are joined: written here, by hand or
// by libsndfile.
#include "data/readers/sound.h"

#include <doctest/doctest.h>
#include <samplerate.h>
#include <sndfile.h>
#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/error.h"
#include "core/io/file.h"
#include "tests/support/temporary_folder.h"

using namespace seqtape;
using testing::message_of;
using testing::TemporaryFolder;

namespace {

constexpr std::size_t kFrames = 5000;

std::string number(std::uint64_t value, std::size_t size, bool big_endian = false) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i)
    bytes[big_endian ? size - 1 - i : i] = static_cast<char>(value >> (8 * i) & 255);
  return bytes;
}

/// A file by libsndfile: 5000 samples of a tone, 16 bits where the format has them.
std::string written(int format) {
  const TemporaryFolder folder;
  const std::string path = (folder / "x").string();
  SF_INFO info{};
  info.samplerate = 8000;
  info.channels = 1;
  info.format = format;
  SNDFILE* file = sf_open(path.c_str(), SFM_WRITE, &info);
  REQUIRE(file);
  std::vector<float> samples(kFrames);
  for (std::size_t t = 0; t < kFrames; ++t) samples[t] = 0.3f * std::sin(static_cast<float>(t) / 7);
  REQUIRE_EQ(sf_writef_float(file, samples.data(), kFrames), kFrames);
  sf_close(file);
  return read_file(path);
}

std::size_t frames(const std::string& bytes) {
  const TemporaryFolder folder;
  write_file(folder / "x", bytes);
  return read_sound(folder / "x").frames();
}

std::string refusal(const std::string& bytes) {
  return message_of<DataError>([&] { frames(bytes); });
}

bool says(const std::string& message, const char* what) { return message.find(what) != std::string::npos; }

/// The bytes with a number put at the place after an id.
std::string with(std::string bytes, const char* id, std::size_t behind, const std::string& what) {
  const std::size_t at = bytes.find(id);
  REQUIRE(at != std::string::npos);
  return bytes.replace(at + behind, what.size(), what);
}

/// Frames of silence, 44.1 kHz, one channel, 1152 samples each; `promised`: a Xing header with this count in front.
std::string mp3(int kbit, int count, std::uint32_t promised = 0) {
  const std::vector<int> rates{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320};
  const auto rate = static_cast<char>((std::find(rates.begin(), rates.end(), kbit) - rates.begin()) << 4);
  std::string head = std::string("\xFF\xFB") + rate + '\xC0' + std::string(17, '\0'), all;
  const auto frame = [&](std::string bytes) {
    bytes.resize(static_cast<std::size_t>(144000 * kbit / 44100));
    return bytes;
  };
  if (promised) all = frame(head + "Xing" + number(1, 4, true) + number(promised, 4, true));
  for (int i = 0; i < count; ++i) all += frame(head);
  return all;
}

}  // namespace

TEST_CASE("sound: containers that were never closed are read to their end") {
  const std::string wav = written(SF_FORMAT_WAV | SF_FORMAT_PCM_16);
  CHECK_EQ(frames(wav), kFrames);
  for (const std::uint64_t riff : {std::uint64_t{0}, std::uint64_t{8}, std::uint64_t{0xFFFFFFFF}})
    for (const std::uint64_t data :
         {std::uint64_t{0}, std::uint64_t{0x7FFFF000}, std::uint64_t{0x80000000}, std::uint64_t{0xFFFFFFFF}})
      CHECK_EQ(frames(with(with(wav, "RIFF", 4, number(riff, 4)), "data", 4, number(data, 4))), kFrames);
  const std::string rf64 = written(SF_FORMAT_RF64 | SF_FORMAT_PCM_16);
  CHECK_EQ(frames(rf64), kFrames);
  CHECK_EQ(frames(with(rf64, "ds64", 8, std::string(24, '\0'))), kFrames);
  const std::string aiff = written(SF_FORMAT_AIFF | SF_FORMAT_PCM_16);
  CHECK_EQ(frames(aiff), kFrames);
  for (const std::uint64_t size : {std::uint64_t{0}, std::uint64_t{8}, std::uint64_t{0xFFFFFFFF}})
    CHECK_EQ(frames(with(with(with(aiff, "FORM", 4, number(size, 4, true)), "SSND", 4, number(size, 4, true)), "COMM",
                         10, number(0, 4, true))),
             kFrames);
  const std::string au = written(SF_FORMAT_AU | SF_FORMAT_PCM_16);
  for (const std::uint64_t size : {std::uint64_t{0}, std::uint64_t{0xFFFFFFFF}})
    CHECK_EQ(frames(with(au, ".snd", 8, number(size, 4, true))), kFrames);
  const std::string caf = written(SF_FORMAT_CAF | SF_FORMAT_PCM_16);
  for (const std::uint64_t size : {std::uint64_t{0}, std::uint64_t{4}, ~std::uint64_t{0}})
    CHECK_EQ(frames(with(caf, "data", 4, number(size, 8, true))), kFrames);
  const std::string w64 = written(SF_FORMAT_W64 | SF_FORMAT_PCM_16);
  for (const std::uint64_t size : {std::uint64_t{0}, std::uint64_t{24}, ~std::uint64_t{0}})
    CHECK_EQ(frames(with(w64, "data", 16, number(size, 8))), kFrames);
  // Empty and closed is empty; chunks after the samples are none.
  const std::size_t data = wav.find("data");
  CHECK_EQ(frames(with(wav.substr(0, data + 8), "data", 4, number(0, 4))), 0);
  CHECK_EQ(frames(with(wav.substr(0, data + 8), "data", 4, number(0, 4)) + "LIST" + number(4, 4) + "abcd"), 0);
  CHECK_EQ(frames(wav + "LIST" + number(5, 4) + "abcde"), kFrames);
}

TEST_CASE("sound: containers that break off, or have another after them, are refused") {
  for (const int format : {SF_FORMAT_WAV, SF_FORMAT_RF64, SF_FORMAT_AIFF, SF_FORMAT_AU, SF_FORMAT_CAF, SF_FORMAT_W64,
                           SF_FORMAT_NIST, SF_FORMAT_SVX}) {
    CAPTURE(format);
    const std::string whole = written(format | SF_FORMAT_PCM_16);
    CHECK_EQ(frames(whole), kFrames);
    CHECK(says(refusal(whole.substr(0, whole.size() - 3001)), ": is cut off: its header promises"));
    CHECK(says(refusal(whole + whole), "another sound file is joined after the first"));
  }
  // A header that was last written when half of the samples were there.
  const std::string wav = written(SF_FORMAT_WAV | SF_FORMAT_PCM_16), aiff = written(SF_FORMAT_AIFF | SF_FORMAT_PCM_16),
                    au = written(SF_FORMAT_AU | SF_FORMAT_PCM_16);
  for (const std::string& half :
       {with(wav, "data", 4, number(kFrames, 4)), with(aiff, "SSND", 4, number(8 + kFrames, 4, true)),
        with(au, ".snd", 8, number(kFrames, 4, true))})
    CHECK(says(refusal(half), "more bytes follow that are none of its chunks"));
  for (const int format : {SF_FORMAT_VORBIS, SF_FORMAT_OPUS}) {
    const std::string ogg = written(SF_FORMAT_OGG | format);
    CHECK_EQ(frames(ogg), kFrames);
    CHECK(says(refusal(ogg.substr(0, ogg.size() - 100)), "cut off within the page"));
    CHECK(says(refusal(ogg.substr(0, ogg.rfind("OggS"))), "is not marked as the end"));
    CHECK(says(refusal(ogg + ogg), "another sound file is joined after the first"));
  }
}

TEST_CASE("sound: FLAC with and without a length, cut, damaged, joined") {
  const std::string known = written(SF_FORMAT_FLAC | SF_FORMAT_PCM_16);
  // The count of samples is the last 36 bits of the 18 bytes after "fLaC" and the block's head.
  std::string unknown = known;
  for (std::size_t i = 22; i < 26; ++i) unknown[i] = '\0';
  unknown[21] = static_cast<char>(unknown[21] & 0xF0);
  for (const std::string& flac : {known, unknown}) {
    CHECK_EQ(frames(flac), kFrames);
    CHECK_EQ(frames(flac + "TAG" + std::string(125, ' ')), kFrames);
    CHECK(says(refusal(flac.substr(0, flac.size() / 2)), "cut off"));
    CHECK(says(refusal(flac.substr(0, flac.size() - 1)), "cut off"));
    std::string flipped = flac;
    flipped[flac.size() / 2] = static_cast<char>(flipped[flac.size() / 2] ^ 16);
    CHECK(says(refusal(flipped), "damaged"));
    CHECK(says(refusal(flac + flac), "joined"));
  }
}

TEST_CASE("sound: MP3 is read to its end, whatever its first frames let expect") {
  CHECK_EQ(frames(mp3(64, 80)), 80 * 1152);
  CHECK_EQ(frames(mp3(320, 40) + mp3(32, 40)), 80 * 1152);
  CHECK_EQ(frames(mp3(32, 40) + mp3(320, 40)), 80 * 1152);
  const std::string one = mp3(64, 40, 40);
  const std::size_t count = frames(one);
  CHECK(count > 39 * 1152);
  CHECK_EQ(frames(one + one), 2 * count);
  CHECK_EQ(frames(one + one + one), 3 * count);
  CHECK_EQ(frames(one + "TAG" + std::string(125, ' ')), count);
  CHECK(says(refusal(one.substr(0, one.size() / 2)), "is cut off: its header promises 40 frames, it has 19"));
  CHECK(says(refusal(one + one.substr(0, one.size() / 2)), "is cut off: its header promises"));
  CHECK(says(refusal(mp3(64, 80).substr(0, 5000)), "cut off within a frame"));
  // An encoder's last frame may hold nothing but what it filled up.
  SF_INFO lame{0, 8000, 1, SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III, 0, 0};
  if (!sf_format_check(&lame)) return;  // libsndfile was built without an encoder
  const std::string whole = written(lame.format);
  CHECK_EQ(frames(whole), kFrames);
  CHECK(says(refusal(whole.substr(0, whole.size() / 2)), "is cut off: its header promises"));
}

namespace {

constexpr int kManyFrames = 300000;  // larger than what is held in memory

/// Noise in a few channels.
std::string noise(int format, int channels, int rate) {
  const TemporaryFolder folder;
  const std::string path = (folder / "x").string();
  SF_INFO info{};
  info.samplerate = rate;
  info.channels = channels;
  info.format = format;
  SNDFILE* file = sf_open(path.c_str(), SFM_WRITE, &info);
  REQUIRE(file);
  std::vector<float> samples(static_cast<std::size_t>(kManyFrames * channels));
  std::uint32_t state = 1;
  for (float& sample : samples)
    sample = 0.8f * (static_cast<float>((state = state * 1664525 + 1013904223) >> 8) / 8388608 - 1);
  REQUIRE_EQ(sf_writef_float(file, samples.data(), kManyFrames), kManyFrames);
  sf_close(file);
  return read_file(path);
}

std::string packed(const std::string& bytes) {
  const TemporaryFolder folder;
  gzFile file = gzopen((folder / "x").c_str(), "wb1");
  REQUIRE_EQ(gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size())), static_cast<int>(bytes.size()));
  gzclose(file);
  return read_file(folder / "x");
}

std::vector<float> streamed(const std::string& bytes, double rate) {
  const TemporaryFolder folder;
  write_file(folder / "x", bytes);
  std::vector<float> all;
  for (const auto more = waveform(sound_pieces(folder / "x"), rate, "x"); more(all);) {
  }
  return all;
}

}  // namespace

TEST_CASE("sound: pieces, at another rate, are to the bit what the whole gives at once") {
  for (const auto& [format, rate] :
       {std::pair{SF_FORMAT_WAV, 44100}, {SF_FORMAT_FLAC, 44100}, {SF_FORMAT_WAV, 7000}, {SF_FORMAT_AIFF, 8000}}) {
    CAPTURE(format);
    CAPTURE(rate);
    const std::string bytes = noise(format | SF_FORMAT_PCM_16, 2, rate);
    CHECK(bytes.size() > 1000000);
    const TemporaryFolder folder;
    write_file(folder / "x", bytes);
    const Sound sound = read_sound(folder / "x");
    CHECK_EQ(sound.crc, crc32_of(bytes));
    REQUIRE_EQ(sound.frames(), kManyFrames);
    std::vector<float> mono;
    for (std::size_t i = 0; i < sound.frames(); ++i)
      mono.push_back((sound.samples[2 * i] + sound.samples[2 * i + 1]) / 2);
    std::vector<float> out(static_cast<std::size_t>(std::ceil(kManyFrames * 8000.0 / rate)) + 1);
    SRC_DATA data{};
    data.data_in = mono.data();
    data.data_out = out.data();
    data.input_frames = static_cast<long>(mono.size());
    data.output_frames = static_cast<long>(out.size());
    data.src_ratio = 8000.0 / rate;
    REQUIRE_EQ(src_simple(&data, SRC_SINC_MEDIUM_QUALITY, 1), 0);
    out.resize(static_cast<std::size_t>(data.output_frames_gen));
    CHECK(streamed(bytes, 8000) == (rate == 8000 ? mono : out));
    CHECK(streamed(packed(bytes), 8000) == streamed(bytes, 8000));
  }
}

TEST_CASE("sound: files that are not held in memory are settled, joined and refused like others") {
  const std::string wav = noise(SF_FORMAT_WAV | SF_FORMAT_PCM_16, 1, 8000);
  CHECK_EQ(frames(with(wav, "data", 4, number(0, 4))), kManyFrames);  // never closed
  CHECK_EQ(frames(packed(wav)), kManyFrames);
  CHECK(says(refusal(wav.substr(0, wav.size() - 3001)), ": is cut off: its header promises"));
  CHECK(says(refusal(wav + wav), "another sound file is joined after the first"));
  const std::string one = mp3(320, 400, 400);
  CHECK_EQ(frames(one + one), 2 * frames(one));
  CHECK_EQ(frames(one + "TAG" + std::string(125, ' ') + std::string(100000, '\0')), frames(one));
  CHECK(says(refusal(one + one.substr(0, one.size() - 2000)), "is cut off: its header promises 400 frames"));
  std::string flac = noise(SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 1, 8000);
  CHECK_EQ(frames(flac + std::string(300000, '\0')), kManyFrames);
  flac[flac.size() / 2] = static_cast<char>(flac[flac.size() / 2] ^ 16);
  CHECK(says(refusal(flac), "damaged"));
  const std::string ogg = noise(SF_FORMAT_OGG | SF_FORMAT_VORBIS, 1, 8000);
  CHECK_EQ(frames(ogg), kManyFrames);
  CHECK(says(refusal(ogg.substr(0, ogg.size() - 100)), "cut off within the page"));
}
