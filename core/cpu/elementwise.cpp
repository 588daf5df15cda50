// One value out for one value in. NaN in gives NaN out, in relu, maximum and minimum too.
#include <algorithm>
#include <cmath>

#include "core/cpu/cpu_backend.h"
#include "core/cpu/dispatch.h"
#include "core/cpu/streaming.h"
#include "core/parallel.h"

namespace basin::cpu {
namespace {

constexpr std::int64_t kTile = 512;  // elements: fits the level-1 cache several times

// y[i] = f(inputs[i]...), each input of y's shape and type T.
template <class T, class F, class... Inputs>
void map(const View& y, F f, const Inputs&... inputs) {
  T* array = y.as<T>();
  const std::int64_t size = y.size();
  const auto tile_kernel = [f](T* out, std::int64_t length, const auto*... in) {
#pragma GCC ivdep  // out may be one of the inputs, never partly overlap it
    for (std::int64_t i = 0; i < length; ++i) out[i] = f(in[i]...);
  };
  parallel_for_blocks(size, kElementBlock, [&](std::int64_t begin, std::int64_t end) {
    const TileWriter<T> out(array, size, kTile);
    for (std::int64_t at = begin; at < end; at += kTile) {
      const std::int64_t length = std::min(kTile, end - at);
      prefetch_ahead(length, inputs.template as<T>() + at...);
      tile_kernel(out.tile(at), length, inputs.template as<T>() + at...);
      out.store(at, length);
    }
  });
}

// 1 / (1 + exp(-x)) without overflow on either side.
template <class T>
T logistic(T x) {
  const T e = std::exp(-std::abs(x));
  return (x < 0 ? e : T{1}) / (1 + e);
}

}  // namespace

void CpuBackend::unary(Unary f, const ConstView& x, const View& y) {
  dispatch_float(y.dtype, "unary", [&]<class T>(T) {
    switch (f) {
      case Unary::negate:
        return map<T>(
            y, [](T v) { return -v; }, x);
      case Unary::exp:
        return map<T>(
            y, [](T v) { return std::exp(v); }, x);
      case Unary::log:
        return map<T>(
            y, [](T v) { return std::log(v); }, x);
      case Unary::sqrt:
        return map<T>(
            y, [](T v) { return std::sqrt(v); }, x);
      case Unary::tanh:
        return map<T>(
            y, [](T v) { return std::tanh(v); }, x);
      case Unary::sigmoid:
        return map<T>(
            y, [](T v) { return logistic(v); }, x);
      case Unary::relu:
        return map<T>(
            y, [](T v) { return v < 0 ? T{0} : v; }, x);
      case Unary::abs:
        return map<T>(
            y, [](T v) { return std::abs(v); }, x);
      case Unary::sign:
        return map<T>(
            y, [](T v) { return v > 0   ? T{1}
                                : v < 0 ? T{-1}
                                        : v; }, x);
    }
  });
}

void CpuBackend::binary(Binary f, const ConstView& a, const ConstView& b, const View& y) {
  dispatch_float(y.dtype, "binary", [&]<class T>(T) {
    switch (f) {
      case Binary::add:
        return map<T>(
            y, [](T u, T v) { return u + v; }, a, b);
      case Binary::subtract:
        return map<T>(
            y, [](T u, T v) { return u - v; }, a, b);
      case Binary::multiply:
        return map<T>(
            y, [](T u, T v) { return u * v; }, a, b);
      case Binary::divide:
        return map<T>(
            y, [](T u, T v) { return u / v; }, a, b);
      case Binary::maximum:
        return map<T>(
            y, [](T u, T v) { return u >= v || u != u ? u : v; }, a, b);
      case Binary::minimum:
        return map<T>(
            y, [](T u, T v) { return u <= v || u != u ? u : v; }, a, b);
      case Binary::greater:
        return map<T>(
            y, [](T u, T v) { return u > v ? T{1} : T{0}; }, a, b);
      case Binary::greater_equal:
        return map<T>(
            y, [](T u, T v) { return u >= v ? T{1} : T{0}; }, a, b);
    }
  });
}

void CpuBackend::affine(const ConstView& x, double scale, double shift, const View& y) {
  dispatch_float(y.dtype, "affine", [&]<class T>(T) {
    map<T>(
        y, [s = static_cast<T>(scale), t = static_cast<T>(shift)](T v) { return s * v + t; }, x);
  });
}

void CpuBackend::select(const ConstView& mask, const ConstView& a, const ConstView& b, const View& y) {
  dispatch_float(y.dtype, "select", [&]<class T>(T) {
    map<T>(
        y, [](T m, T u, T v) { return m != 0 ? u : v; }, mask, a, b);
  });
}

}  // namespace basin::cpu
