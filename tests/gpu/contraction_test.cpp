// Matrix products and the three convolutions on the device, by the implementations that it has: Basin's own kernels
// and, on GPUs, cuDNN and cuBLASLt; the back end's choice between them, at once and recorded, too.
#include <cstdlib>

#include "cuda/contractions.h"
#include "tests/gpu/device_check.h"

namespace basin::gpu {
namespace {

using cuda::Contractions;
using cuda::kFloatTypes;

// A variable of the environment until the end of the scope.
class EnvironmentScope {
 public:
  EnvironmentScope(const char* name, const char* value) : name_(name) { setenv(name, value, 1); }
  ~EnvironmentScope() { unsetenv(name_); }
  EnvironmentScope(const EnvironmentScope&) = delete;
  EnvironmentScope& operator=(const EnvironmentScope&) = delete;

 private:
  const char* name_;
};

// An implementation with a stream of its own.
class Implementation {
 public:
  Implementation(std::string name, std::unique_ptr<Contractions> (*make)(cuda::Stream), bool same_at_odd_addresses)
      : name_(std::move(name)), contractions_(make(stream_)), same_at_odd_addresses_(same_at_odd_addresses) {}

  template <class Call>
  Subject subject(const Call& call) {
    return {name_,
            [this, call](const ConstViews& in, const Views& out) {
              device().synchronize();  // the values come by the back end's stream
              call(*contractions_, in, out);
              cuda::Stream(stream_).synchronize();
            },
            same_at_odd_addresses_};
  }

