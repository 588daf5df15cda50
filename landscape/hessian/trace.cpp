#include "landscape/hessian/trace.h"

#include <cmath>

#include "core/backend.h"
#include "landscape/parameter_space.h"

namespace basin {
namespace {

constexpr const char* kProbeName = "trace probe";
constexpr const char* kSketchName = "trace sketch";

// A vector that loses all but this share of its length to the basis lies in it, up to rounding.
constexpr double kDependent = 1e-5;

// w without its parts in the first `rows` rows of `basis`, twice (see Lanczos).
Tensor without(const Tensor& basis, std::int64_t rows, Tensor w) {
  if (rows == 0) return w;
  const Recording off(false);
  const Tensor used = basis.rows(0, rows);
  for (int turn = 0; turn < 2; ++turn) {
    const Tensor shares = matmul(used, reshape(w, {w.size(), 1}));
    w = w - reshape(matmul(shares, used, /*transpose_a=*/true), {w.size()});
  }
  return w;
}

}  // namespace

double hutchinson_sample(const SymmetricOperator& apply, const VectorType& type, std::uint64_t seed,
                         std::uint64_t index) {
  const Tensor z = sign_probe(type, seed, kProbeName, index);
  return inner_product(z, apply(z));
}

HutchPlusPlus::HutchPlusPlus(SymmetricOperator apply, const VectorType& type, std::int64_t sketch, std::uint64_t seed)
    : apply_(std::move(apply)), type_(type), seed_(seed) {
  check(sketch >= 1, "hutch++: a sketch of ", sketch, " vectors");
  const std::int64_t most = std::min(sketch, type.size);
  basis_ = Tensor::empty({most, type.size}, type.dtype, *type.backend);
  std::int64_t rank = 0;
  for (std::int64_t i = 0; i < most; ++i) {
    const Tensor product = apply_(sign_probe(type, seed, kSketchName, static_cast<std::uint64_t>(i)));
    const Tensor fresh = without(basis_, rank, product);
    const double rest = length(fresh);
    check(std::isfinite(rest), "hutch++: the product with vector ", i, " is not finite");
    if (!(rest > kDependent * length(product))) continue;
    type.backend->write_slice(scaled(fresh, 1 / rest).viewed_as({1, type.size}).view(), 0, rank, basis_.mutable_view());
    ++rank;
  }
  basis_ = rank > 0 ? basis_.rows(0, rank) : Tensor{};
  for (std::int64_t i = 0; i < rank; ++i) {
    const Tensor q = basis_.rows(i, i + 1).viewed_as({type.size});
    range_trace_ += inner_product(q, apply_(q));
  }
}

Tensor HutchPlusPlus::without_range(const Tensor& z) const {
  return basis_.defined() ? without(basis_, basis_.dim(0), z) : z;
}

double HutchPlusPlus::rest_sample(std::uint64_t index) const {
  const Tensor z = without_range(sign_probe(type_, seed_, kProbeName, index));
  return inner_product(z, apply_(z));
}

}  // namespace basin
