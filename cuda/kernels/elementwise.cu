#include "cuda/kernels/elementwise.h"

#include "cuda/kernels/global_view.cuh"

namespace basin::cuda {
namespace {

constexpr int kThreads = 256, kWidth = 4;

// y[i] = f(x[i]...)
//
// y and each x (size), f32, any size. Vectors: all are 16-byte aligned; else elements are moved one by one.
// Map:   a thread owns kWidth neighbouring elements, which it reads before it writes: y may be an x.
// Cost:  elementwise_cost: each element read and written once.
// Order: no reduction.
template <bool vectors, class F, class... In>
__global__ void __launch_bounds__(kThreads) map_kernel(F f, std::int64_t size, Global<float> y, In... x) {
  const std::int64_t first = (std::int64_t{blockIdx.x} * kThreads + threadIdx.x) * kWidth;
  if (vectors && first + kWidth <= size) {
    Vector<float, kWidth> out;
    const auto apply = [&](const auto&... in) {
      for (int k = 0; k < kWidth; ++k) out[k] = f(in[k]...);
    };
    apply(x.template load_vector<kWidth>(first)...);
    y.template store_vector<kWidth>(first, out);
    return;
  }
  for (std::int64_t i = first; i < size && i < first + kWidth; ++i) y[i] = f(static_cast<float>(x[i])...);
}

template <class F, class... In>
void map(Stream stream, const Site& site, F f, const View& y, const In&... x) {
  (check(x.shape == y.shape, "elementwise: ", x.shape, " does not fit ", y.shape), ...);
  const bool vectors = (aligned_to_vectors(y.data) && ... && aligned_to_vectors(x.data));
  const LaunchShape shape(blocks_for(y.size(), kThreads * kWidth, site), kThreads, 0, site);
  launch(stream, shape,
         vectors ? map_kernel<true, F, decltype(global<float>(x))...>
                 : map_kernel<false, F, decltype(global<float>(x))...>,
         f, y.size(), global<float>(y), global<float>(x)...);
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
struct Constant {
  float value;
  __device__ float operator()() const { return value; }
};

}  // namespace

Cost elementwise_cost(std::int64_t size, int inputs, int flops) { return {4 * size * inputs, 4 * size, size * flops}; }

void unary(Stream stream, Unary f, const ConstView& x, const View& y) {
  const auto run = [&](auto function) { map(stream, Site::current(), function, y, x); };
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
  const auto run = [&](auto function) { map(stream, Site::current(), function, y, a, b); };
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
  map(stream, Site::current(), Affine{static_cast<float>(scale), static_cast<float>(shift)}, y, x);
}

void select(Stream stream, const ConstView& mask, const ConstView& a, const ConstView& b, const View& y) {
  map(stream, Site::current(), Select{}, y, mask, a, b);
}

void fill(Stream stream, const View& y, double value) {
  map(stream, Site::current(), Constant{static_cast<float>(value)}, y);
}

}  // namespace basin::cuda
