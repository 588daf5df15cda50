#include "landscape/sharpness/coordinates.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/expect_error.h"
#include "tests/landscape/sharpness/quadratic.h"

namespace basin {
namespace {

VectorType type() { return {50, DType::f64, &cpu_backend()}; }

// <g, M u> = <M^T g, u>.
void expect_adjoint(const Coordinates& coordinates, std::int64_t size) {
  const Tensor u = normal_probe(coordinates.type, 1, "u", 0),
               g = normal_probe({size, DType::f64, &cpu_backend()}, 1, "g", 0);
  const double expected = inner_product(g, coordinates.displacement(u));
  EXPECT_NEAR(inner_product(coordinates.pulled_back(g), u), expected, 1e-12 * std::abs(expected));
}

TEST(Coordinates, GradientsArePulledBackByTheTranspose) {
  expect_adjoint(plain_coordinates(type()), 50);
  expect_adjoint(scaled_coordinates(element_scale(normal_probe(type(), 2, "w", 0))), 50);
  expect_adjoint(RandomSubspace(type(), 7, 1).coordinates(), 50);
}

TEST(Coordinates, ElementScaleIsTheMagnitude) {
  EXPECT_EQ(element_scale(vector_of({-2, 0, 0.5})).to_vector<double>(), (std::vector<double>{2, 0, 0.5}));
}

// A convolution of two 1 x 1 filters over two channels, its bias, and a linear layer.
TEST(Coordinates, FilterScaleIsTheNormOfFiltersAlone) {
  State state;
  const auto add = [&](const char* name, Role role, const Shape& shape, const std::vector<double>& values) {
    state.add({name, role, Tensor::from(shape, values, cpu_backend())});
  };
  add("conv.weight", Role::weight, {2, 1, 1, 2}, {3, -4, 0, 2});
  add("conv.bias", Role::bias, {2}, {-1, 7});
  add("linear.weight", Role::weight, {1, 2}, {-3, 4});
  const ParameterSpace space(state, {"all"});
  const Tensor point = space.flatten(state, DType::f64, cpu_backend());
  EXPECT_EQ(filter_scale(space, point).to_vector<double>(), (std::vector<double>{5, 5, 2, 2, 1, 7, 3, 4}));
}

// x - A A^+ x is orthogonal to the subspace; points of it are their own preimage.
TEST(Coordinates, PreimageIsTheLeastSquaresOne) {
  const RandomSubspace subspace(type(), 7, 3);
  const Coordinates coordinates = subspace.coordinates();
  EXPECT_EQ(coordinates.type.size, 7);
  const Tensor x = normal_probe(type(), 4, "x", 0), u = subspace.preimage(x);
  const Tensor rest = sum_of(x, -1, coordinates.displacement(u));
  EXPECT_LE(length(coordinates.pulled_back(rest)), 1e-10 * length(x));
  const Tensor inside = normal_probe(coordinates.type, 5, "u", 0);
  EXPECT_LE(length(sum_of(subspace.preimage(coordinates.displacement(inside)), -1, inside)), 1e-12 * length(inside));
  expect_error([] { RandomSubspace(type(), 51, 1); }, {"expected 1 to 50 dimensions, found 51"});
}

}  // namespace
}  // namespace basin
