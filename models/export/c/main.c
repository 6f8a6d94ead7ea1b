/* The example program of a C export, main.c: it reads raw input from the standard input and prints answers. Its parts
   are chosen by program.cpp; programs get the text as it is here. */
/* clang-format off */

/* part: main */
/* An example: {{does}}
   model.c includes this file unless it is compiled with -DNO_MAIN; on its own it is compiled beside that.
   ./model model.bin {{arguments}} */
#include "model.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/*{{grown}}*/
/*{{parts}}*/

/* The model, ready; it lives as long as the program. */
static struct model *opened(const char *path) {
  struct model_weights *weights = malloc(sizeof *weights);
  struct model *m = malloc(sizeof *m);
  if (!weights || !m || !model_load(weights, path)) {
    fprintf(stderr, "%s: cannot be read, or is not this model's\n", path);
    exit(1);
  }
  model_start(m, weights);
  return m;
}
/*{{main}}*/

/* part: grown */

/* The items, with room for one more behind `used` ones. */
static void *grown(void *items, size_t used, size_t *room, size_t size) {
  if (used < *room) return items;
  *room = *room ? 2 * *room : 4096;
  items = realloc(items, *room * size);
  if (!items) {
    fprintf(stderr, "there is not enough memory for the input\n");
    exit(1);
  }
  return items;
}

/* part: text */

/* All of the standard input, without a byte order mark. */
static char *read_text(size_t *count) {
  char *text = NULL;
  size_t used = 0, room = 0;
  int byte;
  while ((byte = getchar()) != EOF) {
    text = grown(text, used, &room, 1);
    text[used++] = (char)byte;
  }
  text = grown(text, used, &room, 1);
  *count = used >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0 ? used - 3 : used;
  return text + (used - *count);
}

/* part: tokens */

/* All numbers of the standard input, between blanks, commas and line ends. */
static int *read_tokens(size_t *count) {
  int *tokens = NULL, got = 0;
  size_t room = 0;
  for (*count = 0;; ++*count) {
    while ((got = getchar()) != EOF && (isspace(got) || got == ',' || got == ';')) {
    }
    if (got == EOF) return tokens;
    ungetc(got, stdin);
    tokens = grown(tokens, *count, &room, sizeof *tokens);
    if (scanf("%d", &tokens[*count]) != 1) tokens[*count] = -1, (void)getchar();
  }
}

/* part: numbers */

/* All numbers of the standard input, between blanks, commas and line ends. */
static double *read_numbers(size_t *count) {
  double *numbers = NULL;
  size_t room = 0;
  int got;
  for (*count = 0;; ++*count) {
    while ((got = getchar()) != EOF && (isspace(got) || got == ',' || got == ';')) {
    }
    if (got == EOF) return numbers;
    ungetc(got, stdin);
    numbers = grown(numbers, *count, &room, sizeof *numbers);
    if (scanf("%lf", &numbers[*count]) == 1) continue;
    fprintf(stderr, "step %lu of the input: is not one\n", (unsigned long)(*count / MODEL_VALUES + 1));
    exit(2);
  }
}

/* part: samples */

/* All samples of the standard input, 16-bit integers with the low byte first. */
static double *read_samples(size_t *count) {
  double *samples = NULL;
  size_t room = 0;
  int low, high;
  for (*count = 0; (low = getchar()) != EOF && (high = getchar()) != EOF; ++*count) {
    samples = grown(samples, *count, &room, sizeof *samples);
    samples[*count] = (high * 256 + low - (high < 128 ? 0 : 65536)) / 32768.0;
  }
  return samples;
}

/* part: cells */

/* A cell up to the next of the separators or a line end, without blanks around it; returns what ended it. */
static int read_cell(char *cell, size_t size) {
  size_t used = 0;
  int c;
  while ((c = getchar()) != EOF && c != '\n' && !strchr("{{separators}}", c)) {
    if (isspace(c) && used == 0) continue;
    if (used + 1 < size) cell[used++] = (char)c;
  }
  while (used && isspace((unsigned char)cell[used - 1])) --used;
  cell[used] = '\0';
  return c;
}

