/* The C files of a model, model.h and model.c, put together by program.cpp: what is the model's own goes into the slots.
   Files get the text as it is here; only a name given to the export takes the place of "model" in what is public. */
/* clang-format off */

/* part: header */
/* {{title}}: a {{architecture}} model, exported by seqtape. README.md has the lines that use it, main.c is a program.
   What changes lives in structs of the caller's: any number of models run side by side, each in a thread of its own.
   Weights stay as they are once they are loaded, and may be shared. */
#ifndef MODEL_H
#define MODEL_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/*{{context}}*/
enum {
  /*{{sizes}}*/
};

/* The weights: what model.bin has, in its order. It may as well be linked in or mapped, and used as this struct.
   Matrices are [out, in], row by row. */
struct model_weights {
  /*{{weights}}*/
};

/* A model that reads a sequence. */
struct model {
  const struct model_weights *weights;
  int position; /* steps so far */

  /* What is carried from step to step. */
  /*{{states}}*/

  /* Working memory. */
  /*{{memory}}*/
};

/* Reads the weights; 0 where the file cannot be read or is not this model's. */
int model_load(struct model_weights *weights, const char *path);

/* To be called first: the weights that the model uses. */
void model_start(struct model *m, const struct model_weights *weights);

/* Back to the start of a sequence. */
void model_reset(struct model *m);

/* One step of the sequence in, the logits after it out: MODEL_OUTPUTS numbers; 0 where the sequence is longer than the
   model can be. {{step_input}} */
int model_step(struct model *m, /*{{input}}*/ float *logits);
/*{{interface}}*/

#ifdef __cplusplus
}
#endif

#endif /* MODEL_H */

/* part: program */
/* {{title}}: a {{architecture}} model, exported by seqtape.
   cc -O3 -std=c99 model.c -lm -o model && ./model model.bin {{arguments}}
   builds and runs the program of main.c. With -DNO_MAIN this file is the model alone, for a program of yours. */
#include "model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VOCAB /*{{vocabulary}}*/
#define FEATURES /*{{features}}*/
#define OUTPUTS /*{{outputs}}*/
#define POOLED /*{{pooled}}*/
#define BYTES /*{{bytes}}*/

/* The struct has the bytes of model.bin: nothing between its members. */
typedef char model_weights_without_gaps[sizeof(struct model_weights) == /*{{count}}*/ * sizeof(float) ? 1 : -1];

int model_load(struct model_weights *weights, const char *path) {
  FILE *file = fopen(path, "rb");
  int good;
  if (!file) return 0;
  good = fread(weights, sizeof *weights, 1, file) == 1 && fgetc(file) == EOF;
  fclose(file);
  return good;
}

void model_start(struct model *m, const struct model_weights *weights) {
  m->weights = weights;
  model_reset(m);
}

void model_reset(struct model *m) {
  m->position = 0;
  /*{{reset}}*/
}
/*{{functions}}*/

int model_step(struct model *m, /*{{input}}*/ float *logits) {
  const struct model_weights *const w = m->weights;
  /*{{end}}*/
  /*{{step}}*/
  ++m->position;
  return 1;
}
/*{{data}}*/

#ifndef NO_MAIN
#include "main.c"
#endif

/* part: context */
/* The steps that it can look back on{{limit}}. Other ones: -DCONTEXT=N, for every file that includes this one. */
#ifdef CONTEXT
#define MODEL_CONTEXT CONTEXT
#else
#define MODEL_CONTEXT /*{{steps}}*/
#endif

/* part: end */
  if (m->position == MODEL_CONTEXT) return 0;
