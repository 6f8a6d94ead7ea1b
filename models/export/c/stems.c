/* Further functions of exported C programs, as in functions.c: what comes before a model's encoder. */
/* clang-format off */

/* part: next_frame */
/* Puts a step of `width` numbers behind the last ones of a frame; 1 when it is whole: after every `stride` steps. */
static int next_frame(float *frame, int *steps, const float *step, int size, int stride, int width) {
  if (*steps == stride) {
    memmove(frame, frame + (size_t)stride * width, (size_t)(size - stride) * width * sizeof(float));
    *steps = 0;
  }
  memcpy(frame + (size_t)(size - stride + *steps) * width, step, width * sizeof(float));
  return ++*steps == stride;
}

/* part: log_mel */
/* The logarithm of the power in each band, from a transform of n points, a power of two, in z: [n, 2]. */
static void log_mel(float *y, const float *x, const float *hann, const float *position, float *z, int window, int n,
                    int bands) {
  int half, i, j, k;
  memset(z, 0, (size_t)(2 * n) * sizeof(float));
  for (i = j = 0; i < window; ++i) { /* j: the bits of i in reverse order */
    z[2 * j] = x[i] * hann[i];
    for (k = n / 2; k > 0 && (j & k); k /= 2) j ^= k;
    j |= k;
  }
  for (half = 1; half < n; half *= 2)
    for (k = 0; k < half; ++k) {
      const float re = (float)cos(3.14159265358979324 * k / half), im = -(float)sin(3.14159265358979324 * k / half);
      for (i = k; i < n; i += 2 * half) {
        float *const a = z + 2 * i, *const b = a + 2 * half;
        const float b_re = re * b[0] - im * b[1], b_im = re * b[1] + im * b[0];
        b[0] = a[0] - b_re, b[1] = a[1] - b_im;
        a[0] += b_re, a[1] += b_im;
      }
    }
  for (i = 0; i < bands; ++i) y[i] = 0.0f;
  for (k = 1; k <= n / 2; ++k) {
    const float power = z[2 * k] * z[2 * k] + z[2 * k + 1] * z[2 * k + 1], share = position[k] - (int)position[k];
    const int band = (int)position[k];
    if (position[k] == 0.0f) continue;
    if (band > 0) y[band - 1] += (1.0f - share) * power;
    if (band < bands) y[band] += share * power;
  }
  for (i = 0; i < bands; ++i) y[i] = log10f(y[i] > 1e-10f ? y[i] : 1e-10f);
}
