// The lowerings of the example op, compiled as the tables of the targets would take them.
#include "models/export/c/fo_pool.h"
#include "models/export/onnx/fo_pool.h"

namespace seqtape {

void add_examples(OnnxLowerings& onnx, CLowerings& c) {
  onnx.add(fo_pool);
  c.add(fo_pool);
}

}  // namespace seqtape
