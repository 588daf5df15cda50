#include "cuda/kernels/batch_norm.h"
#include "cuda/kernels/channel_operands.h"

namespace basin::cuda {
namespace {

// Over the rows: of g, and of g * (x - mean[c]).
struct alignas(8) Sums {
  float g = 0, product = 0;
};
struct Add {
  __device__ Sums operator()(const Sums& a, const Sums& b) const { return {a.g + b.g, a.product + b.product}; }
};

// What both kernels read, each (rows, C); y only with relu.
template <class T>
struct Inputs {
  Global<const T> x, y, grad_output;
  bool relu;
};

// A row of the inputs, in registers.
template <class S>
struct InputRow {
  using T = typename S::Type;
  __device__ void load(const Inputs<T>& in, std::int64_t i) {
    x = S::load(in.x, i);
    grad_output = S::load(in.grad_output, i);
    if (in.relu) y = S::load(in.y, i);
  }
  // d(loss)/d(output before relu): 0 where relu cut, else grad_output.
  __device__ float g(int k, bool relu) const { return relu && y[k] <= 0 ? 0.0f : grad_output[k]; }
  Packed<T, S::kWidth> x, y, grad_output;
};

template <int N>
struct SumsShared {
  LaneShared<N, Sums> lanes;
  ChannelTable<N> mean;
};

// grad_sums[p, c] = sum_r g[r, c], products[p, c] = sum_r g[r, c] * (x[r, c] - mean[c]) over the rows r of part p, with
// g = grad_output where y > 0 or there is no relu, else 0
//
// x, y, grad_output (rows, C), f32, f16 or bf16; mean (C), grad_sums and products (parts, C), f32; row-major.
// Map:   ChannelLayout; a thread adds rows of a strip, then a block's lanes are added.
// Cost:  reads x, grad_output and, with relu, y once, and 4 bytes a part and channel, of which it writes 8; 4 flops an
//        element.
// Order: fixed by the extents.
template <class S>
__global__ void __launch_bounds__(kChannelThreads, S::kBlocks)
    gradient_sums_kernel(Inputs<typename S::Type> in, Global<const float> means, ChannelLayout layout,
                         Global<float> grad_sums, Global<float> products) {
  constexpr int N = S::kWidth;
  SumsShared<N>& shared = shared_memory<SumsShared<N>>();
  const ChannelShare<N> share(layout);
  InputRow<S> row;
  if (share.rows > 0) row.load(in, share.begin);
  if (share.owns_channel()) shared.mean.set(share, share.own(), means[share.channel()]);
  __syncthreads();
  float sum[N] = {}, product[N] = {};
  if (share.rows > 0) {
    float mean[N];
    shared.mean.strip(share, mean);
    std::int64_t i = share.begin;
    for (int left = share.rows; left > 0; --left) {
      for (int k = 0; k < N; ++k) {
        const float g = row.g(k, in.relu);
        sum[k] += g;
        product[k] += g * (row.x[k] - mean[k]);
      }
      i += layout.stride;
      if (left > 1) row.load(in, i);
    }
  }
  const auto make = [](int, float g, float of_x) { return Sums{g, of_x}; };
  const Sums part = combine_lanes(shared.lanes, share, sum, product, make, Add{});
  if (!share.owns_channel()) return;
  grad_sums[share.result_index()] = part.g;
  products[share.result_index()] = part.product;
}

// The values of channels that the gradient depends on, and what it gives them; (C) each.
struct Channels {
  Global<const float> mean, variance, gamma;
  Global<float> grad_gamma, grad_beta;
  float epsilon;
};

template <int N>
struct GradientShared {
  SharedArray<Sums, kChannelThreads> sums;
  ChannelTable<N> mean, scale, mean_g, slope;
};

// grad_beta[c] = sum_r g[r, c], grad_gamma[c] = sum_r g[r, c] * xhat[r, c],
// grad_x = gamma[c] / sqrt(variance[c] + epsilon) * (g - grad_beta[c] / rows - xhat * grad_gamma[c] / rows),
// grad_residual = g, with xhat = (x - mean[c]) / sqrt(variance[c] + epsilon) (Ioffe, Szegedy 2015, section 3)
//
// Inputs as in gradient_sums_kernel, whose results grad_sums and products are; grad_x and grad_residual (rows, C), the
// latter may be null; what belongs to channels is f32.
// Map:   ChannelLayout; each block adds the parts for its channels, those of part 0 write grad_beta and grad_gamma;
//        then a thread owns the rows of a strip that its share says.
// Cost:  reads the inputs and writes grad_x and grad_residual once; reads 8 * parts + 12 bytes for each part and
//        channel; 6 flops an element.
// Order: fixed by the extents, the same in every block.
template <class S>
__global__ void __launch_bounds__(kChannelThreads, S::kBlocks)
    batch_norm_gradient_kernel(Inputs<typename S::Type> in, Global<const float> grad_sums, Global<const float> products,
                               Channels channels, ChannelLayout layout, Global<typename S::Type> grad_x,
                               Global<typename S::Type> grad_residual) {
  constexpr int N = S::kWidth;
  GradientShared<N>& shared = shared_memory<GradientShared<N>>();
  const ChannelShare<N> share(layout);
  InputRow<S> row;
  if (share.rows > 0) row.load(in, share.begin);
  const auto make = [&](int part) {
    const std::int64_t i = part * layout.channels + share.channel();
    return Sums{grad_sums[i], products[i]};
  };
  const Sums sums = combine_parts(shared.sums, share, make, Add{});
  if (share.owns_channel()) {
    const float count = static_cast<float>(layout.rows);
    const float inverse = 1 / sqrtf(channels.variance[share.channel()] + channels.epsilon);
    shared.mean.set(share, share.own(), channels.mean[share.channel()]);
    shared.scale.set(share, share.own(), channels.gamma[share.channel()] * inverse);
    shared.mean_g.set(share, share.own(), sums.g / count);
    shared.slope.set(share, share.own(), inverse * inverse * sums.product / count);
    if (share.part() == 0) {
      channels.grad_beta[share.channel()] = sums.g;
      channels.grad_gamma[share.channel()] = sums.product * inverse;
    }
  }
  __syncthreads();
  if (share.rows == 0) return;
  float mean[N], scale[N], mean_g[N], slope[N];
  shared.mean.strip(share, mean);
  shared.scale.strip(share, scale);
  shared.mean_g.strip(share, mean_g);
  shared.slope.strip(share, slope);
  std::int64_t i = share.begin;
  for (int left = share.rows; left > 0; --left) {
    Vector<typename S::Type, N> out;
    if (grad_residual) {
      for (int k = 0; k < N; ++k) out[k] = narrow<typename S::Type>(row.g(k, in.relu));
      S::store(grad_residual, i, out);
    }
    for (int k = 0; k < N; ++k)
      out[k] = narrow<typename S::Type>(scale[k] * (row.g(k, in.relu) - mean_g[k] - (row.x[k] - mean[k]) * slope[k]));
    S::store(grad_x, i, out);
    i += layout.stride;
    if (left > 1) row.load(in, i);
  }
}

}  // namespace

Cost batch_norm_gradient_cost(DType type, std::int64_t rows, std::int64_t channels, bool relu, bool residual) {
  const ChannelLayout layout(rows, channels, strip_width(type, channels));
  const std::int64_t size = rows * channels, bytes = size * static_cast<std::int64_t>(size_of(type)),
                     inputs = bytes * (relu ? 3 : 2), parts = layout.parts * channels;
  const Cost sums{inputs + 4 * parts, 8 * parts, 4 * size},
      map{inputs + parts * (8 * layout.parts + 12), bytes * (residual ? 2 : 1) + 8 * channels, 6 * size};
  return sums + map;
}

void batch_norm_gradient(Stream stream, const ConstView& x, const ConstView& y, const ConstView& gamma,
                         const ConstView& mean, const ConstView& variance, const ConstView& grad_output,
                         const BatchNorm& options, const View& grad_x, const View& grad_gamma, const View& grad_beta,
                         const View* grad_residual) {
  constexpr const char* kName = "batch_norm_gradient";
  ChannelOperands operands(kName, x);
  for (const ConstView& like : {y, grad_output, ConstView(grad_x)}) operands.check_like_x(like);
  if (grad_residual) operands.check_like_x(*grad_residual);
  for (const ConstView& values : {gamma, mean, variance, ConstView(grad_gamma), ConstView(grad_beta)})
    operands.check_per_channel(values);
  const ChannelLayout& layout = operands.layout();
  const PartSums parts(stream, layout);
  const Channels channels{global<float>(mean),       global<float>(variance),  global<float>(gamma),
                          global<float>(grad_gamma), global<float>(grad_beta), static_cast<float>(options.epsilon)};
  dispatch_strip(x.dtype, kName, layout.channels, operands.aligned(), [&]<class S>(S) {
    using T = typename S::Type;
    const Inputs<T> in{global<T>(x), global<T>(y), global<T>(grad_output), options.relu};
    launch(stream, {operands.blocks(), layout.block(), sizeof(SumsShared<S::kWidth>)}, gradient_sums_kernel<S>, in,
           channels.mean, layout, parts.first(), parts.second());
    launch(stream, {operands.blocks(), layout.block(), sizeof(GradientShared<S::kWidth>)},
           batch_norm_gradient_kernel<S>, in, parts.first<const float>(), parts.second<const float>(), channels, layout,
           global<T>(grad_x), global<T>(grad_residual));
  });
}

}  // namespace basin::cuda
