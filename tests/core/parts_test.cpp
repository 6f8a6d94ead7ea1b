// Parts of a text, and their slots.
#include "core/parts.h"

#include <doctest/doctest.h>

#include <stdexcept>

using namespace seqtape;

TEST_CASE("slots are filled in place, and once") {
  CHECK_EQ(filled("<a>{{x}}</a>{{y}}{{x}}", {{"x", "1\n"}, {"y", "{{x}}"}}), "<a>1\n</a>{{x}}1\n");
  CHECK_EQ(filled("int f(/*{{x}}*/ int b);", {{"x", "int a,"}}), "int f(int a, int b);");
  CHECK_EQ(filled("@media(x){a{b:c}}", {}), "@media(x){a{b:c}}");
  CHECK_THROWS_AS(filled("{{x}}", {{"y", ""}}), std::logic_error);
}

TEST_CASE("a slot alone on its line takes lines, also none") {
  CHECK_EQ(filled("a\n{{x}}\nb\n", {{"x", "1\n2\n"}}), "a\n1\n2\nb\n");
  CHECK_EQ(filled("a\n  /*{{x}}*/\nb\n", {{"x", ""}}), "a\nb\n");
  CHECK_EQ(filled("{{x}}\n", {{"x", "1\n"}}), "1\n");
  CHECK_EQ(filled("{{x}};\n {{x}} \n", {{"x", "1\n"}}), "1\n;\n 1\n \n");
  CHECK_EQ(filled("{{x}}{{x}}\n", {{"x", "1\n"}}), "1\n1\n\n");  // neither is alone
}

TEST_CASE("parts have names, needs and no empty lines around them") {
  const Parts parts(
      "for readers\n\n/* part: a; needs: b, c d */\n\nint a;\n\nint b;\n\n<!-- part: e f -->\n{{x}}\n"
      "<!-- part: nothing -->\n<!-- part: last -->\nz");
  REQUIRE_EQ(parts.all().size(), 4);
  CHECK_EQ(parts.all()[0].name, "a");
  CHECK_EQ(parts.all()[0].needs, std::vector<std::string>{"b", "c d"});
  CHECK_EQ(parts.part("a"), "int a;\n\nint b;");
  CHECK(parts.all()[1].needs.empty());
  CHECK_EQ(parts.part("e f", {{"x", "1\n2\n"}}), "1\n2");
  CHECK_EQ(parts.lines("e f", {{"x", "1\n2\n"}}), "1\n2\n");
  CHECK_EQ(parts.part("nothing"), "");
  CHECK_EQ(parts.part("last"), "z");
  CHECK_THROWS_AS(parts.part("none"), std::logic_error);
}

TEST_CASE("parts come with those that they need, each once, in the order of the text") {
  const Parts parts("/* part: a */\nA\n/* part: b; needs: a */\nB\n/* part: c */\nC\n/* part: d; needs: b, a */\nD\n");
  CHECK_EQ(parts.with_needs({"d"}), "\nA\n\nB\n\nD\n");
  CHECK_EQ(parts.with_needs({"c", "a"}), "\nA\n\nC\n");
  CHECK_EQ(parts.with_needs({}), "");
  CHECK_THROWS_AS(parts.with_needs({"a", "e"}), std::logic_error);
}
