#include "cuda/kernels/directions.h"

#include <span>

#include "core/random.h"
#include "tests/cuda/emulated_kernel.h"
#include "tests/expect_error.h"

namespace basin::cuda {
namespace {

constexpr std::uint64_t kSeed = 5, kStream = 77;
constexpr double kTiny = 1e-10;

double length(std::span<const double> values) {
  double sum = 0;
  for (const double v : values) sum += v * v;
  return std::sqrt(sum);
}

// As landscape/direction.cpp normalises d by w.
std::vector<double> scaled_rows(std::vector<double> d, const std::vector<double>& w, const RowScaling& scaling) {
  const std::size_t columns = d.size() / static_cast<std::size_t>(scaling.rows);
  for (std::size_t begin = 0; begin < d.size(); begin += columns) {
    const std::span<double> row = std::span(d).subspan(begin, columns);
    const double target = scaling.by_weight ? length(std::span(w).subspan(begin, columns)) : 1;
    const double own = length(row) + scaling.epsilon;
    for (double& v : row) v *= own > 0 ? target / own : 0;
  }
  return d;
}

// The exact value rounded to T once, by way of float; where it is within 1e-13 of itself from the middle between two
// floats, either.
template <class T>
void expect_rounded(const std::vector<T>& found, const std::vector<double>& exact) {
  ASSERT_EQ(found.size(), exact.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    const double low = number(stored<T>(exact[i] - std::abs(exact[i]) * 1e-13)),
                 high = number(stored<T>(exact[i] + std::abs(exact[i]) * 1e-13));
    EXPECT_TRUE(low <= number(found[i]) && number(found[i]) <= high)
        << i << ": found " << number(found[i]) << ", exact " << exact[i];
  }
}

const std::vector<Shape> kShapes = {{1, 1}, {3, 31}, {16, 3, 3, 5}, {2, 8193}, {7, 64}};

std::vector<RowScaling> scalings(const Shape& shape) {
  return {{shape[0], true, kTiny}, {1, true, 0}, {shape[0], false, kTiny}, {1, false, 0}};
}

// Runs kernel(y) in several orders of warps and at an odd address, each of which must give the same bits.
template <class T, class Kernel>
std::vector<T> run(const Shape& shape, const std::vector<T>* before, const Kernel& kernel) {
  std::vector<std::vector<T>> results;
  for (const auto& [seed, offset] : {std::pair{1, 0}, {2, 0}, {1, 1}}) {
    simt::options().seed = static_cast<std::uint64_t>(seed);
    const DeviceArray<T> y = before ? DeviceArray<T>(shape, *before, offset) : DeviceArray<T>(shape, offset);
    kernel(y.view());
    EXPECT_TRUE(y.sentinel_intact());
    results.push_back(y.values());
    EXPECT_EQ(std::memcmp(results.back().data(), results[0].data(), results[0].size() * sizeof(T)), 0)
        << "seed " << seed << ", offset " << offset;
  }
  simt::options().seed = 1;
  return results[0];
}

template <class T>
void check_directions(const Shape& shape, const RowScaling& scaling) {
  SCOPED_TRACE(std::string(name_of(dtype_of<T>)) + " " + ::testing::PrintToString(shape) + ", " +
               std::to_string(scaling.rows) + " rows" + (scaling.by_weight ? " by weight" : ""));
  const auto values = [&](std::uint64_t index) { return stored_values<T>(normal_input(shape, index, 0.1, 2).values); };
  const auto numbers = [](const std::vector<T>& typed) {
    std::vector<double> doubles;
    for (const T v : typed) doubles.push_back(number(v));
    return doubles;
  };
  const std::vector<T> w = values(0), other = values(1);
  const std::vector<double> exact_w = numbers(w), exact_other = numbers(other);
  const DeviceArray<T> weight(shape, w), to(shape, other);

  std::vector<double> drawn(w.size()), difference(w.size());
  const Random random(kSeed, kStream);
  for (std::size_t i = 0; i < w.size(); ++i) {
    drawn[i] = random.normal(i);
    difference[i] = exact_other[i] - exact_w[i];
  }
  expect_rounded(run<T>(shape, nullptr,
                        [&](const View& y) { random_direction(Stream(), kSeed, kStream, weight.view(), scaling, y); }),
                 scaled_rows(drawn, exact_w, scaling));
  expect_rounded(run<T>(shape, nullptr,
                        [&](const View& y) { difference_direction(Stream(), weight.view(), to.view(), scaling, y); }),
                 scaled_rows(difference, exact_w, scaling));
  expect_rounded(run<T>(shape, &other, [&](const View& y) { scale_rows(Stream(), weight.view(), scaling, y); }),
                 scaled_rows(exact_other, exact_w, scaling));
}

TEST(CudaDirections, EqualTheHostsRoundedOnce) {
  for (const Shape& shape : kShapes)
    for (const RowScaling& scaling : scalings(shape)) {
      check_directions<float>(shape, scaling);
      check_directions<bfloat16>(shape, scaling);
    }
  check_directions<float16>({16, 3, 3, 5}, {16, true, kTiny});
}

TEST(CudaDirections, RowsOfZerosStayZero) {
  const DeviceArray<float> weight({2, 3}, {0, 0, 0, 3, 4, 0}), zeros({2, 3}, std::vector<float>(6, 0));
  scale_rows(Stream(), weight.view(), {2, true, 0}, zeros.view());
  EXPECT_EQ(zeros.values(), std::vector<float>(6, 0));
  const DeviceArray<float> y({2, 3}, {1, 2, 2, 0, 2, 0});  // by rows of norm 0 and 5
  scale_rows(Stream(), weight.view(), {2, true, 0}, y.view());
  EXPECT_EQ(y.values(), (std::vector<float>{0, 0, 0, 0, 5, 0}));
}

TEST(CudaDirections, NanStaysInItsRow) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const DeviceArray<float> weight({2, 2}, {nan, 1, 3, 4}), y({2, 2}, {1, 2, 0, 2});
  scale_rows(Stream(), weight.view(), {2, true, 0}, y.view());
  const std::vector<float> found = y.values();
  EXPECT_TRUE(std::isnan(found[0]) && std::isnan(found[1]));
  EXPECT_EQ(found[2], 0);
  EXPECT_EQ(found[3], 5);
}

TEST(CudaDirections, RefuseWhatDoesNotFit) {
  const DeviceArray<float> weight({2, 3}, std::vector<float>(6, 1)), y({2, 2}, {1, 2, 3, 4}), z({2, 3});
  expect_error([&] { scale_rows(Stream(), weight.view(), {2, true, 0}, y.view()); }, {"direction", "(2, 3)", "(2, 2)"});
  expect_error(
      [&] {
        random_direction(Stream(), 1, 2, weight.view(), {4, true, 0}, z.view());
      },
      {"direction", "(2, 3)", "4 equal rows"});
  expect_error([&] { difference_direction(Stream(), weight.view(), y.view(), {}, z.view()); },
               {"direction", "(2, 3)", "(2, 2)", "differ"});
}

}  // namespace
}  // namespace basin::cuda
