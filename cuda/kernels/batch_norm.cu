#include "cuda/kernels/batch_norm.h"

#include "cuda/kernels/column_block.cuh"
#include "cuda/kernels/global_view.cuh"
#include "cuda/kernels/reduce.h"

namespace basin::cuda {
namespace {

constexpr std::int64_t kRowsPerThread = 16;     // of maps
constexpr std::int64_t kSumRowsPerThread = 32;  // of sums

struct Plus {
  __device__ float operator()(float a, float b) const { return a + b; }
};

// y = relu?((x - mean[c]) * scale[c] + shift[c] + residual?), scale[c] = gamma[c] / sqrt(variance[c] + epsilon)
//
// x, residual, y (rows, C), f32, row-major; per channel: mean and variance (C), both null for 0 and scale = gamma,
// gamma and shift (C). residual may be null.
// Map:   ColumnLayout; a thread owns up to kRowsPerThread elements of one channel, whose values it reads once.
// Cost:  reads 4 bytes an element of x and of residual, writes 4 of y; 4 flops an element.
// Order: no reduction.
__global__ void __launch_bounds__(kColumnThreads)
    channel_affine_kernel(Global<const float> x, Global<const float> residual, Global<const float> mean,
                          Global<const float> variance, Global<const float> gamma, Global<const float> shift,
                          float epsilon, bool relu, ColumnLayout layout, Global<float> y) {
  const ColumnShare share(layout);
  if (share.begin >= share.end) return;
  const float offset = mean ? static_cast<float>(mean[share.column]) : 0.0f, added = shift[share.column];
  float scale = gamma[share.column];
  if (variance) scale /= sqrtf(variance[share.column] + epsilon);
  for (std::int64_t row = share.begin; row < share.end; row += layout.lanes) {
    const std::int64_t i = share.index(layout, row);
    float value = (x[i] - offset) * scale + added;
    if (residual) value += residual[i];
    y[i] = relu && value < 0 ? 0.0f : value;
  }
}

// d(loss)/d(output before relu): 0 where relu cut, else grad_output.
__device__ float before_relu(const Global<const float>& grad_output, const Global<const float>& y, bool relu,
                             std::int64_t i) {
  return relu && y[i] <= 0 ? 0.0f : static_cast<float>(grad_output[i]);
}

struct GradientShared {
  SharedArray<float, kColumnThreads> beta, gamma;
};

// grad_beta[p, c] = sum_r g[r, c], grad_gamma[p, c] = sum_r g[r, c] * xhat[r, c] over the rows of part p, with
// xhat = (x - mean[c]) / sqrt(variance[c] + epsilon) and g = grad_output where y > 0 or there is no relu, else 0
//
// x, y, grad_output (rows, C), mean and variance (C), grad_beta and grad_gamma (parts, C), f32, row-major.
// Map:   ColumnLayout; a thread adds up to kSumRowsPerThread rows of a channel, a block's lanes are added by trees.
// Cost:  reads 8 bytes an element, 12 with relu, writes 8 a part and channel; 5 flops an element.
// Order: fixed by the extents.
__global__ void __launch_bounds__(kColumnThreads)
    gradient_sums_kernel(Global<const float> x, Global<const float> y, Global<const float> grad_output,
                         Global<const float> mean, Global<const float> variance, float epsilon, bool relu,
                         ColumnLayout layout, Global<float> grad_beta, Global<float> grad_gamma) {
  GradientShared& shared = shared_memory<GradientShared>();
  const ColumnShare share(layout);
  float sum = 0, product = 0;
  if (share.begin < share.end) {
    const float offset = mean[share.column], scale = 1 / sqrtf(variance[share.column] + epsilon);
    for (std::int64_t row = share.begin; row < share.end; row += layout.lanes) {
      const std::int64_t i = share.index(layout, row);
      const float g = before_relu(grad_output, y, relu, i);
      sum += g;
      product += g * ((x[i] - offset) * scale);
    }
  }
  sum = reduce_lanes(shared.beta, sum, Plus{});
  product = reduce_lanes(shared.gamma, product, Plus{});
  if (!share.writes_result()) return;
  grad_beta[share.result_index(layout)] = sum;
  grad_gamma[share.result_index(layout)] = product;
}

// grad_x = gamma[c] / sqrt(variance[c] + epsilon) * (g - grad_beta[c] / rows - xhat * grad_gamma[c] / rows)
// grad_residual = g, with g and xhat as in gradient_sums_kernel (Ioffe, Szegedy 2015, section 3)
//
// As there; grad_x and grad_residual (rows, C), the latter may be null; grad_beta and grad_gamma (C).
// Map:   ColumnLayout; a thread owns up to kRowsPerThread elements of one channel.
// Cost:  reads 8 bytes an element, 12 with relu, writes 4, 8 with a residual; 8 flops an element.
// Order: no reduction.
__global__ void __launch_bounds__(kColumnThreads)
    batch_norm_gradient_kernel(Global<const float> x, Global<const float> y, Global<const float> grad_output,
                               Global<const float> mean, Global<const float> variance, Global<const float> gamma,
                               Global<const float> grad_beta, Global<const float> grad_gamma, float epsilon, bool relu,
                               ColumnLayout layout, Global<float> grad_x, Global<float> grad_residual) {
  const ColumnShare share(layout);
  if (share.begin >= share.end) return;
  const float rows = static_cast<float>(layout.rows), offset = mean[share.column];
  const float inverse = 1 / sqrtf(variance[share.column] + epsilon), scale = gamma[share.column] * inverse;
  const float mean_g = grad_beta[share.column] / rows, mean_product = grad_gamma[share.column] / rows;
  for (std::int64_t row = share.begin; row < share.end; row += layout.lanes) {
    const std::int64_t i = share.index(layout, row);
    const float g = before_relu(grad_output, y, relu, i);
    grad_x[i] = scale * (g - mean_g - (x[i] - offset) * inverse * mean_product);
    if (grad_residual) grad_residual[i] = g;
  }
}

ColumnLayout layout_of(const char* operation, const ConstView& x, std::int64_t rows_per_thread) {
  check(!x.shape.empty() && x.shape.back() > 0 && x.size() > 0, operation, ": no elements in ", x.shape);
  return {1, x.size() / x.shape.back(), x.shape.back(), rows_per_thread};
}

void check_fit(const char* operation, const ConstView& x, const ConstView& like) {
  check(x.shape == like.shape, operation, ": ", like.shape, " does not fit x ", x.shape);
}

void check_channels(const char* operation, const ConstView& x, const ConstView& values) {
  check(values.size() == x.shape.back(), operation, ": ", values.shape, " for ", x.shape.back(), " channels");
}

void map_channels(Stream stream, const char* operation, const ConstView& x, const ConstView* residual,
                  const ConstView* mean, const ConstView* variance, const ConstView& gamma, const ConstView& shift,
                  double epsilon, bool relu, const View& y, const Site& site) {
  const ColumnLayout layout = layout_of(operation, x, kRowsPerThread);
  check_fit(operation, x, y);
  check_channels(operation, x, gamma);
  check_channels(operation, x, shift);
  if (residual) check_fit(operation, x, *residual);
  launch(stream, {blocks_for(layout.blocks(), 1, site), layout.block(), 0, site}, channel_affine_kernel,
         global<float>(x), global<float>(residual), global<float>(mean), global<float>(variance), global<float>(gamma),
         global<float>(shift), static_cast<float>(epsilon), relu, layout, global<float>(y));
}

}  // namespace

Cost batch_norm_training_cost(std::int64_t rows, std::int64_t channels, bool residual) {
  const std::int64_t size = rows * channels;
  return {4 * size * (residual ? 3 : 2), 4 * size + 8 * channels, 8 * size};
}

Cost batch_norm_gradient_cost(std::int64_t rows, std::int64_t channels, bool relu, bool residual) {
  const std::int64_t size = rows * channels;
  return {4 * size * (relu ? 6 : 4), 4 * size * (residual ? 2 : 1) + 8 * channels, 13 * size};
}

void channel_affine(Stream stream, const ConstView& x, const ConstView& scale, const ConstView& shift,
                    const ConstView* residual, bool relu, const View& y) {
  map_channels(stream, "channel_affine", x, residual, nullptr, nullptr, scale, shift, 0, relu, y, Site::current());
}

void batch_norm_training(Stream stream, const ConstView& x, const ConstView& gamma, const ConstView& beta,
                         const ConstView* residual, const BatchNorm& options, const View& y, const View& mean,
                         const View& variance) {
  batch_statistics(stream, x, mean, variance);
  const ConstView mean_view = mean, variance_view = variance;
  map_channels(stream, "batch_norm_training", x, residual, &mean_view, &variance_view, gamma, beta, options.epsilon,
               options.relu, y, Site::current());
}

void batch_norm_gradient(Stream stream, const ConstView& x, const ConstView& y, const ConstView& gamma,
                         const ConstView& mean, const ConstView& variance, const ConstView& grad_output,
                         const BatchNorm& options, const View& grad_x, const View& grad_gamma, const View& grad_beta,
                         const View* grad_residual) {
  constexpr const char* kName = "batch_norm_gradient";
  const ColumnLayout sums = layout_of(kName, x, kSumRowsPerThread), map = layout_of(kName, x, kRowsPerThread);
  for (const ConstView& like : {y, grad_output, ConstView(grad_x)}) check_fit(kName, x, like);
  for (const ConstView& values : {gamma, mean, variance, ConstView(grad_gamma), ConstView(grad_beta)})
    check_channels(kName, x, values);
  if (grad_residual) check_fit(kName, x, *grad_residual);
  const float epsilon = static_cast<float>(options.epsilon);

  const std::int64_t count = sums.parts * sums.columns;
  const DeviceBuffer beta_parts(stream, static_cast<std::size_t>(count) * sizeof(float)),
      gamma_parts(stream, static_cast<std::size_t>(count) * sizeof(float));
  launch(stream, {blocks_for(sums.blocks(), 1), sums.block(), sizeof(GradientShared)}, gradient_sums_kernel,
         global<float>(x), global<float>(y), global<float>(grad_output), global<float>(mean), global<float>(variance),
         epsilon, options.relu, sums, Global<float>(beta_parts.as<float>(), count),
         Global<float>(gamma_parts.as<float>(), count));
  const Shape parts = {sums.parts, sums.columns}, whole = {1, sums.columns};
  reduce_sum(stream, {beta_parts.data(), DType::f32, parts}, {grad_beta.data, DType::f32, whole});
  reduce_sum(stream, {gamma_parts.data(), DType::f32, parts}, {grad_gamma.data, DType::f32, whole});
  launch(stream, {blocks_for(map.blocks(), 1), map.block()}, batch_norm_gradient_kernel, global<float>(x),
         global<float>(y), global<float>(grad_output), global<float>(mean), global<float>(variance),
         global<float>(gamma), global<float>(ConstView(grad_beta)), global<float>(ConstView(grad_gamma)), epsilon,
         options.relu, map, global<float>(grad_x), global<float>(grad_residual));
}

}  // namespace basin::cuda
