#include "core/io/safetensors.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "core/error.h"
#include "core/io/file.h"
#include "core/io/half.h"
#include "core/io/json.h"

namespace seqtape {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors is little-endian");

constexpr std::uint64_t kMaxHeader = 100'000'000;  // the reference implementation's limit

/// Bits of an element; 0: a type that is not known, of which only the place can be checked.
std::uint64_t element_bits(const std::string& dtype) {
  static const std::map<std::string, std::uint64_t> bits{
      {"F64", 64},    {"F32", 32},    {"F16", 16},    {"BF16", 16},       {"I64", 64},        {"U64", 64},
      {"I32", 32},    {"U32", 32},    {"I16", 16},    {"U16", 16},        {"I8", 8},          {"U8", 8},
      {"BOOL", 8},    {"C64", 64},    {"F8_E4M3", 8}, {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8}, {"F8_E5M2", 8},
      {"F8_E8M0", 8}, {"F6_E2M3", 6}, {"F6_E3M2", 6}, {"F4", 4}};
  const auto found = bits.find(dtype);
  return found == bits.end() ? 0 : found->second;
}

template <class T>
T element(const char* bytes, std::size_t i) {
  T value;
  std::memcpy(&value, bytes + i * sizeof(T), sizeof(T));
  return value;
}

}  // namespace

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path) : path_(path) {
  const auto refuse = [&](const auto&... why) { throw CheckpointError(str(path.string(), ": ", why...)); };
  std::error_code error;
  if (std::filesystem::exists(path, error) && !std::filesystem::is_regular_file(path, error))
    refuse("is not a file");  // opening a pipe would block
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) refuse("cannot be opened: ", std::strerror(errno));
  const auto size = static_cast<std::uint64_t>(file.tellg());
  std::uint64_t header_size = 0;
  file.seekg(0);
  if (size < 8 || !file.read(reinterpret_cast<char*>(&header_size), 8))
    refuse("not a safetensors file: ", size, " bytes are too few for its header's length");
  if (header_size > kMaxHeader || header_size > size - 8)
    refuse("not a safetensors file, or cut off: its header would have ", header_size, " bytes, the file has ", size);
  std::string text(header_size, '\0');
  file.read(text.data(), static_cast<std::streamsize>(header_size));
  data_start_ = 8 + header_size;
  const std::uint64_t data_size = size - data_start_;

  Json header;
  try {
    header = parse_json(text, "header");
  } catch (const ConfigError& problem) {
    refuse(problem.what());
  }
  if (!header.is_object()) refuse("its header is not a JSON object");
  const JsonValue root(std::move(header), path.string(), "header");
  for (const auto& [name, value] : root.members()) {
    if (name == "__metadata__") {
      for (const auto& [key, word] : value.members()) metadata_[key] = word.text();
      continue;
    }
    const auto refuse_tensor = [&, &name = name](const auto&... why) { refuse("tensor \"", name, "\": ", why...); };
    const auto natural = [](const JsonValue& number) { return number.json().is_number_unsigned(); };
    if (!value.is_object() || !value.has("dtype") || !value["dtype"].is_text() || !value.has("shape") ||
        !value["shape"].is_list() || !value.has("data_offsets") || !value["data_offsets"].is_list() ||
        value.json().size() != 3)
      refuse_tensor("must have dtype, shape and two data_offsets");
    const std::vector<JsonValue> extents = value["shape"].items(), offsets = value["data_offsets"].items();
    if (offsets.size() != 2 || !std::all_of(offsets.begin(), offsets.end(), natural) ||
        !std::all_of(extents.begin(), extents.end(), natural))
      refuse_tensor("must have dtype, shape and two data_offsets");
    Entry entry;
    entry.dtype = value["dtype"].text();
    try {
      for (const JsonValue& extent : extents) {
        if (extent.json().get<std::uint64_t>() > (std::uint64_t{1} << 59)) throw ShapeError("extent too large");
        entry.shape.push_back(extent.json().get<Index>());
      }
    } catch (const ShapeError& problem) {
      refuse_tensor(problem.what());
    }
    entry.begin = offsets[0].json().get<std::uint64_t>();
    entry.end = offsets[1].json().get<std::uint64_t>();
    if (entry.begin > entry.end || entry.end > data_size)
      refuse_tensor("bytes ", entry.begin, " to ", entry.end, " are not within the data's ", data_size);
    const std::uint64_t elements = static_cast<std::uint64_t>(entry.shape.size()), bits = element_bits(entry.dtype);
    // Types of less than a byte are packed; eight at a time, so that nothing overflows.
    const std::uint64_t bytes = elements / 8 * bits + (elements % 8 * bits + 7) / 8;
    if (bits != 0 && bytes != entry.end - entry.begin)
      refuse_tensor(entry.dtype, " ", entry.shape, " needs ", bytes, " bytes, has ", entry.end - entry.begin);
    entries_[name] = entry;
  }

  std::vector<const std::pair<const std::string, Entry>*> order;
  for (const auto& entry : entries_) order.push_back(&entry);
  std::sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
    return std::pair(a->second.begin, a->second.end) < std::pair(b->second.begin, b->second.end);
  });
  std::uint64_t covered = 0;
  for (const auto* entry : order) {
    if (entry->second.begin != covered)
      refuse("tensor \"", entry->first, "\": starts at byte ", entry->second.begin, ", the one before ends at ",
             covered);
    covered = entry->second.end;
  }
  if (covered != data_size) refuse("its tensors cover ", covered, " bytes, the data has ", data_size);
}

