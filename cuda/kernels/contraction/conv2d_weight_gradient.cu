#include "cuda/kernels/contraction/conv2d.h"
#include "cuda/kernels/contraction/convolution.cuh"
#include "cuda/kernels/dispatch.cuh"

// sums[part][rsc, filter] = sum over the pixels npq of the part of patches[npq, rsc] grad_output[npq, filter]
//
// contraction_kernel with M = R S C / groups, N = K / groups, K = N P Q, the last in parts (split_contraction_config);
// the inner index along the rows of both.
namespace basin::cuda {
namespace {

constexpr int kElements = 32, kLanes = 8;  // of a block: elements of the result, and threads for each

struct PartSums {
  SharedArray<float, kElements * kLanes> values;
};

// grad_weight[filter, rsc] = sum over the parts of sums[group][part][rsc, filter of the group]
//
// sums (groups, parts, taps, filters), f32; grad_weight (groups * filters, taps).
// Map:   a block owns kElements elements, neighbours in sums; a thread every kLanes-th part of one.
// Cost:  reads sums, writes grad_weight; a flop each. (conv2d_weight_gradient_cost)
// Order: parts of a thread ascending, then its kLanes threads ascending; in f32.
template <class T>
__global__ void __launch_bounds__(kElements* kLanes)
    add_parts_kernel(Global<const float> sums, int groups, int parts, int taps, int filters, Global<T> grad_weight) {
  PartSums& shared = shared_memory<PartSums>();
  const std::int64_t i = std::int64_t{blockIdx.x} * kElements + threadIdx.x;
  const std::int64_t part_size = std::int64_t{taps} * filters;
  const bool inside = i < groups * part_size;
  const std::int64_t group = inside ? i / part_size : 0, within = inside ? i % part_size : 0;
  float sum = 0;
  for (int part = threadIdx.y; inside && part < parts; part += kLanes)
    sum += sums[(group * parts + part) * part_size + within];
  shared.values[threadIdx.y * kElements + threadIdx.x] = sum;
  __syncthreads();
  if (!inside || threadIdx.y != 0) return;
  float total = 0;
  for (int lane = 0; lane < kLanes; ++lane) total += shared.values[lane * kElements + threadIdx.x];
  grad_weight[(group * filters + within % filters) * taps + within / filters] = narrow<T>(total);
}

ContractionShape shape_of(const ConvolutionSizes& z) {
  return {z.r * z.s * z.group_inputs(), z.group_outputs(), z.n * z.p * z.q, z.groups};
}

template <class T>
DenseMatrix<T> pixels_of(const ConvolutionSizes& z, const ConstView& grad_output) {
  return {global<T>(grad_output), static_cast<int>(z.n * z.p * z.q), static_cast<int>(z.group_outputs()), z.k, 1,
          z.group_outputs()};
}

Result<float, DenseRows> result_of(const ContractionShape& shape, float* sums, std::int64_t count) {
  return {Global<float>(sums, count),   {shape.columns},
          static_cast<int>(shape.rows), static_cast<int>(shape.columns),
          shape.rows * shape.columns,   in_vectors(DType::f32, {shape.columns}, {sums})};
}

// Blocks of 64 rows only: there are few taps, and the parts keep a GPU busy.
template <class F>
void with_weight_gradient_block(const ContractionConfig& config, const F& f) {
  if (config.columns == 64) return f(BlockExtents<64, 64>{});
  if (config.columns == 32) return f(BlockExtents<64, 32>{});
  f(BlockExtents<64, 16>{});
}

}  // namespace

void conv2d_weight_gradient(Stream stream, const ConstView& x, const ConstView& grad_output, const Conv2d& options,
                            const View& grad_weight) {
  const ConvolutionSizes z =
      checked_sizes(x.shape, grad_weight.shape, grad_output.shape, options, "conv2d_weight_gradient");
  const ContractionShape shape = shape_of(z);
  check_extents(shape, "conv2d_weight_gradient");
  dispatch_float(grad_weight.dtype, "conv2d_weight_gradient", [&]<class T>(T) {
    const bool vectors =
        in_vectors(grad_weight.dtype, {z.group_inputs(), z.group_outputs()}, {x.data, grad_output.data});
    const ContractionConfig config = split_contraction_config(shape, vectors);
    const std::int64_t count = config.splits * grad_weight.size();
    const DeviceBuffer sums(stream, static_cast<std::size_t>(count) * sizeof(float));
    const auto run = [&]<class Extents, bool in_vectors>(Extents, std::bool_constant<in_vectors>) {
      launch_contraction<T, Extents>(stream, shape, config, Operand<Patches<T>, false, in_vectors>{patches_of<T>(z, x)},
                                     Operand<DenseMatrix<T>, false, in_vectors>{pixels_of<T>(z, grad_output)},
                                     result_of(shape, sums.as<float>(), count));
    };
    if (vectors)
      with_weight_gradient_block(config, [&](auto extents) { run(extents, std::true_type{}); });
    else
      run(ElementExtents{}, std::false_type{});
    launch(stream, {blocks_for(grad_weight.size(), kElements), dim3(kElements, kLanes), sizeof(PartSums)},
           add_parts_kernel<T>, Global<const float>(sums.as<float>(), count), static_cast<int>(z.groups),
           static_cast<int>(config.splits), static_cast<int>(shape.rows), static_cast<int>(shape.columns),
           global<T>(grad_weight));
  });
}

Cost conv2d_weight_gradient_cost(const Shape& x, const Shape& weight, const Conv2d& options, DType type) {
  const ConvolutionSizes z(x, weight, conv2d_shape(x, weight, options), options);
  const auto bytes = static_cast<std::int64_t>(size_of(type));
  const ContractionShape shape = shape_of(z);
  const ContractionConfig config =
      split_contraction_config(shape, in_vectors(type, {z.group_inputs(), z.group_outputs()}, {}));
  const std::int64_t patches = z.n * covered_pairs(z) * z.c * tiles(shape.columns, config.columns);
  const std::int64_t pixels = shape.inner * z.k * tiles(shape.rows, config.rows);
  const std::int64_t sums = config.splits * weight.count();
  const Cost product = {(patches + pixels) * bytes, sums * 4, 2 * z.n * z.work()};
  return product + Cost{sums * 4, weight.count() * bytes, sums};
}

}  // namespace basin::cuda