static int is_missing(const char *cell) {
  return !*cell || !strcmp(cell, "nan") || !strcmp(cell, "NaN") || !strcmp(cell, "NA");
}

static void refuse(size_t row, const char *column, const char *cell, const char *why) {
  fprintf(stderr, "row %lu of the input, %s: \"%s\" %s\n", (unsigned long)row, column, cell, why);
  exit(2);
}

/* A number of the cell; a missing one is NaN. */
static double number_of(size_t row, int c, const char *cell) {
  const struct model_column *column = &model_columns[c];
  char *end;
  double number;
  int k;
  if (is_missing(cell)) return NAN;
  for (k = 0; k < column->categories; ++k)
    if (!strcmp(cell, column->category[k])) return k;
  if (column->categories) refuse(row, column->name, cell, "is none of its categories");
  number = strtod(cell, &end);
  if (*end) refuse(row, column->name, cell, "is not a number");
  return number;
}

/* part: rows */

/* All rows of the standard input, a line each: {{cells}}, with {{between}} between. */
static double *read_numbers(size_t *count) {
  double *rows = NULL;
  size_t used = 0, room = 0;
  char cell[4096];
  int end = '\n', c;
  for (*count = 0; end != EOF;) {
    for (c = 0, end = ','; c < MODEL_VALUES && end != '\n' && end != EOF; ++c) {
      end = read_cell(cell, sizeof cell);
      if (c == 0 && !*cell && (end == '\n' || end == EOF)) break; /* an empty line */
      rows = grown(rows, used, &room, sizeof *rows);
      rows[used++] = {{cell}};
    }
    if (c == 0) continue;
    ++*count;
    if (c == MODEL_VALUES && (end == '\n' || end == EOF)) continue;
    fprintf(stderr, "row %lu of the input: must have %d cells\n", (unsigned long)*count, MODEL_VALUES);
    exit(2);
  }
  return rows;
}

/* part: date */

/* Seconds since 1970 of "2024-01-31", which "T12:00" or " 12:00:30" may follow. */
static double date_of(size_t row, const char *cell) {
  int year, month, day, hour = 0, minute = 0, used = 0;
  double second = 0.0;
  const int got = sscanf(cell, "%d-%d-%d%n%*[T ]%d:%d:%lf", &year, &month, &day, &used, &hour, &minute, &second);
  if (got < 3 || (got == 3 && cell[used] && strcmp(cell + used, "Z"))) refuse(row, "the date", cell, "is not one");
  return model_time(year, month, day, hour, minute, second);
}

/* part: print labels */

/* The label, and the probability of each. */
static void print_answer(const double *answer) {
  int i;
  printf("%s\n", model_labels[model_most_likely(answer)]);
  for (i = 0; i < MODEL_OUTPUTS; ++i) printf("%s\t%.7g\n", model_labels[i], answer[i]);
}

/* part: print several labels */

/* The probability of each label. */
static void print_answer(const double *answer) {
  int i;
  for (i = 0; i < MODEL_OUTPUTS; ++i) printf("%s\t%.7g\n", model_labels[i], answer[i]);
}

/* part: print numbers */

/* A line each, behind its name. */
static void print_answer(const double *answer) {
  int i;
  for (i = 0; i < MODEL_NUMBERS; ++i) printf("%s\t%.10g\n", model_numbers[i].name, answer[i]);
}

/* part: print forecast */

/* A line of names, then one for each step. */
static void print_answer(const double *answer) {
  int step, i;
  printf("step");
  for (i = 0; i < MODEL_NUMBERS; ++i) printf("\t%s", model_numbers[i].name);
  for (step = 0; step < MODEL_STEPS; ++step) {
    printf("\n%d", step + 1);
    for (i = 0; i < MODEL_NUMBERS; ++i) printf("\t%.10g", answer[step * MODEL_NUMBERS + i]);
  }
  putchar('\n');
}

/* part: print labels of steps */

/* A line of names, then one for each step, counted from 0: its label, and the probability of each. */
static void print_answers(const double *answer, int steps) {
  int step, i;
  printf("step\tlabel");
  for (i = 0; i < MODEL_OUTPUTS; ++i) printf("\t%s", model_labels[i]);
  for (step = 0; step < steps; ++step, answer += MODEL_OUTPUTS) {
    printf("\n%d\t%s", step, model_labels[model_most_likely(answer)]);
    for (i = 0; i < MODEL_OUTPUTS; ++i) printf("\t%.7g", answer[i]);
  }
  putchar('\n');
}

