#include "core/cpu/features.h"

#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "core/choice.h"

namespace basin {
namespace {

constexpr std::size_t kFeatures = 4;
constexpr Choice<CpuFeature> kHideable[] = {
    {"amx", CpuFeature::amx}, {"avx512", CpuFeature::avx512}, {"avx2", CpuFeature::avx2}};

// Registers that the system saves when it switches threads (XCR0), without which instructions on them fault.
constexpr std::uint64_t kYmm = 0b110, kZmm = 0b1110'0110, kTiles = 0b11 << 17;

struct Cpuid {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;  // 0 where the processor does not know the leaf
  Cpuid(unsigned leaf, unsigned subleaf) { __get_cpuid_count(leaf, subleaf, &eax, &ebx, &ecx, &edx); }
};

bool bit(unsigned value, int index) { return (value >> index & 1) != 0; }

std::uint64_t saved_registers() {
  constexpr int kOsXsave = 27;
  if (!bit(Cpuid(1, 0).ecx, kOsXsave)) return 0;
  std::uint32_t low = 0, high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return std::uint64_t{high} << 32 | low;
}

// Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2A, CPUID.
bool processor_has(CpuFeature feature) {
  const Cpuid base(1, 0), extended(7, 0), more(7, 1);
  switch (feature) {
    case CpuFeature::avx2:
      return bit(extended.ebx, 5) && bit(base.ecx, 12);
    case CpuFeature::avx512:
      return bit(extended.ebx, 16) && bit(extended.ebx, 17) && bit(extended.ebx, 30) && bit(extended.ebx, 31);
    case CpuFeature::avx512_bf16:
      return bit(more.eax, 5);
    case CpuFeature::amx:
      return bit(extended.edx, 24) && bit(extended.edx, 22);
  }
  return false;
}

bool system_grants(CpuFeature feature) {
  const auto saves = [saved = saved_registers()](std::uint64_t registers) { return (saved & registers) == registers; };
  if (feature == CpuFeature::avx2) return saves(kYmm);
  if (feature != CpuFeature::amx) return saves(kZmm);
  // Tiles are 8 KiB of state a thread, which Linux gives to a process that asks (Documentation/arch/x86/xstate.rst).
  constexpr long kRequestPermission = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  return saves(kTiles) && ::syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

const char* hide_variable() {
  const char* list = std::getenv("BASIN_HIDE_CPU");
  return list == nullptr ? "" : list;
}

using Obstacles = std::array<std::string, kFeatures>;

Obstacles find_obstacles() {
  const std::vector<CpuFeature> hidden = parse_hidden_features(hide_variable());
  Obstacles obstacles;
  for (std::size_t i = 0; i < kFeatures; ++i) {
    const auto feature = static_cast<CpuFeature>(i);
    if (!processor_has(feature))
      obstacles[i] = "the processor has no " + name_of(feature);
    else if (std::find(hidden.begin(), hidden.end(), feature) != hidden.end())
      obstacles[i] = name_of(feature) + " is hidden by BASIN_HIDE_CPU";
    else if (!system_grants(feature))
      obstacles[i] = "the system does not grant " + name_of(feature) + " to this process";
  }
  return obstacles;
}

}  // namespace

std::string name_of(CpuFeature feature) {
  switch (feature) {
    case CpuFeature::avx2:
      return "AVX2";
    case CpuFeature::avx512:
      return "AVX-512";
    case CpuFeature::avx512_bf16:
      return "AVX-512 BF16";
    case CpuFeature::amx:
      return "AMX";
  }
  return "";
}

std::string cpu_obstacle(CpuFeature feature) {
  static const Obstacles obstacles = find_obstacles();
  return obstacles[static_cast<std::size_t>(feature)];
}

bool cpu_has(CpuFeature feature) { return cpu_obstacle(feature).empty(); }

std::string hidden_cpu_features() { return hide_variable(); }

std::vector<CpuFeature> parse_hidden_features(std::string_view list) {
  std::vector<CpuFeature> hidden;
  while (!list.empty()) {
    const std::size_t length = std::min(list.find(','), list.size());
    // Each includes those that build upon it, as on real processors.
    const CpuFeature lowest = parse_choice("BASIN_HIDE_CPU", list.substr(0, length), kHideable);
    for (std::size_t i = static_cast<std::size_t>(lowest); i < kFeatures; ++i)
      hidden.push_back(static_cast<CpuFeature>(i));
    list.remove_prefix(std::min(length + 1, list.size()));
  }
  return hidden;
}

}  // namespace basin
