#include "core/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <fstream>

#include "core/error.h"
#include "core/file.h"
#include "core/half.h"
#include "core/json.h"

namespace seqtape {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors is little-endian");

constexpr std::uint64_t kMaxHeader = 100'000'000;  // the reference implementation's limit

std::uint64_t element_size(const std::string& dtype) {
  static const std::map<std::string, std::uint64_t> sizes{{"F64", 8}, {"F32", 4}, {"F16", 2}, {"BF16", 2}, {"I64", 8},
                                                          {"U64", 8}, {"I32", 4}, {"U32", 4}, {"I16", 2},  {"U16", 2},
                                                          {"I8", 1},  {"U8", 1},  {"BOOL", 1}};
  const auto found = sizes.find(dtype);
  return found == sizes.end() ? 0 : found->second;
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
  if (std::filesystem::exists(path) && !std::filesystem::is_regular_file(path)) refuse("is not a file");
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) refuse("cannot be opened");
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
  } catch (const ConfigError& error) {
    refuse(error.what());
  }
  if (!header.is_object()) refuse("its header is not a JSON object");

  for (const auto& [name, value] : header.items()) {
    if (name == "__metadata__") {
      if (!value.is_object()) refuse("__metadata__ is not an object");
      for (const auto& [key, text_value] : value.items()) {
        if (!text_value.is_string()) refuse("__metadata__.", key, " is not a string");
        metadata_[key] = text_value.get<std::string>();
      }
      continue;
    }
    const auto natural = [](const Json& json) { return json.is_number_unsigned(); };
    if (!value.is_object() || !value.contains("dtype") || !value["dtype"].is_string() || !value.contains("shape") ||
        !value["shape"].is_array() || !value.contains("data_offsets") || !value["data_offsets"].is_array() ||
        value["data_offsets"].size() != 2 || value.size() != 3 || !natural(value["data_offsets"][0]) ||
        !natural(value["data_offsets"][1]) || !std::all_of(value["shape"].begin(), value["shape"].end(), natural))
      refuse("tensor \"", name, "\": must have dtype, shape and two data_offsets");
    Entry entry;
    entry.dtype = value["dtype"].get<std::string>();
    const std::uint64_t width = element_size(entry.dtype);
    if (width == 0) refuse("tensor \"", name, "\": unknown dtype \"", entry.dtype, "\"");
    try {
      for (const auto& extent : value["shape"]) {
        if (extent.get<std::uint64_t>() > (std::uint64_t{1} << 59)) throw ShapeError("extent too large");
        entry.shape.push_back(extent.get<Index>());
      }
    } catch (const ShapeError& error) {
      refuse("tensor \"", name, "\": ", error.what());
    }
    entry.begin = value["data_offsets"][0].get<std::uint64_t>();
    entry.end = value["data_offsets"][1].get<std::uint64_t>();
    if (entry.begin > entry.end || entry.end > data_size)
      refuse("tensor \"", name, "\": bytes ", entry.begin, " to ", entry.end, " are not within the data's ", data_size);
    if (static_cast<std::uint64_t>(entry.shape.size()) * width != entry.end - entry.begin)
      refuse("tensor \"", name, "\": ", entry.dtype, " ", entry.shape, " needs ",
             static_cast<std::uint64_t>(entry.shape.size()) * width, " bytes, has ", entry.end - entry.begin);
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
    throw CheckpointError(str(path_.string(), ": tensor \"", name, "\": must be floating point, got ", found.dtype));
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
    header[tensor.name] = {{"dtype", tensor.dtype},
                           {"shape", std::vector<Index>(tensor.shape.begin(), tensor.shape.end())},
                           {"data_offsets", {offset, offset + tensor.data.size()}}};
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
