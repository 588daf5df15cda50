#include "core/cpu/onednn.h"

#include <omp.h>

#include <atomic>

#include "core/cpu/compute.h"
#include "core/cpu/features.h"
#include "core/cpu/memory_pool.h"
#include "core/error.h"

namespace basin {
namespace cpu {
namespace {

// oneDNN knows the processor by itself, but not what BASIN_HIDE_CPU hides of it.
bool limit_dnnl() {
  if (hidden_cpu_features().empty()) return true;
  const dnnl::cpu_isa most = !cpu_has(CpuFeature::avx2)     ? dnnl::cpu_isa::avx
                             : !cpu_has(CpuFeature::avx512) ? dnnl::cpu_isa::avx2
                             : !cpu_has(CpuFeature::amx)    ? dnnl::cpu_isa::avx512_core_bf16
                                                            : dnnl::cpu_isa::all;
  check(dnnl::set_max_cpu_isa(most) == dnnl::status::success,
        "BASIN_HIDE_CPU: oneDNN cannot be limited: it is in use already, or was built without that");
  return true;
}

void ensure_limit() { static const bool limited [[maybe_unused]] = limit_dnnl(); }

}  // namespace

dnnl::cpu_isa dnnl_isa() {
  ensure_limit();
  return dnnl::get_effective_cpu_isa();
}

const dnnl::engine& dnnl_engine() {
  ensure_limit();
  static const dnnl::engine& engine = *new dnnl::engine(dnnl::engine::kind::cpu, 0);  // never destroyed, as the pool
  return engine;
}

dnnl::stream& dnnl_stream() {
  static thread_local dnnl::stream stream = [] {
    omp_set_num_threads(1);
    return dnnl::stream(dnnl_engine());
  }();
  return stream;
}

void execute(const dnnl::primitive& primitive, const dnnl::memory::desc& scratchpad,
             std::unordered_map<int, dnnl::memory> arguments) {
  const Scratch scratch(scratchpad.get_size());
  if (scratchpad.get_size() > 0) arguments.emplace(DNNL_ARG_SCRATCHPAD, dnnl_memory(scratchpad, scratch.data()));
  primitive.execute(dnnl_stream(), arguments);
}

}  // namespace cpu

namespace {
std::atomic<Compute> current_compute = Compute::f32;
}

bool bf16_supported() { return bf16_obstacle().empty(); }

std::string bf16_obstacle() {
  const auto isa = static_cast<unsigned>(cpu::dnnl_isa());
  const auto bf16 = static_cast<unsigned>(dnnl::cpu_isa::avx512_core_bf16);
  if ((isa & bf16) == bf16) return "";
  const std::string obstacle = cpu_obstacle(CpuFeature::avx512_bf16);
  return obstacle.empty() ? "oneDNN is kept from using AVX-512 BF16" : obstacle;
}

void set_compute(Compute compute) {
  check(compute == Compute::f32 || bf16_supported(), "precision bf16: ", bf16_obstacle());
  current_compute = compute;
}

Compute compute() { return current_compute; }

}  // namespace basin
