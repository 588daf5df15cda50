// Draws: element i depends on (seed, stream, i) alone.
#include "core/cpu/cpu_backend.h"
#include "core/cpu/dispatch.h"
#include "core/parallel.h"
#include "core/random.h"

namespace basin::cpu {
namespace {

constexpr std::int64_t kPairBlock = 2048;

}  // namespace

void CpuBackend::normal(std::uint64_t seed, std::uint64_t stream, const View& y) {
  const Random random(seed, stream);
  const std::int64_t count = y.size();
  dispatch_float(y.dtype, "normal", [&]<class T>(T) {
    T* out = y.as<T>();
    parallel_for_blocks((count + 1) / 2, kPairBlock, [=](std::int64_t begin, std::int64_t end) {
      for (std::int64_t pair = begin; pair < end; ++pair) {
        const auto values = random.normal_pair(static_cast<std::uint64_t>(pair));
        out[2 * pair] = static_cast<T>(values[0]);
        if (2 * pair + 1 < count) out[2 * pair + 1] = static_cast<T>(values[1]);
      }
    });
  });
}

void CpuBackend::uniform(std::uint64_t seed, std::uint64_t stream, const View& y) {
  const Random random(seed, stream);
  dispatch_float(y.dtype, "uniform", [&]<class T>(T) {
    T* out = y.as<T>();
    parallel_for_blocks(y.size(), 2 * kPairBlock, [=](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) out[i] = static_cast<T>(random.uniform(static_cast<std::uint64_t>(i)));
    });
  });
}

}  // namespace basin::cpu
