/* The functions that exported C programs are put together from: plain C99, each after a line with its name and those
   that it needs, which stand before it. The formulas are those of the kernels (core/kernels/), where they are
   explained. Programs get the text as it is here. */
/* clang-format off */

/* part: sigmoid */
static float sigmoid(float x) { return 1.0f / (1.0f + expf(-x)); }

/* part: silu; needs: sigmoid */
static float silu(float x) { return x * sigmoid(x); }

/* part: softplus */
static float softplus(float x) { return x > 20.0f ? x : log1pf(expf(x)); }

/* part: gelu */
static float gelu(float x) { return 0.5f * x * (1.0f + erff(x * 0.707106781f)); }

/* part: relu */
static float relu(float x) { return x > 0.0f ? x : 0.0f; }

/* part: each */
/* y = f(x), for each of n numbers */
static void each(float (*f)(float), float *y, const float *x, int n) {
  int i;
  for (i = 0; i < n; ++i) y[i] = f(x[i]);
}

/* part: scale */
static void scale(float *y, const float *x, float factor, int n) {
  int i;
  for (i = 0; i < n; ++i) y[i] = factor * x[i];
}

/* part: add */
static void add(float *y, const float *a, const float *b, int n) {
  int i;
  for (i = 0; i < n; ++i) y[i] = a[i] + b[i];
}

/* part: multiply */
static void multiply(float *y, const float *a, const float *b, int n) {
  int i;
  for (i = 0; i < n; ++i) y[i] = a[i] * b[i];
}

/* part: glu; needs: sigmoid */
/* The first half times the sigmoid of the second. */
static void glu(float *y, const float *x, int n) {
  int i;
  for (i = 0; i < n; ++i) y[i] = x[i] * sigmoid(x[n + i]);
}

/* part: linear */
/* y = W x + b; b may be null. */
static void linear(float *y, const float *w, const float *b, const float *x, int out, int in) {
  int i, j;
  for (i = 0; i < out; ++i) {
    float sum = b ? b[i] : 0.0f;
    for (j = 0; j < in; ++j) sum += w[(size_t)i * in + j] * x[j];
    y[i] = sum;
  }
}

/* part: block_linear */
/* y = W x + b for each of `blocks` blocks of channels by itself; b may be null. */
static void block_linear(float *y, const float *w, const float *b, const float *x, int blocks, int out, int in) {
  int g, i, j;
  for (g = 0; g < blocks; ++g)
    for (i = 0; i < out; ++i) {
      float sum = b ? b[g * out + i] : 0.0f;
      for (j = 0; j < in; ++j) sum += w[((size_t)g * out + i) * in + j] * x[g * in + j];
      y[g * out + i] = sum;
    }
}

/* part: rms_norm */
/* y = x / sqrt(mean(x^2) + eps) * w, for each of `rows` rows of n numbers */
static void rms_norm(float *y, const float *x, const float *w, int rows, int n, float eps) {
  int r, i;
  for (r = 0; r < rows; ++r, x += n, y += n) {
    float squares = 0.0f, factor;
    for (i = 0; i < n; ++i) squares += x[i] * x[i];
    factor = 1.0f / sqrtf(squares / n + eps);
    for (i = 0; i < n; ++i) y[i] = x[i] * factor * w[i];
  }
}

/* part: layer_norm */
/* y = (x - mean(x)) / sqrt(var(x) + eps) * w + b, for each of `rows` rows of n numbers; b may be null. */
static void layer_norm(float *y, const float *x, const float *w, const float *b, int rows, int n, float eps) {
  int r, i;
  for (r = 0; r < rows; ++r, x += n, y += n) {
    float mean = 0.0f, squares = 0.0f, factor;
    for (i = 0; i < n; ++i) mean += x[i] / n;
    for (i = 0; i < n; ++i) squares += (x[i] - mean) * (x[i] - mean);
    factor = 1.0f / sqrtf(squares / n + eps);
    for (i = 0; i < n; ++i) y[i] = (x[i] - mean) * factor * w[i] + (b ? b[i] : 0.0f);
  }
}

/* part: gated_norm; needs: silu */
/* y = (norm(x) w + skip c) silu(z), or with gate_first norm(x silu(z)) w, for each of `groups` groups of n channels;
   the norm as in rms_norm, or layer_norm where `centred`; `shared`: the groups have one w. c and skip may be null. */
