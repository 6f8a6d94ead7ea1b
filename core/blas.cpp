#include "core/blas.h"

#include <cblas.h>

#include <vector>

#include "core/cpu.h"
#include "core/error.h"
#include "core/threads.h"

namespace seqtape {

void prepare_blas() {
  // OpenBLAS passes the number on to OpenMP as its default: ask for ours first.
  static const bool once = (static_cast<void>(thread_count()), openblas_set_num_threads(1), true);
  static_cast<void>(once);
}

std::string blas_core() { return openblas_get_corename(); }

std::string blas_problem() {
  // 0: sequential, 1: own threads, 2: OpenMP. The build with own threads fights ours for the cores and halves the
  // speed.
  if (openblas_get_parallel() == 1)
    return "OpenBLAS runs its own threads beside ours, which halves the speed; install libopenblas0-openmp";
  // Old builds choose kernels that miscompute on some newer processors: one odd-shaped product against plain loops.
  constexpr int m = 37, n = 51, k = 67;
  std::vector<float> a(m * k), b(k * n), c(m * n);
  for (int i = 0; i < m * k; ++i) a[static_cast<std::size_t>(i)] = static_cast<float>(i * 7 % 13 - 6);
  for (int i = 0; i < k * n; ++i) b[static_cast<std::size_t>(i)] = static_cast<float>(i * 5 % 11 - 5);
  prepare_blas();
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, m, n, k, 1, a.data(), k, b.data(), n, 0, c.data(), n);
  for (int i = 0; i < m; ++i)
    for (int j = 0; j < n; ++j) {
      float want = 0;  // small whole numbers: exact in any order
      for (int p = 0; p < k; ++p)
        want += a[static_cast<std::size_t>(i * k + p)] * b[static_cast<std::size_t>(p * n + j)];
      if (c[static_cast<std::size_t>(i * n + j)] != want)
        return str("OpenBLAS computes wrong products with its ", blas_core(),
                   " kernels on this processor; set OPENBLAS_CORETYPE=Haswell in the environment");
    }
  return "";
}

}  // namespace seqtape
