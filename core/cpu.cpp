#include "core/cpu.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <limits>

#include "core/error.h"

namespace seqtape {
namespace {

constexpr const char* kNames[] = {"base", "avx2", "avx512"};

Isa initial_isa() {
  const char* wanted = std::getenv("SEQTAPE_ISA");
  if (!wanted || !*wanted) return best_isa();
  const Isa isa = isa_from_name(wanted);
  if (isa > best_isa()) throw ConfigError(str("SEQTAPE_ISA: this processor does not run ", wanted));
  return isa;
}

Isa& current() {
  static Isa isa = initial_isa();
  return isa;
}

}  // namespace

Isa best_isa() {
#ifdef SEQTAPE_X86
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
    return Isa::avx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2"))
    return Isa::avx2;
#endif
  return Isa::base;
}

Isa isa() { return current(); }

void set_isa(Isa isa) {
  if (isa > best_isa()) throw ConfigError(str("this processor does not run ", isa_name(isa)));
  current() = isa;
}

const char* isa_name(Isa isa) { return kNames[static_cast<int>(isa)]; }

Isa isa_from_name(const std::string& name) {
  for (int i = 0; i < 3; ++i)
    if (name == kNames[i]) return static_cast<Isa>(i);
  throw ConfigError(str("instruction set: must be base, avx2 or avx512, got \"", name, "\""));
}

std::string processor_name() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);)
    if (line.rfind("model name", 0) == 0) return line.substr(std::min(line.size(), line.find(':') + 2));
  return "unknown";
}

double physical_memory() {
  double bytes = static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGE_SIZE));
  std::ifstream limit("/sys/fs/cgroup/memory.max");
  double limited = 0;
  if (limit >> limited && limited > 0) bytes = std::min(bytes, limited);
  return bytes;
}

namespace {

/// What the control group leaves: its limit without what it holds, of which the page cache can be given back.
double left_by_control_group() {
  double limit = 0, held = 0, cache = 0;
  std::ifstream limit_file("/sys/fs/cgroup/memory.max"), held_file("/sys/fs/cgroup/memory.current"),
      parts("/sys/fs/cgroup/memory.stat");
  if (!(limit_file >> limit) || !(held_file >> held)) return std::numeric_limits<double>::infinity();  // none, or "max"
  std::string name;
  for (double bytes = 0; parts >> name >> bytes;)
    if (name == "inactive_file") cache = bytes;
  return std::max(0.0, limit - held + cache);
}

}  // namespace

double available_memory() {
  double bytes = std::min(physical_memory(), left_by_control_group());
  std::ifstream info("/proc/meminfo");
  for (std::string line; std::getline(info, line);)
    if (line.rfind("MemAvailable:", 0) == 0) bytes = std::min(bytes, 1024 * std::stod(line.substr(13)));
  return bytes;
}

double resident_memory() {
  std::ifstream info("/proc/self/statm");
  double pages = 0, resident = 0;
  info >> pages >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGE_SIZE));
}

double peak_resident() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) * 1024;
}

}  // namespace seqtape