 private:
  std::string name_;
  cuda::OwnedStream stream_;
  std::unique_ptr<Contractions> contractions_;
  bool same_at_odd_addresses_;
};

std::unique_ptr<Contractions> by_cudnn(cuda::Stream stream) {
  const EnvironmentScope convolutions("BASIN_CUDA_CONVOLUTIONS", "cudnn"), products("BASIN_CUDA_PRODUCTS", "own");
  return cuda::make_contractions(stream, 0);
}
std::unique_ptr<Contractions> by_cublas_lt(cuda::Stream stream) {
  const EnvironmentScope convolutions("BASIN_CUDA_CONVOLUTIONS", "own"), products("BASIN_CUDA_PRODUCTS", "cublaslt");
  return cuda::make_contractions(stream, 0);
}

// ---- cases

struct ConvolutionCase {
  std::string name;
  Shape x, weight;
  Conv2d options;
  Shape y() const { return conv2d_shape(x, weight, options); }
};
std::ostream& operator<<(std::ostream& out, const ConvolutionCase& c) { return out << c.name; }

std::vector<ConvolutionCase> convolutions() {
  std::vector<ConvolutionCase> rows{
      {"one value", {1, 1, 1, 1}, {1, 1, 1, 1}, {}},
      {"primes", {2, 7, 5, 13}, {17, 3, 3, 13}, {.padding = 1}},
      {"stride 2", {2, 6, 6, 8}, {16, 3, 3, 8}, {.stride = 2, .padding = 1}},
      {"stride 2, odd", {1, 7, 5, 16}, {8, 3, 3, 16}, {.stride = 2, .padding = 1}},
      {"1x1, stride 2, odd", {3, 5, 7, 13}, {17, 1, 1, 13}, {.stride = 2}},
      {"1x1", {3, 4, 4, 33}, {12, 1, 1, 33}, {}},
      {"stride 3 leaves a rest", {2, 9, 10, 8}, {8, 2, 2, 8}, {.stride = 3}},
      {"groups", {2, 4, 4, 8}, {12, 3, 3, 2}, {.padding = 1, .groups = 4}},
      {"depthwise", {1, 5, 5, 16}, {16, 3, 3, 1}, {.stride = 2, .padding = 1, .groups = 16}},
      {"5x3 filters", {2, 6, 6, 3}, {4, 5, 3, 3}, {.padding = 2}},
      {"three channels", {2, 8, 8, 3}, {16, 3, 3, 3}, {.padding = 1}},
  };
  if (!small_shapes())
    rows.insert(rows.end(), {{"resnet20 stem", {128, 32, 32, 3}, {16, 3, 3, 3}, {.padding = 1}},
                             {"resnet20 stage 1", {128, 32, 32, 16}, {16, 3, 3, 16}, {.padding = 1}},
                             {"resnet20 to stage 2", {128, 32, 32, 16}, {32, 3, 3, 16}, {.stride = 2, .padding = 1}},
                             {"resnet20 shortcut", {128, 32, 32, 16}, {32, 1, 1, 16}, {.stride = 2}},
                             {"resnet20 stage 3", {128, 8, 8, 64}, {64, 3, 3, 64}, {.padding = 1}},
                             {"odd batch", {97, 16, 16, 32}, {32, 3, 3, 32}, {.padding = 1}},
                             {"vgg16 stage 2", {16, 16, 16, 128}, {128, 3, 3, 128}, {.padding = 1}},
                             {"vgg16 last stage", {128, 2, 2, 512}, {512, 3, 3, 512}, {.padding = 1}},
                             {"wrn56-2 stage 1", {32, 32, 32, 32}, {32, 3, 3, 32}, {.padding = 1}},
                             {"resnet18 stem", {8, 64, 64, 3}, {64, 7, 7, 3}, {.stride = 2, .padding = 3}},
                             {"densenet layer", {16, 8, 8, 44}, {12, 3, 3, 44}, {.padding = 1}}});
  return rows;
}

double terms_of(const Shape& shape, std::initializer_list<std::size_t> axes) {
  double terms = 1;
  for (const std::size_t axis : axes) terms *= static_cast<double>(shape[axis]);
  return terms;
}

// The kernel as Backend and Contractions both have it, on their common arguments.
template <class Call>
struct Contraction {
  KernelCase kernel;
  Call call;
};
template <class Call>
Contraction<Call> contraction(const std::string& name, KernelInputs inputs, const Shape& output, DType t, double terms,
                              Call call) {
  const Kernel kernel = [call](Backend& backend, const ConstViews& in, const Views& out) { call(backend, in, out); };
  return {{name, std::move(inputs), {output}, kernel, {{t, t}, {t}}, terms}, call};
}

// f(contraction) for each of the three.
template <class F>
void for_each_form(const ConvolutionCase& c, DType t, const F& f) {
  const KernelInput x = normal_input(c.x, 0), weight = normal_input(c.weight, 1), y = normal_input(c.y(), 2);
  f(contraction("conv2d", {x, weight}, c.y(), t, terms_of(c.weight, {1, 2, 3}),
                [o = c.options](auto& to, const auto& in, const auto& out) { to.conv2d(in[0], in[1], o, out[0]); }));
  f(contraction("conv2d_input_gradient", {y, weight}, c.x, t, terms_of(c.weight, {0, 1, 2}),
                [o = c.options](auto& to, const auto& in, const auto& out) {
                  to.conv2d_input_gradient(in[0], in[1], o, out[0]);
                }));
  f(contraction("conv2d_weight_gradient", {x, y}, c.weight, t, terms_of(c.y(), {0, 1, 2}),
                [o = c.options](auto& to, const auto& in, const auto& out) {
                  to.conv2d_weight_gradient(in[0], in[1], o, out[0]);
                }));
}

class GpuConvolution : public testing::TestWithParam<ConvolutionCase> {};

TEST_P(GpuConvolution, ByOwnKernels) {
  Implementation own("own", cuda::own_contractions, true);
  for (const DType t : kFloatTypes)
    for_each_form(GetParam(), t, [&](const auto& form) { check_on_device(form.kernel, {own.subject(form.call)}); });
}

TEST_P(GpuConvolution, ByCudnn) {
  if (const std::string obstacle = library_obstacle("cuDNN"); !obstacle.empty())
    GTEST_SKIP() << "no cuDNN: " << obstacle;
  Implementation cudnn("cuDNN", by_cudnn, false);
  for (const DType t : kFloatTypes)
    for_each_form(GetParam(), t, [&](const auto& form) { check_on_device(form.kernel, {cudnn.subject(form.call)}); });
}

TEST_P(GpuConvolution, AsTheBackendChooses) {
  for (const DType t : kFloatTypes)
    for_each_form(GetParam(), t, [](const auto& form) { check_on_device(form.kernel, false); });
}

INSTANTIATE_TEST_SUITE_P(Shapes, GpuConvolution, testing::ValuesIn(convolutions()), [](const auto& test) {
  std::string name = test.param.name;
  std::replace_if(
      name.begin(), name.end(), [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
  return name;
});

// ---- matrix products

// f(contraction) for each size, type and way to transpose.
template <class F>
void for_each_product(const F& f) {
  std::vector<std::array<std::int64_t, 3>> sizes{{1, 1, 1},    {7, 5, 3},   {31, 33, 32},
                                                 {1, 127, 31}, {33, 1, 65}, {64, 10, 64}};
  if (!small_shapes())
    sizes.insert(sizes.end(), {{128, 10, 64}, {1024, 256, 4096}, {600, 130, 97}, {1000, 1000, 2048}});
  for (const auto& [m, n, k] : sizes)
    for (const bool ta : {false, true})
      for (const bool tb : {false, true})
        for (const DType t : kFloatTypes) {
          const Shape a = ta ? Shape{k, m} : Shape{m, k}, b = tb ? Shape{n, k} : Shape{k, n};
          f(contraction(
              std::string("matmul ") + (ta ? "T" : "N") + (tb ? "T" : "N"), {normal_input(a, 0), normal_input(b, 1)},
              Shape{m, n}, t, static_cast<double>(k),
              [ta, tb](auto& to, const auto& in, const auto& out) { to.matmul(in[0], ta, in[1], tb, out[0]); }));
        }
}

TEST(GpuMatmul, ByOwnKernels) {
  Implementation own("own", cuda::own_contractions, true);
  for_each_product([&](const auto& product) { check_on_device(product.kernel, {own.subject(product.call)}); });
}

TEST(GpuMatmul, ByCublasLt) {
  if (const std::string obstacle = library_obstacle("cuBLASLt"); !obstacle.empty())
    GTEST_SKIP() << "no cuBLASLt: " << obstacle;
  Implementation library("cuBLASLt", by_cublas_lt, false);
  for_each_product([&](const auto& product) { check_on_device(product.kernel, {library.subject(product.call)}); });
}

TEST(GpuMatmul, AsTheBackendChooses) {
  for_each_product([](const auto& product) { check_on_device(product.kernel, false); });
}

}  // namespace
}  // namespace basin::gpu
