#include "cuda/kernels/elementwise.h"

#include <cstring>

#include "cuda/kernels/dispatch.cuh"
#include "cuda/kernels/global_view.cuh"

namespace basin::cuda {
namespace {

constexpr int kThreads = 256;

// Elements of a thread: 16 bytes.
template <class T>
constexpr int kWidth = 16 / static_cast<int>(sizeof(T));

// y[i] = f(x[i]...), computed in float
//
// y and each x (size), f32, f16 or bf16, any size. Vectors: all are 16-byte aligned; else elements are moved one by
// one.
// Map:   a thread owns kWidth neighbouring elements, which it reads before it writes: y may be an x.
// Cost:  elementwise_cost: each element read and written once.
// Order: no reduction.
template <bool vectors, class T, class F, class... In>
__global__ void __launch_bounds__(kThreads) map_kernel(F f, std::int64_t size, Global<T> y, In... x) {
  constexpr int kCount = kWidth<T>;
  const std::int64_t first = (std::int64_t{blockIdx.x} * kThreads + threadIdx.x) * kCount;
  if (vectors && first + kCount <= size) {
    Vector<T, kCount> out;
    const auto apply = [&](const auto&... in) {
      for (int k = 0; k < kCount; ++k) out[k] = narrow<T>(f(widen(in[k])...));
    };
    apply(x.template load_vector<kCount>(first)...);
    y.template store_vector<kCount>(first, out);
    return;
  }
  for (std::int64_t i = first; i < size && i < first + kCount; ++i) y[i] = narrow<T>(f(widen(static_cast<T>(x[i]))...));
}

template <class F, class... In>
void map(Stream stream, const char* name, const Site& site, F f, const View& y, const In&... x) {
  (check(x.shape == y.shape, name, ": ", x.shape, " does not fit ", y.shape), ...);
  (check(x.dtype == y.dtype, name, ": ", x.dtype, " to ", y.dtype), ...);
  const bool vectors = (aligned_to_vectors(y.data) && ... && aligned_to_vectors(x.data));
  dispatch_float(y.dtype, name, [&]<class T>(T) {
    launch(stream, {blocks_for(y.size(), kThreads * kWidth<T>, site), kThreads, 0, site},
           vectors ? map_kernel<true, T, F, decltype(global<T>(x))...>
                   : map_kernel<false, T, F, decltype(global<T>(x))...>,
           f, y.size(), global<T>(y), global<T>(x)...);
  });
}

// y[i] = value
//
// y (size), unsigned integers as wide as the elements.
// Map:   a thread owns kWidth neighbouring elements; vectors: y is 16-byte aligned.
// Cost:  each element written once.
// Order: no reduction.
template <class T>
__global__ void __launch_bounds__(kThreads) fill_kernel(T value, std::int64_t size, bool vectors, Global<T> y) {
  constexpr int kCount = kWidth<T>;
  const std::int64_t first = (std::int64_t{blockIdx.x} * kThreads + threadIdx.x) * kCount;
  if (vectors && first + kCount <= size) {
    Vector<T, kCount> out;
    for (int k = 0; k < kCount; ++k) out[k] = value;
    y.template store_vector<kCount>(first, out);
    return;
  }
  for (std::int64_t i = first; i < size && i < first + kCount; ++i) y[i] = value;
}

struct Negate {
  __device__ float operator()(float v) const { return -v; }
};
struct Exp {
  __device__ float operator()(float v) const { return expf(v); }
};
struct Log {
  __device__ float operator()(float v) const { return logf(v); }
};
struct Sqrt {
  __device__ float operator()(float v) const { return sqrtf(v); }
};
struct Tanh {
  __device__ float operator()(float v) const { return tanhf(v); }
};
struct Sigmoid {  // 1 / (1 + exp(-v)) without overflow on either side
  __device__ float operator()(float v) const {
    const float e = expf(-fabsf(v));
    return (v < 0 ? e : 1.0f) / (1.0f + e);
  }
};
struct Relu {
  __device__ float operator()(float v) const { return v < 0 ? 0.0f : v; }
};
struct Abs {
  __device__ float operator()(float v) const { return fabsf(v); }
};
struct Sign {
  __device__ float operator()(float v) const { return v > 0 ? 1.0f : v < 0 ? -1.0f : v; }
};

struct Add {
  __device__ float operator()(float a, float b) const { return a + b; }
};
struct Subtract {
  __device__ float operator()(float a, float b) const { return a - b; }
};
struct Multiply {
  __device__ float operator()(float a, float b) const { return a * b; }
};
struct Divide {
  __device__ float operator()(float a, float b) const { return a / b; }
};
struct Maximum {
  __device__ float operator()(float a, float b) const { return a >= b || a != a ? a : b; }
};
struct Minimum {
  __device__ float operator()(float a, float b) const { return a <= b || a != a ? a : b; }
};
struct Greater {
  __device__ float operator()(float a, float b) const { return a > b ? 1.0f : 0.0f; }
};
struct GreaterEqual {
  __device__ float operator()(float a, float b) const { return a >= b ? 1.0f : 0.0f; }
};

struct Affine {
  float scale, shift;
  __device__ float operator()(float v) const { return scale * v + shift; }
};
struct Select {
  __device__ float operator()(float mask, float a, float b) const { return mask != 0 ? a : b; }
};

// The bits of `value` as an element of type T.
template <class T, class Bits>
Bits bits_of(double value) {
  T element;
  if constexpr (dtype_of<T> == DType::f16)
    element = to_float16(static_cast<float>(value));
  else if constexpr (dtype_of<T> == DType::bf16)
    element = to_bfloat16(static_cast<float>(value));
  else
    element = static_cast<T>(value);
  Bits bits;
  static_assert(sizeof(bits) == sizeof(element));
  std::memcpy(&bits, &element, sizeof(bits));
  return bits;
}

}  // namespace

Cost elementwise_cost(DType type, std::int64_t size, int inputs, int flops) {
  const std::int64_t bytes = static_cast<std::int64_t>(size_of(type)) * size;
  return {bytes * inputs, bytes, size * flops};
}

void unary(Stream stream, Unary f, const ConstView& x, const View& y) {
  const auto run = [&](auto function) { map(stream, "unary", Site::current(), function, y, x); };
  switch (f) {
    case Unary::negate:
      return run(Negate{});
    case Unary::exp:
      return run(Exp{});
    case Unary::log:
      return run(Log{});
    case Unary::sqrt:
      return run(Sqrt{});
    case Unary::tanh:
      return run(Tanh{});
    case Unary::sigmoid:
      return run(Sigmoid{});
    case Unary::relu:
      return run(Relu{});
    case Unary::abs:
      return run(Abs{});
    case Unary::sign:
      return run(Sign{});
  }
}

void binary(Stream stream, Binary f, const ConstView& a, const ConstView& b, const View& y) {
  const auto run = [&](auto function) { map(stream, "binary", Site::current(), function, y, a, b); };
  switch (f) {
    case Binary::add:
      return run(Add{});
    case Binary::subtract:
      return run(Subtract{});
    case Binary::multiply:
      return run(Multiply{});
    case Binary::divide:
      return run(Divide{});
    case Binary::maximum:
      return run(Maximum{});
    case Binary::minimum:
      return run(Minimum{});
    case Binary::greater:
      return run(Greater{});
    case Binary::greater_equal:
      return run(GreaterEqual{});
  }
}

void affine(Stream stream, const ConstView& x, double scale, double shift, const View& y) {
  map(stream, "affine", Site::current(), Affine{static_cast<float>(scale), static_cast<float>(shift)}, y, x);
}

void select(Stream stream, const ConstView& mask, const ConstView& a, const ConstView& b, const View& y) {
  map(stream, "select", Site::current(), Select{}, y, mask, a, b);
}

void fill(Stream stream, const View& y, double value) {
  dispatch_any(y.dtype, [&]<class T>(T) {
    dispatch_width(y.dtype, [&]<class Bits>(Bits) {
      if constexpr (sizeof(Bits) == sizeof(T))
        launch(stream, {blocks_for(y.size(), kThreads * kWidth<Bits>), kThreads}, fill_kernel<Bits>,
               bits_of<T, Bits>(value), y.size(), aligned_to_vectors(y.data),
               Global<Bits>(static_cast<Bits*>(y.data), y.size()));
    });
  });
}

}  // namespace basin::cuda
