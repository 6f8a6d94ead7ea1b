/* The C program of a model, put together by program.cpp: what is the model's own goes into its slots. Programs get the
   text as it is here. */
/* clang-format off */

/* part: program */
/* {{title}}: a {{architecture}} model, exported by seqtape.
   cc -O3 -std=c99 model.c -lm -o model && ./model model.bin {{arguments}}
   With -DNO_MAIN it is a part of another program: model_load, model_reset, model_step. */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VOCAB /*{{vocabulary}}*/
#define FEATURES /*{{features}}*/
#define OUTPUTS /*{{outputs}}*/
#define POOLED /*{{pooled}}*/
#define BYTES /*{{bytes}}*/
/*{{context}}*/

/*{{declarations}}*/

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

/* Back to the start of a sequence. */
void model_reset(void) {
  position = 0;
  /*{{reset}}*/
}
/*{{functions}}*/

/* One step of the sequence in, the logits after it out. */
void model_step(/*{{input}}*/ float *logits) {
  /*{{step}}*/
  ++position;
}

#ifndef NO_MAIN

static int most_likely(const float *logits) {
  int best = 0, i;
  for (i = 1; i < OUTPUTS; ++i)
    if (logits[i] > logits[best]) best = i;
  return best;
}

/*{{main}}*/

#endif /* NO_MAIN */

/* part: context */
#ifndef CONTEXT
#define CONTEXT /*{{steps}}*/ /* steps that it can look back on{{limit}} */
#endif

/* part: end */
  if (position == CONTEXT) {
    fprintf(stderr, "the sequence is longer than CONTEXT, %d steps\n", CONTEXT);
    exit(1);
  }

/* part: generate */
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

/* part: answer */
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

/* Reads a sequence from the standard input: POOLED, one answer after it, otherwise one a step. An answer is the most
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
