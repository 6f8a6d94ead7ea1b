#include "core/io/gguf.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <fstream>

#include "core/error.h"
#include "core/io/file.h"
#include "core/io/half.h"

namespace seqtape {
namespace {

static_assert(std::endian::native == std::endian::little, "GGUF is read and written little-endian");

enum Type : std::uint32_t { kU8, kI8, kU16, kI16, kU32, kI32, kF32, kBoolean, kString, kArray, kU64, kI64, kF64 };
constexpr std::uint64_t kAlignment = 32;
/// Keys and tensor descriptions precede the data; a larger header is refused.
constexpr std::uint64_t kMostHeader = 256u << 20;

std::uint64_t aligned(std::uint64_t at, std::uint64_t alignment) {
  return (at + alignment - 1) / alignment * alignment;
}

/// Reads the header, with every step checked against its end.
class ByteReader {
 public:
  ByteReader(std::string bytes, const std::filesystem::path& path) : bytes_(std::move(bytes)), path_(path) {}

  template <class... Why>
  [[noreturn]] void refuse(const Why&... why) const {
    throw CheckpointError(str(path_.string(), ": ", why...));
  }
  std::string_view take(std::uint64_t count, const char* what) {
    if (count > bytes_.size() - at_)
      refuse("cut off, or not GGUF: ", what, " of ", count, " bytes at ", at_, " is beyond the end");
    at_ += count;
    return {bytes_.data() + at_ - count, count};
  }
  template <class T>
  T number(const char* what) {
    T value;
    std::memcpy(&value, take(sizeof(T), what).data(), sizeof(T));
    return value;
  }
  std::string text(const char* what) { return std::string(take(number<std::uint64_t>(what), what)); }
  /// A count of things of at least `least` bytes each: more than fit cannot be true, and are refused before memory is
  /// allocated for them.
  std::uint64_t count(const char* what, std::uint64_t least) {
    const auto n = number<std::uint64_t>(what);
    if (n > (bytes_.size() - at_) / least) refuse(what, ": ", n, " do not fit the file");
    return n;
  }
  std::uint64_t at() const { return at_; }

  GgufValue value(std::uint32_t type, const std::string& key) {
    switch (type) {
      case kU8:
        return std::int64_t{number<std::uint8_t>("value")};
      case kI8:
        return std::int64_t{number<std::int8_t>("value")};
      case kU16:
        return std::int64_t{number<std::uint16_t>("value")};
      case kI16:
        return std::int64_t{number<std::int16_t>("value")};
      case kU32:
        return std::int64_t{number<std::uint32_t>("value")};
      case kI32:
        return std::int64_t{number<std::int32_t>("value")};
      case kU64:
        return static_cast<std::int64_t>(number<std::uint64_t>("value"));
      case kI64:
        return number<std::int64_t>("value");
      case kF32:
        return static_cast<double>(number<float>("value"));
      case kF64:
        return number<double>("value");
      case kBoolean:
        return number<std::uint8_t>("value") != 0;
      case kString:
        return text("string");
      case kArray:
        break;
      default:
        refuse("key \"", key, "\": unknown type ", type);
    }
    const auto kind = number<std::uint32_t>("list type");
    if (kind == kArray || kind > kF64) refuse("key \"", key, "\": a list of type ", kind, " is not read");
    static constexpr std::uint64_t kBytes[] = {1, 1, 2, 2, 4, 4, 4, 1, 8, 0, 8, 8, 8};
    const std::uint64_t n = count("list", kBytes[kind]);
    if (kind == kString) {
      std::vector<std::string> list;
      for (std::uint64_t i = 0; i < n; ++i) list.push_back(text("string"));
      return list;
    }
    std::vector<double> fractions;
    std::vector<std::int64_t> integers;
    for (std::uint64_t i = 0; i < n; ++i) {
      const GgufValue one = value(kind, key);
      if (const auto* fraction = std::get_if<double>(&one)) fractions.push_back(*fraction);
      if (const auto* integer = std::get_if<std::int64_t>(&one)) integers.push_back(*integer);
      if (const auto* flag = std::get_if<bool>(&one)) integers.push_back(*flag);
    }
    if (kind == kF32 || kind == kF64) return fractions;
    return integers;
  }