static void gated_norm(float *y, const float *x, const float *z, const float *w, const float *c, const float *skip,
                       int groups, int n, int shared, int centred, int gate_first, float eps) {
  int g, i;
  for (g = 0; g < groups; ++g) {
    const int first = g * n;
    float mean = 0.0f, squares = 0.0f, factor;
    for (i = first; i < first + n; ++i) y[i] = gate_first ? x[i] * silu(z[i]) : x[i];
    for (i = first; i < first + n && centred; ++i) mean += y[i] / n;
    for (i = first; i < first + n; ++i) squares += (y[i] - mean) * (y[i] - mean);
    factor = 1.0f / sqrtf(squares / n + eps);
    for (i = first; i < first + n; ++i) {
      y[i] = (y[i] - mean) * factor * w[shared ? i - first : i] + (c ? skip[i] * c[i] : 0.0f);
      if (!gate_first) y[i] *= silu(z[i]);
    }
  }
}

/* part: causal_conv1d; needs: silu */
/* A convolution over the last `taps` inputs of each of n channels; window: all but this step's, oldest first. */
static void causal_conv1d(float *y, float *window, const float *x, const float *w, const float *b, int n, int taps,
                          int with_silu) {
  int i, k;
  for (i = 0; i < n; ++i) {
    float sum = (b ? b[i] : 0.0f) + w[i * taps + taps - 1] * x[i];
    for (k = 0; k < taps - 1; ++k) sum += w[i * taps + k] * window[k * n + i];
    y[i] = with_silu ? silu(sum) : sum;
  }
  if (taps < 2) return;
  memmove(window, window + n, (size_t)(taps - 2) * n * sizeof(float));
  memcpy(window + (size_t)(taps - 2) * n, x, n * sizeof(float));
}

/* part: selective_scan; needs: silu, softplus */
/* Mamba (Gu & Dao 2023), for each of e channels with n states:
   h = exp(dt A) h + dt B x,  y = (C h + D x) silu(gate),  dt = softplus(delta + bias).
   skip (D), gate and bias may be null; without with_softplus dt is delta + bias. */
static void selective_scan(float *y, float *h, const float *x, const float *delta, const float *a, const float *b,
                           const float *c, const float *skip, const float *gate, const float *bias, int e, int n,
                           int with_softplus) {
  int i, k;
  for (i = 0; i < e; ++i, h += n, a += n) {
    const float raw = delta[i] + (bias ? bias[i] : 0.0f), dt = with_softplus ? softplus(raw) : raw;
    float sum = skip ? skip[i] * x[i] : 0.0f;
    for (k = 0; k < n; ++k) {
      h[k] = expf(dt * a[k]) * h[k] + dt * x[i] * b[k];
      sum += c[k] * h[k];
    }
    y[i] = gate ? sum * silu(gate[i]) : sum;
  }
}

/* part: ssd */
/* Mamba-2 (Dao & Gu 2024): per head, with `width` channels of n states and its group's B and C,
   h = exp(dt a) h + dt x B,  y = h C + skip x. */
static void ssd(float *y, float *h, const float *x, const float *dt, const float *a, const float *b, const float *c,
                const float *skip, int heads, int width, int groups, int n) {
  int i, p, k;
  for (i = 0; i < heads; ++i) {
    const float decay = expf(dt[i] * a[i]);
    const int group = i / (heads / groups) * n;
    for (p = i * width; p < (i + 1) * width; ++p) {
      float sum = skip ? skip[i] * x[p] : 0.0f;
      for (k = 0; k < n; ++k) {
        float *one = &h[(size_t)p * n + k];
        *one = decay * *one + dt[i] * x[p] * b[group + k];
        sum += *one * c[group + k];
      }
      y[p] = sum;
    }
  }
}

/* part: rnn; needs: linear */
/* h = f(z + W h + b); gates: n numbers of working memory */
static void rnn(float *y, float *h, const float *z, const float *w, const float *b, float *gates, float (*f)(float),
                int n) {
  int i;
  linear(gates, w, b, h, n, n);
  for (i = 0; i < n; ++i) y[i] = h[i] = f(z[i] + gates[i]);
}

/* part: lstm; needs: linear, sigmoid */
/* c = f c + i g,  h = o tanh(c);  i, f, o = sigmoid, g = tanh of z + W h + b; gates: 4 n numbers */
static void lstm(float *y, float *h, float *c, const float *z, const float *w, const float *b, float *gates, int n) {
  int i;
  linear(gates, w, b, h, 4 * n, n);
  for (i = 0; i < 4 * n; ++i) gates[i] += z[i];
  for (i = 0; i < n; ++i) {
    c[i] = sigmoid(gates[n + i]) * c[i] + sigmoid(gates[i]) * tanhf(gates[2 * n + i]);
    y[i] = h[i] = sigmoid(gates[3 * n + i]) * tanhf(c[i]);
  }
}

/* part: gru; needs: linear, sigmoid */
/* r, u = sigmoid(z + w),  n = tanh(z_n + r w_n),  h = n + u (h - n), with w = W h + b; gates: 3 n numbers */
static void gru(float *y, float *h, const float *z, const float *w, const float *b, float *gates, int n) {
  int i;
  linear(gates, w, b, h, 3 * n, n);
  for (i = 0; i < n; ++i) {
    const float r = sigmoid(z[i] + gates[i]), u = sigmoid(z[n + i] + gates[n + i]);
    const float candidate = tanhf(z[2 * n + i] + r * gates[2 * n + i]);
    y[i] = h[i] = candidate + u * (h[i] - candidate);
  }
}

