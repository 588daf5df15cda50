// Values between element types.
#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "core/cpu/cpu_backend.h"
#include "core/cpu/dispatch.h"
#include "core/parallel.h"

namespace basin::cpu {
namespace {

template <class T>
constexpr bool kIsHalf = std::is_same_v<T, float16> || std::is_same_v<T, bfloat16>;

// Integers from floating-point numbers: towards zero, saturating, 0 for NaN.
template <class To, class From>
To to_integer(From value) {
  constexpr double least = static_cast<double>(std::numeric_limits<To>::min());
  constexpr double beyond = 2 * static_cast<double>(std::numeric_limits<To>::max() / 2 + 1);  // exact, unlike max
  const double x = static_cast<double>(value);
  if (x >= beyond) return std::numeric_limits<To>::max();
  if (x <= least) return std::numeric_limits<To>::min();
  return x == x ? static_cast<To>(x) : To{0};
}

template <class To, class From>
To convert(From value) {
  if constexpr (std::is_same_v<To, From>) {
    return value;
  } else if constexpr (kIsHalf<From>) {
    return convert<To>(to_float(value));
  } else if constexpr (std::is_same_v<To, float16>) {
    return to_float16(static_cast<float>(value));
  } else if constexpr (std::is_same_v<To, bfloat16>) {
    return to_bfloat16(static_cast<float>(value));
  } else if constexpr (std::is_integral_v<To> && std::is_floating_point_v<From>) {
    return to_integer<To>(value);
  } else {
    return static_cast<To>(value);
  }
}

}  // namespace

void CpuBackend::fill(const View& y, double value) {
  dispatch_any(y.dtype, [&]<class T>(T) {
    T* out = y.as<T>();
    const T typed = convert<T>(value);
    parallel_for_blocks(y.size(), kElementBlock,
                        [=](std::int64_t begin, std::int64_t end) { std::fill(out + begin, out + end, typed); });
  });
}

void CpuBackend::cast(const ConstView& x, const View& y) {
  dispatch_any(x.dtype, [&]<class From>(From) {
    dispatch_any(y.dtype, [&]<class To>(To) {
      const From* in = x.as<From>();
      To* out = y.as<To>();
      parallel_for_blocks(y.size(), kElementBlock, [=](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) out[i] = convert<To>(in[i]);
      });
    });
  });
}

}  // namespace basin::cpu
