#include "landscape/sharpness/coordinates.h"

#include <Eigen/Cholesky>

#include "core/backend.h"
#include "core/operations.h"

namespace basin {
namespace {

Tensor product(const Tensor& a, const Tensor& b) {
  const Recording off(false);
  return a * b;
}

std::vector<double> doubles(const Tensor& tensor) {
  if (tensor.dtype() == DType::f64) return tensor.to_vector<double>();
  const std::vector<float> values = tensor.to_vector<float>();
  return {values.begin(), values.end()};
}

Tensor like(const Tensor& tensor, const std::vector<double>& values) {
  const Shape shape{static_cast<std::int64_t>(values.size())};
  if (tensor.dtype() == DType::f64) return Tensor::from(shape, values, tensor.backend());
  return Tensor::from(shape, std::vector<float>(values.begin(), values.end()), tensor.backend());
}

// A row times the matrix (or its transpose), as vectors.
Tensor row_times(const Tensor& row, const Tensor& matrix, bool transpose) {
  const Recording off(false);
  return matmul(row.viewed_as({1, row.size()}), matrix, false, transpose).viewed_as({matrix.dim(transpose ? 0 : 1)});
}

}  // namespace

Coordinates plain_coordinates(const VectorType& type) {
  const auto same = [](const Tensor& v) { return v; };
  return {type, same, same};
}

Coordinates scaled_coordinates(const Tensor& scale) {
  const auto times = [scale](const Tensor& v) { return product(scale, v); };
  return {type_of(scale), times, times};
}

Tensor element_scale(const Tensor& point) {
  const Recording off(false);
  return abs(point);
}

Tensor filter_scale(const ParameterSpace& space, const Tensor& point) {
  const Recording off(false);
  Tensors scales = space.views(point);
  for (Tensor& w : scales)
    w = w.rank() == 4 ? expand(sqrt(sum(w * w, {1, 2, 3}, /*keep_dims=*/true)), w.shape()) : abs(w);
  return space.join(scales);
}

RandomSubspace::RandomSubspace(const VectorType& type, std::int64_t dimensions, std::uint64_t seed) {
  check(dimensions >= 1 && dimensions <= type.size, "random subspace: expected 1 to ", type.size, " dimensions, found ",
        dimensions);
  matrix_ = Tensor::empty({dimensions, type.size}, type.dtype, *type.backend);
  for (std::int64_t i = 0; i < dimensions; ++i)
    type.backend->write_slice(
        normal_probe(type, seed, "random subspace", static_cast<std::uint64_t>(i)).viewed_as({1, type.size}).view(), 0,
        i, matrix_.mutable_view());
}

Coordinates RandomSubspace::coordinates() const {
  return {{matrix_.dim(0), matrix_.dtype(), &matrix_.backend()},
          [matrix = matrix_](const Tensor& u) { return row_times(u, matrix, false); },
          [matrix = matrix_](const Tensor& gradient) { return row_times(gradient, matrix, true); }};
}

Tensor RandomSubspace::preimage(const Tensor& point) const {
  const Recording off(false);
  const auto size = static_cast<Eigen::Index>(matrix_.dim(0));
  const std::vector<double> gram = doubles(matmul(matrix_, matrix_, false, true));
  const std::vector<double> right = doubles(row_times(point, matrix_, true));
  const Eigen::VectorXd u = Eigen::LDLT<Eigen::MatrixXd>(Eigen::Map<const Eigen::MatrixXd>(gram.data(), size, size))
                                .solve(Eigen::Map<const Eigen::VectorXd>(right.data(), size));
  return like(point, {u.begin(), u.end()});
}

}  // namespace basin
