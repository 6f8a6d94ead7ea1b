#include "data/readers/sound_bytes.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "data/readers/files.h"

namespace seqtape {

SoundBytes::SoundBytes(const std::filesystem::path& path) {
  const auto pieces = unpacked_pieces(path);
  pieces(content_);
  size_ = content_.size();
  if (std::string more; !pieces(more)) return;
  content_ = {};
  file_ = std::make_unique<FileReader>(path);
  size_ = file_->size();
}

std::size_t SoundBytes::read(std::size_t at, void* to, std::size_t size) const {
  size = at < size_ ? std::min(size, size_ - at) : 0;
  if (size == 0) return 0;
  if (file_)
    size = file_->read(at, to, size);
  else
    std::memcpy(to, content_.data() + at, size);
  for (const auto& [begin, bytes] : changes_) {
    const std::size_t from = std::max(at, begin), end = std::min(at + size, begin + bytes.size());
    if (from < end) std::memcpy(static_cast<char*>(to) + (from - at), bytes.data() + (from - begin), end - from);
  }
  return size;
}

std::string SoundBytes::at(std::size_t begin, std::size_t size) const {
  std::string bytes(begin < size_ ? std::min(size, size_ - begin) : 0, '\0');
  bytes.resize(read(begin, bytes.data(), bytes.size()));
  return bytes;
}

std::uint32_t SoundBytes::crc() const {
  std::uint32_t crc = 0;
  std::string piece;
  for (std::size_t at = 0; !(piece = this->at(at, 1 << 18)).empty(); at += piece.size()) crc = crc32_of(piece, crc);
  return crc;
}

std::size_t SoundCursor::read(void* to, std::size_t size) noexcept try {
  const std::size_t got = failed_ ? 0 : bytes_->read(begin_ + at_, to, size);
  at_ += got;
  return got;
} catch (...) {
  failed_ = std::current_exception();
  return 0;
}

std::int64_t SoundCursor::seek(std::int64_t offset, int from) noexcept {
  const auto base = static_cast<std::int64_t>(from == SEEK_SET ? 0 : from == SEEK_CUR ? at_ : size());
  at_ = static_cast<std::size_t>(std::clamp<std::int64_t>(base + offset, 0, static_cast<std::int64_t>(size())));
  return static_cast<std::int64_t>(at_);
}

}  // namespace seqtape