 private:
  std::string bytes_;
  std::filesystem::path path_;
  std::uint64_t at_ = 0;
};

std::uint64_t element_bytes(std::uint32_t type) { return type == 0 ? 4 : type == 1 || type == 30 ? 2 : 0; }

}  // namespace

GgufFile::GgufFile(const std::filesystem::path& path) : path_(path) {
  if (!std::filesystem::is_regular_file(path)) throw CheckpointError(str(path.string(), ": is not a file"));
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) throw CheckpointError(str(path.string(), ": cannot be opened"));
  const auto size = static_cast<std::uint64_t>(file.tellg());
  std::string head(std::min(size, kMostHeader), '\0');
  file.seekg(0);
  file.read(head.data(), static_cast<std::streamsize>(head.size()));
  ByteReader in(std::move(head), path);
  if (in.take(4, "magic") != "GGUF") in.refuse("not a GGUF file");
  const auto version = in.number<std::uint32_t>("version");
  if (version != 0 && (version & 0xFFFF) == 0)
    in.refuse(
        "is in the byte order of a big-endian machine, which is not read; gguf-py's gguf_convert_endian.py turns "
        "it around");
  if (version != 2 && version != 3) in.refuse("GGUF version ", version, " is not read; 2 and 3 are");
  const std::uint64_t tensors = in.count("number of tensors", 24), keys = in.count("number of keys", 13);
  for (std::uint64_t i = 0; i < keys; ++i) {
    const std::string name = in.text("key");
    const auto type = in.number<std::uint32_t>("type");
    if (!keys_.emplace(name, in.value(type, name)).second) in.refuse("key \"", name, "\": stands there twice");
  }
  for (std::uint64_t i = 0; i < tensors; ++i) {
    const std::string name = in.text("tensor name");
    Entry entry;
    const auto rank = in.number<std::uint32_t>("rank");
    if (rank > 4) in.refuse("tensor \"", name, "\": rank ", rank, " is more than GGUF's 4");
    std::vector<Index> extents;
    for (std::uint32_t d = 0; d < rank; ++d) {
      const auto extent = in.number<std::uint64_t>("extent");
      if (extent > (std::uint64_t{1} << 59)) in.refuse("tensor \"", name, "\": extent ", extent, " is too large");
      extents.insert(extents.begin(), static_cast<Index>(extent));
    }
    try {
      entry.shape = Shape(extents.begin(), extents.end());
    } catch (const ShapeError& error) {
      in.refuse("tensor \"", name, "\": ", error.what());
    }
    entry.type = in.number<std::uint32_t>("tensor type");
    entry.begin = in.number<std::uint64_t>("offset");
    if (!entries_.emplace(name, entry).second) in.refuse("tensor \"", name, "\": stands there twice");
  }
  std::uint64_t alignment = kAlignment;
  if (keys_.count("general.alignment")) {
    const std::int64_t asked = integer("general.alignment");
    if (asked < 8 || asked > 1 << 20 || asked % 8 != 0) in.refuse("general.alignment: ", asked, " is none");
    alignment = static_cast<std::uint64_t>(asked);
  }
  const std::uint64_t data = aligned(in.at(), alignment);
  std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges;
  for (auto& [name, entry] : entries_) {
    const std::uint64_t bytes =
        static_cast<std::uint64_t>(entry.shape.size()) * std::max<std::uint64_t>(1, element_bytes(entry.type));
    if (entry.begin % alignment != 0) in.refuse("tensor \"", name, "\": offset ", entry.begin, " is not aligned");
    if (data > size || entry.begin > size - data ||
        (element_bytes(entry.type) != 0 && bytes > size - data - entry.begin))
      in.refuse("tensor \"", name, "\": ", bytes, " bytes at offset ", entry.begin, " are not within the file's ",
                size);
    entry.begin += data;
    if (element_bytes(entry.type) != 0) ranges.emplace_back(entry.begin, entry.begin + bytes);
  }
  std::sort(ranges.begin(), ranges.end());
  for (std::size_t i = 1; i < ranges.size(); ++i)
    if (ranges[i].first < ranges[i - 1].second) in.refuse("two tensors share the bytes at ", ranges[i].first);
}

template <class T>
const T& GgufFile::of_kind(const std::string& key, const char* kind) const {
  const auto found = keys_.find(key);
  if (found == keys_.end()) throw CheckpointError(str(path_.string(), ": has no key ", key));
  if (const T* value = std::get_if<T>(&found->second)) return *value;
  throw CheckpointError(str(path_.string(), ": ", key, ": must be ", kind));
}

