#include "core/safetensors.h"

#include <doctest/doctest.h>

#include "core/error.h"
#include "core/file.h"
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
  CHECK_EQ(refusal(with_header(R"({"a":{"dtype":"F99","shape":[2],"data_offsets":[0,8]}})", eight)),
           "tensor \"a\": unknown dtype \"F99\"");
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
  CHECK(refusal(with_header(R"({"__metadata__":{"x":1}})", "")).find("is not a string") != std::string::npos);
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
