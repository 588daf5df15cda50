// One value out for one value in. NaN in gives NaN out, in relu, maximum and minimum too.
#include <cmath>

#include "core/cpu/cpu_backend.h"
#include "core/cpu/dispatch.h"
#include "core/parallel.h"

namespace basin::cpu {
namespace {

// y[i] = f(x[i])
template <class T, class F>
void map(const ConstView& x, const View& y, F f) {
  const T* in = x.as<T>();
  T* out = y.as<T>();
  parallel_for_blocks(y.size(), kElementBlock, [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) out[i] = f(in[i]);
  });
}

// y[i] = f(a[i], b[i])
template <class T, class F>
void map(const ConstView& a, const ConstView& b, const View& y, F f) {
  const T* left = a.as<T>();
  const T* right = b.as<T>();
  T* out = y.as<T>();
  parallel_for_blocks(y.size(), kElementBlock, [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) out[i] = f(left[i], right[i]);
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
        return map<T>(x, y, [](T v) { return -v; });
      case Unary::exp:
        return map<T>(x, y, [](T v) { return std::exp(v); });
      case Unary::log:
        return map<T>(x, y, [](T v) { return std::log(v); });
      case Unary::sqrt:
        return map<T>(x, y, [](T v) { return std::sqrt(v); });
      case Unary::tanh:
        return map<T>(x, y, [](T v) { return std::tanh(v); });
      case Unary::sigmoid:
        return map<T>(x, y, [](T v) { return logistic(v); });
      case Unary::relu:
        return map<T>(x, y, [](T v) { return v < 0 ? T{0} : v; });
      case Unary::abs:
        return map<T>(x, y, [](T v) { return std::abs(v); });
      case Unary::sign:
        return map<T>(x, y, [](T v) { return v > 0 ? T{1} : v < 0 ? T{-1} : v; });
    }
  });
}

void CpuBackend::binary(Binary f, const ConstView& a, const ConstView& b, const View& y) {
  dispatch_float(y.dtype, "binary", [&]<class T>(T) {
    switch (f) {
      case Binary::add:
        return map<T>(a, b, y, [](T u, T v) { return u + v; });
      case Binary::subtract:
        return map<T>(a, b, y, [](T u, T v) { return u - v; });
      case Binary::multiply:
        return map<T>(a, b, y, [](T u, T v) { return u * v; });
      case Binary::divide:
        return map<T>(a, b, y, [](T u, T v) { return u / v; });
      case Binary::maximum:
        return map<T>(a, b, y, [](T u, T v) { return u >= v || u != u ? u : v; });
      case Binary::minimum:
        return map<T>(a, b, y, [](T u, T v) { return u <= v || u != u ? u : v; });
      case Binary::greater:
        return map<T>(a, b, y, [](T u, T v) { return u > v ? T{1} : T{0}; });
      case Binary::greater_equal:
        return map<T>(a, b, y, [](T u, T v) { return u >= v ? T{1} : T{0}; });
    }
  });
}

void CpuBackend::affine(const ConstView& x, double scale, double shift, const View& y) {
  dispatch_float(y.dtype, "affine", [&]<class T>(T) {
    map<T>(x, y, [s = static_cast<T>(scale), t = static_cast<T>(shift)](T v) { return s * v + t; });
  });
}

void CpuBackend::select(const ConstView& mask, const ConstView& a, const ConstView& b, const View& y) {
  dispatch_float(y.dtype, "select", [&]<class T>(T) {
    const T *chosen = mask.as<T>(), *left = a.as<T>(), *right = b.as<T>();
    T* out = y.as<T>();
    parallel_for_blocks(y.size(), kElementBlock, [=](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) out[i] = chosen[i] != 0 ? left[i] : right[i];
    });
  });
}

}  // namespace basin::cpu