/* part: diagonal_recurrence */
/* h = a h + x */
static void diagonal_recurrence(float *y, float *h, const float *a, const float *x, int n) {
  int i;
  for (i = 0; i < n; ++i) y[i] = h[i] = a[i] * h[i] + x[i];
}

/* part: complex_diagonal_recurrence */
/* h = a h + x with complex numbers: n real parts, then n imaginary ones */
static void complex_diagonal_recurrence(float *y, float *h, const float *a, const float *x, int n) {
  int i;
  for (i = 0; i < n; ++i) {
    const float re = a[i] * h[i] - a[n + i] * h[n + i] + x[i], im = a[i] * h[n + i] + a[n + i] * h[i] + x[n + i];
    y[i] = h[i] = re;
    y[n + i] = h[n + i] = im;
  }
}

/* part: ssm_scan */
/* S4D and S4 (Gu et al. 2022), for each of `heads` inputs with n complex states as (re, im):
   s = a s + b u,  y = 2 Re(c s);  with the low-rank part first - q 2 Re<p, s>, then - r 2 Re<p, s>; p, q, r may be
   null. */
static void ssm_scan(float *y, float *s, const float *u, const float *a, const float *b, const float *c,
                     const float *p, const float *q, const float *r, int heads, int n) {
  int i, k;
  for (i = 0; i < heads; ++i) {
    const size_t at = (size_t)i * 2 * n;
    float before = 0.0f, after = 0.0f, sum = 0.0f;
    for (k = 0; p && k < 2 * n; ++k) before += 2.0f * p[at + k] * s[at + k]; /* Re(conj(p) s) */
    for (k = 0; k < 2 * n; k += 2) {
      float *one = &s[at + k];
      const float re = a[at + k] * one[0] - a[at + k + 1] * one[1] + b[at + k] * u[i];
      const float im = a[at + k] * one[1] + a[at + k + 1] * one[0] + b[at + k + 1] * u[i];
      one[0] = q ? re - q[at + k] * before : re;
      one[1] = q ? im - q[at + k + 1] * before : im;
    }
    for (k = 0; p && k < 2 * n; ++k) after += 2.0f * p[at + k] * s[at + k];
    for (k = 0; k < 2 * n; k += 2) {
      float *one = &s[at + k];
      if (r) {
        one[0] -= r[at + k] * after;
        one[1] -= r[at + k + 1] * after;
      }
      sum += c[at + k] * one[0] - c[at + k + 1] * one[1];
    }
    y[i] = 2.0f * sum;
  }
}

/* part: matrix_recurrence */
/* A matrix S of `keys` rows for each head, changed `updates` times and then read:
   S = diag(exp g) S before the first, S = S + b (a S) + k v where a reads what is before the decay, or with beta
   S = S + beta k (v - k S); y = factor q S. a, b (then k), beta and g may be null; read: `values` numbers. */
static void matrix_recurrence(float *y, float *s, const float *q, const float *k, const float *v, const float *a,
                              const float *b, const float *beta, const float *g, float *read, int heads, int keys,
                              int values, int updates, int g_of_channels, float factor) {
  int h, u, i, p;
  for (h = 0; h < heads; ++h, s += (size_t)keys * values) {
    for (u = 0; u < updates; ++u) {
      const int row = u * heads + h;
      const float *key = &k[row * keys], *value = &v[row * values], *written = b ? &b[row * keys] : key;
      for (p = 0; p < values; ++p) read[p] = 0.0f;
      for (i = 0; i < keys; ++i) {
        const float decay = g && u == 0 ? expf(g[g_of_channels ? h * keys + i : h]) : 1.0f;
        for (p = 0; p < values; ++p) {
          float *one = &s[(size_t)i * values + p];
          if (a) read[p] += a[row * keys + i] * *one;
          *one *= decay;
          if (beta) read[p] -= beta[row] * key[i] * *one;
        }
      }
      for (i = 0; i < keys; ++i)
        for (p = 0; p < values; ++p)
          s[(size_t)i * values + p] += written[i] * read[p] + (beta ? beta[row] : 1.0f) * key[i] * value[p];
    }
    for (p = 0; p < values; ++p) {
      float sum = 0.0f;
      for (i = 0; i < keys; ++i) sum += q[h * keys + i] * s[(size_t)i * values + p];
      y[h * values + p] = factor * sum;
    }
  }
}

/* part: mlstm; needs: softplus */
/* mLSTM (Beck et al. 2024): m = max(m - softplus(-f), i, 0); S and its normaliser, the last column, as e^-m of
   themselves; y = q S / max(|its last column|, e^-m). */
