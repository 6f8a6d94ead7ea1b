// The visible table of kernel files: a line each.
#include "core/kernels/dispatch.h"

#include "core/kernels/attention.h"
#include "core/kernels/block_linear.h"
#include "core/kernels/conv.h"
#include "core/kernels/gated_norm.h"
#include "core/kernels/gemv.h"
#include "core/kernels/linear_scan.h"
#include "core/kernels/log_mel.h"
#include "core/kernels/long_conv.h"
#include "core/kernels/loss.h"
#include "core/kernels/matrix_recurrence.h"
#include "core/kernels/mlstm.h"
#include "core/kernels/norm.h"
#include "core/kernels/optimizer.h"
#include "core/kernels/pointwise.h"
#include "core/kernels/recurrent.h"
#include "core/kernels/rows.h"
#include "core/kernels/selective_scan.h"
#include "core/kernels/ssd.h"
#include "core/kernels/ssm_scan.h"

// The double build has no hot path: one set. Other processors than x86: the compiler's default.
#if defined(SEQTAPE_X86) && !defined(SEQTAPE_DOUBLE)
#define SEQTAPE_DISPATCH(Table, name) \
  namespace base {                    \
  extern const Table name;            \
  }                                   \
  namespace avx2 {                    \
  extern const Table name;            \
  }                                   \
  namespace avx512 {                  \
  extern const Table name;            \
  }                                   \
  const Dispatch<Table> name{&base::name, &avx2::name, &avx512::name};
#else
#define SEQTAPE_DISPATCH(Table, name) \
  namespace base {                    \
  extern const Table name;            \
  }                                   \
  const Dispatch<Table> name{&base::name, &base::name, &base::name};
#endif

namespace seqtape::inline SEQTAPE_PRECISION::kernels {

SEQTAPE_DISPATCH(Attention, attention)
SEQTAPE_DISPATCH(BlockLinear, block_linear)
SEQTAPE_DISPATCH(Conv, conv)
SEQTAPE_DISPATCH(GatedNorm, gated_norm)
SEQTAPE_DISPATCH(Gemv, gemv)
SEQTAPE_DISPATCH(LinearScan, linear_scan)
SEQTAPE_DISPATCH(LogMel, log_mel)
SEQTAPE_DISPATCH(LongConv, long_conv)
SEQTAPE_DISPATCH(Loss, loss)
SEQTAPE_DISPATCH(MatrixRecurrence, matrix_recurrence)
SEQTAPE_DISPATCH(Mlstm, mlstm)
SEQTAPE_DISPATCH(Norm, norm)
SEQTAPE_DISPATCH(OptimizerKernels, optimizer)
SEQTAPE_DISPATCH(Pointwise, pointwise)
SEQTAPE_DISPATCH(Recurrent, recurrent)
SEQTAPE_DISPATCH(Rows, rows)
SEQTAPE_DISPATCH(SelectiveScan, selective_scan)
SEQTAPE_DISPATCH(Ssd, ssd)
SEQTAPE_DISPATCH(SsmScan, ssm_scan)

}  // namespace seqtape::inline SEQTAPE_PRECISION::kernels
