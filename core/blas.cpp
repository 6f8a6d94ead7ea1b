#include "core/blas.h"

#include <cblas.h>
#include <omp.h>
#ifdef SEQTAPE_ONEDNN
#include <oneapi/dnnl/dnnl.h>
#endif

#include <vector>

#include "core/cpu.h"
#include "core/error.h"
#include "core/threads.h"

namespace seqtape {
namespace {

constexpr int kM = 37, kN = 51, kK = 67;

/// Old builds choose kernels that miscompute on some newer processors: one odd-shaped product against plain loops.
bool miscomputes(void (*product)(const float* a, const float* b, float* c)) {
  std::vector<float> a(kM * kK), b(kK * kN), c(kM * kN);
  for (int i = 0; i < kM * kK; ++i) a[static_cast<std::size_t>(i)] = static_cast<float>(i * 7 % 13 - 6);
  for (int i = 0; i < kK * kN; ++i) b[static_cast<std::size_t>(i)] = static_cast<float>(i * 5 % 11 - 5);
  product(a.data(), b.data(), c.data());
  for (int i = 0; i < kM; ++i)
    for (int j = 0; j < kN; ++j) {
      float want = 0;  // small whole numbers: exact in any order
      for (int p = 0; p < kK; ++p)
        want += a[static_cast<std::size_t>(i * kK + p)] * b[static_cast<std::size_t>(p * kN + j)];
      if (c[static_cast<std::size_t>(i * kN + j)] != want) return true;
    }
  return false;
}

}  // namespace

void prepare_blas() {
  // OpenBLAS makes the number OpenMP's default: read ours first.
  static const bool once = (static_cast<void>(thread_count()), openblas_set_num_threads(1), true);
  static_cast<void>(once);
  // oneDNN uses OpenMP's default, which is kept per thread; our loops set their number explicitly.
  thread_local const bool here = (omp_set_num_threads(1), true);
  static_cast<void>(here);
}

std::string openblas_core() { return openblas_get_corename(); }

std::string blas_core() {
#ifdef SEQTAPE_ONEDNN
  const dnnl_version_t* version = dnnl_version();
  const auto set = static_cast<unsigned>(dnnl_get_effective_cpu_isa());
  const auto has = [&](dnnl_cpu_isa_t wanted) { return (set & wanted) == static_cast<unsigned>(wanted); };
  const char* name = has(dnnl_cpu_isa_avx512_core) ? "AVX-512" : has(dnnl_cpu_isa_avx2) ? "AVX2" : "SSE or AVX";
  return str("oneDNN ", version->major, '.', version->minor, '.', version->patch, " (", name, ')');
#else
  return "OpenBLAS " + openblas_core();
#endif
}

std::string blas_problem() {
  // 0: sequential, 1: own threads, 2: OpenMP. The build with its own threads competes with ours for the cores,
  // which halves the speed.
  if (openblas_get_parallel() == 1)
    return "OpenBLAS runs its own threads beside ours, which halves the speed; install libopenblas0-openmp";
  prepare_blas();
  if (miscomputes([](const float* a, const float* b, float* c) {
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, kM, kN, kK, 1, a, kK, b, kN, 0, c, kN);
      }))
    return str("OpenBLAS computes wrong products with its ", openblas_core(),
               " kernels on this processor; set OPENBLAS_CORETYPE=Haswell in the environment");
#ifdef SEQTAPE_ONEDNN
  if (miscomputes([](const float* a, const float* b, float* c) {
        dnnl_sgemm('N', 'N', kM, kN, kK, 1, a, kK, b, kN, 0, c, kN);
      }))
    return str(blas_core(),
               " computes wrong products on this processor; set ONEDNN_MAX_CPU_ISA=AVX2 in the environment");
#endif
  return "";
}

}  // namespace seqtape
