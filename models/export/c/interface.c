/* What a C export has beside the model's step, by its signature: the data that the training taught, how raw input
   becomes steps, and what the outputs mean. Put together by interface.cpp; text between parts is not used. */
/* clang-format off */

/* part: statuses, declared */

/* What model_predict returns, and the same in words. Of MODEL_UNKNOWN, step m->position of the input, counted from 0,
   is none that the model reads. */
enum model_status { MODEL_OK, MODEL_EMPTY, MODEL_SHORT, MODEL_LONG, MODEL_UNKNOWN };
const char *model_message(int status);

/* part: statuses */

const char *model_message(int status) {
  static const char *const messages[] = {"all is well", "the input is empty", "the input is too short",
                                         "the input is too long", "a step of the input is not one"};
  return messages[status];
}

/* part: columns, declared */

extern const struct model_column model_columns[MODEL_COLUMNS];

/* part: columns */
/*{{categories}}*/
const struct model_column model_columns[MODEL_COLUMNS] = {
  /*{{columns}}*/
};

/* part: text, declared */

/* The token of the next step of a text, which moves on; -1: it is none that the model knows, -2: the text is over. */
int model_next_token(const char **text, const char *end);

/* part: bytes */

int model_next_token(const char **text, const char *end) {
  return *text == end ? -2 : (unsigned char)*(*text)++;
}

/* part: characters */

/* Characters and their tokens, by rising code. */
static const struct {
  unsigned long code;
  int token;
} characters[] = {
  /*{{characters}}*/
};

/* The next character of UTF-8; -1: the bytes are none. */
static long next_character(const char **text, const char *end) {
  static const unsigned long first_of[] = {0, 0x80, 0x800, 0x10000};
  const unsigned char *at = (const unsigned char *)*text;
  const int more = *at < 0x80 ? 0 : *at < 0xC2 ? -1 : *at < 0xE0 ? 1 : *at < 0xF0 ? 2 : *at < 0xF5 ? 3 : -1;
  unsigned long code = more < 1 ? *at : *at & (0x3Fu >> more);
  int i;
  if (more < 0 || (const char *)at + more >= end) return -1;
  for (i = 1; i <= more; ++i) {
    if ((at[i] & 0xC0) != 0x80) return -1;
    code = code << 6 | (at[i] & 0x3Fu);
  }
  *text += more + 1;
  return code < first_of[more] || (code >= 0xD800 && code < 0xE000) || code > 0x10FFFF ? -1 : (long)code;
}

int model_next_token(const char **text, const char *end) {
  size_t low = 0, high = sizeof characters / sizeof characters[0];
  long code;
  /*{{skip}}*/
  if (*text == end) return -2;
  code = next_character(text, end);
  if (code < 0) return -1;
  while (low < high) {
    const size_t middle = (low + high) / 2;
    if (characters[middle].code == (unsigned long)code) return characters[middle].token;
    if (characters[middle].code < (unsigned long)code)
      low = middle + 1;
    else
      high = middle;
  }
  return /*{{other}}*/;
}

/* part: skip */
  while (*text != end && strchr(" \t\r\n", **text) && **text) ++*text;

/* part: texts, declared */

/* The text of each token. */
extern const char *const model_texts[MODEL_VOCABULARY];

/* part: texts */

const char *const model_texts[MODEL_VOCABULARY] = {/*{{texts}}*/};

/* part: predict text, declared */

/* The answer to a text of `count` bytes, {{answer}}. {{reads}} */
int model_predict(struct model *m, const char *text, size_t count, double *answer);

/* part: predict text */

int model_predict(struct model *m, const char *text, size_t count, double *answer) {
  const char *const end = text + count;
  int token;
  model_reset(m);
  while ((token = model_next_token(&text, end)) != -2) {
    /*{{longer}}*/
    if (token < 0) return MODEL_UNKNOWN;
    if (!model_step(m, token, m->logits)) return MODEL_LONG;
    /*{{each}}*/
  }
  if (m->position == 0) return MODEL_EMPTY;
  /*{{last}}*/
  return MODEL_OK;
}

/* part: order */

/* The place in the input of what is read at each step. */
static const int order[MODEL_LENGTH] = {/*{{order}}*/};

