// The C program of a model: the step (step.h), what carries it, and a `main` that generates or answers.
#include "core/error.h"
#include "core/io/file.h"
#include "core/strings.h"
#include "models/export/c/step.h"
#include "models/export/export.h"

namespace seqtape {
namespace {

constexpr const char* kIncludes = R"c(
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

)c";

constexpr const char* kCarrying = R"c(
/* Reads the weights; 0 where the file cannot be read or is not this model's. */
int model_load(const char *path) {
  FILE *file = fopen(path, "rb");
  size_t i, good = 1;
  if (!file) return 0;
  for (i = 0; i < sizeof weights / sizeof weights[0]; ++i)
    good = good && fread(weights[i].to, sizeof(float), weights[i].count, file) == weights[i].count;
  good = good && fgetc(file) == EOF;
  fclose(file);
  return (int)good;
}
)c";

constexpr const char* kMost = R"c(
#ifndef NO_MAIN

static int most_likely(const float *logits) {
  int best = 0, i;
  for (i = 1; i < OUTPUTS; ++i)
    if (logits[i] > logits[best]) best = i;
  return best;
}
)c";

constexpr const char* kGenerate = R"c(
static int drawn(const float *logits, float temperature) {
  static float weight[OUTPUTS];
  const float most = logits[most_likely(logits)];
  float sum = 0.0f, left;
  int i;
  for (i = 0; i < OUTPUTS; ++i) sum += weight[i] = expf((logits[i] - most) / temperature);
  left = sum * ((float)rand() / ((float)RAND_MAX + 1.0f));
  for (i = 0; i < OUTPUTS; ++i)
    if ((left -= weight[i]) < 0.0f) return i;
  return OUTPUTS - 1;
}

int main(int argc, char **argv) {
  static float logits[OUTPUTS];
  const int count = argc > 3 ? atoi(argv[3]) : 200;
  const float temperature = argc > 4 ? (float)atof(argv[4]) : 0.0f;
  int token, i;
  if (argc < 3 || argv[2][0] == '\0') {
    fprintf(stderr, "usage: %s model.bin PROMPT [TOKENS [TEMPERATURE]]\n", argv[0]);
    return 2;
  }
  if (!model_load(argv[1])) {
    fprintf(stderr, "%s: cannot be read, or is not this model's\n", argv[1]);
    return 1;
  }
  model_reset();
#if BYTES
  for (i = 0; argv[2][i]; ++i) model_step((unsigned char)argv[2][i], logits);
#else /* the prompt is numbers: "1 2 3" */
  {
    char *rest = argv[2];
    for (;;) {
      char *end;
      const long number = strtol(rest, &end, 10);
      if (end == rest) break;
      if (number < 0 || number >= VOCAB) {
        fprintf(stderr, "%ld: is no token\n", number);
        return 2;
      }
      model_step((int)number, logits);
      rest = end;
    }
  }
#endif
  for (i = 0; i < count; ++i) {
    token = temperature > 0.0f ? drawn(logits, temperature) : most_likely(logits);
#if BYTES
    putchar(token);
#else
    printf("%d ", token);
#endif
    fflush(stdout);
    if (i + 1 < count) model_step(token, logits);
  }
  putchar('\n');
  return 0;
}
)c";

// Answers of one number are predictions; of several, logits of classes.
constexpr const char* kAnswer = R"c(
static void print_answer(const float *logits) {
  int i;
  if (OUTPUTS > 1) printf("%d ", most_likely(logits));
  for (i = 0; i < OUTPUTS; ++i) printf(" %.6g", logits[i]);
  putchar('\n');
}

/* One step's input; 0 at the end, -1 where it is none. */
#if VOCAB
static int read_step(int *token) {
#if BYTES
  *token = getchar();
  return *token != EOF;
#else
  const int got = scanf("%d", token);
  return got == EOF ? 0 : got == 1 && *token >= 0 && *token < VOCAB ? 1 : -1;
#endif
}
#else
static int read_step(float *values) {
  int i;
  for (i = 0; i < FEATURES; ++i) {
    const int got = scanf("%f", &values[i]);
    if (got != 1) return got == EOF && i == 0 ? 0 : -1;
  }
  return 1;
}
#endif

/* Reads a sequence from the standard input: POOLED, one answer behind it, otherwise one a step. An answer is the most
   likely class and the logits of all, or the number predicted. */
