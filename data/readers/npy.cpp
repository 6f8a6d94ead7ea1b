#include "data/readers/npy.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>

#include "core/error.h"
#include "core/io/file.h"
#include "core/io/half.h"
#include "core/strings.h"

namespace seqtape {
namespace {

constexpr std::string_view kMagic{"\x93NUMPY", 6};
constexpr std::uint64_t kMostHeader = 1 << 16;  // NumPy's own are below 200 bytes

/// Reads a header, which is a dictionary in Python's writing: {'descr': '<f4', 'fortran_order': False, 'shape': (3,), }
/// Members give false, or nothing, where the text goes on otherwise.
class HeaderText {
 public:
  explicit HeaderText(std::string_view text) : left_(text) {}
  bool take(std::string_view what) {
    while (!left_.empty() && (left_.front() == ' ' || left_.front() == '\n')) left_.remove_prefix(1);
    if (!left_.starts_with(what)) return false;
    left_.remove_prefix(what.size());
    return true;
  }
  std::optional<std::string> quoted() {
    const char* const quote = take("'") ? "'" : take("\"") ? "\"" : nullptr;
    const std::size_t end = quote ? left_.find(*quote) : std::string_view::npos;
    if (end == std::string_view::npos) return {};
    std::string text(left_.substr(0, end));
    left_.remove_prefix(end + 1);
    return text;
  }
  /// "(60, 24, 3)"; Python 2 wrote 60L.
  bool extents(std::vector<Index>& all) {
    if (!take("(")) return false;
    while (!take(")")) {
      take("");
      Index extent = 0;
      const auto [end, error] = std::from_chars(left_.data(), left_.data() + left_.size(), extent);
      if (error != std::errc() || extent < 0) return false;
      left_.remove_prefix(static_cast<std::size_t>(end - left_.data()));
      all.push_back(extent);
      take("L");
      if (!take(",") && !left_.starts_with(")")) return false;
    }
    return true;
  }
  std::string_view left() const { return left_; }

