// Kernels of the CPU back end: elementwise, shape, reductions, losses, draws, optimizers. Contractions, pooling and
// normalisation have files of their own.
#include "core/backend.h"

#include <numeric>

#include "tests/core/kernel_check.h"

namespace basin {
namespace {

Backend& cpu = cpu_backend();
const std::vector<std::int64_t> kSizes = {1, 31, 32, 33, 127, 40009, 128 * 16 * 16};

using Views = std::vector<ConstView>;
using Outputs = std::vector<View>;

// ---- elementwise

template <class F>
void check_unary(const std::string& name, Unary f, double mean, const F& plain) {
  for (const std::int64_t n : kSizes)
    check_kernel(
        name, {normal_input({n}, 0, mean)}, {{n}},
        [&](const Views& in, const Outputs& out) { cpu.unary(f, in[0], out[0]); },
        [&]<class T>(const Lists<T>& in) {
          std::vector<T> y;
          for (const T v : in[0]) y.push_back(plain(v));
          return Lists<T>{y};
        });
}

TEST(CpuBackend, UnaryKernelsMatchPlainLoops) {
  check_unary("negate", Unary::negate, 0, [](auto v) { return -v; });
  check_unary("exp", Unary::exp, 0, [](auto v) { return std::exp(v); });
  check_unary("log", Unary::log, 9, [](auto v) { return std::log(v); });
  check_unary("sqrt", Unary::sqrt, 9, [](auto v) { return std::sqrt(v); });
  check_unary("tanh", Unary::tanh, 0, [](auto v) { return std::tanh(v); });
  check_unary("sigmoid", Unary::sigmoid, 0, [](auto v) { return 1 / (1 + std::exp(-v)); });
  check_unary("relu", Unary::relu, 0, [](auto v) { return std::max(v, decltype(v){0}); });
  check_unary("abs", Unary::abs, 0, [](auto v) { return std::abs(v); });
  check_unary("sign", Unary::sign, 0, [](auto v) { return v > 0 ? decltype(v){1} : decltype(v){-1}; });
}

template <class F>
void check_binary(const std::string& name, Binary f, const F& plain) {
  for (const std::int64_t n : kSizes)
    check_kernel(
        name, {normal_input({n}, 0), normal_input({n}, 1, 5, 0.5)}, {{n}},
        [&](const Views& in, const Outputs& out) { cpu.binary(f, in[0], in[1], out[0]); },
        [&]<class T>(const Lists<T>& in) {
          std::vector<T> y;
          for (std::size_t i = 0; i < in[0].size(); ++i) y.push_back(static_cast<T>(plain(in[0][i], in[1][i])));
          return Lists<T>{y};
        });
}

TEST(CpuBackend, BinaryKernelsMatchPlainLoops) {
  check_binary("add", Binary::add, [](auto a, auto b) { return a + b; });
  check_binary("subtract", Binary::subtract, [](auto a, auto b) { return a - b; });
  check_binary("multiply", Binary::multiply, [](auto a, auto b) { return a * b; });
  check_binary("divide", Binary::divide, [](auto a, auto b) { return a / b; });
  check_binary("maximum", Binary::maximum, [](auto a, auto b) { return std::max(a, b); });
  check_binary("minimum", Binary::minimum, [](auto a, auto b) { return std::min(a, b); });
  check_binary("greater", Binary::greater, [](auto a, auto b) { return a > b; });
  check_binary("greater_equal", Binary::greater_equal, [](auto a, auto b) { return a >= b; });
}

TEST(CpuBackend, ElementwiseKernelsPropagateNaN) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const KernelInput values{{3}, {nan, 1, -1}}, others{{3}, {1, nan, nan}};
  for (const Unary f : {Unary::relu, Unary::sigmoid, Unary::abs, Unary::sign})
    EXPECT_TRUE(std::isnan(run_kernel<float>(
        {values}, {{3}}, [&](const Views& in, const Outputs& out) { cpu.unary(f, in[0], out[0]); })[0][0]));
  for (const Binary f : {Binary::maximum, Binary::minimum, Binary::add}) {
    const auto kernel = [&](const Views& in, const Outputs& out) { cpu.binary(f, in[0], in[1], out[0]); };
    const auto y = run_kernel<float>({values, others}, {{3}}, kernel);
    for (const float v : y[0]) EXPECT_TRUE(std::isnan(v));
  }
}

TEST(CpuBackend, AffineAndSelectMatchPlainLoops) {
  for (const std::int64_t n : kSizes) {
    check_kernel(
        "affine", {normal_input({n}, 0)}, {{n}},
        [&](const Views& in, const Outputs& out) { cpu.affine(in[0], 0.5, -2.25, out[0]); },
        []<class T>(const Lists<T>& in) {
          std::vector<T> y;
          for (const T v : in[0]) y.push_back(T(0.5) * v - T(2.25));
          return Lists<T>{y};
        });
    check_kernel(
        "select", {index_input({n}, 2), normal_input({n}, 0), normal_input({n}, 1)}, {{n}},
        [&](const Views& in, const Outputs& out) {
          std::vector<float> mask32(in[0].as<std::int32_t>(), in[0].as<std::int32_t>() + n);
          std::vector<double> mask64(mask32.begin(), mask32.end());
          const void* mask = out[0].dtype == DType::f32 ? static_cast<const void*>(mask32.data()) : mask64.data();
          cpu.select({mask, out[0].dtype, in[0].shape}, in[1], in[2], out[0]);
        },
        []<class T>(const Lists<T>& in) {
          std::vector<T> y;
          for (std::size_t i = 0; i < in[0].size(); ++i) y.push_back(in[0][i] != 0 ? in[1][i] : in[2][i]);
          return Lists<T>{y};
        });
  }
}

TEST(CpuBackend, CastsBetweenAllTypesKeepSmallIntegers) {
  const std::vector<DType> types = {DType::f32, DType::f64, DType::f16, DType::bf16, DType::i32, DType::i64, DType::u8};
  const std::vector<double> expected = {0, 1, 2, 100, 128};
  for (const DType from : types)
    for (const DType to : types) {
      std::vector<double> first(5), last(5);
      std::vector<std::int64_t> a(5), b(5);  // room for any type
      cpu.cast({expected.data(), DType::f64, {5}}, {a.data(), from, {5}});
      cpu.cast({a.data(), from, {5}}, {b.data(), to, {5}});
      cpu.cast({b.data(), to, {5}}, {last.data(), DType::f64, {5}});
      EXPECT_EQ(last, expected) << from << " to " << to;
      cpu.fill({a.data(), from, {5}}, 7);
      cpu.cast({a.data(), from, {5}}, {last.data(), DType::f64, {5}});
      EXPECT_EQ(last, std::vector<double>(5, 7)) << from;
    }
}

TEST(CpuBackend, CastToIntegersSaturates) {
  const std::vector<float> x = {1e30f, -1e30f, std::numeric_limits<float>::quiet_NaN(), -1.75f, 300};
  std::vector<std::int64_t> wide(5);
  std::vector<std::int32_t> narrow(5);
  std::vector<std::uint8_t> bytes(5);
  cpu.cast({x.data(), DType::f32, {5}}, {wide.data(), DType::i64, {5}});
  cpu.cast({x.data(), DType::f32, {5}}, {narrow.data(), DType::i32, {5}});
  cpu.cast({x.data(), DType::f32, {5}}, {bytes.data(), DType::u8, {5}});
  using L = std::numeric_limits<std::int64_t>;
  using I = std::numeric_limits<std::int32_t>;
  EXPECT_EQ(wide, (std::vector<std::int64_t>{L::max(), L::min(), 0, -1, 300}));
  EXPECT_EQ(narrow, (std::vector<std::int32_t>{I::max(), I::min(), 0, -1, 300}));
  EXPECT_EQ(bytes, (std::vector<std::uint8_t>{255, 0, 0, 0, 255}));
}

// ---- shape

// Calls f(flat index of the large array, flat index of the small one) where the small one's extents are the large one's
// or 1.
template <class F>
void for_each_broadcast(const Shape& large, const Shape& small, const F& f) {
  for (std::int64_t i = 0; i < large.count(); ++i) {
    std::int64_t rest = i, offset = 0, stride = 1;
    for (std::size_t axis = large.size(); axis-- > 0;) {
      if (small[axis] != 1) offset += rest % large[axis] * stride;
      stride *= small[axis];
      rest /= large[axis];
    }
    f(i, offset);
  }
}

const std::vector<std::pair<Shape, Shape>> kBroadcasts = {{{1}, {1}},
                                                          {{}, {}},
                                                          {{33, 31}, {33, 1}},
                                                          {{33, 31}, {1, 31}},
                                                          {{33, 31}, {1, 1}},
                                                          {{7, 5, 3, 2}, {7, 1, 3, 1}},
                                                          {{7, 5, 3, 2}, {1, 5, 1, 2}},
                                                          {{3, 1, 32, 32, 17}, {3, 1, 1, 1, 17}},
                                                          {{100003}, {1}},
                                                          {{70001, 2}, {70001, 1}},
                                                          {{2, 40009}, {2, 1}},
                                                          {{2, 3, 2003}, {2, 1, 2003}},
                                                          {{128, 32, 32, 3}, {1, 1, 1, 3}}};

TEST(CpuBackend, ReduceSumMatchesPlainLoops) {
  for (const auto& [large, small] : kBroadcasts)
    check_kernel(
        "reduce_sum", {normal_input(large, 0, 0.1)}, {small},
        [&](const Views& in, const Outputs& out) { cpu.reduce_sum(in[0], out[0]); },
        [&]<class T>(const Lists<T>& in) {
          std::vector<T> y(static_cast<std::size_t>(small.count()));
          for_each_broadcast(large, small, [&](std::int64_t i, std::int64_t j) { y[j] += in[0][i]; });
          return Lists<T>{y};
        });
}

TEST(CpuBackend, ExpandMatchesPlainLoops) {
  for (const auto& [large, small] : kBroadcasts)
    check_kernel(
        "expand", {normal_input(small, 0)}, {large},
        [&](const Views& in, const Outputs& out) { cpu.expand(in[0], out[0]); },
        [&]<class T>(const Lists<T>& in) {
          std::vector<T> y(static_cast<std::size_t>(large.count()));
          for_each_broadcast(large, small, [&](std::int64_t i, std::int64_t j) { y[i] = in[0][j]; });
          return Lists<T>{y};
        });
}

TEST(CpuBackend, SlicesReadAndWriteTheirPartOnly) {
  const Shape whole = {5, 7, 33};
  for (const int axis : {0, 1, 2}) {
    Shape part = whole;
    part[axis] = 3;
    const auto in_slice = [&](std::int64_t i) {
      std::int64_t stride = 1;
      for (int a = axis + 1; a < 3; ++a) stride *= whole[a];
      const std::int64_t at = i / stride % whole[axis];
      return at >= 1 && at < 4;
    };
    check_kernel(
        "read_slice", {normal_input(whole, 0)}, {part},
        [&](const Views& in, const Outputs& out) { cpu.read_slice(in[0], axis, 1, out[0]); },
        [&]<class T>(const Lists<T>& in) {
          std::vector<T> y;
          for (std::int64_t i = 0; i < whole.count(); ++i)
            if (in_slice(i)) y.push_back(in[0][i]);
          return Lists<T>{y};
        });
    check_kernel(
        "write_slice", {normal_input(part, 0), normal_input(whole, 1)}, {whole},
        [&](const Views& in, const Outputs& out) {
          cpu.copy(out[0].data, in[1].data, static_cast<std::size_t>(whole.count()) * size_of(out[0].dtype));
          cpu.write_slice(in[0], axis, 1, out[0]);
        },
        [&]<class T>(const Lists<T>& in) {
          std::vector<T> y = in[1];
          for (std::int64_t i = 0, j = 0; i < whole.count(); ++i)
            if (in_slice(i)) y[i] = in[0][j++];
          return Lists<T>{y};
        });
  }
}

TEST(CpuBackend, GatherAndScatterMatchPlainLoops) {
  for (const std::int64_t n : kSizes) {
    check_kernel(
        "gather", {normal_input({n}, 0), index_input({2, n}, static_cast<std::uint64_t>(n))}, {{2, n}},
        [&](const Views& in, const Outputs& out) { cpu.gather(in[0], in[1], out[0]); },
        []<class T>(const Lists<T>& in) {
          std::vector<T> y;
          for (const T i : in[1]) y.push_back(in[0][static_cast<std::size_t>(i)]);
          return Lists<T>{y};
        });
    KernelInput own_rows = index_input({64, n}, 10);  // each row of the indices points into a range of its own
    for (std::size_t i = 0; i < own_rows.values.size(); ++i) own_rows.values[i] += static_cast<double>(10 * (i / n));
    for (const KernelInput& indices : {index_input({64, n}, 640), own_rows})
      check_kernel(
          "scatter", {normal_input({64, n}, 0), indices}, {{640}},
          [&](const Views& in, const Outputs& out) { cpu.scatter(in[0], in[1], out[0]); },
          []<class T>(const Lists<T>& in) {
            std::vector<T> y(640);
            for (std::size_t i = 0; i < in[0].size(); ++i) y[static_cast<std::size_t>(in[1][i])] += in[0][i];
            return Lists<T>{y};
          });
  }
}

TEST(CpuBackend, IndicesOutsideAreRefused) {
  std::vector<float> x(4), y(4);
  for (const std::int32_t bad : {-1, 4}) {
    const std::vector<std::int32_t> indices = {0, bad};
    EXPECT_THROW(
        cpu.gather({x.data(), DType::f32, {4}}, {indices.data(), DType::i32, {2}}, {y.data(), DType::f32, {2}}), Error);
    EXPECT_THROW(
        cpu.scatter({x.data(), DType::f32, {2}}, {indices.data(), DType::i32, {2}}, {y.data(), DType::f32, {4}}),
        Error);
  }
}

// ---- losses

template <class T>
T log_sum_exp(const T* x, std::int64_t classes) {
  const T greatest = *std::max_element(x, x + classes);
  T sum = 0;
  for (std::int64_t c = 0; c < classes; ++c) sum += std::exp(x[c] - greatest);
  return greatest + std::log(sum);
}

TEST(CpuBackend, LossesMatchPlainLoops) {
  for (const Shape& shape : std::vector<Shape>{{1, 1}, {31, 33}, {128, 10}, {2003, 7}, {32, 1000}}) {
    const std::int64_t rows = shape[0], classes = shape[1];
    const KernelInput logits = normal_input(shape, 0, 3, 4),
                      labels = index_input({rows}, static_cast<std::uint64_t>(classes));
    check_kernel(
        "log_softmax", {logits}, {shape}, [&](const Views& in, const Outputs& out) { cpu.log_softmax(in[0], out[0]); },
        [&]<class T>(const Lists<T>& in) {
          std::vector<T> y = in[0];
          for (std::int64_t i = 0; i < shape.count(); ++i) y[i] -= log_sum_exp(&in[0][i / classes * classes], classes);
          return Lists<T>{y};
        });
    for (const double smoothing : {0.0, 0.1}) {
      check_kernel(
          "softmax_cross_entropy", {logits, labels}, {{rows}},
          [&](const Views& in, const Outputs& out) { cpu.softmax_cross_entropy(in[0], in[1], smoothing, out[0]); },
          [&]<class T>(const Lists<T>& in) {
            std::vector<T> y(static_cast<std::size_t>(rows));
            for (std::int64_t n = 0; n < rows; ++n)
              for (std::int64_t c = 0; c < classes; ++c) {
                const T target = T(smoothing) / T(classes) + (T(c) == in[1][n] ? T(1 - smoothing) : T(0));
                y[n] += target * (log_sum_exp(&in[0][n * classes], classes) - in[0][n * classes + c]);
              }
            return Lists<T>{y};
          });
      check_kernel(
          "softmax_cross_entropy_gradient", {logits, labels, normal_input({rows}, 2)}, {shape},
          [&](const Views& in, const Outputs& out) {
            cpu.softmax_cross_entropy_gradient(in[0], in[1], smoothing, in[2], out[0]);
          },
          [&]<class T>(const Lists<T>& in) {
            std::vector<T> y(in[0].size());
            for (std::int64_t i = 0; i < shape.count(); ++i) {
              const std::int64_t n = i / classes;
              const T target = T(smoothing) / T(classes) + (T(i % classes) == in[1][n] ? T(1 - smoothing) : T(0));
              y[i] = in[2][n] * (std::exp(in[0][i] - log_sum_exp(&in[0][n * classes], classes)) - target);
            }
            return Lists<T>{y};
          });
    }
  }
}

TEST(CpuBackend, LabelsOutsideAreRefused) {
  const std::vector<float> logits(6);
  std::vector<float> loss(2);
  for (const std::int32_t bad : {-1, 3}) {
    const std::vector<std::int32_t> labels = {0, bad};
    EXPECT_THROW(cpu.softmax_cross_entropy({logits.data(), DType::f32, {2, 3}}, {labels.data(), DType::i32, {2}}, 0,
                                           {loss.data(), DType::f32, {2}}),
                 Error);
  }
}

// ---- draws and reductions to the host

TEST(CpuBackend, DrawsAreThoseOfRandom) {
  const Random random(3, 4);
  for (const std::int64_t n : kSizes) {
    check_kernel(
        "normal", {}, {{n}}, [&](const Views&, const Outputs& out) { cpu.normal(3, 4, out[0]); },
        [&]<class T>(const Lists<T>&) {
          std::vector<T> y;
          for (std::int64_t i = 0; i < n; ++i)
            y.push_back(static_cast<T>(random.normal(static_cast<std::uint64_t>(i))));
          return Lists<T>{y};
        });
    check_kernel(
        "uniform", {}, {{n}}, [&](const Views&, const Outputs& out) { cpu.uniform(3, 4, out[0]); },
        [&]<class T>(const Lists<T>&) {
          std::vector<T> y;
          for (std::int64_t i = 0; i < n; ++i)
            y.push_back(static_cast<T>(random.uniform(static_cast<std::uint64_t>(i))));
          return Lists<T>{y};
        });
  }
}

TEST(CpuBackend, SumOfSquaresMatchesPlainLoop) {
  for (const std::int64_t n : kSizes)
    check_kernel(
        "sum_of_squares", {normal_input({n}, 0)}, {{}},
        [&](const Views& in, const Outputs& out) { cpu.fill(out[0], cpu.sum_of_squares(in[0])); },
        []<class T>(const Lists<T>& in) {
          return Lists<T>{std::vector<T>{std::inner_product(in[0].begin(), in[0].end(), in[0].begin(), T{0})}};
        });
}

TEST(CpuBackend, AllFiniteFindsEveryKindOfBadValue) {
  for (const std::int64_t n : kSizes) {
    std::vector<float> x(static_cast<std::size_t>(n), std::numeric_limits<float>::max());
    EXPECT_TRUE(cpu.all_finite({x.data(), DType::f32, {n}}));
    for (const float bad : {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(),
                            std::numeric_limits<float>::quiet_NaN()}) {
      x.back() = bad;
      EXPECT_FALSE(cpu.all_finite({x.data(), DType::f32, {n}}));
    }
    std::vector<double> y(static_cast<std::size_t>(n), -std::numeric_limits<double>::max());
    EXPECT_TRUE(cpu.all_finite({y.data(), DType::f64, {n}}));
    y.front() = std::numeric_limits<double>::infinity();
    EXPECT_FALSE(cpu.all_finite({y.data(), DType::f64, {n}}));
  }
}

// ---- optimizers: inputs are copied to the outputs, which are then updated in place

TEST(CpuBackend, SgdStepMatchesPlainLoop) {
  for (const bool first : {true, false})
    for (const bool nesterov : {true, false})
      for (const std::int64_t n : kSizes)
        check_kernel(
            "sgd_step", {normal_input({n}, 0), normal_input({n}, 1), normal_input({n}, 2)}, {{n}, {n}},
            [&](const Views& in, const Outputs& out) {
              cpu.copy(out[0].data, in[1].data, static_cast<std::size_t>(n) * size_of(out[0].dtype));
              if (!first) cpu.copy(out[1].data, in[2].data, static_cast<std::size_t>(n) * size_of(out[0].dtype));
              cpu.sgd_step({0.1, 0.9, 5e-4, nesterov}, first, in[0], out[0], out[1]);
            },
            [&]<class T>(const Lists<T>& in) {
              std::vector<T> p = in[1], m = in[2];
              for (std::int64_t i = 0; i < n; ++i) {
                const T g = in[0][i] + T(5e-4) * p[i];
                m[i] = first ? g : T(0.9) * m[i] + g;
                p[i] -= T(0.1) * (nesterov ? g + T(0.9) * m[i] : m[i]);
              }
              return Lists<T>{p, m};
            });
}

TEST(CpuBackend, AdamStepMatchesPlainLoop) {
  for (const bool decoupled : {true, false})
    for (const std::int64_t n : kSizes) {
      KernelInput second = normal_input({n}, 3, 4, 0.5);
      check_kernel(
          "adam_step", {normal_input({n}, 0), normal_input({n}, 1), normal_input({n}, 2), second}, {{n}, {n}, {n}},
          [&](const Views& in, const Outputs& out) {
            for (int i : {0, 1, 2})
              cpu.copy(out[i].data, in[i + 1].data, static_cast<std::size_t>(n) * size_of(out[0].dtype));
            cpu.adam_step({1e-2, 0.9, 0.999, 1e-8, 0.05, decoupled, 3}, in[0], out[0], out[1], out[2]);
          },
          [&]<class T>(const Lists<T>& in) {
            std::vector<T> p = in[1], m = in[2], v = in[3];
            for (std::int64_t i = 0; i < n; ++i) {
              const T g = in[0][i] + (decoupled ? T(0) : T(0.05) * p[i]);
              m[i] = T(0.9) * m[i] + T(1 - 0.9) * g;
              v[i] = T(0.999) * v[i] + T(1 - 0.999) * g * g;
              const T m_hat = m[i] / T(1 - std::pow(0.9, 3)), v_hat = v[i] / T(1 - std::pow(0.999, 3));
              if (decoupled) p[i] -= T(1e-2) * T(0.05) * p[i];
              p[i] -= T(1e-2) * m_hat / (std::sqrt(v_hat) + T(1e-8));
            }
            return Lists<T>{p, m, v};
          });
    }
}

}  // namespace
}  // namespace basin
