#include "core/text.h"

#include <doctest/doctest.h>

using namespace seqtape;

TEST_CASE("printable: what a terminal would obey is shown instead") {
  CHECK_EQ(printable("grün 漢"), "grün 漢");
  CHECK_EQ(printable("\033[31m\a\n\r\t\x7F"), "\\x1b[31m\\x07\\n\\r\\t\\x7f");
  CHECK_EQ(printable(std::string_view("a\0b", 3)), "a\\x00b");
  CHECK_EQ(printable("\xC2\x9B"
                     "31m"),
           "\\x9b31m");                                                  // CSI as one character
  CHECK_EQ(printable("a\xFF\xC0\x80z"), "a\\xff\\xc0\\x80z");            // no UTF-8
  CHECK_EQ(printable("x\xE2\x80\xAEy\xE6\xBC"), "x\\u202ey\\xe6\\xbc");  // right to left; a cut letter
  CHECK_EQ(printable("123456789", 4), "1234...");
  CHECK_EQ(printable("1234", 4), "1234");
}
