#include "cuda/kernels/contraction/conv2d.h"

#include "cuda/kernels/contraction/convolution.cuh"
#include "cuda/kernels/dispatch.cuh"

// y[npq, filter] = sum over the taps (r, s, c) of patches[npq, rsc] weight[filter, rsc]
//
// contraction_kernel with M = N P Q, N = K / groups, K = R S C / groups; the inner index along the columns of both.
namespace basin::cuda {
namespace {

ContractionShape shape_of(const ConvolutionSizes& z) {
  return {z.n * z.p * z.q, z.group_outputs(), z.r * z.s * z.group_inputs(), z.groups};
}

template <class T>
DenseMatrix<T> filters_of(const ConvolutionSizes& z, const ConstView& weight) {
  const std::int64_t taps = z.r * z.s * z.group_inputs(), filters = z.group_outputs();
  return {global<T>(weight), static_cast<int>(filters), static_cast<int>(taps), taps, 1, filters * taps};
}

template <class T>
Result<T, DenseRows> result_of(const ConvolutionSizes& z, const View& y) {
  return {global<T>(y),
          {z.k},
          static_cast<int>(z.n * z.p * z.q),
          static_cast<int>(z.group_outputs()),
          z.group_outputs(),
          in_vectors(y.dtype, {z.group_outputs()}, {y.data})};
}

}  // namespace

void conv2d(Stream stream, const ConstView& x, const ConstView& weight, const Conv2d& options, const View& y) {
  const ConvolutionSizes z = checked_sizes(x.shape, weight.shape, y.shape, options, "conv2d");
  const ContractionShape shape = shape_of(z);
  check_extents(shape, "conv2d");
  dispatch_float(y.dtype, "conv2d", [&]<class T>(T) {
    const bool vectors = in_vectors(y.dtype, {z.group_inputs()}, {x.data, weight.data});
    const ContractionConfig config = contraction_config(shape, y.dtype, vectors);
    const auto run = [&]<class Extents, bool in_vectors>(Extents, std::bool_constant<in_vectors>) {
      launch_contraction<T, Extents>(stream, shape, config, Operand<Patches<T>, true, in_vectors>{patches_of<T>(z, x)},
                                     Operand<DenseMatrix<T>, true, in_vectors>{filters_of<T>(z, weight)},
                                     result_of<T>(z, y));
    };
    if (vectors)
      with_block<T>(config, [&](auto extents) { run(extents, std::true_type{}); });
    else
      run(ElementExtents{}, std::false_type{});
  });
}

Cost conv2d_cost(const Shape& x, const Shape& weight, const Conv2d& options, DType type) {
  const ConvolutionSizes z(x, weight, conv2d_shape(x, weight, options), options);
  const auto bytes = static_cast<std::int64_t>(size_of(type));
  const ContractionShape shape = shape_of(z);
  const ContractionConfig config = contraction_config(shape, type, in_vectors(type, {z.group_inputs()}, {}));
  const std::int64_t patches = z.n * covered_pairs(z) * z.c * tiles(shape.columns, config.columns);
  const std::int64_t filters = weight.count() * tiles(shape.rows, config.rows);
  return {(patches + filters) * bytes, shape.rows * z.k * bytes, 2 * z.n * z.work()};
}

}  // namespace basin::cuda
