#pragma once
// Selection of a kernel's build at run time. Each kernel file declares a table of functions and defines it once per
// instruction set; `Dispatch` holds the tables and picks one by `isa()`. The tables are constants: no code runs before
// main, and none of a set that the processor lacks.

#include "core/cpu.h"
#include "core/real.h"

namespace seqtape {

template <class Table>
class Dispatch {
 public:
  constexpr Dispatch(const Table* base, const Table* avx2, const Table* avx512) : tables_{base, avx2, avx512} {}
  const Table* operator->() const { return tables_[static_cast<int>(isa())]; }

 private:
  const Table* tables_[3];
};

}  // namespace seqtape