/* part: print numbers of steps */

/* A line of names, then one for each step, counted from 0. */
static void print_answers(const double *answer, int steps) {
  int step, i;
  printf("step");
  for (i = 0; i < MODEL_NUMBERS; ++i) printf("\t%s", model_numbers[i].name);
  for (step = 0; step < steps; ++step, answer += MODEL_NUMBERS) {
    printf("\n%d", step);
    for (i = 0; i < MODEL_NUMBERS; ++i) printf("\t%.10g", answer[i]);
  }
  putchar('\n');
}

/* part: predict */

int main(int argc, char **argv) {
  /*{{answer}}*/
  struct model *m;
  size_t count;
  int status;
  if ({{usage}}) {
    fprintf(stderr, "usage: %s model.bin {{arguments}}\n", argv[0]);
    return 2;
  }
  m = opened(argv[1]);
  {
    /*{{read}}*/
    /*{{whole}}*/
    /*{{room}}*/
    status = model_predict(m, input, {{count}}, answer);
  }
  if (status == MODEL_UNKNOWN)
    fprintf(stderr, "step %d of the input: is not one\n", m->position + 1);
  else if (status == MODEL_EMPTY)
    fprintf(stderr, "step 1 of the input: is missing\n");
  else if (status != MODEL_OK)
    fprintf(stderr, "%s: the model reads %d steps, there are %lu\n", model_message(status), {{most}},
            (unsigned long)({{count}}));
  if (status != MODEL_OK) return 2;
  /*{{print}}*/
  return 0;
}

/* part: whole rows */
    if (count % MODEL_VALUES) {
      fprintf(stderr, "step %lu of the input: is not one\n", (unsigned long)(count / MODEL_VALUES + 1));
      return 2;
    }

/* part: read token */

static int read_step(struct model *m, float *logits) {
  int token;
  const int got = scanf("%d", &token);
  if (got != 1 || token < 0 || token >= MODEL_VOCABULARY) return got == EOF ? 0 : -1;
  return model_step(m, token, logits) ? 1 : -2;
}

/* part: read byte */

static int read_step(struct model *m, float *logits) {
  const int byte = getchar();
  return byte == EOF ? 0 : model_step(m, byte, logits) ? 1 : -2;
}

/* part: read values */

static int read_step(struct model *m, float *logits) {
  float values[MODEL_FEATURES];
  int i;
  for (i = 0; i < MODEL_FEATURES; ++i) {
    const int got = scanf("%f", &values[i]);
    if (got != 1) return got == EOF && i == 0 ? 0 : -1;
  }
  return model_step(m, values, logits) ? 1 : -2;
}

/* part: answer */

/* The most likely class and the logits of all, or the numbers. */
static void print_answer(const float *logits) {
  int best = 0, i;
  for (i = 1; i < MODEL_OUTPUTS; ++i)
    if (logits[i] > logits[best]) best = i;
  if (MODEL_OUTPUTS > 1) printf("%d ", best);
  for (i = 0; i < MODEL_OUTPUTS; ++i) printf(" %.6g", logits[i]);
  putchar('\n');
}

int main(int argc, char **argv) {
  static float logits[MODEL_OUTPUTS];
  struct model *m;
  int got, steps = 0;
  if (argc != 2) {
    fprintf(stderr, "usage: %s model.bin < SEQUENCE\n", argv[0]);
    return 2;
  }
  m = opened(argv[1]);
  while ((got = read_step(m, logits)) == 1) { /* 0 at the end, -1: not a step, -2: the model ends */
    ++steps;
    /*{{each}}*/
  }
  if (got == -2) {
    fprintf(stderr, "the sequence is longer than CONTEXT, %d steps\n", steps);
    return 1;
  }
  if (got < 0 || steps {{none}}) {
    fprintf(stderr, "step %d of the input: %s\n", steps + 1, got < 0 ? "is not one" : "is missing");
    return 2;
  }
  /*{{last}}*/
  return 0;
}
