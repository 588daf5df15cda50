#include "cuda/grid/generic/point_contraction.cuh"

namespace basin::cuda {
namespace {

void check_operands(const CheckedContraction& c, const PointContraction& contraction, const PointOperands& in) {
  const auto fits = [&](const ConstView& view, const Shape& image, std::int64_t points) {
    return view.size() == points * c.images * image.count();
  };
  check(fits(in.x, contraction.x, c.shared_input ? 1 : c.points) && fits(in.y, contraction.y, c.points),
        "contract_points: ", in.x.shape, " and ", in.y.shape, " are not ", c.points, " points of ", c.images,
        " images of ", contraction.x, " and ", contraction.y);
  check(in.y.dtype == in.x.dtype || in.y.dtype == DType::f32, "contract_points: ", in.y.dtype, " from ", in.x.dtype);
}

}  // namespace

CheckedContraction::CheckedContraction(const PointContraction& c)
    : sizes(checked_sizes({c.images, c.x[0], c.x[1], c.x[2]}, c.weight, {c.images, c.y[0], c.y[1], c.y[2]}, c.options,
                          "contract_points")),
      shape{sizes.n * sizes.p * sizes.q, sizes.group_outputs(), sizes.r * sizes.s * sizes.group_inputs(),
            sizes.groups * c.points},
      points(c.points),
      images(c.images),
      groups(sizes.groups),
      shared_input(c.shared_input),
      relu(c.relu) {
  check_extents(shape, "contract_points");
}

void contract_points(Stream stream, const PointContraction& contraction, const PointOperands& operands) {
  check_operands(CheckedContraction(contraction), contraction, operands);
  switch (operands.x.dtype) {
    case DType::f16:
      return contract_points_f16(stream, contraction, operands);
    case DType::bf16:
      return contract_points_bf16(stream, contraction, operands);
    case DType::f32:
      return contract_points_f32(stream, contraction, operands);
    default:
      fail("contract_points: f32, f16 or bf16 expected, found ", operands.x.dtype);
  }
}

Cost contract_points_cost(const PointContraction& contraction, DType type, DType result) {
  const CheckedContraction c(contraction);
  const ConvolutionSizes& z = c.sizes;
  const auto bytes = static_cast<std::int64_t>(size_of(type)), out = static_cast<std::int64_t>(size_of(result));
  const ContractionConfig config = point_config(c.shape, type, result, in_vectors(type, {z.group_inputs()}, {}));
  const std::int64_t patches = z.n * covered_pairs(z) * z.c * tiles(c.shape.columns, config.columns);
  const std::int64_t filters = contraction.weight.count() * tiles(c.shape.rows, config.rows);
  const std::int64_t results = c.shape.rows * z.k;
  return {c.points * ((patches + filters) * bytes + results * 4), c.points * results * out,
          c.points * 2 * z.n * z.work()};
}

std::int64_t contract_points_mma(const PointContraction& contraction, DType type) {
  const CheckedContraction c(contraction);
  const bool vectors = in_vectors(type, {c.sizes.group_inputs()}, {});
  const ContractionConfig config = contraction_config(c.shape, type, vectors);
  const std::int64_t inner = type == DType::f32 ? 16 : 32;  // of a tile; tiles(): cuda/kernels/contraction/loader.cuh
  const std::int64_t a_tile = tiles(c.shape.rows, config.rows) * (config.rows / 16) *
                              tiles(c.shape.columns, config.columns) * (config.columns / 8);
  const std::int64_t steps = tiles(c.shape.inner, inner) * inner / (type == DType::f32 ? 8 : 16);
  return c.shape.groups * a_tile * steps * (type == DType::f32 ? 3 : 1);
}

}  // namespace basin::cuda