int main(int argc, char **argv) {
  static float logits[OUTPUTS];
  int got, steps = 0;
#if VOCAB
  int input;
#else
  static float input[FEATURES];
#endif
  if (argc != 2) {
    fprintf(stderr, "usage: %s model.bin < SEQUENCE\n", argv[0]);
    return 2;
  }
  if (!model_load(argv[1])) {
    fprintf(stderr, "%s: cannot be read, or is not this model's\n", argv[1]);
    return 1;
  }
  model_reset();
#if VOCAB
  while ((got = read_step(&input)) == 1) {
#else
  while ((got = read_step(input)) == 1) {
#endif
    model_step(input, logits);
    ++steps;
    if (!POOLED) print_answer(logits);
  }
  if (got < 0 || steps == 0) {
    fprintf(stderr, "step %d of the input: %s\n", steps + 1, got < 0 ? "is not one" : "is missing");
    return 2;
  }
  if (POOLED) print_answer(logits);
  return 0;
}
)c";

constexpr Index kContext = 4096;  // steps that a cache holds, unless the program is compiled with another -DCONTEXT

std::string program(const SequenceModel& model, const CProgram& about, const CStep& step) {
  const SequenceShape& shape = model.shape();
  const bool ends = step.grows() || step.most_steps() > 0;
  std::string text =
      str("/* ", about.title, ": a ", about.architecture,
          " model, exported by seqtape.\n   cc -O3 -std=c99 model.c -lm -o model && ./model model.bin ",
          about.generates ? about.bytes ? "\"In the beginning\" 200" : "\"1 2 3\" 200" : "< SEQUENCE",
          "\n   With -DNO_MAIN it is a part of another program: model_load, model_reset, model_step. */\n");
  text += kIncludes;
  const auto define = [&](const char* name, const auto& value) { text += str("#define ", name, " ", value, "\n"); };
  define("VOCAB", shape.vocabulary);
  define("FEATURES", shape.features);
  define("OUTPUTS", shape.outputs);
  define("POOLED", shape.pooled ? 1 : 0);
  define("BYTES", about.bytes ? 1 : 0);
  if (ends) {
    const Index most = step.most_steps() > 0 ? std::min(step.most_steps(), kContext) : kContext;
    text += str("#ifndef CONTEXT\n#define CONTEXT ", most, " /* steps that it can look back on",
                step.most_steps() > 0 ? str("; no more than ", step.most_steps()) : "", " */\n#endif\n");
  }
  text += "\n" + step.declarations() + kCarrying;
  text += "\n/* Back to the start of a sequence. */\nvoid model_reset(void) {\n  position = 0;\n";
  for (const std::string& state : step.states()) text += str("  memset(", state, ", 0, sizeof ", state, ");\n");
  text += "}\n" + c_functions(step.functions());
  text += str("\n/* One step of the sequence in, the logits behind it out. */\nvoid model_step(",
              shape.vocabulary ? "int token" : "const float *input", ", float *logits) {\n");
  // Declarations come first in a C block.
  text += step.body(ends ? "  if (position == CONTEXT) {\n    fprintf(stderr, \"the sequence is longer than CONTEXT, "
                           "%d steps\\n\", CONTEXT);\n    exit(1);\n  }\n"
                         : "");
  text += "  ++position;\n}\n";
  text += kMost;
  text += about.generates ? kGenerate : kAnswer;
  return text + "\n#endif /* NO_MAIN */\n";
}

}  // namespace

void write_c_program(SequenceModel& model, const CProgram& about, const std::filesystem::path& folder) {
  if (!model.streams())
    throw ConfigError("c: needs a model that can run in steps; this one looks at later steps of the sequence");
  const TracedPass one(model, true, {1, 1, 7}), two(model, true, {1, 1, 11});
  const CStep step(model, one, two), again(model, two, one);
  const std::string text = program(model, about, step);
  if (text != program(model, about, again))
    throw ConfigError("c: a step of this model depends on the steps before in a way that is not supported");
  std::filesystem::create_directories(folder);
  write_file(folder / "model.c", text);
  FileWriter file(folder / "model.bin");
  for (const auto& [name, tensor] : step.weights())
    file.write({reinterpret_cast<const char*>(tensor.data()), static_cast<std::size_t>(tensor.size()) * sizeof(float)});
  file.finish();
}

}  // namespace seqtape
