// How contractions at many points are launched; instances in point_contraction_{f16,bf16,f32}.cu.
#pragma once
#include "cuda/grid/generic/point_contraction.h"
#include "cuda/grid/generic/point_matrices.cuh"
#include "cuda/kernels/contraction/convolution.cuh"

namespace basin::cuda {

// The sizes, checked, with what a launch takes from them.
struct CheckedContraction {
  explicit CheckedContraction(const PointContraction& c);
  ConvolutionSizes sizes;  // of all images of a point
  ContractionShape shape;  // groups: of all points
  std::int64_t points, images, groups;
  bool shared_input, relu;
};

template <class T>
PointPatches<T> point_patches_of(const CheckedContraction& c, const ConstView& x) {
  const ConvolutionSizes& z = c.sizes;
  return {patches_of<T>(z, x), divider(c.groups), c.shared_input ? 0 : z.n * z.h * z.w * z.c};
}

template <class T>
PointFilters<T> point_filters_of(const CheckedContraction& c, const PointOperands& in) {
  const ConvolutionSizes& z = c.sizes;
  const std::int64_t taps = z.r * z.s * z.group_inputs(), filters = z.group_outputs();
  const std::int64_t values = (c.points - 1) * in.weight_stride + z.k * taps;
  return {DenseMatrix<T>{Global<const T>(static_cast<const T*>(in.weights), values), static_cast<int>(filters),
                         static_cast<int>(taps), taps, 1, filters * taps},
          divider(c.groups), in.weight_stride};
}

template <class U>
PointResult<U> point_result_of(const CheckedContraction& c, const PointOperands& in) {
  const ConvolutionSizes& z = c.sizes;
  const std::int64_t columns = z.group_outputs(), values = in.y.size();
  const bool vectors = columns % PointResult<U>::kWidth == 0 && in.shift_stride % PointResult<U>::kWidth == 0 &&
                       aligned_to_vectors(in.y.data) && aligned_to_vectors(in.shifts) &&
                       aligned_to_vectors(in.residual);
  return {
      .values = global<U>(in.y),
      .shifts = {in.shifts, (c.points - 1) * in.shift_stride + z.k},
      .residual = in.residual ? Global<const U>(static_cast<const U*>(in.residual), values) : Global<const U>(),
      .overflowed = in.overflowed ? Global<std::int32_t>(in.overflowed, c.points * c.images) : Global<std::int32_t>(),
      .by_groups = divider(c.groups),
      .by_pixels = divider(z.p * z.q),
      .rows = static_cast<int>(c.shape.rows),
      .columns = static_cast<int>(columns),
      .row_step = z.k,
      .shift_step = in.shift_stride,
      .images = static_cast<int>(c.images),
      .relu = c.relu,
      .vectors = vectors};
}

// Blocks of the kernel: as for convolutions at one point, but for f32 results of 16-bit operands, which are logits: few
// columns.
inline ContractionConfig point_config(const ContractionShape& shape, DType type, DType result, bool vectors) {
  ContractionConfig config = contraction_config(shape, type, vectors);
  if (type != result) config.rows = 64;
  return config;
}

// y of U; operands of T.
template <class T, class U>
void contract_points_as(Stream stream, const PointContraction& contraction, const PointOperands& in) {
  const CheckedContraction c(contraction);
  const bool vectors = in_vectors(dtype_of<T>, {c.sizes.group_inputs()}, {in.x.data, in.weights});
  const ContractionConfig config = point_config(c.shape, dtype_of<T>, dtype_of<U>, vectors);
  const auto run = [&]<class Extents, bool in_vectors>(Extents, std::bool_constant<in_vectors>) {
    launch_contraction<T, Extents>(
        stream, c.shape, config, Operand<PointPatches<T>, true, in_vectors>{point_patches_of<T>(c, in.x)},
        Operand<PointFilters<T>, true, in_vectors>{point_filters_of<T>(c, in)}, point_result_of<U>(c, in));
  };
  if (!vectors) return run(ElementExtents{}, std::false_type{});
  if constexpr (std::is_same_v<T, U>) {
    with_block<T>(config, [&](auto extents) { run(extents, std::true_type{}); });
  } else {
    if (config.columns == 16) return run(BlockExtents<64, 16>{}, std::true_type{});
    if (config.columns == 32) return run(BlockExtents<64, 32>{}, std::true_type{});
    run(BlockExtents<64, 64>{}, std::true_type{});
  }
}

void contract_points_f16(Stream stream, const PointContraction& contraction, const PointOperands& operands);
void contract_points_bf16(Stream stream, const PointContraction& contraction, const PointOperands& operands);
void contract_points_f32(Stream stream, const PointContraction& contraction, const PointOperands& operands);

}  // namespace basin::cuda
