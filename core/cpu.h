#pragma once
// The processor: its instruction sets, the build of the kernels in use, and memory.

#include <string>

namespace seqtape {

/// Instruction sets that the kernels are compiled for, slowest first.
enum class Isa { base, avx2, avx512 };

/// The best one that this processor supports and this binary was built with.
Isa best_isa();
/// The set in use: the best, unless the environment's SEQTAPE_ISA (base, avx2, avx512) or `set_isa` asks for less.
Isa isa();
/// Throws ConfigError when the processor does not support it.
void set_isa(Isa);
const char* isa_name(Isa);
/// Throws ConfigError for another name.
Isa isa_from_name(const std::string&);

/// "AMD EPYC ...", from /proc/cpuinfo.
std::string processor_name();
/// Bytes of memory of the machine, or the container's limit if that is lower.
double physical_memory();
/// Bytes that can still be allocated without swapping (MemAvailable: free, or held by reclaimable caches).
double available_memory();
/// Resident set of this process now, in bytes.
double resident_memory();
/// Peak resident set of this process, in bytes.
double peak_resident();

}  // namespace seqtape
