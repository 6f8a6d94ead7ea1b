#pragma once
// What this processor can run, and which build of the kernels is in use.

#include <string>

namespace seqtape {

/// Instruction sets that the kernels are compiled for, worst first.
enum class Isa { base, avx2, avx512 };

/// The best that this processor runs and this binary holds.
Isa best_isa();
/// The set in use: the best, unless the environment's SEQTAPE_ISA (base, avx2, avx512) or `set_isa` asks for less.
Isa isa();
/// Throws ConfigError when the processor does not run it.
void set_isa(Isa);
const char* isa_name(Isa);
/// Throws ConfigError for another name.
Isa isa_from_name(const std::string&);

/// "AMD EPYC ...", as the kernel reports it.
std::string processor_name();
/// Bytes of memory that the machine (or the container's limit) has.
double physical_memory();
/// Bytes that processes can still take: free, or held by caches that give way.
double available_memory();
/// Resident set of this process now, in bytes.
double resident_memory();
/// Peak resident set of this process so far, in bytes.
double peak_resident();

}  // namespace seqtape
