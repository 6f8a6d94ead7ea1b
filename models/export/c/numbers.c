/* What a C export has that answers numbers: from outputs to points and quantiles, in the data's units, and the scale of
   what is read. Put together by interface.cpp; text between parts is not used. */
/* clang-format off */

/* part: numbers, declared */

/* What is answered: {{steps}} of these. */
extern const struct model_column model_numbers[MODEL_NUMBERS];

/* part: numbers */

const struct model_column model_numbers[MODEL_NUMBERS] = {
  /*{{numbers}}*/
};

/*{{told}}*/

static void to_answer(const struct model *m, double *answer) {
  enum { count = MODEL_ANSWERS / {{each}} };
  int i, j;
  for (i = 0; i < count; ++i) {
    double values[{{each}}];
    tell(m->logits + i * (MODEL_OUTPUTS / count), i, values);
    for (j = 0; j < {{each}}; ++j) {
      const struct model_column *const column = &model_numbers[(i * {{each}} + j) % MODEL_NUMBERS];
      *answer++ = column->mean + column->scale * {{value}};
    }
  }
}

/* part: tell point */
/* A number is its output. */
static void tell(const float *output, int number, double *values) {
  (void)number;
  values[0] = output[0];
}

/* part: tell offsets */
/* How far the quantiles lie from the point. */
static const double offsets[][{{levels}}] = {
    /*{{offsets}}*/};

static void tell(const float *output, int number, double *values) {
  int i;
  values[0] = output[0];
  for (i = 0; i < {{levels}}; ++i) values[1 + i] = values[0] + offsets[number][i];
}

/* part: tell quantiles */
/* The quantiles are the outputs, in order; the point is the median. */
static void tell(const float *output, int number, double *values) {
  static const double weights[] = {/*{{weights}}*/};
  int i, j;
  (void)number;
  for (i = 0; i < {{levels}}; ++i) {
    for (j = i; j > 0 && values[j] > output[i]; --j) values[1 + j] = values[j];
    values[1 + j] = output[i];
  }
  values[0] = 0.0;
  for (i = 0; i < {{levels}}; ++i) values[0] += weights[i] * values[1 + i];
}

/* part: tell scale */
/* The outputs are a mean and what gives the deviation. */
static void tell(const float *output, int number, double *values) {
  static const double standard[] = {/*{{standard}}*/};
  const double r = output[1], scale = (r > 0 ? r : 0) + log1p(exp(-fabs(r))) + {{least}};
  int i;
  (void)number;
  values[0] = output[0];
  for (i = 0; i < {{levels}}; ++i) values[1 + i] = values[0] + scale * standard[i];
}

/* part: window scale */
/* The features that are read by their mean and deviation in the steps that are read. */
static const int windowed[{{count}}] = {/*{{windowed}}*/};

/* Finds these of steps [begin, end); 0: step m->position has a number that is none. */
static int window_scale(struct model *m, const double *rows, size_t all, size_t begin, size_t end) {
  int pass, w;
  size_t t;
  for (w = 0; w < {{count}}; ++w) m->mean[w] = m->deviation[w] = m->known[w] = 0.0;
  for (pass = 0; pass < 2; ++pass) {
    for (t = begin; t < end; ++t) {
      m->position = (int)t;
      if (!to_features(rows, all, t, 1.0, m->input)) return 0;
      for (w = 0; w < {{count}}; ++w) {
        const float *const x = m->input + windowed[w];
        if (!({{is_known}})) continue;
        if (pass == 0) m->mean[w] += *x, m->known[w] += 1.0;
        if (pass == 1) m->deviation[w] += (*x - m->mean[w]) * (*x - m->mean[w]);
      }
    }
    for (w = 0; w < {{count}} && pass == 0; ++w) m->mean[w] = m->known[w] > 0 ? m->mean[w] / m->known[w] : 0.0;
  }
  for (w = 0; w < {{count}}; ++w) {
    const double deviation = m->known[w] > 0 ? sqrt(m->deviation[w] / m->known[w]) : 0.0;
    m->deviation[w] = m->deviation[w] == 0.0 ? 1.0 : deviation > {{least}} ? deviation : {{least}};
  }
  m->position = 0;
  return 1;
}

/* part: window found */
  if (!window_scale(m, rows, all, begin, count)) return MODEL_UNKNOWN;

/* part: window read */
    for (w = 0; w < {{count}}; ++w) {
      float *const x = m->input + windowed[w];
      if ({{is_known}}) *x = (float)((*x - m->mean[w]) / m->deviation[w]);
    }
