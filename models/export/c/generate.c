/* The example program of a C export whose model writes text: its own parts of main.c. */
/* clang-format off */

/* part: drawn */

static int most_likely(const float *logits) {
  int best = 0, i;
  for (i = 1; i < MODEL_OUTPUTS; ++i)
    if (logits[i] > logits[best]) best = i;
  return best;
}

static int drawn(const float *logits, float temperature) {
  static float weight[MODEL_OUTPUTS];
  const float most = logits[most_likely(logits)];
  float sum = 0.0f, left;
  int i;
  for (i = 0; i < MODEL_OUTPUTS; ++i) sum += weight[i] = expf((logits[i] - most) / temperature);
  left = sum * ((float)rand() / ((float)RAND_MAX + 1.0f));
  for (i = 0; i < MODEL_OUTPUTS; ++i)
    if ((left -= weight[i]) < 0.0f) return i;
  return MODEL_OUTPUTS - 1;
}

/* part: text prompt */

/* The tokens of a prompt, or of the standard input. */
static int *tokens_of(const char *text, size_t size, size_t *count) {
  const char *const end = text + size;
  int *tokens = NULL, token;
  size_t room = 0;
  for (*count = 0; (token = model_next_token(&text, end)) != -2; ++*count) {
    if (token < 0) {
      fprintf(stderr, "step %lu of the text: is none of the model's\n", (unsigned long)*count + 1);
      exit(2);
    }
    tokens = grown(tokens, *count, &room, sizeof *tokens);
    tokens[*count] = token;
  }
  return tokens;
}

static int *prompted(const char *prompt, size_t *count) { return tokens_of(prompt, strlen(prompt), count); }

static int *read_all(size_t *count) {
  size_t size;
  const char *text = read_text(&size);
  return tokens_of(text, size, count);
}

/* part: token prompt */

/* The prompt is numbers: "1 2 3". */
static int *prompted(const char *prompt, size_t *count) {
  int *tokens = NULL;
  size_t room = 0;
  for (*count = 0;; ++*count) {
    char *end;
    const long number = strtol(prompt, &end, 10);
    if (end == prompt) return tokens;
    if (number < 0 || number >= MODEL_VOCABULARY) {
      fprintf(stderr, "%ld: is no token\n", number);
      exit(2);
    }
    tokens = grown(tokens, *count, &room, sizeof *tokens);
    tokens[*count] = (int)number;
    prompt = end;
  }
}

static int *read_all(size_t *count) {
  int *tokens = read_tokens(count);
  size_t i;
  for (i = 0; i < *count; ++i)
    if (tokens[i] < 0 || tokens[i] >= MODEL_VOCABULARY) {
      fprintf(stderr, "step %lu of the input: is no token\n", (unsigned long)i + 1);
      exit(2);
    }
  return tokens;
}

/* part: generate */

/* A step, or the end of the program where the sequence is longer than the model can be. */
static void step(struct model *m, int token, float *logits) {
  if (model_step(m, token, logits)) return;
  fprintf(stderr, "the sequence is longer than CONTEXT, %d steps\n", m->position);
  exit(1);
}

/* Bits that each token of a text takes after those before it, in the mean: the text is read by windows of MODEL_LENGTH
   steps, each from a fresh start, as in training. */
static int print_bits(struct model *m) {
  static float logits[MODEL_OUTPUTS];
  size_t count, i;
  int *tokens = read_all(&count), j;
  double bits = 0.0;
  if (count < 2) {
    fprintf(stderr, "the input: must have two {{unit}}s or more, of which the first is given\n");
    return 2;
  }
  for (i = 0; i + 1 < count; ++i) {
    double sum = 0.0, most;
    if (i % MODEL_LENGTH == 0) model_reset(m);
    step(m, tokens[i], logits);
    most = logits[most_likely(logits)];
    for (j = 0; j < MODEL_OUTPUTS; ++j) sum += exp(logits[j] - most);
    bits += (log(sum) + most - logits[tokens[i + 1]]) / log(2.0);
  }
  printf("bits_per_{{unit}}\t%.7g\n", bits / (double)(count - 1));
  free(tokens);
  return 0;
}

int main(int argc, char **argv) {
  static float logits[MODEL_OUTPUTS];
  const int length = argc > 3 ? atoi(argv[3]) : 200;
  const float temperature = argc > 4 ? (float)atof(argv[4]) : 0.0f;
  struct model *m;
  size_t count, t;
  int *prompt, i;
  if (argc < 2 || (argc > 2 && argv[2][0] == '\0')) {
    fprintf(stderr, "usage: %s model.bin PROMPT [TOKENS [TEMPERATURE]], or %s model.bin < TEXT\n", argv[0], argv[0]);
    return 2;
  }
  m = opened(argv[1]);
  if (argc == 2) return print_bits(m);
  prompt = prompted(argv[2], &count);
  for (t = 0; t < count; ++t) step(m, prompt[t], logits);
  free(prompt);
  for (i = 0; i < length; ++i) {
    const int token = temperature > 0.0f ? drawn(logits, temperature) : most_likely(logits);
    /*{{put}}*/
    fflush(stdout);
    if (i + 1 < length) step(m, token, logits);
  }
  putchar('\n');
  return 0;
}

/* part: put byte */
    putchar(token);

/* part: put text */
    fputs(model_texts[token], stdout);

/* part: put number */
    printf("%d ", token);
