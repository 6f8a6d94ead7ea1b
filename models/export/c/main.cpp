// The example program of a C export: the parts of main.c and generate.c that a signature asks for.
#include "core/parts.h"
#include "core/strings.h"
#include "embedded/models/export/c/generate.c.h"
#include "embedded/models/export/c/main.c.h"
#include "models/export/c/interface.h"
#include "models/export/export.h"

namespace seqtape {
namespace {

using Steps = Signature::Steps;

const Parts& main_parts() {
  static const Parts all(embedded::main_c);
  return all;
}
const Parts& generate_parts() {
  static const Parts all(embedded::generate_c);
  return all;
}

bool takes_text(const Signature& s) { return s.steps == Steps::bytes || s.steps == Steps::characters; }
/// Rows have names, and a line each.
bool reads_rows(const Signature& s) {
  return s.steps == Steps::numbers && !s.columns.empty() && !s.columns.front().name.empty();
}

/// Commas and semicolons may stand between cells unless a name has them.
bool no_category_has(const Signature& s, const char* characters) {
  for (const Signature::Column& column : s.columns)
    for (const std::string& name : column.categories)
      if (name.find_first_of(characters) != std::string::npos) return false;
  return true;
}

/// Continues a prompt.
std::string generates(const Signature& s, std::string& used) {
  const bool text = takes_text(s);
  used += "\n" + main_parts().lines(text ? "text" : "tokens");
  used += "\n" + generate_parts().lines("drawn");
  used += "\n" + generate_parts().lines(text ? "text prompt" : "token prompt");
  const char* const put = !text ? "put number" : s.texts.empty() ? "put byte" : "put text";
  return generate_parts().lines("generate",
                                {{"unit", s.unit == "step" ? "token" : s.unit}, {"put", generate_parts().lines(put)}});
}

/// Answers for a whole sequence, in the terms of the data.
std::string predicts(const Signature& s, std::string& used) {
  std::string read, whole, count = "count", usage = "argc != 2";
  if (takes_text(s)) {
    used += "\n" + main_parts().lines("text");
    read = "    const char *input = read_text(&count);\n";
  } else if (s.shape.vocabulary) {
    used += "\n" + main_parts().lines("tokens");
    read = "    const int *input = read_tokens(&count);\n";
  } else if (reads_rows(s)) {
    const bool dates = !s.calendar.empty();
    const bool commas = no_category_has(s, ",;");
    used += "\n" + main_parts().lines("cells", {{"separators", commas ? ",;\\t" : "\\t"}}) +
            (dates ? "\n" + main_parts().lines("date") : "");
    used +=
        "\n" + main_parts().lines(
                   "rows", {{"between", commas ? "commas, semicolons or tabs" : "tabs"},
                            {"cells", dates ? "a date and the cells of the columns" : "the cells of the columns"},
                            {"cell", dates ? "c == 0 ? date_of(*count + 1, cell) : number_of(*count + 1, c - 1, cell)"
                                           : "number_of(*count + 1, c, cell)"}});
    read = "    const double *input = read_numbers(&count);\n";
  } else {
    used += "\n" + main_parts().lines("numbers");
    count = "count / MODEL_VALUES";
    read = "    const double *input = read_numbers(&count);\n";
    whole = main_parts().lines("whole rows");
    if (s.rate > 0) {
      used += "\n" + main_parts().lines("samples");
      read = "    const double *input = argc == 3 ? read_samples(&count) : read_numbers(&count);\n";
      usage += " && !(argc == 3 && !strcmp(argv[2], \"--s16\"))";
    }
  }
  const bool each = !s.shape.pooled;
  used += "\n" + main_parts().lines(each ? s.numbers.empty() ? "print labels of steps" : "print numbers of steps"
                                    : s.answers_labels() ? "print several labels"
                                    : s.numbers.empty()  ? "print labels"
                                    : s.forecasts()      ? "print forecast"
                                                         : "print numbers");
  return main_parts().lines(
      "predict", {{"most", c_may_be_short(s) ? "status == MODEL_SHORT ? MODEL_STRIDE : MODEL_LENGTH" : "MODEL_LENGTH"},
                  {"answer", each ? "  double *answer = NULL;\n" : "  static double answer[MODEL_ANSWERS];\n"},
                  {"room", each ? str("    { size_t room = 0; answer = grown(answer, ", count,
                                      ", &room, sizeof *answer * MODEL_ANSWERS); }\n")
                                : ""},
                  {"print", each ? "  print_answers(answer, m->position);\n" : "  print_answer(answer);\n"},
                  {"usage", usage},
                  {"arguments", c_arguments(s)},
                  {"read", read},
                  {"whole", whole},
                  {"count", count}});
}

/// Answers step by step, in the model's numbers: nothing was learned of its data.
std::string answers(const Signature& s, std::string& used) {
  used += "\n" + main_parts().lines(!s.shape.vocabulary       ? "read values"
                                    : s.steps == Steps::bytes ? "read byte"
                                                              : "read token");
  const std::string print = "print_answer(logits);\n";
  return main_parts().lines("answer", {{"none", s.stride > 1 ? "< MODEL_STRIDE" : "== 0"},
                                       {"each", s.shape.pooled ? "" : "    " + print},
                                       {"last", s.shape.pooled ? "  " + print : ""}});
}

}  // namespace

std::string c_arguments(const Signature& s) {
  if (s.writes_text()) return "PROMPT [TOKENS [TEMPERATURE]]";
  if (!c_predicts(s)) return "< SEQUENCE";
  return s.rate > 0 ? "[--s16] < SEQUENCE" : "< SEQUENCE";
}

std::string c_main(const Signature& s) {
  std::string used;
  const bool whole = c_predicts(s);
  const std::string main = s.writes_text() ? generates(s, used) : whole ? predicts(s, used) : answers(s, used);
  std::string does = "it continues a prompt, or says how many bits each token of a text takes.";
  if (!s.writes_text())
    does = str("it reads a sequence from the standard input (", s.in_words(), "),\n   and prints ",
               !whole && !s.shape.pooled ? "an answer after each step." : "the answer.");
  if (s.rate > 0) does += " With --s16 it reads 16-bit integers, low byte first.";
  return main_parts().lines("main", {{"does", does},
                                     {"arguments", c_arguments(s)},
                                     {"grown", s.writes_text() || whole ? "\n" + main_parts().lines("grown") : ""},
                                     {"parts", used},
                                     {"main", "\n" + main}});
}

}  // namespace seqtape
