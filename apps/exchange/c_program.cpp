#include <cmath>

#include "apps/exchange/export.h"
#include "core/error.h"
#include "core/file.h"
#include "core/text.h"
#include "models/mamba_exchange.h"

namespace seqtape {
namespace {

// Behind the sizes. Written to be read: one step of the model is the function `step`.
constexpr const char* kProgram = R"c(
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The weights, in the order in which model.bin has them; matrices are [out, in], row by row. */
static float embedding[VOCAB * D];
static struct layer {
  float norm[D];
  float in_proj[2 * E * D];
#if PROJ_BIAS
  float in_bias[2 * E];
#endif
  float conv[E * K];
#if CONV_BIAS
  float conv_bias[E];
#endif
  float x_proj[(R + 2 * N) * E];
  float dt_proj[E * R];
  float dt_bias[E];
  float a[E * N]; /* A = -exp(a_log) */
  float d[E];
  float out_proj[D * E];
#if PROJ_BIAS
  float out_bias[D];
#endif
} layers[LAYERS];
static float norm[D];
#if !TIED
static float head[VOCAB * D];
#endif
#if HEAD_BIAS
static float head_bias[VOCAB];
#endif

/* What is carried from step to step: the last K-1 inputs of each convolution, oldest first, and the states. */
static float window[LAYERS][E][K];
static float states[LAYERS][E][N];

static int load(const char *path) {
  FILE *file = fopen(path, "rb");
  size_t i, good = 1;
  if (!file) return 0;
  good = good && fread(embedding, sizeof embedding, 1, file) == 1;
  for (i = 0; i < LAYERS; ++i) good = good && fread(&layers[i], sizeof layers[i], 1, file) == 1;
  good = good && fread(norm, sizeof norm, 1, file) == 1;
#if !TIED
  good = good && fread(head, sizeof head, 1, file) == 1;
#endif
#if HEAD_BIAS
  good = good && fread(head_bias, sizeof head_bias, 1, file) == 1;
#endif
  good = good && fgetc(file) == EOF;
  fclose(file);
  return (int)good;
}

/* y = W x + b; b may be null. */
static void linear(float *y, const float *w, const float *b, const float *x, int out, int in) {
  int i, j;
  for (i = 0; i < out; ++i) {
    float sum = b ? b[i] : 0.0f;
    for (j = 0; j < in; ++j) sum += w[i * in + j] * x[j];
    y[i] = sum;
  }
}

/* y = x / sqrt(mean(x^2) + eps) * w */
static void rms_norm(float *y, const float *x, const float *w) {
  float squares = 0.0f, scale;
  int i;
  for (i = 0; i < D; ++i) squares += x[i] * x[i];
  scale = 1.0f / sqrtf(squares / D + EPS);
  for (i = 0; i < D; ++i) y[i] = x[i] * scale * w[i];
}

static float silu(float x) { return x / (1.0f + expf(-x)); }
static float softplus(float x) { return x > 20.0f ? x : log1pf(expf(x)); }

/* One token in, the logits of the next one out. */
static void step(int token, float *logits) {
  static float x[D], normed[D], both[2 * E], u[E], low[R + 2 * N], delta[E], y[E], out[D];
  int l, e, k, n, i;
  memcpy(x, embedding + token * D, sizeof x);
  for (l = 0; l < LAYERS; ++l) {
    const struct layer *w = &layers[l];
    rms_norm(normed, x, w->norm);
#if PROJ_BIAS
    linear(both, w->in_proj, w->in_bias, normed, 2 * E, D);
#else
    linear(both, w->in_proj, NULL, normed, 2 * E, D);
#endif
    for (e = 0; e < E; ++e) { /* the causal convolution over the last K inputs of the channel */
      float sum = 0.0f;
      memmove(window[l][e], window[l][e] + 1, (K - 1) * sizeof(float));
      window[l][e][K - 1] = both[e];
      for (k = 0; k < K; ++k) sum += w->conv[e * K + k] * window[l][e][k];
#if CONV_BIAS
      sum += w->conv_bias[e];
#endif
      u[e] = silu(sum);
    }
    linear(low, w->x_proj, NULL, u, R + 2 * N, E);
    linear(delta, w->dt_proj, w->dt_bias, low, E, R);
    for (e = 0; e < E; ++e) { /* h = exp(delta A) h + delta B u; y = C h + D u */
      const float dt = softplus(delta[e]);
      float sum = 0.0f;
      for (n = 0; n < N; ++n) {
        float *h = &states[l][e][n];
        *h = expf(dt * w->a[e * N + n]) * *h + dt * low[R + n] * u[e];
        sum += low[R + N + n] * *h;
      }
      y[e] = (sum + w->d[e] * u[e]) * silu(both[E + e]);
    }
#if PROJ_BIAS
    linear(out, w->out_proj, w->out_bias, y, D, E);
#else
    linear(out, w->out_proj, NULL, y, D, E);
#endif
    for (i = 0; i < D; ++i) x[i] += out[i];
  }
  rms_norm(normed, x, norm);
#if HEAD_BIAS
  linear(logits, TIED_HEAD, head_bias, normed, VOCAB, D);
#else
  linear(logits, TIED_HEAD, NULL, normed, VOCAB, D);
#endif
}

static int most_likely(const float *logits) {
  int best = 0, i;
  for (i = 1; i < VOCAB; ++i)
    if (logits[i] > logits[best]) best = i;
  return best;
}

static int drawn(const float *logits, float temperature) {
  static float weight[VOCAB];
  const float most = logits[most_likely(logits)];
  float sum = 0.0f, left;
  int i;
  for (i = 0; i < VOCAB; ++i) sum += weight[i] = expf((logits[i] - most) / temperature);
  left = sum * ((float)rand() / ((float)RAND_MAX + 1.0f));
  for (i = 0; i < VOCAB; ++i)
    if ((left -= weight[i]) < 0.0f) return i;
  return VOCAB - 1;
}

int main(int argc, char **argv) {
  static float logits[VOCAB];
  const int count = argc > 3 ? atoi(argv[3]) : 200;
  const float temperature = argc > 4 ? (float)atof(argv[4]) : 0.0f;
  int token, i;
  if (argc < 3 || argv[2][0] == '\0') {
    fprintf(stderr, "usage: %s model.bin PROMPT [TOKENS [TEMPERATURE]]\n", argv[0]);
    return 2;
  }
  if (!load(argv[1])) {
    fprintf(stderr, "%s: cannot be read, or is not this model's\n", argv[1]);
    return 1;
  }
#if BYTES
  for (i = 0; argv[2][i]; ++i) step((unsigned char)argv[2][i], logits);
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
      step((int)number, logits);
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
    step(token, logits);
  }
  putchar('\n');
  return 0;
}
)c";

}  // namespace

