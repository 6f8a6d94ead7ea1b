#include "core/environment.h"

#include <unistd.h>

#include <cstdlib>
#include <set>
#include <string>

#include "core/blas.h"
#include "core/cpu.h"
#include "core/threads.h"

namespace seqtape {
namespace {

bool set_if_absent(const char* variable, const char* value) {
  return !std::getenv(variable) && ::setenv(variable, value, 1) == 0;
}

/// The library chose kernels that do not use the processor's vector instructions.
bool has_old_kernels() {
  static const std::set<std::string> old{
      "Generic", "Katmai", "Coppermine", "Northwood",    "Prescott",  "Banias", "Core2", "Penryn", "Dunnington",
      "Nehalem", "Athlon", "Opteron",    "Opteron_SSE3", "Barcelona", "Bobcat", "Atom",  "Nano",   "Sandybridge"};
  return best_isa() >= Isa::avx2 && old.count(openblas_core());
}

}  // namespace

void settle_environment(char** argv) {
  bool changed = false;
  // What newer versions of the library choose for processors that older ones do not know, AMD's included.
  if (has_old_kernels())
    changed |= set_if_absent("OPENBLAS_CORETYPE", best_isa() == Isa::avx512 ? "SkylakeX" : "Haswell");
  if (thread_count() <= 2 && !std::getenv("OMP_WAIT_POLICY")) changed |= set_if_absent("GOMP_SPINCOUNT", "1000");
  if (changed) ::execv("/proc/self/exe", argv);
}

}  // namespace seqtape
