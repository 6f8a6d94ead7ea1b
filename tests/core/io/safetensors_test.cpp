#include "core/io/safetensors.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include "core/clock.h"
#include "core/error.h"
#include "core/io/file.h"
#include "tests/support/temporary_folder.h"

using namespace seqtape;
using testing::message_of;
using testing::TemporaryFolder;

namespace {

std::string with_header(const std::string& header, const std::string& data) {
  const std::uint64_t size = header.size();
  return std::string(reinterpret_cast<const char*>(&size), 8) + header + data;
}

/// What opening these bytes says, without the path.
std::string refusal(const std::string& bytes) {
  const TemporaryFolder folder;
  write_file(folder / "x.safetensors", bytes);
  const std::string text = message_of<CheckpointError>([&] { SafetensorsFile file(folder / "x.safetensors"); });
  const std::size_t at = text.find("x.safetensors: ");
  return at == std::string::npos ? text : text.substr(at + 15);
}

}  // namespace

TEST_CASE("what is written is read back") {
  const TemporaryFolder folder;
  const float values[] = {1.5f, -2, 3, 0.1f, 5, 6};
  const std::int64_t ids[] = {-1, 1ll << 40};
  SafetensorsWriter writer;
  writer.metadata("format", "pt");
  writer.add("b", {2, 3}, values);
  writer.add("a", {2}, ids);
  writer.add("empty", {0, 3}, values);
  writer.write(folder / "x.safetensors");
  const SafetensorsFile file(folder / "x.safetensors");
  CHECK_EQ(file.metadata().at("format"), "pt");
  CHECK(file.floats("b") == std::vector<float>(values, values + 6));
  CHECK(file.integers("a") == std::vector<std::int64_t>(ids, ids + 2));
  CHECK(file.floats("empty").empty());
  CHECK(file.entry("b").shape == Shape{2, 3});
  CHECK_THROWS_AS(static_cast<void>(file.floats("a")), CheckpointError);
  CHECK_THROWS_AS(static_cast<void>(file.floats("nowhere")), CheckpointError);
}

TEST_CASE("half precision is widened exactly") {
  const TemporaryFolder folder;
  const std::uint16_t halves[] = {0x3C00, 0xC000, 0x0001, 0x7C00, 0x3555};  // 1, -2, 2^-24, inf, 0.33325
  write_file(folder / "x.safetensors", with_header(R"({"h":{"dtype":"F16","shape":[5],"data_offsets":[0,10]}})",
                                                   std::string(reinterpret_cast<const char*>(halves), 10)));
  const std::vector<float> got = SafetensorsFile(folder / "x.safetensors").floats("h");
  CHECK_EQ(got[0], 1);
  CHECK_EQ(got[1], -2);
  CHECK_EQ(got[2], 0x1p-24f);
  CHECK(got[3] > 1e38f);
  CHECK_EQ(got[4], 0.333251953125f);
}

