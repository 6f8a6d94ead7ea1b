#include "core/io/gguf.h"

#include <doctest/doctest.h>

#include <cstring>

#include "core/error.h"
#include "core/io/file.h"
#include "core/random.h"
#include "tests/support/temporary_folder.h"

using namespace seqtape;
using testing::message_of;
using testing::TemporaryFolder;

namespace {

template <class T>
std::string raw(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}
std::string text(const std::string& s) { return raw<std::uint64_t>(s.size()) + s; }
std::string head(std::uint64_t tensors, std::uint64_t keys, std::uint32_t version = 3) {
  return "GGUF" + raw(version) + raw(tensors) + raw(keys);
}
/// A tensor's description: F32 unless said otherwise.
std::string tensor(const std::string& name, std::vector<std::uint64_t> extents, std::uint64_t offset,
                   std::uint32_t type = 0) {
  std::string bytes = text(name) + raw(static_cast<std::uint32_t>(extents.size()));
  for (const std::uint64_t extent : extents) bytes += raw(extent);
  return bytes + raw(type) + raw(offset);
}
std::string padded(std::string bytes, std::size_t data) {
  bytes.resize((bytes.size() + 31) / 32 * 32, '\0');
  return bytes + std::string(data, '\1');
}

/// What opening these bytes says, without the path; "" when they are accepted.
std::string refusal(const std::string& bytes) {
  const TemporaryFolder folder;
  write_file(folder / "x.gguf", bytes);
  const std::string what = message_of<CheckpointError>([&] { GgufFile file(folder / "x.gguf"); });
  const std::size_t at = what.find("x.gguf: ");
  return at == std::string::npos ? "" : what.substr(at + 8);
}

std::string small_file() {
  const TemporaryFolder folder;
  GgufWriter writer;
  writer.key("name", std::string("small"));
  writer.key("whole", std::uint32_t{7});
  writer.key("fraction", 0.5f);
  writer.key("flag", true);
  writer.key("words", std::vector<std::string>{"a", "", "bc"});
  writer.tensor("w", {2, 3}, {1, 2, 3, 4, 5, 6});
  writer.tensor("v", {1}, {-1});
  writer.write(folder / "x.gguf");
  return read_file(folder / "x.gguf");
}

}  // namespace

TEST_CASE("what is written is read back") {
  const TemporaryFolder folder;
  write_file(folder / "x.gguf", small_file());
  const GgufFile file(folder / "x.gguf");
  CHECK_EQ(file.text("name"), "small");
  CHECK_EQ(file.integer("whole"), 7);
  CHECK_EQ(file.number("fraction"), 0.5);
  CHECK(std::get<bool>(file.keys().at("flag")));
  CHECK(std::get<std::vector<std::string>>(file.keys().at("words")) == std::vector<std::string>{"a", "", "bc"});
  CHECK(file.entries().at("w").shape == Shape{2, 3});
  CHECK(file.values("w") == std::vector<double>{1, 2, 3, 4, 5, 6});
  CHECK(file.values("v") == std::vector<double>{-1});
  CHECK_THROWS_AS(static_cast<void>(file.integer("name")), CheckpointError);
  CHECK_THROWS_AS(static_cast<void>(file.values("nowhere")), CheckpointError);
}

TEST_CASE("halves are widened; other types are refused when they are asked for") {
  const TemporaryFolder folder;
  std::string bytes =
      padded(head(3, 0) + tensor("h", {2}, 0, 1) + tensor("b", {2}, 32, 30) + tensor("q", {256}, 64, 12), 0);
  bytes += raw<std::uint16_t>(0x3C00) + raw<std::uint16_t>(0xC000) + std::string(28, '\0');
  bytes += raw<std::uint16_t>(0x3F80) + raw<std::uint16_t>(0xC000) + std::string(28, '\0') + std::string(144, '\0');
  write_file(folder / "x.gguf", bytes);
  const GgufFile file(folder / "x.gguf");
  CHECK(file.values("h") == std::vector<double>{1, -2});
  CHECK(file.values("b") == std::vector<double>{1, -2});
  CHECK(message_of<CheckpointError>([&] { static_cast<void>(file.values("q")); }).find("is of type 12, quantized") !=
        std::string::npos);
}

