// What this process may use of the processor beyond x86-64-v2, for code that is chosen at run time.
//
// The environment variable BASIN_HIDE_CPU, a list such as "amx,avx512", hides features that are there, so that what
// other processors run can be tested: amx; avx512 and with it amx; avx2 and with it both. oneDNN is held to it too.
// What the compiler made of the rest of Basin is not: a build for the machine (-march=native) keeps its own vector
// instructions.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace basin {

enum class CpuFeature : std::uint8_t {
  avx2,         // AVX2 and FMA
  avx512,       // AVX-512 F, BW, DQ and VL
  avx512_bf16,  // AVX512_BF16: products of bfloat16 pairs, rounding
  amx,          // AMX tiles and their products of bfloat16, with the system's permission for this process
};

std::string name_of(CpuFeature feature);  // "AVX2", "AVX-512", "AVX-512 BF16", "AMX"

// Why this process may not use the feature: "the processor has no AMX", "AMX is hidden by BASIN_HIDE_CPU", "the system
// does not grant AMX to this process"; "" where it may. Error if BASIN_HIDE_CPU holds an unknown word.
std::string cpu_obstacle(CpuFeature feature);
bool cpu_has(CpuFeature feature);

std::string hidden_cpu_features();  // BASIN_HIDE_CPU as it is set, "" where it hides nothing

// What a list of words, separated by commas, hides. Error at a word that is none of amx, avx512, avx2.
std::vector<CpuFeature> parse_hidden_features(std::string_view list);

}  // namespace basin