static void mlstm(float *y, float *s, float *m, const float *q, const float *k, const float *v, const float *in,
                  const float *forget, int heads, int keys, int values) {
  int h, i, p;
  for (h = 0; h < heads; ++h, s += (size_t)keys * (values + 1)) {
    const float kept = m[h] - softplus(-forget[h]), most = fmaxf(fmaxf(kept, in[h]), 0.0f);
    const float decay = expf(kept - most), weight = expf(in[h] - most), factor = 1.0f / sqrtf((float)keys);
    float divisor = 0.0f;
    m[h] = most;
    for (p = values; p >= 0; --p) { /* the normaliser first */
      float sum = 0.0f;
      for (i = 0; i < keys; ++i) {
        float *one = &s[(size_t)i * (values + 1) + p];
        *one = decay * *one + weight * k[h * keys + i] * (p < values ? v[h * values + p] : 1.0f);
        sum += factor * q[h * keys + i] * *one;
      }
      if (p == values)
        divisor = fmaxf(fabsf(sum), expf(-most));
      else
        y[h * values + p] = sum / divisor;
    }
  }
}

/* part: rotary */
/* Pairs (i, i + dim / 2) of each head turn by position * base^(-2 i / dim). */
static void rotary(float *y, const float *x, int heads, int dim, int at, float base) {
  int h, i;
  for (h = 0; h < heads; ++h, x += dim, y += dim)
    for (i = 0; i < dim / 2; ++i) {
      const float angle = at * powf(base, -2.0f * i / dim), re = x[i], im = x[i + dim / 2];
      y[i] = re * cosf(angle) - im * sinf(angle);
      y[i + dim / 2] = re * sinf(angle) + im * cosf(angle);
    }
}

/* part: rotary_scan */
/* Queries and keys turn by the number of steps so far, which it counts. */
static void rotary_scan(float *turned_q, float *turned_k, float *steps, const float *q, const float *k, int heads,
                        int dim, float base) {
  int i;
  for (i = 0; i < heads * dim; ++i) {
    const int half = dim / 2, j = i % dim, first = j < half ? i : i - half;
    const float angle = *steps * powf(base, -2.0f * (j % half) / dim), c = cosf(angle), s = sinf(angle);
    turned_q[i] = i == first ? q[i] * c - q[i + half] * s : q[first] * s + q[i] * c;
    turned_k[i] = i == first ? k[i] * c - k[i + half] * s : k[first] * s + k[i] * c;
  }
  ++*steps;
}

/* part: remember */
/* The n numbers of a step, after those of the steps before. */
static void remember(float *cache, const float *x, int at, int n) {
  memcpy(cache + (size_t)at * n, x, n * sizeof(float));
}

/* part: attention */
/* y = softmax(factor q k + bias) v over `steps` keys and values, per head; with alibi the bias of head h is
   -2^(-8 (h + 1) / heads) for each step that a key lies back; share: `steps` numbers of working memory. */
static void attention(float *y, const float *q, const float *k, const float *v, float *share, int steps, int heads,
                      int dim, float factor, int alibi) {
  int h, i, t;
  for (h = 0; h < heads; ++h) {
    const float slope = alibi ? powf(2.0f, -8.0f * (h + 1) / heads) : 0.0f;
    float most = -INFINITY, sum = 0.0f;
    for (t = 0; t < steps; ++t) {
      float score = 0.0f;
      for (i = 0; i < dim; ++i) score += q[h * dim + i] * k[((size_t)t * heads + h) * dim + i];
      share[t] = factor * score - slope * (steps - 1 - t);
      if (share[t] > most) most = share[t];
    }
    for (t = 0; t < steps; ++t) sum += share[t] = expf(share[t] - most);
    for (i = 0; i < dim; ++i) {
      float total = 0.0f;
      for (t = 0; t < steps; ++t) total += share[t] * v[((size_t)t * heads + h) * dim + i];
      y[h * dim + i] = total / sum;
    }
  }
}

/* part: pool_mean */
/* The mean over all steps; so_far: their sum */
static void pool_mean(float *y, float *so_far, const float *x, int at, int n) {
  int i;
  for (i = 0; i < n; ++i) y[i] = (so_far[i] += x[i]) / (at + 1);
}

/* part: pool_first */
/* The first of all steps */
static void pool_first(float *y, float *so_far, const float *x, int at, int n) {
  if (at == 0) memcpy(so_far, x, n * sizeof(float));
  memcpy(y, so_far, n * sizeof(float));
}

/* part: pool_last */
/* The last of all steps */
static void pool_last(float *y, float *so_far, const float *x, int at, int n) {
  (void)at;
  memcpy(so_far, x, n * sizeof(float));
  memcpy(y, so_far, n * sizeof(float));
}