/* part: predict tokens, declared */

/* The answer to `count` tokens, {{answer}}. {{reads}} */
int model_predict(struct model *m, const int *tokens, size_t count, double *answer);

/* part: predict tokens */

int model_predict(struct model *m, const int *tokens, size_t count, double *answer) {
  size_t t, begin = 0;
  model_reset(m);
  /*{{check}}*/
  for (t = begin; t < count; ++t) {
    const int token = tokens[{{place}}];
    if (token < 0 || token >= MODEL_VOCABULARY) return MODEL_UNKNOWN;
    if (!model_step(m, token, m->logits)) return MODEL_LONG;
    /*{{each}}*/
  }
  /*{{last}}*/
  return MODEL_OK;
}

/* part: predict numbers, declared */

/* The answer to `count` rows of MODEL_VALUES numbers, {{answer}}.
   {{rows}} {{reads}} */
int model_predict(struct model *m, const double *rows, size_t count, double *answer);

/* part: predict numbers */

int model_predict(struct model *m, const double *rows, size_t count, double *answer) {
  size_t t, begin = 0, all = count;
  /*{{counter}}*/
  /*{{loudness}}*/
  model_reset(m);
  /*{{check}}*/
  /*{{window found}}*/
  for (t = begin; t < count; ++t) {
    if (!to_features(rows, all, {{place}}, {{divisor}}, m->input)) {
      m->position = (int)t;
      return MODEL_UNKNOWN;
    }
    /*{{window read}}*/
    if (!model_step(m, m->input, m->logits)) return MODEL_LONG;
    /*{{each}}*/
  }
  /*{{last}}*/
  return MODEL_OK;
}

/* part: check empty */
  if (count == 0) return MODEL_EMPTY;

/* part: check short */
  if (count < MODEL_STRIDE) return MODEL_SHORT;

/* part: check first */
  if (count > MODEL_LENGTH) count = MODEL_LENGTH;

/* part: check at_most */
  if (count > MODEL_LENGTH) return MODEL_LONG;

/* part: check exactly */
  if (count < MODEL_LENGTH) return MODEL_SHORT;
  if (count > MODEL_LENGTH) return MODEL_LONG;

/* part: check last */
  if (count < MODEL_LENGTH) return MODEL_SHORT;
  begin = count - MODEL_LENGTH;

/* part: loudness */
  const double loud = loudness(rows, count);

/* part: loudness of */

/* The root mean square; 1 for silence, which stays as it is. */
static double loudness(const double *rows, size_t count) {
  double square = 0.0, mean;
  size_t t;
  for (t = 0; t < count; ++t) square += rows[t] * rows[t];
  mean = count ? sqrt(square / (double)count) : 0.0;
  return mean > 1e-6 ? mean : 1.0;
}

/* part: plain features */

/* Row `at` as the model reads it; 0 where it has a number that is none. */
static int to_features(const double *rows, size_t count, size_t at, double divisor, float *input) {
  int c;
  (void)count;
  for (c = 0; c < MODEL_COLUMNS; ++c) {
    input[c] = (float)((rows[at * MODEL_VALUES + c] / divisor - model_columns[c].mean) / model_columns[c].scale);
    if (!isfinite(input[c])) return 0;
  }
  return 1;
}

/* part: forward */

/* In place of a missing number: the one before it, or at the start the one after. */
static double filled(const double *rows, size_t count, size_t at, int column) {
  size_t t = at;
  while (t > 0 && isnan(rows[t * MODEL_VALUES + column])) --t;
  while (t + 1 < count && isnan(rows[t * MODEL_VALUES + column])) ++t;
  return rows[t * MODEL_VALUES + column];
}

/* part: linear */

/* In place of a missing number: one on the line between its neighbours; after the last it stays, at the start it is the
   first. */
static double linear_fill(const double *rows, size_t count, size_t at, int column) {
  size_t before = at, after = at;
  while (before > 0 && isnan(rows[before * MODEL_VALUES + column])) --before;
  while (after + 1 < count && isnan(rows[after * MODEL_VALUES + column])) ++after;
  if (isnan(rows[after * MODEL_VALUES + column])) after = before;
  if (isnan(rows[before * MODEL_VALUES + column]) || after == before) return rows[after * MODEL_VALUES + column];
  return rows[before * MODEL_VALUES + column] +
         (double)(at - before) / (double)(after - before) *
             (rows[after * MODEL_VALUES + column] - rows[before * MODEL_VALUES + column]);
}