 private:
  std::string_view left_;
};

template <class T>
T value_at(const char* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

double real_at(const char* at, std::uint64_t size) {
  return size == 8   ? value_at<double>(at)
         : size == 4 ? static_cast<double>(value_at<float>(at))
                     : static_cast<double>(from_f16(value_at<std::uint16_t>(at)));
}

std::int64_t signed_at(const char* at, std::uint64_t size) {
  return size == 8   ? value_at<std::int64_t>(at)
         : size == 4 ? value_at<std::int32_t>(at)
         : size == 2 ? value_at<std::int16_t>(at)
                     : value_at<std::int8_t>(at);
}

std::uint64_t unsigned_at(const char* at, std::uint64_t size) {
  return size == 8   ? value_at<std::uint64_t>(at)
         : size == 4 ? value_at<std::uint32_t>(at)
         : size == 2 ? value_at<std::uint16_t>(at)
                     : value_at<std::uint8_t>(at);
}

}  // namespace

NpyArray::NpyArray(std::function<Pieces()> open, std::string where, std::optional<std::uint64_t> bytes,
                   const std::string& remedy)
    : open_(std::move(open)), pieces_(open_()), where_(std::move(where)) {
  read_header(remedy, bytes);
}

void NpyArray::refuse_header(std::string_view header) const {
  throw DataError(str(where_, ": its header is not NumPy's: \"", printable(header, 80), "\"; is it damaged?"));
}

void NpyArray::read_header(const std::string& remedy, std::optional<std::uint64_t> size) {
  const std::string begin = bytes(kMagic.size() + 2, "beginning");
  if (!begin.starts_with(kMagic)) refuse_header(begin);
  const int version = begin[kMagic.size()];
  if (version < 1 || version > 3)
    throw DataError(str(where_, ": is of version ", version, " of NumPy's format, 1 to 3 are read"));
  const std::string length = bytes(version == 1 ? 2 : 4, "header");
  std::uint64_t count = 0;
  for (std::size_t i = length.size(); i-- > 0;) count = count << 8 | static_cast<unsigned char>(length[i]);
  if (count > kMostHeader)
    throw DataError(str(where_, ": its header would have ", count, " bytes; is it damaged, or of records?"));
  const std::string header = bytes(count, "header");
  HeaderText text(header);
  std::optional<std::string> descr;
  bool ordered = false, shaped = false;
  if (!text.take("{")) refuse_header(header);
  while (!text.take("}")) {
    const auto key = text.quoted();
    if (!key || !text.take(":")) refuse_header(header);
    if (*key == "descr") {
      if (text.take("["))
        throw DataError(str(where_, ": holds records (", printable(header, 50), "); save each field as an array"));
      descr = text.quoted();
    } else if (*key == "fortran_order") {
      fortran_ = text.take("True");
      ordered = fortran_ || text.take("False");
    } else if (*key == "shape") {
      shaped = text.extents(shape_);
    } else {
      refuse_header(header);
    }
    text.take(",");
  }
  if (!descr || !ordered || !shaped) refuse_header(header);
  read_type(*descr, remedy);
  count_ = 1;
  std::uint64_t all = size_;
  bool absurd = false;
  for (const Index extent : shape_) {
    absurd = absurd || __builtin_mul_overflow(count_, static_cast<std::uint64_t>(extent), &count_) ||
             __builtin_mul_overflow(all, static_cast<std::uint64_t>(extent), &all);
  }
  if (absurd) throw DataError(str(where_, ": its header says ", described(), ", more than any memory; is it damaged?"));
  const std::uint64_t before = kMagic.size() + 2 + length.size() + count;
  if (size && all != *size - std::min(*size, before))
    throw DataError(str(where_, ": its header says ", described(), ", ", all, " bytes, and ",
                        *size - std::min(*size, before), " follow; is it ",
                        all + before > *size ? "truncated?" : "damaged, or of several arrays?"));
}

void NpyArray::read_type(const std::string& descr, const std::string& remedy) {
  const std::string shown = str(where_, ": is of type \"", printable(descr, 20), "\", ");
  if (descr.size() < 2 || std::string_view("<>|=").find(descr[0]) == std::string_view::npos) refuse_header(descr);
  kind_ = descr[1];
  if (kind_ == 'O')
    throw DataError(
        str(where_, ": holds Python objects, a pickle, which is not read", remedy.empty() ? "" : "; " + remedy));
  std::uint64_t width = 0;
  const auto [end, error] = std::from_chars(descr.data() + 2, descr.data() + descr.size(), width);
  const bool known = error == std::errc() && end == descr.data() + descr.size();
  const bool number = kind_ == 'f'                   ? width == 2 || width == 4 || width == 8
                      : kind_ == 'i' || kind_ == 'u' ? width == 1 || width == 2 || width == 4 || width == 8
                                                     : kind_ == 'b' && width == 1;
  if (!known || !(number || (holds_text() && width > 0 && width <= 1 << 20)))
    throw DataError(str(shown, kind_ == 'f'                   ? "float16, 32 and 64 are read: .astype(\"float64\")"
                               : kind_ == 'c'                 ? "complex; save its real and imaginary part as channels"
                               : kind_ == 'M' || kind_ == 'm' ? "dates; save numbers: .astype(\"int64\")"
                                                              : "which is neither numbers nor text"));
  size_ = kind_ == 'U' ? 4 * width : width;
  const bool big = descr[0] == '>' || (descr[0] == '=' && std::endian::native == std::endian::big);
  swapped_ = descr[0] != '|' && big != (std::endian::native == std::endian::big);
}

std::string NpyArray::described() const {
  const std::string bits = std::to_string(size_ * 8);
  const std::string type = kind_ == 'f'   ? "float" + bits
                           : kind_ == 'i' ? "int" + bits
                           : kind_ == 'u' ? "uint" + bits
                           : kind_ == 'b' ? "bool"
                                          : "text";
  std::vector<std::string> extents;
  for (const Index extent : shape_) extents.push_back(std::to_string(extent));
  return str(type, " of (", join(extents, ", "), extents.size() == 1 ? ",)" : ")");
}

std::string NpyArray::bytes(std::uint64_t count, const char* of) {
  std::string all;
  while (all.size() < count) {
    const std::size_t more = std::min<std::uint64_t>(count - all.size(), piece_.size() - used_);
    all.append(piece_, used_, more);
    used_ += more;
    if (all.size() == count) break;
    used_ = 0;
    piece_.clear();
    if (!pieces_(piece_))
      throw DataError(
          str(where_, ": ends within its ", of, ": ", all.size(), " of ", count, " bytes; is it truncated?"));
  }
  return all;
}

std::uint64_t NpyArray::in_fortran(std::uint64_t at) const {
  std::uint64_t place = 0, stride = count_;
  for (std::size_t d = shape_.size(); d-- > 0;) {
    const auto extent = static_cast<std::uint64_t>(shape_[d]);
    stride /= extent;
    place += at % extent * stride;
    at /= extent;
  }
  return place;
}

std::string NpyArray::elements(Index count) {
  const std::uint64_t wanted = static_cast<std::uint64_t>(count);
  std::string all;
  if (fortran_ && rank() > 1) {
    if (next_ == 0) whole_ = bytes(count_ * size_, "elements");
    all.reserve(wanted * size_);
    for (std::uint64_t i = next_; i < next_ + wanted; ++i) all.append(whole_, in_fortran(i) * size_, size_);
  } else {
    all = bytes(wanted * size_, "elements");
  }
  next_ += wanted;
  const std::size_t part = kind_ == 'U' ? 4 : kind_ == 'S' ? 1 : size_;
  if (swapped_ && part > 1)
    for (auto at = all.begin(); at != all.end(); at += static_cast<std::ptrdiff_t>(part))
      std::reverse(at, at + static_cast<std::ptrdiff_t>(part));
  return all;
}

std::vector<double> NpyArray::numbers(Index count) {
  const std::string all = elements(count);
  std::vector<double> read(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < read.size(); ++i) {
    const char* const at = all.data() + i * size_;
    read[i] = kind_ == 'f'   ? real_at(at, size_)
              : kind_ == 'i' ? static_cast<double>(signed_at(at, size_))
                             : static_cast<double>(unsigned_at(at, size_));
    if (size_ < 8 || kind_ == 'f' || std::fabs(read[i]) < 0x1p53) continue;
    // At 2^63 and 2^64 a conversion back is undefined; a double that large is even, the number before it is not.
    const bool held = kind_ == 'i' ? read[i] < 0x1p63 && static_cast<std::int64_t>(read[i]) == signed_at(at, size_)
                                   : read[i] < 0x1p64 && static_cast<std::uint64_t>(read[i]) == unsigned_at(at, size_);
    if (held) continue;
    check();
    throw DataError(str(where_, indices(next_ - static_cast<std::uint64_t>(count) + i), ": is ",
                        kind_ == 'i' ? std::to_string(signed_at(at, size_)) : std::to_string(unsigned_at(at, size_)),
                        ", which 64-bit floats do not hold, nor other whole numbers beyond 2^53; subtract their "
                        "least before saving, or round them: .astype(float)"));
  }
  return read;
}

std::vector<std::string> NpyArray::texts(Index count) {
  const std::string all = elements(count);
  std::vector<std::string> read;
  for (Index i = 0; i < count; ++i) {
    const std::string_view one = std::string_view(all).substr(static_cast<std::size_t>(i) * size_, size_);
    if (kind_ == 'U') {
      std::u32string text;
      for (std::size_t c = 0; c < size_; c += 4) text += static_cast<char32_t>(value_at<std::uint32_t>(&one[c]));
      text.erase(text.find_last_not_of(U'\0') + 1);  // fills up a shorter one
      if (std::all_of(text.begin(), text.end(), [](char32_t c) { return c <= 0x10FFFF; })) {
        read.push_back(to_utf8(text));
        continue;
      }
      check();
      throw DataError(
          str(where_, ": element ", next_ - static_cast<std::uint64_t>(count - i), " is not Unicode; is it damaged?"));
    } else if (kind_ == 'S') {
      read.emplace_back(one.substr(0, one.find_last_not_of('\0') + 1));
    } else {
      read.push_back(kind_ == 'i'   ? std::to_string(signed_at(one.data(), size_))
                     : kind_ == 'b' ? one[0] ? "True" : "False"
                                    : std::to_string(unsigned_at(one.data(), size_)));
    }
  }
  return read;
}

void NpyArray::check() const {
  const Pieces pieces = open_();
  for (std::string piece; pieces(piece);) piece.clear();
}

std::string NpyArray::indices(std::uint64_t at) const {
  std::vector<std::string> all(shape_.size());
  for (std::size_t d = shape_.size(); d-- > 0; at /= static_cast<std::uint64_t>(shape_[d]))
    all[d] = std::to_string(at % static_cast<std::uint64_t>(shape_[d]));
  return "[" + join(all, ", ") + "]";
}

void NpyArray::finish() {
  while (used_ == piece_.size()) {
    used_ = 0;
    piece_.clear();
    if (!pieces_(piece_)) return;
  }
  throw DataError(str(where_, ": more follows its elements, ", described(), "; is it damaged, or of several arrays?"));
}

NpyArray open_npy(const std::filesystem::path& path, const std::string& remedy) {
  const FileReader file(path);
  char head[2] = {};
  const bool plain = file.read(0, head, 2) < 2 || head[0] == kMagic[0];
  return {[path] { return unpacked_pieces(path); }, path.string(),
          plain ? std::optional<std::uint64_t>(file.size()) : std::nullopt, remedy};
}

}  // namespace seqtape