void write_c_program(const TrainedModel& trained, const std::filesystem::path& folder, const std::string& title) {
  const MambaNumbers n = MambaNumbers::of(trained.config.model, trained.model->shape());
  refuse_mamba2(n, "c");
  const TaskShape shape = trained.config.task->shape();
  std::string text =
      str("/* ", title,
          ": a Mamba language model (Gu & Dao 2023), exported by seqtape.\n   cc -O3 -std=c99 model.c -lm -o model",
          " && ./model model.bin \"In the beginning\" 200 */\n\n");
  const auto define = [&](const char* name, const auto& value) { text += str("#define ", name, " ", value, "\n"); };
  define("VOCAB", n.vocabulary);
  define("D", str(n.d_model, " /* width */"));
  define("LAYERS", n.layers);
  define("E", str(n.d_inner, " /* inner channels */"));
  define("N", str(n.d_state, " /* states of each */"));
  define("K", str(n.d_conv, " /* taps of the convolution */"));
  define("R", str(n.dt_rank, " /* rank of the step sizes */"));
  define("EPS", format("%.9gf", n.norm_eps));
  define("CONV_BIAS", n.conv_bias ? 1 : 0);
  define("PROJ_BIAS", n.proj_bias ? 1 : 0);
  define("HEAD_BIAS", n.head_bias ? 1 : 0);
  define("TIED", n.tied ? 1 : 0);
  define("TIED_HEAD", n.tied ? "embedding" : "head");
  define("BYTES", shape.bits_unit == "byte" && n.vocabulary == 256 ? 1 : 0);
  std::filesystem::create_directories(folder);
  write_file(folder / "model.c", text + kProgram);

  std::map<std::string, const Parameter*> parameters;
  for (const Parameter* parameter : trained.model->parameters()) parameters[parameter->path] = parameter;
  FileWriter file(folder / "model.bin");
  const auto put = [&](const std::string& path) {
    const Parameter& parameter = *parameters.at(path);
    std::vector<float> values(parameter.variable.data(), parameter.variable.data() + parameter.shape.size());
    if (path.ends_with(".a_log"))
      for (float& value : values) value = static_cast<float>(-std::exp(static_cast<double>(value)));
    file.write({reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)});
  };
  put("embedding.weight");
  for (Index layer = 0; layer < n.layers; ++layer) {
    const std::string block = str("blocks.", layer, "."), mixer = block + "mixer.";
    put(block + "norm.weight");
    put(mixer + "in_proj.weight");
    if (n.proj_bias) put(mixer + "in_proj.bias");
    put(mixer + "conv.weight");
    if (n.conv_bias) put(mixer + "conv.bias");
    for (const char* part : {"x_proj.weight", "dt_proj.weight", "dt_proj.bias", "a_log", "d", "out_proj.weight"})
      put(mixer + part);
    if (n.proj_bias) put(mixer + "out_proj.bias");
  }
  put("norm.weight");
  if (!n.tied) put("head.weight");
  if (n.head_bias) put("head.bias");
  file.finish();
}

}  // namespace seqtape