TEST_CASE("a file that lies is refused with the reason") {
  const std::uint64_t huge = 1ull << 60;
  CHECK_EQ(refusal("GGML"), "not a GGUF file");
  CHECK_EQ(refusal(head(0, 0, 1)), "GGUF version 1 is not read; 2 and 3 are");
  CHECK(refusal("GGUF").find("cut off") == 0);
  CHECK(refusal(head(huge, 0)).find("number of tensors: ") == 0);
  CHECK(refusal(head(0, huge)).find("number of keys: ") == 0);
  CHECK(refusal(head(0, 1) + raw(huge) + "abcdefgh").find("cut off, or not GGUF: key of ") == 0);
  CHECK_EQ(refusal(head(0, 1) + text("k") + raw<std::uint32_t>(99) + "12345678"), "key \"k\": unknown type 99");
  CHECK(refusal(head(0, 1) + text("k") + raw<std::uint32_t>(8) + raw(huge)).find("string of ") != std::string::npos);
  CHECK(refusal(head(0, 1) + text("k") + raw<std::uint32_t>(9) + raw<std::uint32_t>(4) + raw(huge)).find("list: ") ==
        0);
  CHECK(refusal(head(0, 1) + text("k") + raw<std::uint32_t>(9) + raw<std::uint32_t>(9) + raw<std::uint64_t>(1))
            .find("a list of type 9 is not read") != std::string::npos);
  const std::string key = text("k") + raw<std::uint32_t>(4) + raw<std::uint32_t>(1);
  CHECK_EQ(refusal(head(0, 2) + key + key), "key \"k\": stands there twice");
  CHECK_EQ(refusal(padded(head(1, 0) + tensor("t", {1, 1, 1, 1, 1}, 0), 4)),
           "tensor \"t\": rank 5 is more than GGUF's 4");
  CHECK(refusal(padded(head(1, 0) + tensor("t", {huge}, 0), 4)).find("tensor \"t\": extent") == 0);
  CHECK(refusal(padded(head(1, 0) + tensor("t", {1ull << 40, 1ull << 40}, 0), 4)).find("tensor \"t\": ") == 0);
  CHECK(refusal(padded(head(1, 0) + tensor("t", {8}, 0), 31)).find("are not within the file's") != std::string::npos);
  CHECK(refusal(padded(head(1, 0) + tensor("t", {8}, huge), 32)).find("are not within the file's") !=
        std::string::npos);
  CHECK_EQ(refusal(padded(head(1, 0) + tensor("t", {1}, 4), 32)), "tensor \"t\": offset 4 is not aligned");
  CHECK(refusal(padded(head(2, 0) + tensor("t", {9}, 0) + tensor("u", {8}, 32), 64)).find("two tensors share") == 0);
  CHECK_EQ(refusal(padded(head(2, 0) + tensor("t", {1}, 0) + tensor("t", {1}, 32), 64)),
           "tensor \"t\": stands there twice");
  const std::string alignment = text("general.alignment") + raw<std::uint32_t>(4) + raw<std::uint32_t>(0);
  CHECK_EQ(refusal(head(0, 1) + alignment), "general.alignment: 0 is none");
}

TEST_CASE("a file cut off anywhere, or with any byte changed, is read or refused, and nothing worse") {
  const std::string whole = small_file();
  for (std::size_t size = 0; size < whole.size() - 31; ++size) CHECK(!refusal(whole.substr(0, size)).empty());
  Random random(1, "gguf");
  for (int i = 0; i < 3000; ++i) {
    std::string changed = whole;
    for (Index n = 1 + random.below(3); n > 0; --n)
      changed[static_cast<std::size_t>(random.below(static_cast<Index>(whole.size())))] =
          static_cast<char>(random.below(256));
    static_cast<void>(refusal(changed));
  }
}
