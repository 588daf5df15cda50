#include "cuda/kernels/contraction/conv2d.h"
#include "cuda/kernels/contraction/convolution.cuh"
#include "cuda/kernels/dispatch.cuh"

// grad_x[nhw, c] = sum over (u, v, filter) of patches[nhw, uv filter] weight[filter, r(u), s(v), c]
//
// A pixel h is under the taps r with (h + padding - r) divisible by the stride: the same for all h of equal remainder.
// For each such class of pixels (PixelClass) one contraction_kernel with M = the class's pixels, N = C / groups,
// K = U V K / groups, which multiplies no zeros but those of the edges. A class without taps is filled with 0. The
// inner index is along the columns of patches and along the rows of the filters.
namespace basin::cuda {
namespace {

// The pixels with h % stride = a and w % stride = b.
PixelClass pixel_class(const ConvolutionSizes& z, std::int64_t a, std::int64_t b) {
  const std::int64_t first_r = (a + z.padding) % z.stride, first_s = (b + z.padding) % z.stride;
  const std::int64_t i_extent = tiles(z.h - a, z.stride), j_extent = tiles(z.w - b, z.stride);
  const auto taps = [&](std::int64_t extent) { return extent > 0 ? tiles(extent, z.stride) : 0; };
  return {.by_j = divider(j_extent),
          .by_i = divider(i_extent),
          .i_extent = static_cast<int>(i_extent),
          .j_extent = static_cast<int>(j_extent),
          .first_h = static_cast<int>(a),
          .first_w = static_cast<int>(b),
          .u_extent = static_cast<int>(taps(z.r - first_r)),
          .v_extent = static_cast<int>(taps(z.s - first_s)),
          .first_r = static_cast<int>(first_r),
          .first_s = static_cast<int>(first_s),
          .shift_p = static_cast<int>((a + z.padding - first_r) / z.stride),
          .shift_q = static_cast<int>((b + z.padding - first_s) / z.stride),
          .stride = static_cast<int>(z.stride)};
}

// f(class) for each that has pixels.
template <class F>
void for_each_class(const ConvolutionSizes& z, const F& f) {
  for (std::int64_t a = 0; a < std::min(z.stride, z.h); ++a)
    for (std::int64_t b = 0; b < std::min(z.stride, z.w); ++b) f(pixel_class(z, a, b));
}

ContractionShape shape_of(const ConvolutionSizes& z, const PixelClass& pixels) {
  return {z.n * pixels.i_extent * pixels.j_extent, z.group_inputs(),
          std::int64_t{pixels.u_extent} * pixels.v_extent * z.group_outputs(), z.groups};
}

template <class T>
GradientPatches<T> patches_of(const ConvolutionSizes& z, const PixelClass& pixels, const ConstView& grad_output) {
  const ContractionShape shape = shape_of(z, pixels);
  return {.values = global<T>(grad_output),
          .pixels = pixels,
          .rows = static_cast<int>(shape.rows),
          .columns = static_cast<int>(shape.inner),
          .by_v = divider(pixels.v_extent),
          .by_filter = divider(z.group_outputs()),
          .p_extent = static_cast<int>(z.p),
          .q_extent = static_cast<int>(z.q),
          .filters = static_cast<int>(z.k),
          .group_filters = static_cast<int>(z.group_outputs())};
}

template <class T>
FilterRows<T> filters_of(const ConvolutionSizes& z, const PixelClass& pixels, const ConstView& weight) {
  const ContractionShape shape = shape_of(z, pixels);
  return {.values = global<T>(weight),
          .pixels = pixels,
          .rows = static_cast<int>(shape.inner),
          .columns = static_cast<int>(shape.columns),
          .by_v = divider(pixels.v_extent),
          .by_filter = divider(z.group_outputs()),
          .kernel_rows = static_cast<int>(z.r),
          .kernel_columns = static_cast<int>(z.s),
          .group_filters = static_cast<int>(z.group_outputs())};
}

template <class T>
Result<T, PixelRows> result_of(const ConvolutionSizes& z, const PixelClass& pixels, const View& grad_x) {
  const ContractionShape shape = shape_of(z, pixels);
  return {global<T>(grad_x),
          {pixels, static_cast<int>(z.h), static_cast<int>(z.w), static_cast<int>(z.c)},
          static_cast<int>(shape.rows),
          static_cast<int>(shape.columns),
          z.group_inputs(),
          in_vectors(grad_x.dtype, {z.group_inputs()}, {grad_x.data})};
}

template <class T>
void gradient_of_class(Stream stream, const ConvolutionSizes& z, const PixelClass& pixels, const ConstView& grad_output,
                       const ConstView& weight, const View& grad_x) {
  const ContractionShape shape = shape_of(z, pixels);
  check_extents(shape, "conv2d_input_gradient");
  const bool vectors = in_vectors(grad_x.dtype, {z.group_inputs(), z.group_outputs()}, {grad_output.data, weight.data});
  const ContractionConfig config = contraction_config(shape, grad_x.dtype, vectors);
  const auto run = [&]<class Extents, bool in_vectors>(Extents, std::bool_constant<in_vectors>) {
    launch_contraction<T, Extents>(
        stream, shape, config, Operand<GradientPatches<T>, true, in_vectors>{patches_of<T>(z, pixels, grad_output)},
        Operand<FilterRows<T>, false, in_vectors>{filters_of<T>(z, pixels, weight)}, result_of<T>(z, pixels, grad_x));
  };
  if (vectors)
    with_block<T>(config, [&](auto extents) { run(extents, std::true_type{}); });
  else
    run(ElementExtents{}, std::false_type{});
}

}  // namespace

void conv2d_input_gradient(Stream stream, const ConstView& grad_output, const ConstView& weight, const Conv2d& options,
                           const View& grad_x) {
  const ConvolutionSizes z =
      checked_sizes(grad_x.shape, weight.shape, grad_output.shape, options, "conv2d_input_gradient");
  dispatch_float(grad_x.dtype, "conv2d_input_gradient", [&]<class T>(T) {
    for_each_class(
        z, [&](const PixelClass& pixels) { gradient_of_class<T>(stream, z, pixels, grad_output, weight, grad_x); });
  });
}

Cost conv2d_input_gradient_cost(const Shape& x, const Shape& weight, const Conv2d& options, DType type) {
  const ConvolutionSizes z(x, weight, conv2d_shape(x, weight, options), options);
  const auto bytes = static_cast<std::int64_t>(size_of(type));
  const bool vectors = in_vectors(type, {z.group_inputs(), z.group_outputs()}, {});
  std::int64_t column_tiles = 0, filters = 0;
  for_each_class(z, [&](const PixelClass& pixels) {
    const ContractionShape shape = shape_of(z, pixels);
    const ContractionConfig config = contraction_config(shape, type, vectors);
    column_tiles = tiles(shape.columns, config.columns);  // the same for all classes
    filters += shape.inner * shape.columns * z.groups * tiles(shape.rows, config.rows);
  });
  const std::int64_t patches = z.n * covered_pairs(z) * z.k * column_tiles;
  return {(patches + filters) * bytes, x.count() * bytes, 2 * z.n * z.work()};
}

}  // namespace basin::cuda
