#include "core/strings.h"

#include <doctest/doctest.h>

#include "core/random.h"

using namespace seqtape;

TEST_CASE("what a terminal would obey is shown instead") {
  CHECK_EQ(printable("plain, größer, 漢字, 🙂"), "plain, größer, 漢字, 🙂");
  CHECK_EQ(printable("\x1b[2J\x07"), "\\x1b[2J\\x07");
  CHECK_EQ(printable(std::string_view("a\0b\x7f", 4)), "a\\x00b\\x7f");
  CHECK_EQ(printable("a\nb\tc\rd"), "a\\nb\\tc\\rd");
  CHECK_EQ(printable_text("a\nb\tc\rd\x1b"), "a\nb\tc\\rd\\x1b");
  CHECK_EQ(printable("\u009b31m"), "\\u{9b}31m");  // CSI in one character
  CHECK_EQ(printable("\x9b"), "\\x9b");            // and in one byte
  CHECK_EQ(printable("\xff\xc3(\xe2\x82"), "\\xff\\xc3(\\xe2\\x82");
  CHECK_EQ(printable("abc\u202ecba"), "abc\\u{202e}cba");  // turns around what follows
  CHECK_EQ(printable("123456789", 4), "1234...");
  CHECK_EQ(printable("1234", 4), "1234");
  Random random(1, "printable");
  for (int i = 0; i < 200; ++i) {
    std::string bytes;
    for (int j = 0; j < 50; ++j) bytes += static_cast<char>(random.below(256));
    std::size_t wrong;
    const auto characters = from_utf8(printable(bytes), wrong);
    REQUIRE(characters);
    for (const char32_t c : *characters) CHECK_FALSE((c < 0x20 || (c >= 0x7F && c < 0xA0)));
  }
}
