#include "core/cpu/features.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "core/cpu/compute.h"
#include "core/cpu/onednn.h"
#include "tests/expect_error.h"

namespace basin {
namespace {

const CpuFeature kAll[] = {CpuFeature::avx2, CpuFeature::avx512, CpuFeature::avx512_bf16, CpuFeature::amx};

// The flags that the kernel lists.
bool kernel_lists(const std::string& wanted) {
  std::ifstream stream("/proc/cpuinfo");
  for (std::string line; std::getline(stream, line);) {
    if (!line.starts_with("flags")) continue;
    std::istringstream flags(line);
    for (std::string flag; flags >> flag;)
      if (flag == wanted) return true;
    return false;
  }
  return false;
}

bool is_hidden(CpuFeature feature) {
  const std::vector<CpuFeature> hidden = parse_hidden_features(hidden_cpu_features());
  return std::find(hidden.begin(), hidden.end(), feature) != hidden.end();
}

void expect_as_listed(CpuFeature feature, bool listed) {
  EXPECT_EQ(cpu_has(feature), listed && !is_hidden(feature)) << name_of(feature) << ": " << cpu_obstacle(feature);
  if (!listed) {
    EXPECT_EQ(cpu_obstacle(feature), "the processor has no " + name_of(feature));
  }
}

TEST(CpuFeatures, AreThoseThatTheKernelLists) {
  expect_as_listed(CpuFeature::avx2, kernel_lists("avx2") && kernel_lists("fma"));
  expect_as_listed(CpuFeature::avx512, kernel_lists("avx512f") && kernel_lists("avx512bw") &&
                                           kernel_lists("avx512dq") && kernel_lists("avx512vl"));
  expect_as_listed(CpuFeature::avx512_bf16, kernel_lists("avx512_bf16"));
}

// The permission is the kernel's to give, so the flags alone do not tell.
TEST(CpuFeatures, AmxNeedsTheFlagsAndIsNotThereWhenHidden) {
  if (!kernel_lists("amx_tile") || !kernel_lists("amx_bf16") || is_hidden(CpuFeature::amx)) {
    EXPECT_FALSE(cpu_has(CpuFeature::amx));
  } else {
    EXPECT_TRUE(cpu_has(CpuFeature::amx) ||
                cpu_obstacle(CpuFeature::amx) == "the system does not grant AMX to this process");
  }
}

TEST(CpuFeatures, AHiddenOneIsSaidToBeHidden) {
  for (const CpuFeature feature : kAll) {
    if (!is_hidden(feature)) continue;
    const std::string name = name_of(feature), why = cpu_obstacle(feature);
    EXPECT_TRUE(why == name + " is hidden by BASIN_HIDE_CPU" || why == "the processor has no " + name) << why;
  }
}

TEST(CpuFeatures, HoldOneDnn) {
  const auto isa = static_cast<unsigned>(cpu::dnnl_isa());
  const auto uses = [&](dnnl::cpu_isa of) { return (isa & static_cast<unsigned>(of)) == static_cast<unsigned>(of); };
  EXPECT_TRUE(cpu_has(CpuFeature::amx) || !uses(dnnl::cpu_isa::avx512_core_amx));
  EXPECT_TRUE(cpu_has(CpuFeature::avx512_bf16) || !uses(dnnl::cpu_isa::avx512_core_bf16));
  EXPECT_TRUE(cpu_has(CpuFeature::avx512) || !uses(dnnl::cpu_isa::avx512_core));
  EXPECT_TRUE(cpu_has(CpuFeature::avx2) || !uses(dnnl::cpu_isa::avx2));
  EXPECT_TRUE(cpu_has(CpuFeature::avx512_bf16) || !bf16_supported());
}

TEST(CpuFeatures, HidingOneHidesThoseThatBuildUponIt) {
  using enum CpuFeature;
  EXPECT_EQ(parse_hidden_features(""), std::vector<CpuFeature>());
  EXPECT_EQ(parse_hidden_features("amx"), std::vector{amx});
  EXPECT_EQ(parse_hidden_features("avx512"), (std::vector{avx512, avx512_bf16, amx}));
  EXPECT_EQ(parse_hidden_features("avx2"), (std::vector{avx2, avx512, avx512_bf16, amx}));
  EXPECT_EQ(parse_hidden_features("amx,avx512"), (std::vector{amx, avx512, avx512_bf16, amx}));
}

TEST(CpuFeatures, AnUnknownWordIsAnError) {
  expect_error([] { parse_hidden_features("avx51"); }, {"BASIN_HIDE_CPU", "'avx51'", "did you mean avx512?"});
  expect_error([] { parse_hidden_features("amx, avx2"); }, {"' avx2'", "amx, avx512 or avx2"});
}

}  // namespace
}  // namespace basin
