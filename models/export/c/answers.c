/* What the outputs of a C export mean, by its signature: classes, labels or numbers, of a sequence or of each step. Put
   together by interface.cpp; text between parts is not used. */
/* clang-format off */

/* part: labels, declared */

/* The names of the {{labels}}. */
extern const char *const model_labels[MODEL_OUTPUTS];

/* part: labels */

const char *const model_labels[MODEL_OUTPUTS] = {/*{{labels}}*/};

/* part: most likely, declared */

/* The class of the largest number. */
int model_most_likely(const double *probabilities);

/* part: most likely */

int model_most_likely(const double *probabilities) {
  int best = 0, i;
  for (i = 1; i < MODEL_OUTPUTS; ++i)
    if (probabilities[i] > probabilities[best]) best = i;
  return best;
}

/* part: probabilities */

static void to_answer(const struct model *m, double *answer) {
  const float *const logits = m->logits;
  double sum = 0.0;
  float most = logits[0];
  int i;
  for (i = 1; i < MODEL_OUTPUTS; ++i)
    if (logits[i] > most) most = logits[i];
  for (i = 0; i < MODEL_OUTPUTS; ++i) sum += answer[i] = exp((double)logits[i] - most);
  for (i = 0; i < MODEL_OUTPUTS; ++i) answer[i] /= sum;
}

/* part: probabilities of labels */

static void to_answer(const struct model *m, double *answer) {
  int i;
  for (i = 0; i < MODEL_OUTPUTS; ++i) answer[i] = 1.0 / (1.0 + exp(-(double)m->logits[i]));
}

/* part: column, declared */

/* A column is read as (number - mean) / scale, and answered as mean + scale * output. One of categories has their names;
   its numbers are their places. */
struct model_column {
  const char *name;
  double mean, scale;
  int categories;
  const char *const *category;
};

/* part: answer of each */
    to_answer(m, answer + (size_t)(m->position - 1) * MODEL_ANSWERS);

/* part: answer at last */
  to_answer(m, answer);