TEST_CASE("every kind of damage is refused") {
  const std::string eight(8, '\0');
  CHECK_EQ(refusal("abc"), "not a safetensors file: 3 bytes are too few for its header's length");
  CHECK(refusal(std::string(8, '\xff') + "x").rfind("not a safetensors file, or cut off", 0) == 0);
  CHECK(refusal(with_header("{nonsense", "")).rfind("header:1: not valid JSON", 0) == 0);
  CHECK_EQ(refusal(with_header("[]", "")), "its header is not a JSON object");
  CHECK(
      refusal(
          with_header(
              R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})",
              eight))
          .find("given twice") != std::string::npos);
  CHECK_EQ(refusal(with_header(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,16]}})", eight)),
           "tensor \"a\": bytes 0 to 16 are not within the data's 8");
  CHECK_EQ(refusal(with_header(R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", eight)),
           "tensor \"a\": F32 [3] needs 12 bytes, has 8");
  CHECK_EQ(refusal(with_header(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", eight)),
           "tensor \"a\": starts at byte 4, the one before ends at 0");
  CHECK_EQ(refusal(with_header(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", eight)),
           "its tensors cover 4 bytes, the data has 8");
  CHECK_EQ(
      refusal(with_header(
          R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})",
          eight)),
      "tensor \"b\": starts at byte 0, the one before ends at 4");
  CHECK(refusal(with_header(R"({"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]}})", eight))
            .find("more elements than memory") != std::string::npos);
  CHECK(refusal(with_header(R"({"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})", eight)).find("must have") !=
        std::string::npos);
  CHECK(refusal(with_header(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})", eight)).find("not within") !=
        std::string::npos);
  CHECK(refusal(with_header(R"({"a":7})", eight)).find("must have dtype") != std::string::npos);
  CHECK(refusal(with_header(R"({"__metadata__":{"x":1}})", "")).find("__metadata__.x: should be a string") !=
        std::string::npos);
}

TEST_CASE("types of today are listed, and what is wanted beside them is read") {
  const TemporaryFolder folder;
  const auto with = [&](const std::string& dtype, int elements, int bytes) {
    const std::string header =
        str(R"({"new":{"dtype":")", dtype, R"(","shape":[)", elements, R"(],"data_offsets":[0,)", bytes,
            R"(]},"old":{"dtype":"F32","shape":[1],"data_offsets":[)", bytes, ",", bytes + 4, "]}}");
    write_file(folder / "x.safetensors", with_header(header, std::string(static_cast<std::size_t>(bytes + 4), '\0')));
    return SafetensorsFile(folder / "x.safetensors");
  };
  struct Case {
    const char* dtype;
    int elements, bytes;
  };
  for (const Case& one : {Case{"F8_E4M3", 3, 3}, Case{"F8_E8M0", 4, 4}, Case{"F4", 2, 1}, Case{"F4", 3, 2},
                          Case{"F6_E2M3", 4, 3}, Case{"C64", 1, 8}, Case{"I4", 5, 3}, Case{"", 1, 7}}) {
    const SafetensorsFile file = with(one.dtype, one.elements, one.bytes);
    CAPTURE(one.dtype);
    CHECK_EQ(file.entry("new").dtype, one.dtype);
    CHECK_FALSE(SafetensorsFile::is_real(one.dtype));
    CHECK_EQ(file.floats("old"), std::vector<float>{0});
    CHECK(message_of<CheckpointError>([&] {
            static_cast<void>(file.floats("new"));
          }).ends_with(str("tensor \"new\": must be F64, F32, F16 or BF16, got ", one.dtype)));
  }
  CHECK(message_of<CheckpointError>([&] { with("F8_E4M3", 3, 4); }).ends_with("F8_E4M3 [3] needs 3 bytes, has 4"));
  CHECK(message_of<CheckpointError>([&] { with("F4", 4, 1); }).ends_with("F4 [4] needs 2 bytes, has 1"));
}

TEST_CASE("a header ends where its length says: after a NUL nothing is read") {
  const std::string header = R"({"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}})";
  CHECK_EQ(refusal(with_header(header + "   ", "")), "");
  for (const std::string& tail : {std::string(1, '\0'), std::string("\0\0\0 ", 4), std::string("\0{\"x\"", 5)})
    CHECK_EQ(refusal(with_header(header + tail, "")), "header:1: not valid JSON: byte 54 is a NUL");
  CHECK(refusal(with_header(header + "x", "")).rfind("header:1: not valid JSON", 0) == 0);
  CHECK(refusal(with_header(std::string(8, '\0'), "")).find("byte 0 is a NUL") != std::string::npos);
}

TEST_CASE("200,000 names are read in a time that grows with them") {
  std::string header = "{";
  for (int i = 0; i < 200000; ++i)
    header += str(i ? "," : "", "\"t", i, R"(":{"dtype":"F32","shape":[0],"data_offsets":[0,0]})");
  const auto start = Clock::now();
  CHECK_EQ(refusal(with_header(header + "}", "")), "");
  CHECK(seconds_since(start) < 30);  // half a second; it was minutes when each name was looked for among those before
}

TEST_CASE("a pipe is no file") {
  const TemporaryFolder folder;
  REQUIRE_EQ(mkfifo((folder / "x.safetensors").c_str(), 0600), 0);
  CHECK(message_of<CheckpointError>([&] { SafetensorsFile(folder / "x.safetensors"); }).ends_with(": is not a file"));
}

TEST_CASE("files are replaced whole") {
  const TemporaryFolder folder;
  replace_file(folder / "x", "old");
  replace_file(folder / "x", "new");
  CHECK_EQ(read_file(folder / "x"), "new");
  CHECK_FALSE(std::filesystem::exists(folder / "x.tmp"));
  CHECK_EQ(crc32_of("123456789"), 0xCBF43926u);
  CHECK_THROWS_AS(replace_file(folder / "no" / "x", ""), CheckpointError);
}