std::int64_t GgufFile::integer(const std::string& key) const { return of_kind<std::int64_t>(key, "a whole number"); }
double GgufFile::number(const std::string& key) const { return of_kind<double>(key, "a number"); }
std::string GgufFile::text(const std::string& key) const { return of_kind<std::string>(key, "text"); }

std::vector<double> GgufFile::values(const std::string& name) const {
  const auto found = entries_.find(name);
  if (found == entries_.end()) throw CheckpointError(str(path_.string(), ": there is no tensor \"", name, "\""));
  const Entry& entry = found->second;
  const std::uint64_t width = element_bytes(entry.type);
  if (width == 0)
    throw CheckpointError(str(path_.string(), ": tensor \"", name, "\": is of type ", entry.type,
                              ", quantized or of integers; only F32, F16 and BF16 are read"));
  std::string bytes(static_cast<std::size_t>(entry.shape.size()) * width, '\0');
  std::ifstream file(path_, std::ios::binary);
  file.seekg(static_cast<std::streamoff>(entry.begin));
  if (!file.read(bytes.data(), static_cast<std::streamsize>(bytes.size())) && !bytes.empty())
    throw CheckpointError(str(path_.string(), ": cannot be read"));
  std::vector<double> values(static_cast<std::size_t>(entry.shape.size()));
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (width == 4) {
      float value;
      std::memcpy(&value, bytes.data() + 4 * i, 4);
      values[i] = static_cast<double>(value);
    } else {
      std::uint16_t half;
      std::memcpy(&half, bytes.data() + 2 * i, 2);
      values[i] = static_cast<double>(entry.type == 1 ? from_f16(half) : from_bf16(half));
    }
  }
  return values;
}

namespace {

template <class T>
void put(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}
void put(std::string& out, const std::string& text) {
  put(out, static_cast<std::uint64_t>(text.size()));
  out += text;
}

}  // namespace

void GgufWriter::begin_key(const std::string& name, std::uint32_t type) {
  put(keys_, name);
  put(keys_, type);
  ++key_count_;
}
void GgufWriter::key(const std::string& name, std::uint32_t value) {
  begin_key(name, kU32);
  put(keys_, value);
}
void GgufWriter::key(const std::string& name, float value) {
  begin_key(name, kF32);
  put(keys_, value);
}
void GgufWriter::key(const std::string& name, bool value) {
  begin_key(name, kBoolean);
  put(keys_, static_cast<std::uint8_t>(value));
}
void GgufWriter::key(const std::string& name, const std::string& value) {
  begin_key(name, kString);
  put(keys_, value);
}
void GgufWriter::key(const std::string& name, const std::vector<std::string>& values) {
  begin_key(name, kArray);
  put(keys_, static_cast<std::uint32_t>(kString));
  put(keys_, static_cast<std::uint64_t>(values.size()));
  for (const std::string& value : values) put(keys_, value);
}

void GgufWriter::tensor(const std::string& name, const Shape& shape, std::vector<float> values) {
  tensors_.push_back({name, shape, std::move(values)});
}

void GgufWriter::write(const std::filesystem::path& path) const {
  std::string head = "GGUF";
  put(head, std::uint32_t{3});
  put(head, static_cast<std::uint64_t>(tensors_.size()));
  put(head, key_count_);
  head += keys_;
  std::uint64_t offset = 0;
  for (const Pending& tensor : tensors_) {
    put(head, tensor.name);
    put(head, static_cast<std::uint32_t>(tensor.shape.rank()));
    for (int d = tensor.shape.rank() - 1; d >= 0; --d) put(head, static_cast<std::uint64_t>(tensor.shape[d]));
    put(head, std::uint32_t{0});
    put(head, offset);
    offset = aligned(offset + 4 * tensor.values.size(), kAlignment);
  }
  head.resize(aligned(head.size(), kAlignment), '\0');
  FileWriter file(path);
  file.write(head);
  for (const Pending& tensor : tensors_) {
    const std::uint64_t bytes = 4 * tensor.values.size();
    file.write({reinterpret_cast<const char*>(tensor.values.data()), bytes});
    file.write(std::string(aligned(bytes, kAlignment) - bytes, '\0'));
  }
  file.finish();
}

}  // namespace seqtape