const SafetensorsFile::Entry& SafetensorsFile::entry(const std::string& name) const {
  const auto found = entries_.find(name);
  if (found == entries_.end()) throw CheckpointError(str(path_.string(), ": there is no tensor \"", name, "\""));
  return found->second;
}

bool SafetensorsFile::is_real(const std::string& dtype) {
  return dtype == "F64" || dtype == "F32" || dtype == "F16" || dtype == "BF16";
}

std::string SafetensorsFile::bytes(const Entry& entry) const {
  std::ifstream file(path_, std::ios::binary);
  std::string data(entry.end - entry.begin, '\0');
  file.seekg(static_cast<std::streamoff>(data_start_ + entry.begin));
  if (!file.read(data.data(), static_cast<std::streamsize>(data.size())) && !data.empty())
    throw CheckpointError(str(path_.string(), ": cannot be read"));
  return data;
}

template <class T>
std::vector<T> SafetensorsFile::real_values(const std::string& name) const {
  const Entry& found = entry(name);
  const std::string data = bytes(found);
  std::vector<T> values(static_cast<std::size_t>(found.shape.size()));
  const auto convert = [&](auto&& read) {
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<T>(read(i));
  };
  const char* p = data.data();
  if (found.dtype == "F32")
    convert([&](std::size_t i) { return element<float>(p, i); });
  else if (found.dtype == "F64")
    convert([&](std::size_t i) { return element<double>(p, i); });
  else if (found.dtype == "BF16")
    convert([&](std::size_t i) { return from_bf16(element<std::uint16_t>(p, i)); });
  else if (found.dtype == "F16")
    convert([&](std::size_t i) { return from_f16(element<std::uint16_t>(p, i)); });
  else
    throw CheckpointError(
        str(path_.string(), ": tensor \"", name, "\": must be F64, F32, F16 or BF16, got ", found.dtype));
  return values;
}

std::vector<float> SafetensorsFile::floats(const std::string& name) const { return real_values<float>(name); }
std::vector<double> SafetensorsFile::doubles(const std::string& name) const { return real_values<double>(name); }

std::vector<std::int64_t> SafetensorsFile::integers(const std::string& name) const {
  const Entry& found = entry(name);
  const std::string data = bytes(found);
  std::vector<std::int64_t> values(static_cast<std::size_t>(found.shape.size()));
  const auto convert = [&](auto tag) {
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = static_cast<std::int64_t>(element<decltype(tag)>(data.data(), i));
  };
  if (found.dtype == "I64")
    convert(std::int64_t{});
  else if (found.dtype == "I32")
    convert(std::int32_t{});
  else if (found.dtype == "I16")
    convert(std::int16_t{});
  else if (found.dtype == "I8")
    convert(std::int8_t{});
  else if (found.dtype == "U8" || found.dtype == "BOOL")
    convert(std::uint8_t{});
  else
    throw CheckpointError(str(path_.string(), ": tensor \"", name, "\": must be an integer type, got ", found.dtype));
  return values;
}

void SafetensorsWriter::add(const std::string& name, const Shape& shape, const float* values) {
  tensors_.push_back(
      {name, "F32", shape, {reinterpret_cast<const char*>(values), static_cast<std::size_t>(shape.size()) * 4}});
}

void SafetensorsWriter::add(const std::string& name, const Shape& shape, const std::int64_t* values) {
  tensors_.push_back(
      {name, "I64", shape, {reinterpret_cast<const char*>(values), static_cast<std::size_t>(shape.size()) * 8}});
}

std::uint32_t SafetensorsWriter::write(const std::filesystem::path& path) const {
  Json header = Json::object();
  if (!metadata_.empty()) header["__metadata__"] = metadata_;
  std::uint64_t offset = 0;
  for (const Pending& tensor : tensors_) {
    append(header, tensor.name,
           {{"dtype", tensor.dtype},
            {"shape", std::vector<Index>(tensor.shape.begin(), tensor.shape.end())},
            {"data_offsets", {offset, offset + tensor.data.size()}}});
    offset += tensor.data.size();
  }
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');  // readers may map the data: keep it aligned
  const std::uint64_t size = text.size();
  FileWriter file(path);
  file.write({reinterpret_cast<const char*>(&size), 8});
  file.write(text);
  for (const Pending& tensor : tensors_) file.write(tensor.data);
  return file.finish();
}

}  // namespace seqtape