/* part: rich features */

/* Row `at` as the model reads it; 0 where it has a number that is none. */
static int to_features(const double *rows, size_t count, size_t at, double divisor, float *input) {
  const double *const row = rows + at * MODEL_VALUES + {{first}};
  int c, k;
  (void)count;
  (void)divisor;
  for (c = 0; c < MODEL_COLUMNS; ++c) {
    const struct model_column *const column = &model_columns[c];
    double number = row[c];
    if (column->categories) {
      /*{{fill_category}}*/
      if (/*{{bad_category}}*/) return 0;
      for (k = 0; k < column->categories; ++k) *input++ = number == k;
      continue;
    }
    /*{{number}}*/
  }
  /*{{calendar}}*/
  return 1;
}

/* part: number */
    /*{{fill_number}}*/
    *input = (float)((number - column->mean) / column->scale);
    if (!isfinite(*input++)) return 0;

/* part: masked number */
    *input++ = isnan(number) ? 0.0f : (float)((number - column->mean) / column->scale);
    *input++ = !isnan(number);
    if (!isfinite(input[-2])) return 0;

/* part: calendar */
  if (!isfinite(row[-1])) return 0;
  for (k = 0; k < (int)(sizeof calendar / sizeof calendar[0]); ++k) {
    const double angle = 6.283185307179586 * calendar[k](row[-1]);
    *input++ = (float)sin(angle);
    *input++ = (float)cos(angle);
  }

/* part: time, declared */

/* A date, as it is the first number of a row: seconds since 1970. */
double model_time(int year, int month, int day, int hour, int minute, double second);

/* part: time */

/* Days from 1970-01-01 to a date: years begin in March, so that a leap day is a year's last. */
static double days_to(int year, int month, int day) {
  const double y = month < 3 ? year - 1 : year;
  return 365 * y + floor(y / 4) - floor(y / 100) + floor(y / 400) + floor((153 * ((month + 9) % 12) + 2) / 5.0) + day -
         719469;
}

double model_time(int year, int month, int day, int hour, int minute, double second) {
  return 86400 * days_to(year, month, day) + 3600 * hour + 60 * minute + second;
}

/*{{turns}}*/

/* Which part of its cycle has passed, from 0 to 1. */
static double (*const calendar[])(double) = {/*{{calendar}}*/};

/* part: year_of */
static int year_of(double time) {
  const double days = floor(time / 86400);
  int year = 1970 + (int)floor(days / 365.2425);
  while (days_to(year, 1, 1) > days) --year;
  while (days_to(year + 1, 1, 1) <= days) ++year;
  return year;
}

/* part: month_of; needs: year_of */
static int month_of(double time) {
  const double days = floor(time / 86400);
  int month = 12;
  while (days_to(year_of(time), month, 1) > days) --month;
  return month;
}

/* part: hour_of_day */
static double hour_of_day(double time) { return time / 86400 - floor(time / 86400); }

/* part: day_of_week */
static double day_of_week(double time) { return fmod(fmod(floor(time / 86400) + 3, 7) + 7, 7) / 7; }

/* part: day_of_month; needs: year_of, month_of */
static double day_of_month(double time) {
  const int year = year_of(time), month = month_of(time);
  const double begin = days_to(year, month, 1), end = month == 12 ? days_to(year + 1, 1, 1) : days_to(year, month + 1, 1);
  return (floor(time / 86400) - begin) / (end - begin);
}

/* part: day_of_year; needs: year_of */
static double day_of_year(double time) {
  const double begin = days_to(year_of(time), 1, 1), end = days_to(year_of(time) + 1, 1, 1);
  return (floor(time / 86400) - begin) / (end - begin);
}

/* part: month_of_year; needs: month_of */
static double month_of_year(double time) { return (month_of(time) - 1) / 12.0; }

/* part: stop */
    if (m->position == MODEL_LENGTH) break;

/* part: refuse */
    if (m->position == MODEL_LENGTH) return MODEL_LONG;
