#include "apps/trainer/tensorboard.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>

#include "core/error.h"
#include "core/strings.h"

namespace seqtape {
namespace {

double now() { return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count(); }

template <class T>
std::string bytes_of(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

std::string varint(std::uint64_t value) {
  std::string out;
  for (; value >= 128; value >>= 7) out += static_cast<char>(value | 128);
  return out + static_cast<char>(value);
}

// Protocol buffer fields: number and wire type, then the value.
std::string varint_field(int number, std::uint64_t value) { return varint(number << 3 | 0) + varint(value); }
std::string double_field(int number, double value) { return varint(number << 3 | 1) + bytes_of(value); }
std::string float_field(int number, float value) { return varint(number << 3 | 5) + bytes_of(value); }
std::string text_field(int number, const std::string& text) {
  return varint(number << 3 | 2) + varint(text.size()) + text;
}

/// Event: 1 wall_time, 2 step, 3 file_version, 5 summary, 7 session_log.
std::string event(std::int64_t step, const std::string& what) {
  return double_field(1, now()) + varint_field(2, static_cast<std::uint64_t>(step)) + what;
}

}  // namespace

std::uint32_t crc32c(const std::string& bytes) {
  static const auto table = [] {
    std::array<std::uint32_t, 256> entries{};
    for (std::uint32_t i = 0; i < 256; ++i) {
      entries[i] = i;
      for (int bit = 0; bit < 8; ++bit) entries[i] = entries[i] >> 1 ^ (entries[i] & 1 ? 0x82F63B78u : 0u);
    }
    return entries;
  }();
  std::uint32_t crc = ~0u;
  for (const char c : bytes) crc = crc >> 8 ^ table[(crc ^ static_cast<unsigned char>(c)) & 255];
  return ~crc;
}

EventFile::EventFile(const std::filesystem::path& folder, std::int64_t step) {
  std::error_code error;
  std::filesystem::create_directory(folder, error);
  std::array<char, 256> host{};
  gethostname(host.data(), host.size() - 1);
  // The files are read in the order of their names: this one is the last, also when the clock was set back.
  auto seconds = static_cast<long long>(now());
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    long long other = 0;
    if (std::sscanf(entry.path().filename().c_str(), "events.out.tfevents.%lld.", &other) == 1)
      seconds = std::max(seconds, other + 1);
  }
  path_ = folder / format("events.out.tfevents.%010lld.%s.%d", seconds, host.data(), getpid());
  out_.open(path_, std::ios::binary);
  record(event(0, text_field(3, "brain.Event:2")));
  // SessionLog.START: TensorBoard drops what earlier files say of its step and later ones. Those of `step` itself stay.
  if (step > 0) record(event(step + 1, text_field(7, varint_field(1, 1))));
}

void EventFile::scalar(const std::string& tag, std::int64_t step, double value) {
  const std::string entry = text_field(1, tag) + float_field(2, static_cast<float>(value));  // Summary.Value
  record(event(step, text_field(5, text_field(1, entry))));
}

void EventFile::record(const std::string& event) {
  static_assert(std::endian::native == std::endian::little);
  const auto masked = [](const std::string& bytes) {
    const std::uint32_t crc = crc32c(bytes);
    return bytes_of((crc >> 15 | crc << 17) + 0xA282EAD8u);
  };
  const std::string length = bytes_of(static_cast<std::uint64_t>(event.size()));
  out_ << length << masked(length) << event << masked(event) << std::flush;
  if (!out_) throw CheckpointError(str(path_.string(), ": cannot be written: ", std::strerror(errno)));
}

}  // namespace seqtape
